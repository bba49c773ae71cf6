"""The form of an export as a page: the new export and the change of a saved config show the same one."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connections.access.permissions import START, projects_for
from connections.models import Project
from connections.platforms import PLATFORMS
from connections.store.models import StoreModelRun
from connections.store.overview import overview
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import DeniedError, ExportAdminError, NotFoundError, UserError
from exportadmin.lib.heavy import heavy_work
from exports import actions
from exports.display.check_value_tables import dropped_label
from exports.forms.export import ExportForm
from exports.models import ExportConfig, Slice
from exports.spec.applied import HOW
from exports.spec.catalog import catalog_of
from exports.spec.plan import Plan

# what the form's buttons ask for
RUN, SAVE, SAVE_AND_RUN, PLAN = "run", "save", "save-run", "plan"
# more projects than this are no list to choose from
MOST_PROJECTS = MOST_SLICES = MOST_RUNS = 500


def button_of(request: HttpRequest) -> str:
    """Which button was pressed. Raises :class:`UserError`."""
    button = request.POST.get("do", "")
    if button not in (RUN, SAVE, SAVE_AND_RUN, PLAN):
        known = ", ".join((RUN, SAVE, SAVE_AND_RUN, PLAN))
        raise UserError(f"the form asks for {button[:40]!r}; expected one of {known}", field="do")
    return button


def sent_form(request: HttpRequest, project: Project) -> ExportForm:
    """The form that was sent, checked. Raises :class:`UserError` for inputs that it does not have."""
    form = ExportForm(request.POST, project=project)
    form.check_names()
    form.is_valid()
    return form


def form_of(config: ExportConfig) -> ExportForm:
    """The form with a saved config filled in."""
    return ExportForm.of_body(config.body, config.project, name=config.name, description=config.description)


def show_form(
    request: HttpRequest,
    form: ExportForm,
    *,
    plan: Plan | None = None,
    stopped: str = "",
    config: ExportConfig | None = None,
    status: int = 200,
) -> HttpResponse:
    """The page with what was typed. ``config`` is the one that is changed, ``stopped`` why there is no plan."""
    contents, platform = overview(form.of_project.public_id), PLATFORMS.get(form.of_project.connection.kind)
    form.fill(contents)
    catalog = catalog_of(form.of_project, actor_of(request))
    slices = Slice.objects.filter(project__in=catalog).only("public_id", "name", "project_id")
    runs = StoreModelRun.objects.filter(project__in=catalog).order_by("project", "pk")
    runs = runs.only("run_id", "name", "model_name", "project_id")
    form.offer_catalog(catalog, slices[:MOST_SLICES], runs[:MOST_RUNS])
    context: dict[str, Any] = {
        "section": "configs" if config else "exports",
        "project": form.of_project,
        "overview": contents,
        "config": config,
        "platform": platform.title if form.mirror and platform else "",
        "stopped": stopped,
        **plan_context(form, plan),
    }
    if config is None:
        context["projects"] = projects_to_start(request)
    return render(request, "exports/new.html", context, status=status)


def show_planned(request: HttpRequest, form: ExportForm, config: ExportConfig | None = None) -> HttpResponse:
    """The page with the plan that the button asked for."""
    plan, stopped = plan_of(request, form, live=False)
    return show_form(request, form, plan=plan, stopped=stopped, config=config)


def projects_to_start(request: HttpRequest) -> list[Project]:
    """The projects in which the person may run exports; at most :data:`MOST_PROJECTS` + 1."""
    return list(projects_for(request.user, START).only("public_id", "name").order_by("name")[: MOST_PROJECTS + 1])


def plan_of(request: HttpRequest, form: ExportForm, *, live: bool) -> tuple[Plan | None, str]:
    """The plan, or why there can be none, in words; neither while the form has mistakes."""
    if form.spec is None:
        return None, ""
    try:
        with heavy_work():
            plan = actions.plan_export(
                project=form.of_project, spec=form.spec, actor=actor_of(request), live=live, shows_rows=True
            )
    except (NotFoundError, DeniedError):
        raise
    except ExportAdminError as error:
        return None, str(error)
    return plan, ""


def plan_context(form: ExportForm, plan: Plan | None) -> dict[str, Any]:
    """For ``_plan.html`` and the lines under the inputs."""
    if plan is None:
        return {"form": form}
    form.note_missing(plan.missing)
    dropped = {dropped_label(key): count for key, count in plan.answer["rows_dropped"].items()}
    applied = [(one["title"], HOW[one["applied"]]) for one in plan.answer["conditions"]]
    return {
        "form": form,
        "plan": plan.answer,
        "dropped": dropped,
        "applied": applied,
        "estimate": plan.estimate,
        "sample": plan.sample,
    }
