"""The form of an export as a page: the new export and the change of a saved config show the same one."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connections.access.permissions import START, projects_for
from connections.models import Project
from connections.store.overview import overview as project_overview
from exportadmin.lib.errors import UserError
from exports.display.check_value_tables import dropped_label
from exports.forms import Checked, Typed, check, choices_of
from exports.models import ExportConfig
from exports.spec.plan import Plan

# what the form's buttons ask for
RUN, SAVE, SAVE_AND_RUN, PLAN = "run", "save", "save-run", "plan"
# more projects than this are no list to choose from
MOST_PROJECTS = 500


def wanted(request: HttpRequest) -> str:
    """Which button was pressed. Raises :class:`UserError`."""
    do = request.POST.get("do", "")
    if do not in (RUN, SAVE, SAVE_AND_RUN, PLAN):
        known = ", ".join((RUN, SAVE, SAVE_AND_RUN, PLAN))
        raise UserError(f"the form asks for {do[:40]!r}; expected one of {known}", field="do")
    return do


def show_form(
    request: HttpRequest,
    project: Project,
    typed: Typed,
    *,
    checked: Checked | None = None,
    plan: Plan | None = None,
    stopped: str = "",
    config: ExportConfig | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page with what was typed. ``config`` is the one that is changed, ``stopped`` why there is no plan."""
    overview = project_overview(project.public_id)
    checked = checked or check(typed, project)
    context: dict[str, Any] = {
        "section": "configs" if config else "exports",
        "project": project,
        "typed": typed,
        "overview": overview,
        "config": config,
        "stopped": stopped,
        **choices_of(typed, overview),
        **plan_context(typed, checked, plan),
    }
    if config is None:
        context["projects"] = projects_to_start(request)
    return render(request, "exports/new.html", context, status=status)


def projects_to_start(request: HttpRequest) -> list[Project]:
    """The projects in which the person may run exports; at most :data:`MOST_PROJECTS` + 1."""
    return list(projects_for(request.user, START).only("public_id", "name").order_by("name")[: MOST_PROJECTS + 1])


def plan_context(typed: Typed, checked: Checked, plan: Plan | None) -> dict[str, Any]:
    """For ``_plan.html`` and the lines under the inputs."""
    if plan is None:
        return {"said": checked.said, "wrong": checked.wrong}
    checked = checked.missing(typed, plan.missing)
    answer = plan.answer
    dropped = {dropped_label(key): count for key, count in answer["rows_dropped"].items()}
    return {
        "said": checked.said,
        "wrong": checked.wrong,
        "plan": answer,
        "dropped": dropped,
        "pace": plan.pace,
        "sample": plan.sample,
    }
