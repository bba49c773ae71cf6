"""The list of entries, one entry, and the same list as a file."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from exportadmin.audit import actions, diff, noise, object_urls, queries
from exportadmin.audit.forms import CURSORS, FILE_FORMAT, NEWER, EntriesForm, tidied
from exportadmin.audit.middleware import actor_of
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.scope import Scope, scope_of
from exportadmin.audit.sentences import actor_label, sentence
from exportadmin.audit.serialize import Extra
from exportadmin.audit.views import chain, lines
from exportadmin.lib import times
from exportadmin.lib.errors import HiddenError, NotFoundError, UserError
from exportadmin.lib.pages import get_view

SIBLINGS = 20


@get_view
def entries(request: HttpRequest) -> HttpResponse:
    """The entries that one may read, newest first; a constant number of queries."""
    scope = scope_of(request)
    form = EntriesForm(request.GET)
    if (clean := tidied(request)) is not None:
        return HttpResponseRedirect(clean)
    cursor = read_cursor(request.GET)
    noise.sum_up(now=True)
    if form.is_valid():
        page = lines.cut(scope.within(queries.search_params(form.given, time_zone=times.here())), form.given, cursor)
    else:
        page = lines.Slice([])
    context = {
        "section": "audit",
        "tab": "entries",
        "form": form,
        "requests": lines.by_request(lines.lines(page.entries)),
        "page": page,
        "is_first": cursor is None,
        **chain.context(scope),
    }
    if not form.errors:
        actions.record_reading("entries", form.given, actor_of(request))
    return render(request, "audit/entries.html", context, status=400 if form.errors else 200)


@get_view
def entry(request: HttpRequest, sequence: int) -> HttpResponse:
    """One entry with all that it holds."""
    scope = scope_of(request)
    found = AuditEntry.objects.filter(sequence=sequence).first()
    if found is None or not scope.holds(found):
        error = NotFoundError if found is None else HiddenError
        raise error(f"no entry {sequence} that you may read")
    actions.record_reading("single entries", {}, actor_of(request))
    siblings = _siblings(found, scope)
    known = object_urls.addresses([found, *siblings[:SIBLINGS]])
    context = {
        "section": "audit",
        "entry": found,
        "sentence": sentence(found),
        "told": lines.told(found, known),
        "who": actor_label(found.actor_kind, found.actor_name),
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
    form = EntriesForm(request.GET, beside=(FILE_FORMAT,))
    file_format = request.GET.get(FILE_FORMAT, "").strip() or "ndjson"
    if file_format not in actions.FORMS:
        known = ", ".join(actions.FORMS)
        raise UserError(f"unknown form {file_format[:40]!r}; known: {known}", field=FILE_FORMAT)
    return as_file(
        request,
        scope.within(queries.search_params(form.params, time_zone=times.here())),
        file_format,
        form.given,
        "audit",
    )


def as_file(
    request: HttpRequest,
    found: QuerySet[AuditEntry],
    file_format: str,
    params: dict[str, str],
    name: str,
    extra: Extra | None = None,
) -> StreamingHttpResponse:
    """Entries that may be read, streamed; recorded first."""
    actor = actor_of(request)
    chunks, media_type = actions.export_entries(found, form=file_format, params=params, actor=actor, extra=extra)
    answer = StreamingHttpResponse(chunks, content_type=media_type)
    answer["Content-Disposition"] = f'attachment; filename="{name}.{file_format}"'
    answer["Cache-Control"] = "private, no-store"
    return answer


def read_cursor(params: QueryDict) -> tuple[str, int] | None:
    """``(older_than or newer_than, sequence)``. Raises :class:`UserError`."""
    cursors = {name: value for name in CURSORS if (value := params.get(name, "").strip())}
    if len(cursors) > 1:
        raise UserError("give older_than or newer_than, not both", field=NEWER)
    for name, value in cursors.items():
        if not (value.isascii() and value.isdigit() and len(value) <= 18):
            raise UserError(f"{name} is {value[:40]!r}; expected the number of an entry", field=name)
        return name, int(value)
    return None


def _siblings(found: AuditEntry, scope: Scope) -> list[AuditEntry]:
    """The other entries of its request that may be read, in their order; one more than are shown."""
    if not found.request_id:
        return []
    others = AuditEntry.objects.filter(request_id=found.request_id).exclude(sequence=found.sequence)
    return list(scope.within(others).defer("before_json", "after_json").order_by("sequence")[: SIBLINGS + 1])
