"""The reviewers' questions: all of them, and one with its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render

from exportadmin.audit.fields import bind, given, query, tidy, wrong
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.questions import QUESTIONS, in_order
from exportadmin.audit.questions.base import Answer, Question, figures
from exportadmin.audit.scope import Scope, scope_of
from exportadmin.audit.views import lines
from exportadmin.audit.views.entries import as_file, read_cursor
from exportadmin.lib.errors import NotFoundError, UserError
from exportadmin.lib.pages import get_view, only

# names are suggested from so many of the newest entries
SUGGESTED_FROM = 300


@get_view
def questions(request: HttpRequest) -> HttpResponse:
    """All of them, each a click."""
    scope_of(request)
    only(request, ())
    return render(request, "audit/questions.html", {"section": "audit", "tab": "questions", "questions": in_order()})


@get_view
def question(request: HttpRequest, slug: str) -> HttpResponseBase:
    """One question: a form for what it needs, the answer in words, then the entries it is made of."""
    scope = scope_of(request)
    if slug not in QUESTIONS:
        raise NotFoundError(f"no question {slug[:80]!r}")
    found = QUESTIONS[slug]
    asked = given(request, (*(field.name for field in found.fields), "as", *lines.CURSORS))
    if (clean := tidy(request, asked)) is not None:
        return HttpResponseRedirect(clean)
    form, cursor = asked.pop("as", None), read_cursor(asked)
    asked = {name: value for name, value in asked.items() if name not in lines.CURSORS}
    answer, errors = _answer(found, asked, scope)
    if form is not None:
        return _file(request, found, form, asked, answer, errors, scope)
    context = {
        "section": "audit",
        "tab": "questions",
        "question": found,
        "others": [other for other in in_order() if other.slug != slug],
        "fields": bind(found.fields, asked, errors, _suggestions(scope)),
        "asked": asked,
        "query": query(asked) if asked else "",
        "scope": scope,
        "is_waiting": answer is None and not errors,
        **({} if answer is None else _shown(answer, asked, cursor, scope)),
    }
    return render(request, "audit/question.html", context, status=400 if errors else 200)


def _answer(found: Question, asked: dict[str, str], scope: Scope) -> tuple[Answer | None, dict[str, str]]:
    """The answer, or what is wrong with the question, by field; neither while something needed is missing."""
    errors = wrong(found.fields, asked)
    if errors or any(name not in asked for name in found.needed):
        return None, errors
    try:
        return found.answer(asked, scope), {}
    except UserError as error:
        if error.field not in {field.name for field in found.fields}:
            raise
        return None, {str(error.field): error.message}


def _shown(answer: Answer, asked: dict[str, str], cursor: tuple[str, int] | None, scope: Scope) -> dict[str, Any]:
    entries = scope.within(answer.entries)
    page = lines.cut(entries, asked, cursor, whole=answer.whole)
    rows = lines.lines(page.entries)
    if answer.extra is not None:
        for row, cells in zip(rows, answer.extra.cells(page.entries), strict=True):
            row.cells = list(zip(answer.extra.columns, cells, strict=True))
    counts = figures(entries, answer.parts)
    return {
        "answer": answer,
        "says": answer.says(counts),
        "is_cut": counts.is_cut,
        "columns": answer.extra.columns if answer.extra is not None else (),
        "lines": rows,
        "page": page,
    }


def _file(
    request: HttpRequest,
    found: Question,
    form: str,
    asked: dict[str, str],
    answer: Answer | None,
    errors: dict[str, str],
    scope: Scope,
) -> HttpResponseBase:
    if form not in ("csv", "ndjson"):
        raise UserError(f"unknown form {form[:40]!r}; known: csv, ndjson", field="as")
    if answer is None:
        name = next(iter(errors), found.needed[0] if found.needed else "")
        raise UserError(errors.get(name) or f"{name} is missing", field=name)
    said = {**asked, "question": found.slug}
    return as_file(request, scope.within(answer.entries), form, said, f"audit-{found.slug}", answer.extra)


def _suggestions(scope: Scope) -> dict[str, Sequence[str]]:
    """Names of late entries, for the fields that take a name. One query."""
    newest = scope.within(AuditEntry.objects.order_by("-sequence"))
    names: dict[str, dict[str, None]] = {"person": {}, "project": {}}
    columns = ("actor_kind", "actor_name", "project_name")
    for kind, person, project in newest.values_list(*columns)[:SUGGESTED_FROM]:
        if kind == "user":
            names["person"][person] = None
        if project:
            names["project"][project] = None
    return {name: sorted(some) for name, some in names.items()}
