"""A new export: one page, the plan beside it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from connections.access.lookup import get_project
from connections.access.permissions import START
from connections.models import Project
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import ConflictError, DeniedError, NotFoundError, TooManyError, UserError
from exportadmin.lib.heavy import heavy
from exportadmin.lib.pages import done, form_view, only, post_view, tell_refused
from exports import actions, config_actions
from exports.forms.conditions import condition_inputs
from exports.forms.export import ExportForm
from exports.forms.platform_export import PlatformExportForm
from exports.forms.scope import SCOPE_INPUTS
from exports.handing_out import config_shown, others_known
from exports.lookup import get_config, get_report
from exports.spec.platform_export import KEY as PLATFORM_EXPORT
from exports.spec.spec import ExportSpec
from exports.views import platform_export
from exports.views.form import (
    MOST_PROJECTS,
    PLAN,
    RUN,
    SAVE,
    button_of,
    form_of,
    plan_context,
    plan_of,
    projects_to_start,
    sent_form,
    show_form,
    show_planned,
)

PARAMETERS = ("project", "from", "config")


@form_view
def new(request: HttpRequest) -> HttpResponse:
    """``?project=``, ``?from=`` a report or ``?config=`` a saved config; sent, it runs, saves or plans.

    Beside ``project`` and ``config``, conditions may be filled in by the names of their inputs: the pages of both lead
    here with what has changed.
    """
    if request.method == "POST":
        return _sent(request)
    inputs = {**condition_inputs(), **dict.fromkeys(SCOPE_INPUTS, False)}
    only(request, (*PARAMETERS, *inputs))
    filled_in = [name for name in request.GET if name in inputs]
    if filled_in and not {"project", "config"} & request.GET.keys():
        raise UserError(f"{filled_in[0]} goes with project or config", field=filled_in[0])
    if len(request.GET) - len(filled_in) > 1:
        raise UserError(f"give one of {', '.join(PARAMETERS)}: each says which project is meant")
    initial = {name: request.GET.getlist(name) if inputs[name] else request.GET[name] for name in filled_in}
    if "from" in request.GET:
        report = get_report(request, request.GET["from"], START)
        kept = config_shown(report, others_known(request.user, [report])), report.project
        if PLATFORM_EXPORT in report.config:
            again = PlatformExportForm.of_body(*kept, name=report.name, description=report.description)
            return platform_export.show(request, again)
        return show_form(request, ExportForm.of_body(*kept, name=report.name, description=report.description))
    if "config" in request.GET:
        config = get_config(request, request.GET["config"], START)
        form = form_of(config)
        form.initial.update(initial)
        return show_form(request, form)
    if "project" in request.GET:
        project = get_project(request, request.GET["project"], START)
        return show_form(request, ExportForm(project=project, initial=initial))
    projects = projects_to_start(request)
    if len(projects) == 1:
        return show_form(request, ExportForm(project=get_project(request, projects[0].public_id, START)))
    context = {"section": "exports", "projects": projects[:MOST_PROJECTS], "is_cut": len(projects) > MOST_PROJECTS}
    return render(request, "exports/new_project.html", context)


@post_view
@heavy
def new_plan(request: HttpRequest) -> HttpResponse:
    """The live plan beside the form (a fragment, 200 also for a form with mistakes: it says which)."""
    only(request, ())
    form = sent_form(request, get_project(request, request.POST.get("project", ""), START))
    plan, stopped = plan_of(request, form, live=True)
    context = {**plan_context(form, plan), "stopped": stopped, "is_live": True}
    return render(request, "exports/_plan_live.html", context)


def _sent(request: HttpRequest) -> HttpResponse:
    only(request, ())
    project = get_project(request, request.POST.get("project", ""), START)
    form = sent_form(request, project)
    button = button_of(request)
    if form.spec is None:
        return show_form(request, form, status=400)
    if button == PLAN:
        return show_planned(request, form)
    try:
        return _carry_out(request, button, project, form, form.spec)
    except (NotFoundError, DeniedError):
        raise
    except ConflictError as error:
        # sent once, changed since and sent again: the texts stay, and the next press is a form of its own
        again = form.renewed()
        again.blame(
            ConflictError(
                f"{error.message}. It was changed since: press the button again to do it with what it says now",
                field=error.field,
            )
        )
        return show_form(request, again, status=409)
    except TooManyError as error:
        tell_refused(request, error, 429)
        form.blame(UserError(error.message))
        answer = show_form(request, form, status=429)
        answer["Retry-After"] = str(error.retry_after)
        return answer
    except UserError as error:
        form.blame(error)
        return show_form(request, form, status=400)


def _carry_out(request: HttpRequest, button: str, project: Project, form: ExportForm, spec: ExportSpec) -> HttpResponse:
    actor, name, data = actor_of(request), form.export_name, form.cleaned_data
    config = None
    if button != RUN:
        config = config_actions.save_config(
            project=project,
            name=name,
            description=data["description"],
            spec=spec,
            actor=actor,
            idempotency_key=data["key"] or None,
        )
        if button == SAVE:
            return done(request, f"Config “{config.name}” saved.", "configs:detail", config.public_id)
    report = actions.request_export(
        project=project,
        spec=spec,
        actor=actor,
        name=name,
        description=data["description"],
        idempotency_key=data["key"] or None,
        saved_config=config,
    )
    return redirect("exports:detail", report.report_id)
