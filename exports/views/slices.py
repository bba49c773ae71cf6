"""Slices of a project: list, new, change, delete."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connections.access.lookup import get_project, not_found
from connections.access.permissions import START, VIEW, can
from connections.models import Project
from connections.store.overview import overview
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import UserError
from exportadmin.lib.pages import done, form_view, get_view, only, post_view
from exports import slice_actions
from exports.display.spec_text import describe
from exports.forms.slice import SliceForm
from exports.lists.capped_paginator import LongPaginator
from exports.lookup import get_slice
from exports.models import Slice

LIST = "projects:slices"
PAGE_SIZE = 50


@get_view
def slice_list(request: HttpRequest, project_id: str) -> HttpResponse:
    """By name. ``?page=N``."""
    only(request, ("page",))
    project = get_project(request, project_id, VIEW)
    page = LongPaginator(Slice.objects.filter(project=project), PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "section": "projects",
        "project": project,
        "page": page,
        "slices": [(each, describe(each.filter)) for each in page],
        "may_start": can(request.user, START, project),
    }
    return render(request, "exports/slices.html", context)


@form_view
def slice_new(request: HttpRequest, project_id: str) -> HttpResponse:
    """A new one."""
    only(request, ())
    project = get_project(request, project_id, START)
    if request.method != "POST":
        return _page(request, project, SliceForm(project=project))
    form = SliceForm(request.POST, project=project)
    form.check_names()
    if form.is_valid():
        try:
            made = slice_actions.save_slice(
                project=project,
                name=form.cleaned_data["name"],
                description=form.cleaned_data["description"],
                filter=form.filter,
                actor=actor_of(request),
            )
        except UserError as error:
            form.blame(error)
        else:
            return done(request, f"Slice “{made.name}” is saved.", LIST, project.public_id)
    return _page(request, project, form, status=400)


@form_view
def slice_edit(request: HttpRequest, project_id: str, slice_id: str) -> HttpResponse:
    """Change it; what was exported stays."""
    only(request, ())
    found = _slice(request, project_id, slice_id)
    if request.method != "POST":
        return _page(request, found.project, SliceForm.of_slice(found), found)
    form = SliceForm(request.POST, project=found.project)
    form.check_names()
    if form.is_valid():
        try:
            slice_actions.change_slice(
                slice=found,
                name=form.cleaned_data["name"],
                description=form.cleaned_data["description"],
                filter=form.filter,
                actor=actor_of(request),
            )
        except UserError as error:
            form.blame(error)
        else:
            return done(request, f"Slice “{found.name}” is changed.", LIST, found.project.public_id)
    return _page(request, found.project, form, found, status=400)


@post_view
def slice_delete(request: HttpRequest, project_id: str, slice_id: str) -> HttpResponse:
    """Forget it; exports of it stay."""
    only(request, ())
    found = _slice(request, project_id, slice_id)
    name = found.name
    slice_actions.delete_slice(slice=found, actor=actor_of(request))
    return done(request, f"Slice “{name}” is deleted. Exports of it stay.", LIST, project_id)


def _slice(request: HttpRequest, project_id: str, slice_id: str) -> Slice:
    found = get_slice(request, slice_id, START)
    if found.project.public_id != project_id:
        raise not_found("slice", slice_id)
    return found


def _page(
    request: HttpRequest, project: Project, form: SliceForm, slice: Slice | None = None, status: int = 200
) -> HttpResponse:
    form.fill(overview(project.public_id))
    context = {"section": "projects", "project": project, "form": form, "slice": slice}
    return render(request, "exports/slice.html", context, status=status)
