"""What was exported on a project's platform: listed, and fetched."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from connections.access.lookup import get_project
from connections.access.permissions import START, can
from connections.platforms import PLATFORMS
from exportadmin.audit.middleware import actor_of
from exportadmin.lib import times
from exportadmin.lib.errors import DeniedError, NotFoundError, UserError
from exportadmin.lib.forms import Form, TextField
from exportadmin.lib.pages import form_view, only, refused
from exports import actions

PAGE = "projects:exports_there"


class FetchForm(Form):
    """Which one."""

    remote_id = TextField(required=False)


@form_view
def exports_there(request: HttpRequest, project_id: str) -> HttpResponse:
    """Theirs and those made there for us; sent back, one of them is fetched and delivered here."""
    only(request, ())
    if request.method == "POST":
        return _fetch(request, project_id)
    project = get_project(request, project_id)
    platform = PLATFORMS.get(project.connection.kind)
    context: dict[str, Any] = {
        "section": "projects",
        "project": project,
        "platform": platform.title if platform else "",
        "may_start": can(request.user, START, project),
    }
    try:
        found = actions.remote_exports(project=project, actor=actor_of(request))
    except UserError as error:
        if isinstance(error, NotFoundError | DeniedError):
            raise
        context["unreachable"] = error.message
    else:
        context["lines"] = [
            (each, None if each.export.created_ms is None else times.to_datetime(each.export.created_ms))
            for each in found
        ]
    return render(request, "exports/exports_there.html", context)


def _fetch(request: HttpRequest, project_id: str) -> HttpResponse:
    project = get_project(request, project_id, START)
    form = FetchForm(request.POST)
    form.check_names()
    form.is_valid()
    try:
        report = actions.fetch_remote_export(
            project=project, remote_id=form.cleaned_data["remote_id"], actor=actor_of(request)
        )
    except UserError as error:
        if isinstance(error, NotFoundError | DeniedError):
            raise
        return refused(request, error, PAGE, project_id)
    return redirect("exports:detail", report.report_id)
