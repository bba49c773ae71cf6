"""The only way into the trail.

``record()`` belongs into the transaction of the change that it tells of: either both are there or neither. It locks the
chain's head until that transaction ends, so call it last, and hold no transaction over the network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from django.core.exceptions import PermissionDenied
from django.db import connection, models, transaction
from django.http import Http404

from exportadmin.audit import chain
from exportadmin.audit.canonical import canonical, line, plain
from exportadmin.audit.events import EVENTS, READINGS
from exportadmin.audit.models import DONE, FAILED, OUTCOMES, REFUSED, AuditEntry, AuditHead
from exportadmin.lib import times
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import (
    BusyError,
    ConflictError,
    ExportAdminError,
    GoneError,
    NothingToDoError,
    OnlyHeadError,
    TooManyError,
    UnavailableError,
    UserError,
)
from exportadmin.lib.masking import mask, scrub, scrub_text

LONGEST_REASON = 2000
# what an action raises when it will not do what was asked
REFUSALS: tuple[type[Exception], ...] = (UserError, PermissionDenied, Http404)
CANNOT: tuple[type[Exception], ...] = (ConflictError, GoneError, BusyError, UnavailableError)


class HasPublicId(Protocol):
    """A project, without knowing its model: imports only go down."""

    public_id: str
    name: str


ProjectLike: TypeAlias = HasPublicId | tuple[str, str]
ObjectLike: TypeAlias = models.Model | tuple[str, str, str]


class TrailError(ExportAdminError):
    """The trail is not in a state that can be continued. ``exportadmin verify_audit`` says more."""


def record(
    event: str,
    *,
    actor: Actor,
    project: ProjectLike | None = None,
    obj: ObjectLike | None = None,
    outcome: str = DONE,
    reason: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Append one entry, in the caller's transaction; three queries.

    ``event`` is a key of :data:`EVENTS`. ``project`` is a project or ``(public id, name)``, ``obj`` a model instance or
    ``(kind, id, name)``; names are frozen as they are now, and an object's ``trail_details`` stand with
    the details. ``before``, ``after`` and ``details`` take what :func:`exportadmin.audit.canonical.plain` takes; what
    looks secret is masked, an adapter's own secrets the caller masks first (:func:`exportadmin.lib.masking.mask`).

    Of a HEAD refusals alone are recorded: the entry of a reading is not written, and any other raises
    :class:`OnlyHeadError`, which takes the change back.

    Raises ``RuntimeError`` outside ``transaction.atomic()``, ``ValueError`` for an unknown event or outcome,
    ``TypeError`` for a value that has no plain form, :class:`TrailError` where the head is gone, and whatever the
    database says. Let it pass: the change must not happen without its entry.
    """
    if not connection.in_atomic_block:
        raise RuntimeError("record() is called inside transaction.atomic(), together with the change that it tells of")
    if event not in EVENTS:
        raise ValueError(f"unknown event {event!r}: an app registers it by exportadmin.audit.events.register()")
    if outcome not in OUTCOMES:
        raise ValueError(f"unknown outcome {outcome!r}; known: {', '.join(OUTCOMES)}")
    project_id, project_name = _project(project)
    object_kind, object_id, object_name = _object(obj)
    was, now = mask(before, after)
    told = {**getattr(obj, "trail_details", {}), **(details or {})}
    if actor.caller_request_id:
        told["caller_request_id"] = actor.caller_request_id
    values: dict[str, Any] = {
        "event": event,
        "outcome": outcome,
        # cut before it is looked through, which takes its time in the middle of a transaction
        "reason": line(scrub_text(" ".join(reason[: 2 * LONGEST_REASON].splitlines())), LONGEST_REASON),
        "actor_kind": line(actor.kind, 20),
        "actor_name": line(actor.name, 200),
        "actor_user_id": actor.user_id,
        "actor_token_id": actor.token_id,
        "channel": line(actor.channel, 20),
        "request_id": line(actor.request_id, 64),
        "address": line(actor.address, 64),
        "project_id": line(project_id, 64),
        "project_name": line(project_name, 200),
        "object_kind": line(object_kind, 60),
        "object_id": line(object_id, 200),
        "object_name": line(object_name, 300),
        "before_json": _json(was),
        "after_json": _json(now),
        "details_json": _json(scrub(told)),
    }
    if is_left_out(event, actor, outcome):
        return AuditEntry(**values)
    head = _locked_head()
    values |= {"sequence": head.sequence + 1, "at_ms": times.now_ms(), "previous_hash": head.hash}
    entry = AuditEntry(**values, hash=chain.digest(values))
    entry.append()
    AuditHead.objects.filter(pk=head.pk).update(sequence=entry.sequence, hash=entry.hash)
    return entry


