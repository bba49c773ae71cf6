"""Finding entries: one search for screen, REST and shell, with an allow-list of what can be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from django.db.models import Q, QuerySet

from exportadmin.audit.canonical import canonical
from exportadmin.audit.events import EVENTS, keys_under
from exportadmin.audit.models import OUTCOMES, AuditEntry
from exportadmin.lib import times
from exportadmin.lib.errors import UserError

FILTERS: tuple[str, ...] = (
    "actor",
    "actor_kind",
    "event",
    "object",
    "object_kind",
    "project",
    "channel",
    "outcome",
    "request_id",
    "address",
    "after",
    "before",
)

# of the name or id of an object → entries about what belongs to it; the rooms above fill it
BELONGING: Final[list[Callable[[str], Q]]] = []


def search(
    *,
    actor: str | None = None,
    actor_kind: str | None = None,
    event: str | None = None,
    object: str | None = None,
    object_kind: str | None = None,
    project: str | None = None,
    channel: str | None = None,
    outcome: str | None = None,
    request_id: str | None = None,
    address: str | None = None,
    after: str | int | None = None,
    before: str | int | None = None,
    time_zone: str = "UTC",
) -> QuerySet[AuditEntry]:
    """Entries that match all that is asked, newest first.

    ``actor`` is a frozen name; ``event`` a key or the front of one (``export``, ``export.``); ``object`` and
    ``project`` a public id or a frozen name; with an object comes what belongs to it (:data:`BELONGING`). ``after`` and
    ``before`` are inclusive bounds in a form of :func:`exportadmin.lib.times.parse_ms`.

    Raises :class:`UserError` for an unknown event or outcome or a time without meaning.
    """
    condition = Q()
    exact = {
        "actor_name": actor,
        "actor_kind": actor_kind,
        "object_kind": object_kind,
        "channel": channel,
        "request_id": request_id,
        "address": address,
    }
    for column, value in exact.items():
        if value is not None:
            condition &= Q(**{column: value})
    if event is not None:
        keys = keys_under(event)
        if not keys:
            known = next(iter(EVENTS))
            group = known.partition(".")[0]
            raise UserError(f"unknown event {event[:80]!r}; expected one such as {known}, or {group}", field="event")
        condition &= Q(event__in=keys)
    if object is not None:
        about = Q(object_id=object) | Q(object_name=object)
        for belonging in BELONGING:
            about |= belonging(object)
        condition &= about
    if project is not None:
        condition &= Q(project_id=project) | Q(project_name=project)
    if outcome is not None:
        if outcome not in OUTCOMES:
            raise UserError(f"unknown outcome {outcome[:80]!r}; known: {', '.join(OUTCOMES)}", field="outcome")
        condition &= Q(outcome=outcome)
    if after is not None:
        condition &= Q(at_ms__gte=times.parse_ms(after, time_zone=time_zone, field="after"))
    if before is not None:
        condition &= Q(at_ms__lte=times.parse_ms(before, time_zone=time_zone, field="before"))
    return AuditEntry.objects.filter(condition).order_by("-sequence")


def search_params(params: Mapping[str, str], *, time_zone: str = "UTC") -> QuerySet[AuditEntry]:
    """:func:`search` from a query string; empty values are not asked. Raises :class:`UserError` for an unknown key."""
    unknown = sorted(set(params) - set(FILTERS))
    if unknown:
        raise UserError(f"unknown filter {unknown[0][:80]!r}; known: {', '.join(FILTERS)}", field=unknown[0][:80])
    for key, value in params.items():
        if "\x00" in value:
            raise UserError(f"{key} holds a character that no name has", field=key)
    return search(**{key: value for key, value in params.items() if value}, time_zone=time_zone)


def with_detail(name: str, value: str) -> Q:
    """Entries whose details say that ``name`` is ``value``: kept as canonical JSON, of which each pair is a part."""
    return Q(details_json__contains=f"{canonical(name).decode()}:{canonical(value).decode()}")
