"""The reviewers' questions: all of them, and one with its answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render

from exportadmin.audit import actions, noise
from exportadmin.audit.forms import CURSORS, FILE_FORMAT, TrailForm, tidied
from exportadmin.audit.middleware import actor_of
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
    form = found.form(request.GET, (*CURSORS, FILE_FORMAT))
    if (clean := tidied(request)) is not None:
        return HttpResponseRedirect(clean)
    cursor = read_cursor(request.GET)
    noise.sum_up(now=True)
    answer = _answer(found, form, scope)
    if FILE_FORMAT in request.GET:
        return _file(request, found, form, answer, scope)
    if answer is not None:
        actions.record_reading(f"question {slug}", form.given, actor_of(request))
    form.suggest(_suggestions(scope))
    context = {
        "section": "audit",
        "tab": "questions",
        "question": found,
        "others": [other for other in in_order() if other.slug != slug],
        "form": form,
        "scope": scope,
        "is_waiting": answer is None and not form.errors,
        **({} if answer is None else _shown(found, answer, form.given, cursor, scope)),
    }
    return render(request, "audit/question.html", context, status=400 if form.errors else 200)


def _answer(found: Question, form: TrailForm, scope: Scope) -> Answer | None:
    """The answer; none while something needed is missing, or wrong by the form's errors."""
    if not form.is_valid() or any(name not in form.given for name in found.needed):
        return None
    try:
        return found.answer(form.given, scope)
    except UserError as error:
        form.blame(error)
        return None


def _shown(
    question: Question, answer: Answer, params: dict[str, str], cursor: tuple[str, int] | None, scope: Scope
) -> dict[str, Any]:
    entries = scope.within(answer.entries)
    page = lines.cut(entries, params, cursor, whole=answer.whole)
    rows = lines.lines(page.entries)
    if answer.extra is not None:
        for row, cells in zip(rows, answer.extra.cells(page.entries), strict=True):
            row.cells = list(zip(answer.extra.columns, cells, strict=True))
    counts = figures(entries, answer.parts)
    return {
        "answer": answer,
        "summary": f"{answer.summary(counts)}{_unseen(question, scope)}",
        "is_cut": counts.is_cut,
        "columns": answer.extra.columns if answer.extra is not None else (),
        "lines": rows,
        "page": page,
    }


def _unseen(question: Question, scope: Scope) -> str:
    """What of the answer is not for the one who asks, so that what is not there is not taken for none."""
    if scope.everything or not question.unseen:
        return ""
    return f" Not in this answer, since superusers alone see it: {question.unseen}."


def _file(
    request: HttpRequest, found: Question, form: TrailForm, answer: Answer | None, scope: Scope
) -> HttpResponseBase:
    file_format = request.GET[FILE_FORMAT].strip()
    if file_format not in actions.FORMS:
        known = ", ".join(actions.FORMS)
        raise UserError(f"unknown form {file_format[:40]!r}; known: {known}", field=FILE_FORMAT)
    if answer is None:
        form.params  # noqa: B018 - raises for what is wrong
        raise UserError(f"{found.needed[0]} is missing", field=found.needed[0])
    params = {**form.given, "question": found.slug}
    return as_file(request, scope.within(answer.entries), file_format, params, f"audit-{found.slug}", answer.extra)


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
