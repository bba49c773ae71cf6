"""Who has which role in a project: seen by its members, changed by those who manage it."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import BigIntegerField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connections.access.forms import MemberForm, RoleForm
from connections.access.lookup import get_project
from connections.access.members import add_member, remove_member, set_role
from connections.access.models import Membership
from connections.access.permissions import MANAGE, can
from connections.access.roles import ROLES
from connections.models import Project
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import NotFoundError, UserError
from exportadmin.lib.pages import done, form_view, only, post_view, refused

PAGE_SIZE = 50
HOME = "projects:members"


@form_view
def members(request: HttpRequest, project_id: str) -> HttpResponse:
    """``?page=N``; sent back: give a person a role, by user name."""
    only(request, ("page",))
    if request.method != "POST":
        return _page(request, get_project(request, project_id))
    project = get_project(request, project_id, MANAGE)
    form = MemberForm(request.POST)
    form.check_names()
    if form.is_valid():
        try:
            membership = add_member(project=project, actor=actor_of(request), **form.cleaned_data)
        except UserError as error:
            form.blame(error)
        else:
            message = f"{membership.user.get_username()} is now {membership.role} of this project."
            return done(request, message, HOME, project_id)
    return _page(request, project, form)


@post_view
def change(request: HttpRequest, project_id: str, user_id: int) -> HttpResponse:
    """Another role for a member."""
    project = get_project(request, project_id, MANAGE)
    member = _member(project, user_id)
    form = RoleForm(request.POST, member=member)
    form.check_names()
    form.is_valid()  # whether there is such a role, the action says
    role = form.cleaned_data["role"]
    try:
        set_role(project=project, user=member.user, role=role, actor=actor_of(request))
    except UserError as error:
        return refused(request, error, HOME, project_id)
    return done(request, f"{member.user.get_username()} is now {role} of this project.", HOME, project_id)


@post_view
def remove(request: HttpRequest, project_id: str, user_id: int) -> HttpResponse:
    """Take a member out."""
    project = get_project(request, project_id, MANAGE)
    user = _member(project, user_id).user
    try:
        remove_member(project=project, user=user, actor=actor_of(request))
    except UserError as error:
        return refused(request, error, HOME, project_id)
    to = (HOME, project_id) if can(request.user, MANAGE, project) else ("projects:list",)
    return done(request, f"{user.get_username()} is no member of “{project.name}” any more.", *to)


def _member(project: Project, user_id: int) -> Membership:
    found = None
    if user_id <= BigIntegerField.MAX_BIGINT:
        found = Membership.objects.filter(project=project, user_id=user_id).select_related("user").first()
    if found is None:
        raise NotFoundError("no such member")
    return found


def _page(request: HttpRequest, project: Project, form: MemberForm | None = None) -> HttpResponse:
    """With the form that was refused, where one was."""
    listed = Membership.objects.filter(project=project).select_related("user").order_by("user__username")
    page = Paginator(listed, PAGE_SIZE).get_page(request.GET.get("page"))
    context: dict[str, Any] = {
        "section": "projects",
        "project": project,
        "page": page,
        "members": [(member, RoleForm(member=member)) for member in page],
        "roles": {role: text for role, (_, text) in ROLES.items()},
        "may_manage": can(request.user, MANAGE, project),
        "form": form or MemberForm(),
    }
    return render(request, "access/members.html", context, status=400 if form else 200)
