"""The entries of the trail that tell of rows which leave, and a line of the register for each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db.models import Q, QuerySet

from exportadmin.audit import queries
from exportadmin.audit.models import DONE, AuditEntry
from exportadmin.audit.queries import with_detail
from exportadmin.audit.questions.base import UNSIGNED, done_by
from exportadmin.audit.scope import Scope
from exportadmin.audit.sentences import actor_label
from exportadmin.lib.errors import UserError
from exports.delivery.rows_left import SHOWN, about_rows_of
from exports.display.spec_text import filter_text
from exports.models.link import BROKEN_OFF, COMPLETE, HANDED_OVER
from exports.questions.downloads import READINGS
from exports.trail import of_export

ALL_OF_IT: Final = Scope(everything=True)
DOWNLOAD, HANDED, DELIVERY, READING = "download", "handed-over", "delivery", "reading"
# kind → what it is called, and what it is
KINDS: Final[dict[str, tuple[str, str]]] = {
    DOWNLOAD: ("Download", "a file, or a part of it, went out through this program"),
    HANDED: ("Handed over", "whoever asked was sent on to the bucket, for a minute"),
    DELIVERY: ("Delivery", "files were delivered to another place than this installation"),
    READING: ("Reading of rows", "rows of a file were read: on a page, or as a stream"),
}
_DOWNLOADED: Final = Q(event="artifact.downloaded")
_HANDED: Final = _DOWNLOADED & with_detail("ending", HANDED_OVER)
_DELIVERED: Final = ("export.completed", "export.partial")
_CONDITIONS: Final[dict[str, Q]] = {
    DOWNLOAD: _DOWNLOADED & ~with_detail("ending", HANDED_OVER),
    HANDED: _HANDED,
    DELIVERY: Q(event__in=_DELIVERED, details_json__contains='"delivered_to":'),
    READING: READINGS,
}
_PLANS: Final = ("export.planned", SHOWN)
_ENDED: Final = ("artifact.download_ended", "artifact.rows_read_ended")
# ends that are looked through for those of the lines asked for, and how many files are worth naming in a query
_MOST_ENDS: Final = 40_000
_MOST_NAMED: Final = 500
NOBODY: Final = "without sign-in"
FILTERS: Final[tuple[str, ...]] = ("project", "person", "export", "kind", "channel", "after", "before")


@dataclass(frozen=True, slots=True)
class Line:
    """``who`` took ``rows`` and ``bytes`` of an export: ``None``: not known. ``for_whom`` a link was made, or to which
    place files were delivered; ``complete`` in words, ``is_whole`` whether all of it arrived as far as is known.
    ``sequence`` is the entry's."""

    sequence: int
    at_ms: int
    ended_ms: int | None
    kind: str
    who: str
    project_id: str
    project: str
    report_id: str
    export: str
    file: str
    rows: int | None
    bytes: int | None
    channel: str
    address: str
    for_whom: str
    filter: str
    complete: str
    is_whole: bool


def register_entries(
    params: Mapping[str, str], scope: Scope = ALL_OF_IT, *, time_zone: str = "UTC"
) -> QuerySet[AuditEntry]:
    """The entries that tell of it, newest first; ``params`` as :data:`FILTERS`. Within a ``scope`` also those about
    exports of other projects that hold rows of its own (:mod:`exports.delivery.rows_left`). Raises :class:`UserError`
    for what could only be a mistake."""
    kind = params.get("kind")
    if kind is not None and kind not in KINDS:
        raise UserError(f"unknown kind {kind[:40]!r}; known: {', '.join(KINDS)}", field="kind")
    known = {name: params[name] for name in ("channel", "after", "before") if name in params}
    wanted = [_CONDITIONS[kind]] if kind else list(_CONDITIONS.values())
    which = wanted[0]
    for condition in wanted[1:]:
        which |= condition
    entries = queries.search_params(known, time_zone=time_zone).filter(which, outcome=DONE)
    if project := params.get("project"):
        its = Q(project_id=project) | Q(project_name=project)
        entries = entries.filter(its | about_rows_of(scope, project))
    if not scope.everything:
        entries = entries.filter(Q(project_id__in=scope.projects) | about_rows_of(scope))
    if person := params.get("person"):
        by = UNSIGNED if person == NOBODY else done_by(person) | with_detail("requested_by", person)
        entries = entries.filter(by)
    if export := params.get("export"):
        entries = entries.filter(Q(object_id=export) | of_export(export))
    return entries.defer("before_json", "after_json", "previous_hash", "hash")


