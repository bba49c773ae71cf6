"""The list of entries, one entry, and the same list as a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from exportadmin.audit import actions, diff, object_urls, queries
from exportadmin.audit.event_words import event_choices
from exportadmin.audit.fields import Bound, Field, bind, given, query, tidy, wrong
from exportadmin.audit.middleware import actor_of
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.scope import Scope, scope_of
from exportadmin.audit.sentences import actor_words, sentence
from exportadmin.audit.serialize import Extra
from exportadmin.audit.views import chain, lines
from exportadmin.lib.errors import NotFoundError, UserError
from exportadmin.lib.pages import get_view

_TIME_HINT = "UTC, such as 2026-11-22 09:30"


def _field(name: str, label: str, hint: str = "", choices: Sequence[Any] = (), grouped: bool = False) -> Field:
    return Field(name, label, hint, choices, grouped, check=lambda value: queries.search_params({name: value}))


def _same(*words: str) -> list[tuple[str, str]]:
    return [(word, word) for word in words]


# in the order of the screen; those of MORE stand behind a fold
FIELDS: Final = (
    _field("actor", "Person", "user name, or token of user name"),
    _field("event", "Action", choices=event_choices(), grouped=True),
    _field("object", "Object", "its name or id"),
    _field("project", "Project", "its name or id"),
    _field("after", "Not before", _TIME_HINT),
    _field("before", "Not after", _TIME_HINT),
    _field("channel", "Channel", choices=_same("web", "rest", "shell", "link", "worker")),
    _field("outcome", "Outcome", choices=_same("done", "refused", "failed")),
    _field("request_id", "Request id"),
    _field("address", "Network address"),
    _field("actor_kind", "Kind of person", choices=_same("user", "token", "schedule", "system")),
    _field("object_kind", "Kind of object", "such as artifact or export_report"),
)
MORE: Final = frozenset({"request_id", "address", "actor_kind", "object_kind"})
SIBLINGS = 20


@get_view
def entries(request: HttpRequest) -> HttpResponse:
    """The entries that one may read, newest first; a constant number of queries."""
    scope = scope_of(request)
    asked = given(request, (*queries.FILTERS, *lines.CURSORS))
    if (clean := tidy(request, asked)) is not None:
        return HttpResponseRedirect(clean)
    cursor = read_cursor(asked)
    filters = {name: value for name, value in asked.items() if name in queries.FILTERS}
    errors = wrong(FIELDS, filters)
    page = lines.Slice([]) if errors else lines.cut(scope.within(queries.search_params(filters)), filters, cursor)
    fields = bind(FIELDS, filters, errors)
    context = {
        "section": "audit",
        "tab": "entries",
        "fields": [bound for bound in fields if bound.field.name not in MORE],
        "more": (more := [bound for bound in fields if bound.field.name in MORE]),
        "is_more_open": any(bound.value for bound in more),
        "errors": errors,
        "filters": filters,
        "chosen": _chosen(fields),
        "query": query(filters) if filters else "",
        "requests": lines.by_request(lines.lines(page.entries)),
        "page": page,
        "is_first": cursor is None,
        **chain.context(scope),
    }
    return render(request, "audit/entries.html", context, status=400 if errors else 200)


@get_view
def entry(request: HttpRequest, sequence: int) -> HttpResponse:
    """One entry with all that it holds."""
    scope = scope_of(request)
    found = scope.within(AuditEntry.objects.filter(sequence=sequence)).first()
    if found is None:
        raise NotFoundError(f"no entry {sequence} that you may read")
    siblings = _siblings(found, scope)
    known = object_urls.addresses([found, *siblings[:SIBLINGS]])
    context = {
        "section": "audit",
        "entry": found,
        "sentence": sentence(found),
        "told": lines.told(found, known),
        "who": actor_words(found.actor_kind, found.actor_name),
        "object_href": known.get((found.object_kind, found.object_id), ""),
        "project_href": known.get(("project", found.project_id), ""),
        "changes": diff.compare(found.before, found.after),
        "details": diff.flat(found.details),
        "siblings": [lines.Line(each, lines.told(each, known)) for each in siblings[:SIBLINGS]],
        "has_more_siblings": len(siblings) > SIBLINGS,
    }
    return render(request, "audit/entry.html", context)


@get_view
def export(request: HttpRequest) -> HttpResponseBase:
    """The filtered list as a file, ``?as=csv`` or ``ndjson``, recorded before the first byte."""
    scope = scope_of(request)
    asked = given(request, ("as", *queries.FILTERS))
    form = asked.pop("as", "ndjson")
    if form not in actions.FORMS:
        raise UserError(f"unknown form {form[:40]!r}; known: {', '.join(actions.FORMS)}", field="as")
    if errors := wrong(FIELDS, asked):
        raise UserError(next(iter(errors.values())), field=next(iter(errors)))
    return as_file(request, scope.within(queries.search_params(asked)), form, asked, "audit")


def as_file(
    request: HttpRequest,
    found: QuerySet[AuditEntry],
    form: str,
    asked: dict[str, str],
    name: str,
    extra: Extra | None = None,
) -> StreamingHttpResponse:
    """Entries that may be read, streamed; recorded first."""
    actor = actor_of(request)
    chunks, media_type = actions.export_entries(found, form=form, asked=asked, actor=actor, extra=extra)
    answer = StreamingHttpResponse(chunks, content_type=media_type)
    answer["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    answer["Cache-Control"] = "private, no-store"
    return answer


def read_cursor(asked: dict[str, str]) -> tuple[str, int] | None:
    """``(older_than or newer_than, sequence)``. Raises :class:`UserError`."""
    cursors = [name for name in lines.CURSORS if name in asked]
    if len(cursors) > 1:
        raise UserError("give older_than or newer_than, not both", field=cursors[1])
    for name in cursors:
        text = asked[name]
        if not (text.isascii() and text.isdigit() and len(text) <= 18):
            raise UserError(f"{name} is {text[:40]!r}; expected the number of an entry", field=name)
        return name, int(text)
    return None


def _chosen(fields: list[Bound]) -> list[tuple[str, str]]:
    """What is asked, as ``(label, words)``."""
    return [(bound.field.label, bound.value) for bound in fields if bound.value]


def _siblings(found: AuditEntry, scope: Scope) -> list[AuditEntry]:
    """The other entries of its request that may be read, in their order; one more than are shown."""
    if not found.request_id:
        return []
    others = AuditEntry.objects.filter(request_id=found.request_id).exclude(sequence=found.sequence)
    return list(scope.within(others).defer("before_json", "after_json").order_by("sequence")[: SIBLINGS + 1])
