"""What the trail's tests share: a flush that works on guarded tables, actors, filled trails, tampering by raw SQL."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction

from exportadmin.audit import chain, triggers
from exportadmin.audit.events import EVENTS
from exportadmin.audit.models import OUTCOMES, AuditEntry, AuditHead
from exportadmin.audit.record import record
from exportadmin.lib.actor import SCHEDULE, TOKEN, USER, Actor, system

ALICE = Actor(USER, "alice", "web", user_id=7, request_id="req-1", address="192.0.2.7")
ACTORS = (
    ALICE,
    Actor(TOKEN, "ci of bob", "rest", user_id=8, token_id=3),
    Actor(SCHEDULE, "Nightly", "worker"),
    system(),
)
PROJECT = ("p1", "Litter")


def fill(count: int) -> None:
    """A trail of ``count`` entries of every event, outcome and actor, in one transaction."""
    keys = list(EVENTS)
    with transaction.atomic():
        for number in range(count):
            record(
                keys[number % len(keys)],
                actor=ACTORS[number % len(ACTORS)],
                project=PROJECT if number % 3 else None,
                obj=("export_report", f"r{number}", f"Nächtlich {number} \U0001f5d1") if number % 5 else None,
                outcome=OUTCOMES[number % len(OUTCOMES)],
                reason=f"because of {number}" if number % len(OUTCOMES) else "",
                before={"name": "old", "password": "hunter2"} if number % 4 == 0 else None,
                after={"name": f"new {number}", "password": "hunter3"} if number % 4 == 0 else None,
                details={"rows": number, "rate": number / 7, "said": "\x00 and \ud800", "list": [1, None, True]},
            )


def sql(statement: str, *parameters: Any) -> None:
    """Past Django, as someone with a database shell would. ``{entry}`` and ``{head}`` are the tables."""
    with connection.cursor() as cursor:
        cursor.execute(statement.format(entry=triggers.ENTRY, head=triggers.HEAD), parameters or None)


def stored(sequence: int) -> dict[str, Any]:
    """An entry's columns."""
    return dict(AuditEntry.objects.values(*chain.STORED).get(sequence=sequence))


def insert(row: dict[str, Any]) -> None:
    """Put a row in past the door (triggers lifted)."""
    marks = ", ".join(["%s"] * len(row))
    sql(f"INSERT INTO {{entry}} ({', '.join(row)}) VALUES ({marks})", *row.values())


def set_head(sequence: int, hashed: str) -> None:
    """Rewrite the head past the door (triggers lifted)."""
    sql("UPDATE {head} SET sequence = %s, hash = %s", sequence, hashed)


def head() -> tuple[int, str]:
    """The head row."""
    kept = AuditHead.objects.get()
    return kept.sequence, kept.hash


def cut(left: int) -> None:
    """Leave so many entries, with the head set back (triggers lifted)."""
    sql("DELETE FROM {entry} WHERE sequence > %s", left)
    set_head(left, stored(left)["hash"])


def rehash(first: int, **changed: Any) -> None:
    """As somebody would who has the database: an entry is changed, and all behind it follow (triggers lifted)."""
    last, previous = head()[0], stored(first)["previous_hash"]
    for sequence in range(first, last + 1):
        own = changed if sequence == first else {}
        row = {**stored(sequence), "previous_hash": previous, **own}
        previous = row["hash"] = chain.digest(row)
        columns = ("previous_hash", "hash", *own)
        assignments = ", ".join(f"{name} = %s" for name in columns)
        sql(f"UPDATE {{entry}} SET {assignments} WHERE sequence = %s", *(row[name] for name in columns), sequence)
    set_head(last, previous)