def lines(entries: Iterable[AuditEntry], scope: Scope = ALL_OF_IT) -> list[Line]:
    """A line for each, in their order; three queries, whatever they are. One of a project outside the ``scope`` tells
    nothing that is that project's: neither its name nor what its export is called and asked for."""
    began = list(entries)
    if not began:
        return []
    told = {entry.sequence: entry.details for entry in began}
    ends = ends_of(began)
    exports = _exports({_report_id(entry, told[entry.sequence]) for entry in began})
    links = _links({entry.object_id for entry in began if told[entry.sequence].get("link")})
    made = [_line(entry, told[entry.sequence], ends.get(_key(told[entry.sequence])), exports, links) for entry in began]
    return [line if scope.holds(entry) else _of_another(line) for entry, line in zip(began, made, strict=True)]


def _of_another(line: Line) -> Line:
    return replace(line, project_id="", project="another project", export=line.report_id, file="", filter="")


@dataclass(frozen=True, slots=True)
class End:
    """How one ended; ``reason`` where something went wrong."""

    at_ms: int
    reason: str
    details: Mapping[str, Any]


def ends_of(began: Sequence[AuditEntry]) -> dict[str, End]:
    """By the id of the download or the reading. One query."""
    files = {entry.object_id for entry in began}
    ended = AuditEntry.objects.filter(event__in=_ENDED, sequence__gt=min(entry.sequence for entry in began))
    if len(files) <= _MOST_NAMED:
        ended = ended.filter(object_id__in=files)
    found = {}
    columns = ("at_ms", "reason", "details_json")
    for at_ms, reason, details_json in ended.order_by("sequence").values_list(*columns)[:_MOST_ENDS]:
        details = json.loads(details_json)
        found[_key(details)] = End(at_ms, reason, details)
    found.pop("", None)
    return found


def bytes_of(entry: AuditEntry, details: Mapping[str, Any], end: End | None) -> int | None:
    """How many left, as far as is known."""
    if kind_of(entry, details) == DELIVERY:
        return _number(details.get("bytes"))
    return _number(end.details.get("bytes_sent")) if end else None


def kind_of(entry: AuditEntry, details: Mapping[str, Any]) -> str:
    """Of :data:`KINDS`."""
    if entry.event == "artifact.downloaded":
        return HANDED if details.get("ending") == HANDED_OVER else DOWNLOAD
    return DELIVERY if entry.event in _DELIVERED else READING


def who_of(entry: AuditEntry, details: Mapping[str, Any]) -> str:
    """In words; a delivery is that of the one who asked for it."""
    if kind_of(entry, details) == DELIVERY:
        person = str(details.get("requested_by") or "Export Admin")
        return f"token {token} of {person}" if (token := details.get("requested_with")) else person
    if entry.actor_user_id is None and entry.channel == "link":
        return NOBODY
    return actor_label(entry.actor_kind, entry.actor_name)


def person_of(entry: AuditEntry, details: Mapping[str, Any]) -> str:
    """The same; a token counts as its person."""
    if kind_of(entry, details) == DELIVERY:
        return str(details.get("requested_by") or who_of(entry, details))
    return who_of(entry, details) if entry.actor_token_id is None else entry.actor_name.rpartition(" of ")[2]


def key_of_end(details: Mapping[str, Any]) -> str:
    """What a beginning and its end have in common."""
    return _key(details)


