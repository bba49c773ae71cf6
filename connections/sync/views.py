"""Mirrored projects and their syncs as pages: the projects there, how a sync goes, what was refused."""

from __future__ import annotations

from typing import Any, Final

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django_htmx.http import HttpResponseStopPolling

from connections.access.lookup import get_connection, get_project
from connections.access.permissions import DOWNLOAD, MANAGE, START, VIEW, require_manages_connections, verbs_in
from connections.models import Project
from connections.platforms import PLATFORMS
from connections.platforms.remote import needs_attention
from connections.store.imports import files
from connections.store.imports.api import refused_file
from connections.store.notes import CARRIED, KINDS, describe
from connections.sync.actions import (
    cancel_sync,
    change_mirror,
    list_remote_projects,
    mirror_project,
    read_refused,
    request_sync,
)
from connections.sync.forms import MirrorForm, MirrorSettingsForm, RemoteFilterForm, SyncFilterForm, SyncForm
from connections.sync.lookup import get_sync, mirror_of, visible_syncs
from connections.sync.models import FULL, INCREMENTAL, SyncRun
from connections.sync.representation import FIRST_REFUSED
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import DeniedError, NotFoundError, UserError
from exportadmin.lib.pages import done, form_view, get_view, only, post_view, refused
from exportadmin.runs import statuses
from exportadmin.runs.progress import progress_of

PAGE: Final = "syncs:detail"
PROJECT: Final = "projects:project"
PAGE_SIZE: Final = 25
REMOTE_PAGE_SIZE: Final = 50
SYNCS_SHOWN: Final = 5
# state → one sentence
_SENTENCES: Final = {
    statuses.QUEUED: "Waiting for a worker, or for the platform.",
    statuses.RUNNING: "Rows are being fetched and written.",
    statuses.COMPLETED: "The project here is as it was there.",
    statuses.PARTIAL: "Some rows, or parts of them, are missing or were refused; all others went in.",
    statuses.FAILED: "Could not be done; rows that were written stay.",
    statuses.ERRORED: "Stopped by a fault of ours; rows that were written stay.",
    statuses.CANCELLED: "Stopped on request; rows that were written stay.",
}
MODE_TITLES: Final = {"": "not decided yet", INCREMENTAL: "what changed", FULL: "everything"}


# --- the projects there ----------------------------------------------------------------------------------------------


@form_view
def remote_projects(request: HttpRequest, connection_id: str) -> HttpResponse:
    """``?q=&page=N``, the projects that the connection reaches; sent back, one of them is mirrored, and its first sync
    requested.
    """
    filters = RemoteFilterForm(request.GET)
    sought = filters.params.get("q", "").casefold()
    connection, actor = get_connection(request, connection_id), actor_of(request)
    require_manages_connections(actor, connection)
    form = MirrorForm(request.POST if request.method == "POST" else None)
    error = ""
    if form.is_bound:
        form.check_names()
        if form.is_valid():
            try:
                project = mirror_project(connection=connection, actor=actor, **form.cleaned_data)
            except NotFoundError as refusal:
                error = refusal.message
            except UserError as refusal:
                if isinstance(refusal, DeniedError):
                    raise
                error = refusal.message
            else:
                return _first_sync(request, project)
    context: dict[str, Any] = {"section": "connections", "connection": connection, "form": form, "error": error}
    try:
        listed = list_remote_projects(connection=connection, actor=actor)
        found = [
            each for each in listed.offered if sought in f"{each.remote.name}\n{each.remote.external_id}".casefold()
        ]
        page = Paginator(found, REMOTE_PAGE_SIZE).get_page(request.GET.get("page"))
        context |= {"page": page, "total": len(listed.offered), "left_out": listed.left_out, "filters": filters}
    except UserError as refusal:
        if isinstance(refusal, DeniedError | NotFoundError):
            raise
        context["unreachable"] = refusal.message
    status = 400 if error or form.errors else 200
    return render(request, "syncs/remote_projects.html", context, status=status)


