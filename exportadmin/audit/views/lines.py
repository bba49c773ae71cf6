"""Entries as lines of a page: sentences with links in them, grouped by request; pages by sequence, never counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from django.db.models import QuerySet

from exportadmin.audit import object_urls
from exportadmin.audit.forms import NEWER, OLDER, query
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.sentences import pieces

PAGE = 50


@dataclass(frozen=True, slots=True)
class Told:
    """Part of a sentence, with the address of what it names."""

    text: str
    href: str = ""


@dataclass(slots=True)
class Line:
    """An entry on the page. ``cells``: ``(column, text)`` that a question adds."""

    entry: AuditEntry
    told: list[Told]
    cells: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Request:
    """Lines that stand together and belong to one request (or a single line)."""

    request_id: str
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class Slice:
    """One page of a list. ``older`` and ``newer`` are query strings, empty where there is nothing more."""

    entries: list[AuditEntry]
    older: str = ""
    newer: str = ""


def cut(
    entries: QuerySet[AuditEntry], params: Mapping[str, str], cursor: tuple[str, int] | None, *, whole: bool = False
) -> Slice:
    """One page of ``entries``, newest first, by key: as quick on the last page as on the first. One query.

    Without ``whole`` the long columns that a sentence does not need stay in the database.
    """
    listed = entries if whole else entries.defer("before_json", "after_json", "previous_hash", "hash")
    if cursor is not None and cursor[0] == NEWER:
        found = list(listed.filter(sequence__gt=cursor[1]).order_by("sequence")[: PAGE + 1])
        has_newer, has_older = len(found) > PAGE, True
        found = found[:PAGE][::-1]
    else:
        if cursor is not None:
            listed = listed.filter(sequence__lt=cursor[1])
        found = list(listed.order_by("-sequence")[: PAGE + 1])
        has_newer, has_older = cursor is not None, len(found) > PAGE
        found = found[:PAGE]
    if not found:
        return Slice([])
    return Slice(
        found,
        query(params, **{OLDER: found[-1].sequence}) if has_older else "",
        query(params, **{NEWER: found[0].sequence}) if has_newer else "",
    )


def lines(entries: Sequence[AuditEntry]) -> list[Line]:
    """With the names in their sentences linked: in one query."""
    known = object_urls.addresses(entries)
    return [Line(entry, told(entry, known)) for entry in entries]


def told(entry: AuditEntry, known: Mapping[tuple[str, str], str]) -> list[Told]:
    """The sentence of an entry; ``known`` is from :func:`exportadmin.audit.object_urls.addresses`."""
    keys = {"object": (entry.object_kind, entry.object_id), "project": ("project", entry.project_id)}
    return [Told(piece.text, known.get(keys[piece.role], "") if piece.role else "") for piece in pieces(entry)]


def by_request(rows: Iterable[Line]) -> list[Request]:
    """Neighbours of one request put together; entries without a request stand alone."""
    return [
        Request(key if isinstance(key, str) else "", list(group))
        for key, group in groupby(rows, key=lambda row: row.entry.request_id or row.entry.sequence)
    ]
