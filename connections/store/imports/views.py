"""Imports as pages: a new one, how it goes, what was refused."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django_htmx.http import HttpResponseStopPolling

from connections.access.lookup import get_project
from connections.access.permissions import DOWNLOAD, MANAGE, VIEW, can_create_projects, projects_for, verbs_in
from connections.store.imports import files
from connections.store.imports.actions import cancel_import, read_refused, request_import
from connections.store.imports.api import refused_file
from connections.store.imports.forms import ImportForm
from connections.store.imports.lookup import get_import
from connections.store.imports.representation import FIRST_REFUSED
from connections.store.models import ImportRun
from connections.store.notes import KINDS, describe
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import DeniedError, NotFoundError, UserError
from exportadmin.lib.pages import done, form_view, get_view, only, post_view, refused
from exportadmin.lib.uploads import check_upload, takes_files
from exportadmin.runs import statuses
from exportadmin.runs.progress import progress_of

PAGE = "imports:detail"
# state → (word on screen, Tabler colour, one sentence)
STATES: dict[str, tuple[str, str, str]] = {
    ImportRun.UPLOADING: ("Receiving", "secondary", "Its file is being sent in parts."),
    **{
        state: (*statuses.TITLES[state], sentence)
        for state, sentence in {
            statuses.QUEUED: "Waiting for a worker.",
            statuses.RUNNING: "Rows are being read and written.",
            statuses.COMPLETED: "Every row went in.",
            statuses.PARTIAL: "Some rows were refused; all others went in.",
            statuses.FAILED: "Could not be done as asked.",
            statuses.ERRORED: "Stopped by a fault of ours; rows that were written stay.",
            statuses.CANCELLED: "Stopped on request; rows that were written stay.",
        }.items()
    },
}


@takes_files
@form_view
def new(request: HttpRequest) -> HttpResponse:
    """``?project=`` fills in the project; sent, it imports."""
    if request.method == "POST":
        return _sent(request)
    only(request, ("project",))
    initial = {}
    if "project" in request.GET:
        initial = {"project": get_project(request, request.GET["project"], MANAGE).name}
    return _form(request, ImportForm(person=request.user, initial=initial))


def _sent(request: HttpRequest) -> HttpResponse:
    only(request, ())
    form = ImportForm(request.POST, files=request.FILES, person=request.user)
    try:
        check_upload(request)
        form.check_names()
        if form.is_valid():
            run = request_import(spec=form.spec(), actor=actor_of(request), file=form.cleaned_data["file"])
            return done(request, "The import was requested.", PAGE, run.public_id)
    except (NotFoundError, DeniedError) as error:
        if error.field is None:
            raise
        form.blame(error)
    except UserError as error:
        form.blame(error)
    return _form(request, form, status=400)


def _form(request: HttpRequest, form: ImportForm, status: int = 200) -> HttpResponse:
    may_import = can_create_projects(request.user) or projects_for(request.user, MANAGE).exists()
    return render(request, "imports/new.html", {"section": "projects", "form": form, "may": may_import}, status=status)


@get_view
def detail(request: HttpRequest, import_id: str) -> HttpResponse:
    """One import."""
    only(request, ())
    run = get_import(request, import_id)
    return render(request, "imports/detail.html", {"section": "projects", **_context(request, run)})


def _context(request: HttpRequest, run: ImportRun) -> dict[str, Any]:
    verbs = verbs_in(request.user, run.project)
    word, colour, sentence = STATES[run.status]
    ended = run.status in statuses.TERMINAL
    refused_rows = files.first_refused(run, FIRST_REFUSED) if ended else []
    summary = run.summary or {}
    refused_count = summary.get("refused_count", 0) + summary.get("pieces_refused", 0)
    return {
        "run": run,
        "progress": progress_of(run, timezone.now()),
        "now": timezone.now(),
        "word": word,
        "colour": colour,
        "sentence": sentence,
        "ended": ended,
        "summary": summary,
        "noted": [(KINDS[kind], count) for kind in KINDS if (count := summary.get("note_counts", {}).get(kind))],
        "notes": [describe(note) for note in summary.get("notes", [])],
        "refused_rows": refused_rows,
        "refused_count": refused_count,
        "more_refused": max(0, refused_count - len(refused_rows)),
        "may_cancel": MANAGE in verbs and not ended,
        "may_download": DOWNLOAD in verbs and bool(refused_rows),
        "may_import": MANAGE in verbs,
    }


@get_view
def progress(request: HttpRequest, import_id: str) -> HttpResponse:
    """A fragment for htmx; everybody else is sent to the page. After the end it has the page loaded anew."""
    only(request, ())
    run = get_import(request, import_id)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(PAGE, import_id)
    if run.status in statuses.TERMINAL:
        ended = render(request, "imports/_ended.html", {"run": run})
        return HttpResponseStopPolling(ended.content, headers={"HX-Refresh": "true", "Cache-Control": "no-store"})
    response = render(request, "imports/_figures.html", _context(request, run))
    response.headers["Cache-Control"] = "no-store"
    return response


@post_view
def cancel(request: HttpRequest, import_id: str) -> HttpResponse:
    """Stop it."""
    run = get_import(request, import_id, MANAGE)
    try:
        now = cancel_import(run=run, actor=actor_of(request))
    except UserError as error:
        if isinstance(error, NotFoundError | DeniedError):
            raise
        return refused(request, error, PAGE, import_id)
    message = "Cancelled." if now.status == statuses.CANCELLED else "The import was asked to stop."
    return done(request, message, PAGE, import_id)


@get_view
def refused_rows(request: HttpRequest, import_id: str) -> HttpResponseBase:
    """Every refused row as a file."""
    only(request, ())
    run = get_import(request, import_id, VIEW)
    return refused_file(run, read_refused(run=run, actor=actor_of(request)))