def _first_sync(request: HttpRequest, project: Project) -> HttpResponse:
    try:
        request_sync(project=project, actor=actor_of(request))
    except UserError as refusal:
        told = f"Project “{project.name}” is there. Its first sync could not be requested: {refusal.message}"
    else:
        told = f"Project “{project.name}” is there, and its rows are on their way."
    return done(request, told, PROJECT, project.public_id)


# --- on a project ----------------------------------------------------------------------------------------------------


@post_view
def sync(request: HttpRequest, project_id: str) -> HttpResponse:
    """Bring it up to date."""
    project = get_project(request, project_id, START)
    form = SyncForm(request.POST)
    form.check_names()
    form.is_valid()
    try:
        run = request_sync(project=project, actor=actor_of(request), mode=form.cleaned_data["mode"])
    except UserError as error:
        if isinstance(error, NotFoundError | DeniedError):
            raise
        return refused(request, error, PROJECT, project_id)
    return done(request, "The sync was requested.", PAGE, run.public_id)


@post_view
def change(request: HttpRequest, project_id: str) -> HttpResponse:
    """Other settings of the mirror."""
    project = get_project(request, project_id, MANAGE)
    mirror = mirror_of(project)
    if mirror is None:
        raise NotFoundError("this project mirrors none of a platform")
    form = MirrorSettingsForm(request.POST, mirror=mirror, project=project)
    form.check_names()
    try:
        if not form.is_valid():
            name, (message, *_) = next(iter(form.errors.items()))
            is_hours = name == "full_every_hours"
            raise UserError("Write a whole number of hours: 0 or more." if is_hours else str(message), field=name)
        change_mirror(project=project, actor=actor_of(request), **form.settings)
    except UserError as error:
        if isinstance(error, NotFoundError | DeniedError):
            raise
        return refused(request, error, PROJECT, project_id)
    return done(request, "The settings of the mirror are kept.", PROJECT, project_id)


def mirror_context(request: HttpRequest, project: Project) -> dict[str, Any] | None:
    """For the project's page: where it comes from, and its last syncs. ``None``: it mirrors nothing."""
    mirror = mirror_of(project)
    if mirror is None:
        return None
    verbs = verbs_in(request.user, project)
    syncs = list(SyncRun.objects.filter(project=project).select_related("project")[: SYNCS_SHOWN + 1])
    active = next((run for run in syncs if run.is_active), None)
    kind = PLATFORMS.get(project.connection.kind)
    return {
        "mirror": mirror,
        "platform": kind.title if kind else project.connection.kind,
        "syncs": list(map(_line, syncs[:SYNCS_SHOWN])),
        "has_more_syncs": len(syncs) > SYNCS_SHOWN,
        "active": active and _context(request, active),
        "last_failed": syncs[0] if syncs and syncs[0].status in (statuses.FAILED, statuses.ERRORED) else None,
        "not_understood": list(mirror.not_understood.items()),
        "may_sync": START in verbs and project.connection.disabled_at is None,
        "is_disabled": project.connection.disabled_at is not None,
        "may_manage": MANAGE in verbs,
        "settings_form": MirrorSettingsForm(mirror=mirror, project=project),
    }


# --- syncs -----------------------------------------------------------------------------------------------------------


def _line(run: SyncRun) -> dict[str, Any]:
    summary = run.summary or {}
    return {
        "run": run,
        "mode": MODE_TITLES[run.mode],
        "counts": [
            (title, summary.get(key, 0))
            for title, key in (("Created", "created"), ("Updated", "updated"), ("Gone", "gone"))
        ],
        "refused": summary.get("refused_count", 0),
        "not_understood": sum(summary.get("not_understood", {}).values()),
        "has_counts": run.summary is not None,
    }


