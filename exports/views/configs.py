"""Saved configs: descriptions of exports that make no file by themselves."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Count, F, OuterRef, Q, Subquery
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from connections.access.lookup import get_project, is_valid_key
from connections.access.permissions import START, VIEW, can, projects_for
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import DeniedError, GoneError, NotFoundError, UserError
from exportadmin.lib.ids import new_id
from exportadmin.lib.pages import done, form_view, get_view, only, post_view, refused
from exports import actions, config_actions
from exports.display.connections import names_of
from exports.display.project_contents import since_last_delivery
from exports.display.spec_text import describe
from exports.lists.capped_paginator import LongPaginator
from exports.lookup import get_config
from exports.models import ExportConfig, ExportReport
from exports.spec.spec import ExportSpec
from exports.views.form import PLAN, SAVE_AND_RUN, button_of, form_of, sent_form, show_form, show_planned

PAGE_SIZE = 50
RUNS_SHOWN = 20


@get_view
def config_list(request: HttpRequest) -> HttpResponse:
    """The saved configs that one may see, by name. ``?q=`` part of a name, ``?page=N``."""
    only(request, ("q", "page"))
    search = request.GET.get("q", "").strip()
    # a subquery a shown config: a join would first count the runs of every config there is
    runs = ExportReport.objects.filter(saved_config=OuterRef("pk")).order_by().values("saved_config")
    configs = (
        ExportConfig.objects.filter(project__in=projects_for(request.user, VIEW))
        .annotate(project_name=F("project__name"), by=F("created_by__username"), format=KT("body__format"))
        .annotate(runs=Coalesce(Subquery(runs.annotate(n=Count("pk")).values("n")), 0))
        .defer("body", "description")
        .order_by("name", "pk")
    )
    if search and is_valid_key(search):
        configs = configs.filter(Q(name__icontains=search) | Q(project__name__icontains=search))
    elif search:
        configs = configs.none()
    page = LongPaginator(configs, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "section": "configs",
        "page": page,
        "q": search,
        "may_start": projects_for(request.user, START).exists(),
    }
    return render(request, "exports/configs.html", context)


@get_view
def config_detail(request: HttpRequest, config_id: str) -> HttpResponse:
    """One config: what it asks for, its runs, and what has changed since the last one."""
    only(request, ("page",))
    config = get_config(request, config_id, VIEW)
    runs = ExportReport.objects.filter(saved_config=config).order_by("-created_at", "-pk")
    runs = runs.only(
        "report_id", "name", "status", "rows_done", "are_rows_counted", "made_by", "created_at", "created_by_name"
    )
    context = {
        "section": "configs",
        "config": config,
        "description": describe(config.body, names_of(request.user, config.body)),
        "page": LongPaginator(runs, RUNS_SHOWN).get_page(request.GET.get("page")),
        "since_last": since_last_delivery(config),
        "may_start": can(request.user, START, config.project),
        "key": new_id(),
    }
    return render(request, "exports/config.html", context)


@form_view
def config_edit(request: HttpRequest, config_id: str) -> HttpResponse:
    """Change it: the form of a new export, with the project fixed."""
    only(request, ())
    if request.method != "POST":
        config = get_config(request, config_id, START)
        return show_form(request, form_of(config), config=config)
    try:
        config = get_config(request, config_id, START)
    except NotFoundError as error:
        return _deleted_meanwhile(request, config_id, error)
    if request.POST.get("project") != config.project.public_id:
        raise UserError("a config stays in its project", field="project")
    form = sent_form(request, config.project)
    button = button_of(request)
    if form.spec is None:
        return show_form(request, form, config=config, status=400)
    if button == PLAN:
        return show_planned(request, form, config)
    try:
        config = config_actions.change_config(
            config=config,
            name=form.export_name,
            description=form.cleaned_data["description"],
            spec=form.spec,
            actor=actor_of(request),
        )
        if button == SAVE_AND_RUN:
            return _run(request, config, form.spec, form.cleaned_data["key"] or new_id())
    except (NotFoundError, DeniedError):
        raise
    except GoneError as error:
        return _deleted_meanwhile(request, config_id, NotFoundError(error.message))
    except UserError as error:
        again = form.renewed()
        again.blame(error)
        return show_form(request, again, config=config, status=400)
    return done(request, f"Config “{config.name}” changed.", "configs:detail", config.public_id)


def _deleted_meanwhile(request: HttpRequest, config_id: str, error: NotFoundError) -> HttpResponse:
    """What was typed becomes a new export's form, for whoever may run exports in the project that it names."""
    if is_valid_key(config_id) and ExportConfig.objects.filter(public_id=config_id).exists():
        raise error  # it is there, and not for this person
    project = get_project(request, request.POST.get("project", ""), START)
    form = sent_form(request, project).renewed()
    form.blame(GoneError("the config was deleted meanwhile. What you typed is here: save it as a new one, or run it"))
    return show_form(request, form, status=410)


@post_view
def config_run(request: HttpRequest, config_id: str) -> HttpResponse:
    """Run it as it is. With a ``key``, pressed twice it runs once."""
    _no_more_than(request, ("key",))
    config = get_config(request, config_id, START)
    try:
        spec = ExportSpec.parse(config.body, config.project)
        return _run(request, config, spec, request.POST.get("key") or new_id())
    except (NotFoundError, DeniedError):
        raise
    except UserError as error:
        return refused(request, error, "configs:detail", config.public_id)


def _run(request: HttpRequest, config: ExportConfig, spec: ExportSpec, key: str) -> HttpResponse:
    report = actions.request_export(
        project=config.project,
        spec=spec,
        actor=actor_of(request),
        name=config.name,
        description=config.description,
        idempotency_key=key,
        saved_config=config,
    )
    return redirect("exports:detail", report.report_id)


@post_view
def config_delete(request: HttpRequest, config_id: str) -> HttpResponse:
    """Forget it; its runs stay."""
    _no_more_than(request, ())
    config = get_config(request, config_id, START)
    name = config.name
    config_actions.delete_config(config=config, actor=actor_of(request))
    return done(request, f"Config “{name}” deleted. Its exports stay.", "configs:list")


def _no_more_than(request: HttpRequest, known: Sequence[str]) -> None:
    """Refuse what the button does not send."""
    only(request, ())
    for name in request.POST:
        if name not in (*known, "next", "csrfmiddlewaretoken"):
            raise UserError(f"unknown parameter {name[:80]!r}", field=name[:80])
