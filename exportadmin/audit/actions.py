"""What is done with the trail itself, by its pages and by REST: check the chain, take entries away; both recorded."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import QuerySet

from exportadmin.audit import serialize, verdicts
from exportadmin.audit.checkpoints.accepting import accept
from exportadmin.audit.checkpoints.comparing import verify_here
from exportadmin.audit.checkpoints.form import EXPORT
from exportadmin.audit.checkpoints.taking import take_quietly
from exportadmin.audit.models import DONE, FAILED, AuditEntry
from exportadmin.audit.once import record_once
from exportadmin.audit.record import TrailError, head, record
from exportadmin.audit.scope import Scope
from exportadmin.audit.sentences import actor_label
from exportadmin.audit.trails import Head
from exportadmin.audit.verify import Verdict
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, DeniedError
from exportadmin.lib.times import iso_utc

log = logging.getLogger(__name__)

# entries that are walked through while somebody waits: some 15 seconds on a small machine
MOST_WHILE_WAITING: Final = 200_000
# form → media type
FORMS: Final = {"ndjson": "application/x-ndjson", "csv": "text/csv"}


@dataclass(frozen=True, slots=True)
class Verified:
    """``entry`` is the line about it, ``None`` where a broken trail takes no more lines."""

    verdict: Verdict
    seconds: float
    entry: AuditEntry | None


def may_verify(scope: Scope) -> bool:
    """Whoever may read some of the trail may know whether it is whole: a verdict tells of no entry but its number."""
    return scope.everything or bool(scope.projects)


def verify_chain(*, scope: Scope, actor: Actor, most: int | None = None, kept_head: Head | None = None) -> Verified:
    """Walk the whole chain beside the checkpoints of this machine, and record what came of it.

    ``kept_head`` is one that was kept elsewhere: the trail must still contain it. With ``most`` a longer trail is
    refused (:class:`ConflictError`): a page must answer while somebody waits. Raises :class:`DeniedError`.
    """
    if not may_verify(scope):
        raise DeniedError("verifying the trail takes the role admin or reviewer, and for a token the scope audit:read")
    if most is not None and (length := head()[0]) > most:
        raise ConflictError(
            f"the trail has {length:,} entries, more than the {most:,} that a page can walk through: "
            "run `exportadmin verify_audit` in a shell"
        )
    return _verified(actor, kept_head, everywhere=False)


def verify_everywhere(actor: Actor) -> Verified:
    """:func:`verify_chain` beside everything that can be found, however long that takes: for the night."""
    return _verified(actor, None, everywhere=True)


def accept_trail(why: str, actor: Actor) -> tuple[Verdict, Verdict]:
    """Accept a trail that is not the one that was witnessed; what was found before, and after.

    For the shell. Raises :class:`UserError` and :class:`ConflictError` as
    :func:`exportadmin.audit.checkpoints.accepting.accept` does.
    """
    before, _ = accept(why, actor)
    return before, verify_everywhere(actor).verdict


def _verified(actor: Actor, kept_head: Head | None, *, everywhere: bool) -> Verified:
    started = time.monotonic()
    verdict = verify_here(kept_head, everywhere=everywhere)
    seconds = time.monotonic() - started
    entry = _record_verdict(verdict, seconds, actor)
    if not verdict.is_of_kept_head:  # a head that was mistyped says nothing of the trail
        by = actor_label(actor.kind, actor.name)
        verdicts.keep(verdict, by=by, milliseconds=round(seconds * 1000), entry=entry.sequence if entry else None)
    return Verified(verdict, seconds, entry)


def _record_verdict(verdict: Verdict, seconds: float, actor: Actor) -> AuditEntry | None:
    details: dict[str, Any] = {
        "entries": verdict.entries,
        "since": None if verdict.since_ms is None else iso_utc(verdict.since_ms),
        "head_sequence": verdict.head[0],
        "head_hash": verdict.head[1],
        "witnesses": verdict.witnesses,
        "milliseconds": round(seconds * 1000),
    }
    if not verdict.unbroken:
        details |= {"kind": verdict.kind, "sequence": verdict.sequence, "message": verdict.message}
    try:
        with transaction.atomic():
            return record(
                "audit.verified",
                actor=actor,
                outcome=DONE if verdict.unbroken else FAILED,
                reason="" if verdict.unbroken else verdict.summary,
                details=details,
            )
    except (TrailError, DatabaseError):
        if verdict.unbroken:
            raise
        # who asks must learn that the trail is broken also where it is too broken to be written on
        log.exception("the verdict on a broken trail could not be recorded")
        return None


def record_reading(what: str, asked: Mapping[str, Any], actor: Actor) -> None:
    """Somebody reads the trail: a line the first time in some minutes that they ask for the same.

    ``what``: ``entries``, ``single entries``, ``question …``; ``asked``: what the entries were found with.
    """
    try:
        record_once("audit.read", actor=actor, key=[what, dict(asked)], details={"what": what, "asked": dict(asked)})
    except (OperationalError, InterfaceError):
        raise
    except (TrailError, DatabaseError):
        # what is left of a trail must be readable also where it is too broken to be written on
        log.exception("a look at a broken trail could not be recorded")


def export_entries(
    entries: QuerySet[AuditEntry],
    *,
    form: str,
    params: Mapping[str, Any],
    actor: Actor,
    extra: serialize.Extra | None = None,
) -> tuple[Iterator[bytes], str]:
    """``(chunks, media type)`` of entries that ``actor`` may read (:class:`Scope`), recorded before the first of them.

    ``form`` is a key of :data:`FORMS`, ``params`` what they were found with; ``extra`` columns stand in CSV only.
    """
    with transaction.atomic():
        record("audit.exported", actor=actor, details={"as": form, "asked": dict(params)})
    if not actor.looks_only:
        take_quietly(EXPORT)  # so that a copy of the trail can be compared up to its last entry
    return serialize.csv_lines(entries, extra) if form == "csv" else serialize.ndjson(entries), FORMS[form]