@get_view
def sync_list(request: HttpRequest) -> HttpResponse:
    """``?project=ID&status=&page=N``, newest first."""
    form = SyncFilterForm(request.GET)
    found, params = visible_syncs(request.user), form.params
    project = get_project(request, params["project"]) if "project" in params else None
    if project is not None:
        found = found.filter(project=project)
    if "status" in params:
        found = found.filter(status=params["status"])
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "section": "projects",
        "page": page,
        "lines": list(map(_line, page)),
        "form": form,
        "project": project,
        "is_filtered": "status" in params,
    }
    return render(request, "syncs/list.html", context)


@get_view
def detail(request: HttpRequest, sync_id: str) -> HttpResponse:
    """One sync."""
    only(request, ())
    run = get_sync(request, sync_id)
    return render(request, "syncs/detail.html", {"section": "projects", **_context(request, run, whole=True)})


def _context(request: HttpRequest, run: SyncRun, *, whole: bool = False) -> dict[str, Any]:
    """``whole``: with what stands on its own page only."""
    word, colour = statuses.TITLES[run.status]
    summary, ended = run.summary or {}, run.status in statuses.TERMINAL
    context = {
        "run": run,
        "progress": progress_of(run, timezone.now()),
        "now": timezone.now(),
        "word": word,
        "colour": colour,
        "sentence": _SENTENCES.get(run.status, ""),
        "mode": MODE_TITLES[run.mode],
        "ended": ended,
        "summary": summary,
        "needs_attention": needs_attention(run),
    }
    if not whole:
        return context
    verbs = verbs_in(request.user, run.project)
    refused_rows = files.first_refused(run, FIRST_REFUSED) if ended else []
    refused_count = summary.get("refused_count", 0) + summary.get("pieces_refused", 0)
    notes = [note for note in summary.get("notes", []) if note["kind"] != CARRIED]
    return context | {
        "noted": [(KINDS[kind], count) for kind in KINDS if (count := summary.get("note_counts", {}).get(kind))],
        "notes": list(map(describe, notes)),
        "not_understood": list(summary.get("not_understood", {}).items()),
        "told": list(summary.get("told", {}).items()),
        "refused_rows": refused_rows,
        "refused_count": refused_count,
        "more_refused": max(0, refused_count - len(refused_rows)),
        "may_cancel": START in verbs and not ended,
        "may_sync": START in verbs and ended,
        "may_download": DOWNLOAD in verbs and bool(refused_rows),
    }


@get_view
def progress(request: HttpRequest, sync_id: str) -> HttpResponse:
    """A fragment for htmx; everybody else is sent to the page. After the end it has the page loaded anew."""
    only(request, ())
    run = get_sync(request, sync_id)
    if not request.htmx:  # type: ignore[attr-defined]
        return redirect(PAGE, sync_id)
    if run.status in statuses.TERMINAL:
        ended = render(request, "syncs/_ended.html", {"run": run})
        return HttpResponseStopPolling(ended.content, headers={"HX-Refresh": "true", "Cache-Control": "no-store"})
    response = render(request, "syncs/_figures.html", _context(request, run))
    response.headers["Cache-Control"] = "no-store"
    return response


@post_view
def cancel(request: HttpRequest, sync_id: str) -> HttpResponse:
    """Stop it."""
    run = get_sync(request, sync_id, START)
    try:
        now = cancel_sync(run=run, actor=actor_of(request))
    except UserError as error:
        if isinstance(error, NotFoundError | DeniedError):
            raise
        return refused(request, error, PAGE, sync_id)
    message = "Cancelled." if now.status == statuses.CANCELLED else "The sync was asked to stop."
    return done(request, message, PAGE, sync_id)


@get_view
def refused_rows(request: HttpRequest, sync_id: str) -> HttpResponseBase:
    """Every refused row as a file."""
    only(request, ())
    run = get_sync(request, sync_id, VIEW)
    return refused_file(run, read_refused(run=run, actor=actor_of(request)))
