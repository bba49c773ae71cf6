"""What the database itself refuses, on SQLite and PostgreSQL.

* entries: UPDATE, DELETE, TRUNCATE; an INSERT that does not continue the chain from the head;
* the head: DELETE, TRUNCATE, a second row, an UPDATE that is anything but one step on to an entry that is there.

The INSERT rules also close SQLite's ``INSERT OR REPLACE``, which deletes without firing DELETE triggers. On PostgreSQL
the triggers are ENABLE ALWAYS, so that ``session_replication_role`` does not switch them off. An owner of the database
can drop them: that is what :mod:`exportadmin.audit.verify` and a kept head are for.

:func:`remove` exists for un-migrating and for tests that flush or tamper.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper

ENTRY, HEAD = "audit_auditentry", "audit_audithead"
_REFUSAL = "the audit trail is append-only: {} is refused"
_CONTINUES = _REFUSAL.format("an entry that does not continue the chain")
_STEPS = _REFUSAL.format("moving the head other than by one entry")
_SECOND = _REFUSAL.format("making the head anew")


def _sqlite_trigger(name: str, when: str, table: str, condition: str, message: str) -> str:
    guard = f" WHEN {condition}" if condition else ""
    return f"CREATE TRIGGER {name} BEFORE {when} ON {table}{guard} BEGIN SELECT RAISE(ABORT, '{message}'); END"


_STEP_HOLDS = (
    f"NEW.id = OLD.id AND NEW.sequence = OLD.sequence + 1 AND EXISTS (SELECT 1 FROM {ENTRY} e"  # noqa: S608
    " WHERE e.sequence = NEW.sequence AND e.hash = NEW.hash)"
)
_CONTINUES_HOLDS = (
    f"EXISTS (SELECT 1 FROM {HEAD} h WHERE h.id = 1 AND h.sequence + 1 = NEW.sequence"  # noqa: S608
    " AND h.hash = NEW.previous_hash)"
)

_SQLITE: dict[str, str] = {
    name: _sqlite_trigger(name, when, table, condition, message)
    for name, when, table, condition, message in (
        ("audit_entry_no_update", "UPDATE", ENTRY, "", _REFUSAL.format(f"UPDATE of {ENTRY}")),
        ("audit_entry_no_delete", "DELETE", ENTRY, "", _REFUSAL.format(f"DELETE of {ENTRY}")),
        ("audit_entry_continues", "INSERT", ENTRY, f"NOT {_CONTINUES_HOLDS}", _CONTINUES),
        ("audit_head_no_delete", "DELETE", HEAD, "", _REFUSAL.format(f"DELETE of {HEAD}")),
        ("audit_head_steps", "UPDATE", HEAD, f"({_STEP_HOLDS}) IS NOT 1", _STEPS),
        (
            "audit_head_once",
            "INSERT",
            HEAD,
            f"EXISTS (SELECT 1 FROM {HEAD}) OR EXISTS (SELECT 1 FROM {ENTRY})",  # noqa: S608
            _SECOND,
        ),
    )
}

_FUNCTION = "CREATE OR REPLACE FUNCTION {}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {} END $$"
_RAISE = "RAISE EXCEPTION '{}' USING ERRCODE = 'integrity_constraint_violation';"
_PG_FUNCTIONS: dict[str, str] = {
    "audit_refuse": "RAISE EXCEPTION 'the audit trail is append-only: % of % is refused', TG_OP, TG_TABLE_NAME"
    " USING ERRCODE = 'integrity_constraint_violation';",
    "audit_entry_continues": f"IF NOT {_CONTINUES_HOLDS} THEN {_RAISE.format(_CONTINUES)} END IF; RETURN NEW;",
    "audit_head_steps": f"IF ({_STEP_HOLDS}) IS NOT TRUE THEN {_RAISE.format(_STEPS)} END IF; RETURN NEW;",
    # two first writers may meet here: where the head is there, ON CONFLICT DO NOTHING has the word, or the primary key
    "audit_head_once": f"IF NOT EXISTS (SELECT 1 FROM {HEAD}) AND EXISTS (SELECT 1 FROM {ENTRY})"  # noqa: S608
    f" THEN {_RAISE.format(_SECOND)} END IF; RETURN NEW;",
}
# name → (table, when, for each, function)
_POSTGRESQL: dict[str, tuple[str, str, str, str]] = {
    "audit_entry_no_change": (ENTRY, "UPDATE OR DELETE OR TRUNCATE", "STATEMENT", "audit_refuse"),
    "audit_entry_continues": (ENTRY, "INSERT", "ROW", "audit_entry_continues"),
    "audit_head_no_delete": (HEAD, "DELETE OR TRUNCATE", "STATEMENT", "audit_refuse"),
    "audit_head_steps": (HEAD, "UPDATE", "ROW", "audit_head_steps"),
    "audit_head_once": (HEAD, "INSERT", "ROW", "audit_head_once"),
}


def _vendor(connection: BaseDatabaseWrapper) -> str:
    if connection.vendor not in ("sqlite", "postgresql"):
        raise NotImplementedError(f"the audit trail has no triggers for {connection.vendor}; use SQLite or PostgreSQL")
    return connection.vendor


def _run(connection: BaseDatabaseWrapper, statements: list[str]) -> None:
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def install(connection: BaseDatabaseWrapper) -> None:
    """Put the triggers in place, afresh: whatever stands under their names is replaced. Both tables must exist."""
    if _vendor(connection) == "sqlite":
        _run(
            connection,
            [part for name, text in _SQLITE.items() for part in (f"DROP TRIGGER IF EXISTS {name}", text)],
        )
        return
    statements = [_FUNCTION.format(name, body) for name, body in _PG_FUNCTIONS.items()]
    for name, (table, when, each, function) in _POSTGRESQL.items():
        statements += [
            f"DROP TRIGGER IF EXISTS {name} ON {table}",
            f"CREATE TRIGGER {name} BEFORE {when} ON {table} FOR EACH {each} EXECUTE FUNCTION {function}()",
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}",
        ]
    _run(connection, statements)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Take the triggers away (un-migrating, tests)."""
    if _vendor(connection) == "sqlite":
        _run(connection, [f"DROP TRIGGER IF EXISTS {name}" for name in _SQLITE])
        return
    _run(
        connection,
        [f"DROP TRIGGER IF EXISTS {name} ON {table}" for name, (table, *_) in _POSTGRESQL.items()]
        + [f"DROP FUNCTION IF EXISTS {name}()" for name in _PG_FUNCTIONS],
    )


@contextmanager
def lifted(connection: BaseDatabaseWrapper) -> Iterator[None]:
    """Without triggers inside, with them again after, whatever happens (tests)."""
    remove(connection)
    try:
        yield
    finally:
        install(connection)


def tables_are_there(connection: BaseDatabaseWrapper) -> bool:
    """Has the trail been migrated on this database?"""
    return {ENTRY, HEAD} <= set(connection.introspection.table_names())


def install_where_tables_are(connection: BaseDatabaseWrapper) -> None:
    """:func:`install`, unless the trail is not migrated here."""
    if tables_are_there(connection):
        install(connection)


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """Names of triggers that are gone, switched off or (SQLite) altered. Empty is as it should be."""
    with connection.cursor() as cursor:
        if _vendor(connection) == "sqlite":
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
            present = dict(cursor.fetchall())
            return [name for name, text in _SQLITE.items() if present.get(name) != text]
        cursor.execute(
            "SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE t.tgenabled = 'A' AND pg_table_is_visible(c.oid)"
        )
        enabled = set(cursor.fetchall())
    return [name for name, (table, *_) in _POSTGRESQL.items() if (name, table) not in enabled]