def _key(details: Mapping[str, Any]) -> str:
    return str(details.get("download") or details.get("reading") or "")


def _report_id(entry: AuditEntry, details: Mapping[str, Any]) -> str:
    return str(entry.object_id if entry.object_kind == "export_report" else details.get("report") or "")


def _exports(report_ids: set[str]) -> dict[str, dict[str, Any]]:
    """Of each export its name, its filter in words, its rows and how many were refused. One query."""
    events = ["export.requested", *_DELIVERED]
    found: dict[str, dict[str, Any]] = {}
    for entry in AuditEntry.objects.filter(event__in=events, object_id__in=report_ids, outcome=DONE):
        about = found.setdefault(entry.object_id, {"name": entry.object_name})
        if entry.event == "export.requested":
            about["filter"] = filter_text(entry.after)
        else:
            about["rows"] = _number(entry.details.get("rows"))
    return found


def _links(files: set[str]) -> dict[str, str]:
    """Link → for whom it was made. One query, none where no link was used."""
    if not files:
        return {}
    issued = AuditEntry.objects.filter(event="link.issued", object_id__in=files, outcome=DONE)
    told = [json.loads(details) for details in issued.values_list("details_json", flat=True)]
    return {
        str(each.get("link")): f"{each.get('for') or 'whoever has the link'}{', once' if each.get('one_time') else ''}"
        for each in told
    }


def _line(
    entry: AuditEntry,
    details: Mapping[str, Any],
    end: End | None,
    exports: Mapping[str, Mapping[str, Any]],
    links: Mapping[str, str],
) -> Line:
    kind, report_id = kind_of(entry, details), _report_id(entry, details)
    export = exports.get(report_id, {})
    complete, is_whole = _complete(kind, details, end)
    rows = export.get("rows")
    if kind == READING:
        rows = _number(end.details.get("rows_sent") if end else details.get("rows", details.get("rows_shown")))
    return Line(
        sequence=entry.sequence,
        at_ms=entry.at_ms,
        ended_ms=entry.at_ms if kind == DELIVERY else end.at_ms if end else None,
        kind=kind,
        who=who_of(entry, details),
        project_id=entry.project_id,
        project=entry.project_name,
        report_id=report_id,
        export=str(export.get("name") or report_id or ("a plan" if entry.event in _PLANS else "")),
        file="" if kind == DELIVERY else entry.object_name,
        rows=rows,
        bytes=bytes_of(entry, details, end),
        channel=entry.channel,
        address=entry.address,
        for_whom=str(details.get("delivered_to") or links.get(str(details.get("link")), "")),
        filter=str(export.get("filter") or ""),
        complete=complete,
        is_whole=is_whole,
    )


def _complete(kind: str, details: Mapping[str, Any], end: End | None) -> tuple[str, bool]:
    if kind == HANDED:
        return "not known: the bucket hands it out", False
    if kind == DELIVERY and details.get("proved") is False:
        return "not known: the platform delivered it, and nobody here saw it", False
    if kind == DELIVERY:
        refused = _number(details.get("refused")) or 0
        rows = "row was" if refused == 1 else "rows were"
        return (f"no: {refused:,} {rows} refused", False) if refused else ("yes", True)
    if end is None:
        return ("some rows", False) if not _key(details) else ("not known: it runs, or its process died", False)
    sent = _number(end.details.get("bytes_sent")) or 0
    if end.reason:
        return f"no: {end.reason}", False
    if end.details.get("ending") != COMPLETE:
        return f"no: {end.details.get('ending') or BROKEN_OFF} after {sent:,} bytes", False
    first, whole = _number(details.get("first_byte")) or 0, _number(details.get("of_bytes"))
    if kind == READING:
        limited = details.get("limit") is not None or details.get("line")
        return ("a part, as asked for", False) if limited else ("yes", True)
    if whole is not None and sent < whole:
        return f"a part: bytes {first:,} to {max(first + sent - 1, first):,} of {whole:,}", False
    return "yes", True


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
