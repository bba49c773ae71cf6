"""Projects: what is in them, what has changed since the last export, their exports and members."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any, cast

from django.core.paginator import Paginator
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connections.access.forms import DeleteProjectForm, ProjectForm
from connections.access.lookup import get_project
from connections.access.models import Membership
from connections.access.permissions import DOWNLOAD, MANAGE, START, VIEW, can_create_projects, projects_for, verbs_in
from connections.actions import SETTINGS, change_project, create_project, delete_project
from connections.deletion import active_runs, contents_of
from connections.models import Connection, Project
from connections.store.models import ImportRun
from connections.store.overview import ProjectSummary
from connections.store.overview import overview as project_overview
from connections.store.overview import summaries as project_summaries
from connections.sync.views import mirror_context
from exportadmin.audit.middleware import actor_of
from exportadmin.lib import times
from exportadmin.lib.errors import DeniedError, UserError
from exportadmin.lib.pages import done, form_view, get_view, only
from exportadmin.runs import statuses
from exports.dialects import DIALECTS
from exports.display.project_contents import since_last_export, sums_of_holdings
from exports.lists.forms import PROJECT_SORTS, ProjectFilterForm
from exports.lists.report_query import for_list
from exports.model_runs.actions import model_runs_of
from exports.models import ExportReport

HOME = "projects:project"
PAGE_SIZE = 25
EXPORTS_SHOWN = 10
IMPORTS_SHOWN = 5
MEMBERS_SHOWN = 10
CONNECTIONS_SHOWN = 10
GROUPS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the list."""

    project: Project
    summary: ProjectSummary

    @property
    def changed_at(self) -> Any:
        """When rows came, changed or were deleted last."""
        return None if self.summary.written_ms is None else times.to_datetime(self.summary.written_ms)


@get_view
def project_list(request: HttpRequest) -> HttpResponse:
    """``?q=WORDS&sort=name|exported|newest&page=N``; a page that is not there shows the nearest one that is."""
    form = ProjectFilterForm(request.GET)
    search, sort = form.params.get("q", ""), form.params.get("sort", "name")
    found = _found(projects_for(request.user, VIEW), search, request).order_by(*PROJECT_SORTS[sort][1])
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    shown = list(page)
    summaries = project_summaries([each.public_id for each in shown])
    context = {
        "section": "projects",
        "page": page,
        "lines": [Listed(project, summaries.get(project.public_id, ProjectSummary(0, None))) for project in shown],
        "q": search,
        "form": form,
        "may_create": can_create_projects(request.user),
    }
    return render(request, "exports/projects.html", context)


def _found(projects: QuerySet[Project], search: str, request: HttpRequest) -> QuerySet[Project]:
    """Those whose name holds the words; each with its last delivery and one's own role."""
    if search:
        projects = projects.filter(name__icontains=search)
    delivered = ExportReport.objects.filter(project=OuterRef("pk"), status__in=statuses.SUCCESSFUL)
    mine = Membership.objects.filter(project=OuterRef("pk"), user_id=cast(int, request.user.pk))
    return projects.select_related("connection").annotate(
        exported_at=Subquery(delivered.order_by("-created_at", "-pk").values("finished_at")[:1]),
        role=Subquery(mine.values("role")[:1]),
    )


@form_view
def new(request: HttpRequest) -> HttpResponse:
    """A new project; rows come later."""
    only(request, ())
    if request.method != "POST":
        if not can_create_projects(request.user):
            raise DeniedError("projects are made by superusers and by admins of a project")
        return _new_page(request, ProjectForm(initial={"time_zone": "UTC"}))
    form = ProjectForm(request.POST)
    form.check_names()
    if form.is_valid():
        try:
            made = create_project(actor=actor_of(request), **{"name": "", **form.given})
        except UserError as error:
            form.blame(error)
        else:
            return done(request, f"Project “{made.name}” is there; it has no rows yet.", HOME, made.public_id)
    return _new_page(request, form, status=400)


def _new_page(request: HttpRequest, form: ProjectForm, status: int = 200) -> HttpResponse:
    return render(request, "exports/project_new.html", {"section": "projects", "form": form}, status=status)


@form_view
def delete(request: HttpRequest, project_id: str) -> HttpResponse:
    """What would go with the project; sent back with its name: delete it."""
    only(request, ())
    found = get_project(request, project_id, MANAGE)
    form = DeleteProjectForm(request.POST if request.method == "POST" else None)
    form.check_names()
    if form.is_bound and form.is_valid():
        try:
            gone = delete_project(project=found, actor=actor_of(request), **form.cleaned_data)
        except UserError as error:
            form.blame(error)
        else:
            stays = f" These files are not ours to remove and stay: {', '.join(gone.left_behind)}"
            message = f"Project “{found.name}” is deleted.{stays if gone.left_behind else ''}"
            return done(request, message, "projects:list")
    context = {
        "section": "projects",
        "project": found,
        "form": form,
        "contents": contents_of(found),
        "active": active_runs(found),
    }
    return render(request, "exports/project_delete.html", context, status=400 if form.is_bound else 200)


@form_view
def project(request: HttpRequest, project_id: str) -> HttpResponse:
    """One project; sent back: its settings."""
    only(request, ())
    if request.method != "POST":
        return _page(request, get_project(request, project_id))
    found = get_project(request, project_id, MANAGE)
    form = ProjectForm(request.POST)
    form.check_names()
    if form.is_valid():
        try:
            change_project(project=found, actor=actor_of(request), **form.given)
        except UserError as error:
            form.blame(error)
        else:
            return done(request, "The settings of the project are kept.", HOME, project_id)
    return _page(request, found, form)


def _page(request: HttpRequest, project: Project, form: ProjectForm | None = None) -> HttpResponse:
    """With the form that was refused, where one was."""
    verbs = verbs_in(request.user, project)
    overview = project_overview(project.public_id)
    members = Membership.objects.filter(project=project).select_related("user").order_by("role", "user__username")
    reports = for_list(Project.objects.filter(pk=project.pk))
    context: dict[str, Any] = {
        "section": "projects",
        "project": project,
        "mirrored": mirror_context(request, project),
        "overview": overview,
        "sums": sums_of_holdings(overview),
        "group_lists": [
            (title, list(groups.items())[:GROUPS_SHOWN], len(groups) > GROUPS_SHOWN)
            for title, groups in (("Datasets", overview.datasets), ("Batches", overview.batches))
        ],
        "activity": None if overview.activity_ms is None else times.to_datetime(overview.activity_ms),
        "since_last": since_last_export(project) if overview.rows else None,
        "reports": list(reports[:EXPORTS_SHOWN]),
        "imports": list(ImportRun.objects.filter(project=project)[:IMPORTS_SHOWN]),
        "members": list(members[: MEMBERS_SHOWN + 1]),
        "members_shown": MEMBERS_SHOWN,
        "connections": list(Connection.objects.filter(grants__project=project)[:CONNECTIONS_SHOWN]),
        "dialects": [(key, dialect.title) for key, dialect in DIALECTS.items()],
        "model_runs": model_runs_of(project),
        "may_start": START in verbs,
        "may_download": DOWNLOAD in verbs,
        "may_manage": MANAGE in verbs,
        "import_command": f"exportadmin import_rows annotations.json --project={shlex.quote(project.name)}",
        "form": form or ProjectForm(initial={field: getattr(project, field) for field in SETTINGS}),
    }
    return render(request, "exports/project.html", context, status=400 if form else 200)
