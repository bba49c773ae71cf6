"""Rows of a project deleted: first counted, then deleted if that is still what the conditions select."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connections.access.lookup import get_project
from connections.access.permissions import MANAGE
from connections.models import Project
from connections.store.overview import overview
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import UserError
from exportadmin.lib.pages import done, form_view, only
from exports import actions
from exports.forms.delete_rows import DeleteRowsForm
from exports.spec.selected_rows import SelectedRows

COUNT, DELETE = "count", "delete"
_UNLIKE: Final = "The rows or the conditions are not those that were counted. Look at the new count, then delete again."


@form_view
def delete_rows(request: HttpRequest, project_id: str) -> HttpResponse:
    """``do=count`` shows what would go, ``do=delete`` deletes what was counted."""
    only(request, ())
    project = get_project(request, project_id, MANAGE)
    if request.method != "POST":
        return _page(request, project, DeleteRowsForm(project=project))
    button = request.POST.get("do", "")
    if button not in (COUNT, DELETE):
        raise UserError(f"the form asks for {button[:40]!r}; expected {COUNT} or {DELETE}", field="do")
    form = DeleteRowsForm(request.POST, project=project)
    form.check_names()
    if not form.is_valid():
        return _page(request, project, form, status=400)
    body, actor = {"filter": form.filter}, actor_of(request)
    selected = None
    try:
        selected = actions.delete_rows(project=project, body=body, reason="", actor=actor, dry_run=True).selected
        if button == COUNT:
            return _page(request, project, form, selected)
        if form.cleaned_data["counted"] != form.count_of(len(selected.pks), selected.revision):
            form.add_error("counted", _UNLIKE)
            return _page(request, project, form, selected, status=409)
        gone = actions.delete_rows(project=project, body=body, reason=form.cleaned_data["reason"], actor=actor)
    except UserError as error:
        form.blame(error)
        return _page(request, project, form, selected, status=400)
    kept = f" {gone.kept:,} were written meanwhile and stay." if gone.kept else ""
    message = f"{gone.deleted:,} {'row is' if gone.deleted == 1 else 'rows are'} deleted.{kept}"
    return done(request, message, "projects:project", project_id)


def _page(
    request: HttpRequest,
    project: Project,
    form: DeleteRowsForm,
    selected: SelectedRows | None = None,
    status: int = 200,
) -> HttpResponse:
    """With what was typed; ``selected`` is what would go."""
    contents = overview(project.public_id)
    form.fill(contents)
    context = {"section": "projects", "project": project, "form": form, "overview": contents, "selected": selected}
    if selected is not None:
        context["rows"] = len(selected.pks)
        context["counted"] = form.count_of(len(selected.pks), selected.revision)
    return render(request, "exports/project_delete_rows.html", context, status=status)
