"""A new export: one page, the plan beside it."""

from __future__ import annotations

import dataclasses

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from connections.access.lookup import page_project
from connections.access.permissions import START
from connections.models import Project
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import ConflictError, DeniedError, ExportAdminError, NotFoundError, UserError
from exportadmin.lib.pages import done, form_view, only, post_view
from exports import actions
from exports.forms import Checked, Typed, check
from exports.forms.checked import suggested_name
from exports.spec.plan import Plan
from exports.spec.spec import ExportSpec
from exports.views.form import MOST_PROJECTS, PLAN, RUN, SAVE, plan_context, projects_to_start, show_form, wanted
from exports.views.lookup import find_config, find_report

PARAMETERS = ("project", "from", "config")
SINCE_REVISION = "since_revision"


@form_view
def new(request: HttpRequest) -> HttpResponse:
    """``?project=``, ``?from=`` a report or ``?config=`` a saved config; sent, it runs, saves or plans.

    ``?project=…&since_revision=…`` fills that in: a project's page leads here with what has changed.
    """
    if request.method == "POST":
        return _sent(request)
    only(request, (*PARAMETERS, SINCE_REVISION))
    if SINCE_REVISION in request.GET and "project" not in request.GET:
        raise UserError(f"{SINCE_REVISION} goes with project", field=SINCE_REVISION)
    if len([name for name in request.GET if name != SINCE_REVISION]) > 1:
        raise UserError(f"give one of {', '.join(PARAMETERS)}: each says which project is meant")
    if "from" in request.GET:
        report = find_report(request, request.GET["from"], START)
        typed = Typed.of_body(report.config, report.project, name=report.name, description=report.description)
        return show_form(request, report.project, typed)
    if "config" in request.GET:
        config = find_config(request, request.GET["config"], START)
        typed = Typed.of_body(config.body, config.project, name=config.name, description=config.description)
        return show_form(request, config.project, typed)
    if "project" in request.GET:
        project = page_project(request.user, request.GET["project"], START)
        return _empty_form(request, project, since_revision=request.GET.get(SINCE_REVISION, ""))
    projects = projects_to_start(request)
    if len(projects) == 1:
        return _empty_form(request, page_project(request.user, projects[0].public_id, START))
    context = {"section": "exports", "projects": projects[:MOST_PROJECTS], "is_cut": len(projects) > MOST_PROJECTS}
    return render(request, "exports/new_project.html", context)


def _empty_form(request: HttpRequest, project: Project, since_revision: str = "") -> HttpResponse:
    return show_form(request, project, Typed(project=project.public_id, since_revision=since_revision))


@post_view
def new_plan(request: HttpRequest) -> HttpResponse:
    """The live plan beside the form (a fragment, 200 also for a form with mistakes: it says which)."""
    only(request, ())
    typed = Typed.read(request.POST)
    project = page_project(request.user, typed.project, START)
    checked = check(typed, project)
    plan, stopped = planned(request, project, checked.asked, live=True)
    context = {**plan_context(typed, checked, plan), "stopped": stopped, "is_live": True}
    return render(request, "exports/_plan_live.html", context)


def planned(request: HttpRequest, project: Project, asked: ExportSpec | None, *, live: bool) -> tuple[Plan | None, str]:
    """The plan, or why there can be none, in words."""
    if asked is None:
        return None, ""
    try:
        return actions.plan_export(project=project, asked=asked, actor=actor_of(request), live=live), ""
    except (NotFoundError, DeniedError):
        raise
    except ExportAdminError as error:
        return None, str(error)


def _sent(request: HttpRequest) -> HttpResponse:
    only(request, ())
    typed = Typed.read(request.POST)
    project = page_project(request.user, typed.project, START)
    do = wanted(request)
    checked = check(typed, project)
    if checked.asked is None:
        return show_form(request, project, typed, checked=checked, status=400)
    if do == PLAN:
        plan, stopped = planned(request, project, checked.asked, live=False)
        return show_form(request, project, typed, checked=checked, plan=plan, stopped=stopped)
    try:
        return _carry_out(request, do, project, typed, checked.asked)
    except (NotFoundError, DeniedError):
        raise
    except ConflictError as error:
        # sent once, changed since and sent again: the words stay, and the next press is a form of its own
        return show_form(request, project, typed.renewed(), checked=_sent_before(checked, error), status=409)
    except UserError as error:
        return show_form(request, project, typed, checked=checked.refused(error), status=400)


def _sent_before(checked: Checked, error: ConflictError) -> Checked:
    words = f"{error.message}. It was changed since: press the button again to do it with what it says now"
    return checked.refused(ConflictError(words, field=error.field))


def _carry_out(request: HttpRequest, do: str, project: Project, typed: Typed, asked: ExportSpec) -> HttpResponse:
    typed = dataclasses.replace(typed, name=typed.name.strip() or suggested_name(typed, project))
    actor = actor_of(request)
    config = None
    if do != RUN:
        config = actions.save_config(
            project=project,
            name=typed.name,
            description=typed.description,
            body=typed.body(),
            actor=actor,
            idempotency_key=typed.key,
        )
        if do == SAVE:
            return done(request, f"Config “{config.name}” saved.", "configs:detail", config.public_id)
    report = actions.request_export(
        project=project,
        asked=asked,
        actor=actor,
        name=typed.name,
        description=typed.description,
        idempotency_key=typed.key,
        saved_config=config,
    )
    return redirect("exports:detail", report.report_id)