def is_left_out(event: str, actor: Actor, outcome: str) -> bool:
    """Whether it tells of a reading that somebody asked for the head of. Raises :class:`OnlyHeadError` for a change."""
    if outcome != DONE or not actor.looks_only:
        return False
    if event not in READINGS:
        raise OnlyHeadError(f"{event} by a HEAD")
    return True


def head() -> tuple[int, str]:
    """The chain's head as it is now: sequence and hash of the last entry, ``(0, "00…")`` before the first."""
    kept = AuditHead.objects.values_list("sequence", "hash").first()
    return (kept[0], kept[1]) if kept else (0, AuditHead().hash)


def _locked_head() -> AuditHead:
    """The head row, held until the transaction ends (SQLite: the transaction is IMMEDIATE and holds it already)."""
    locked = AuditHead.objects.select_for_update()
    kept = locked.first()
    if kept is None:
        if AuditEntry.objects.exists():
            # two first writers may have met: then the other one's head is there by now
            kept = locked.first()
            if kept is None:
                raise TrailError("the head of the audit trail is gone: nothing can be recorded, so nothing is changed")
            return kept
        AuditHead.objects.bulk_create([AuditHead()], ignore_conflicts=True)
        kept = locked.get()
    return kept


def _project(project: ProjectLike | None) -> tuple[str, str]:
    if project is None:
        return "", ""
    return project if isinstance(project, tuple) else (project.public_id, project.name)


def _object(obj: ObjectLike | None) -> tuple[str, str, str]:
    if obj is None:
        return "", "", ""
    if isinstance(obj, tuple):
        return obj
    kind = str(obj._meta.verbose_name).replace(" ", "_")
    public = next((value for name in ("public_id", "report_id") if (value := getattr(obj, name, None))), obj.pk)
    return kind, "" if public is None else str(public), str(getattr(obj, "name", None) or obj)


def _json(value: object) -> str:
    return canonical(plain(value)).decode("utf-8")


@dataclass
class Line:
    """What ``recorded()`` will write; the block fills in what it learns on the way."""

    event: str
    actor: Actor
    project: ProjectLike | None = None
    obj: ObjectLike | None = None
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    details: dict[str, Any] = field(default_factory=dict)
    entry: AuditEntry | None = None


@contextmanager
def audited(
    event: str,
    *,
    actor: Actor,
    project: ProjectLike | None = None,
    obj: ObjectLike | None = None,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    details: Mapping[str, Any] | None = None,
) -> Iterator[Line]:
    """A change and its entry in one transaction.

    A refusal (:data:`REFUSALS`) rolls the change back, is recorded as ``refused`` with its reason (``failed`` where
    nobody was refused, but the state of things is in the way: :data:`CANNOT`), and goes on to the caller; any other
    exception rolls back and goes on.
    """
    kept = Line(event, actor, project, obj, before, after, dict(details or {}))
    try:
        with transaction.atomic():
            yield kept
            kept.entry = record(
                kept.event,
                actor=kept.actor,
                project=kept.project,
                obj=kept.obj,
                before=kept.before,
                after=kept.after,
                details=kept.details,
            )
    except NothingToDoError:
        raise
    except TooManyError:
        raise  # who asks too often leaves a line a minute, by :data:`~exportadmin.lib.refusals.request_refused`
    except REFUSALS as refusal:
        with transaction.atomic():
            kept.entry = record(
                kept.event,
                actor=kept.actor,
                project=kept.project,
                obj=kept.obj,
                outcome=FAILED if isinstance(refusal, CANNOT) else REFUSED,
                reason=str(refusal) or ("not found" if isinstance(refusal, Http404) else "not permitted"),
                details=kept.details,
            )
        refusal.is_recorded = True  # type: ignore[attr-defined] # whoever catches it needs no line of its own
        raise
