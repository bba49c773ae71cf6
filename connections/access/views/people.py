"""People: who is there, what each may in which project, inviting, disabling. For superusers; and the page behind an
invitation, for whoever holds it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import BigIntegerField, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from connections.access import invitations, keys, passwords
from connections.access import people as actions
from connections.access.forms import ChoosePasswordForm, InviteForm, PasswordForm, PersonFilterForm, PersonRoleForm
from connections.access.lookup import get_project
from connections.access.members import set_role
from connections.access.models import Membership
from connections.access.permissions import MANAGE, can
from connections.models import Project
from exportadmin.audit.middleware import actor_of
from exportadmin.audit.noise import record_refused
from exportadmin.lib.errors import DeniedError, GoneError, NotFoundError, UserError
from exportadmin.lib.pages import done, form_view, get_view, only, post_view, refused

PAGE_SIZE: Final = 25
COLUMNS: Final = 8
MOST_PROJECTS: Final = 500
HOME: Final = "people:list"
_UNUSABLE: Final = "!"  # what Django writes before a password that is none

View = Callable[..., HttpResponse]


def _for_superusers(view: View) -> View:
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not can(request.user, MANAGE, None):
            raise DeniedError("people are managed by superusers")
        return view(request, *args, **kwargs)

    return guarded


@get_view
@_for_superusers
def people_list(request: HttpRequest) -> HttpResponse:
    """``?q= &state= &page= &projects=N``: people × projects; queries do not grow with either."""
    form = PersonFilterForm(request.GET, beside=("page", "projects"))
    page = Paginator(_filtered(**form.params), PAGE_SIZE).get_page(request.GET.get("page"))
    projects = Paginator(Project.objects.order_by("name", "pk"), COLUMNS).get_page(request.GET.get("projects"))
    memberships = Membership.objects.filter(user__in=list(page), project__in=list(projects))
    roles = {(each.user_id, each.project_id): each.role for each in memberships}
    rows = [(each, [(project, roles.get((each.pk, project.pk), "")) for project in projects]) for each in page]
    context = {"section": "people", "page": page, "projects": projects, "rows": rows, "filters": form}
    return render(request, "access/people.html", context)


def _filtered(q: str = "", state: str = "") -> QuerySet[User]:
    found = User.objects.order_by("username")
    if q:
        names = ("username", "first_name", "last_name", "email")
        wanted = Q()
        for name in names:
            wanted |= Q(**{f"{name}__icontains": q})
        found = found.filter(wanted)
    states = {
        "active": Q(is_active=True) & ~Q(password__startswith=_UNUSABLE),
        "invited": Q(is_active=True, password__startswith=_UNUSABLE),
        "disabled": Q(is_active=False),
    }
    return found.filter(states[state]) if state else found


@form_view
@_for_superusers
def invite(request: HttpRequest) -> HttpResponse:
    """A form, and as the answer to it the link: shown this once."""
    only(request, ())
    actor = actor_of(request)
    form = InviteForm(request.POST if request.method == "POST" else None, password_at=actor.password_at)
    form.check_names()
    if form.is_valid():
        data = dict(form.cleaned_data)
        try:
            passwords.give(request, data.pop("password"))
            user, invitation = invitations.invite(actor=actor_of(request), **data)
        except UserError as error:
            form.blame(error)
        else:
            return _invited(request, user, invitation)
    context = {"section": "people", "form": form}
    return render(request, "access/invite.html", context, status=400 if form.errors else 200)


@get_view
@_for_superusers
def person(request: HttpRequest, user_id: int) -> HttpResponse:
    """What one person may, has handed out, and what can be done about it."""
    only(request, ())
    return _page(request, _person(user_id))


@post_view
@_for_superusers
def invite_again(request: HttpRequest, user_id: int) -> HttpResponse:
    """Another link; the password that there may be opens nothing any more."""
    user = _person(user_id)
    form = PasswordForm(request.POST, password_at=actor_of(request).password_at)
    form.check_names()
    if form.is_valid():
        try:
            passwords.give(request, form.cleaned_data["password"])
            return _invited(request, user, invitations.invite_again(user=user, actor=actor_of(request)))
        except UserError as error:
            if error.field != passwords.FIELD:
                return refused(request, error, "people:person", user_id)
            form.blame(error)
    return _page(request, user, invitation=form)


@post_view
@_for_superusers
def change_role(request: HttpRequest, user_id: int) -> HttpResponse:
    """A role in a project, or another one."""
    user = _person(user_id)
    form = PersonRoleForm(request.POST, projects=_offered())
    form.check_names()
    if form.is_valid():
        data = form.cleaned_data
        project = get_project(request, data["project"], MANAGE)
        try:
            set_role(project=project, user=user, role=data["role"], actor=actor_of(request))
        except UserError as error:
            form.blame(error)
        else:
            message = f"{user.get_username()} is now {data['role']} of “{project.name}”."
            return done(request, message, "people:person", user_id)
    return _page(request, user, role=form)


@post_view
@_for_superusers
def disable(request: HttpRequest, user_id: int) -> HttpResponse:
    """Nobody signs in with the account any more, and nothing of it stays open."""
    return _set_active(request, user_id, False)


@post_view
@_for_superusers
def enable(request: HttpRequest, user_id: int) -> HttpResponse:
    """The other way round."""
    return _set_active(request, user_id, True)


@login_not_required
@never_cache
@sensitive_post_parameters()
@form_view
def accept_invitation(request: HttpRequest, invitation: str) -> HttpResponse:
    """Choose the first password. Nothing of this page is told to another site by a ``Referer``."""
    only(request, ())
    actor = actor_of(request)
    try:
        user = invitations.find_invited(invitation)
    except GoneError as gone:
        record_refused("user.invitation_refused", actor=actor, reason="used, over, taken back or never made")
        return _gone(request, gone)
    form = ChoosePasswordForm(request.POST if request.method == "POST" else None)
    form.check_names()
    if form.is_valid():
        mine = dataclasses.replace(actor, name=user.get_username(), user_id=user.pk)
        try:
            invitations.accept(invitation, password=form.cleaned_data["password"], actor=mine)
        except GoneError as gone:  # a moment ago
            return _gone(request, gone)
        except UserError as error:
            form.blame(error)
        else:
            return done(request, "Your password is kept: sign in with it.", "sign-in")
    context = {"form": form, "person": user}
    return _private(render(request, "access/invitation.html", context, status=400 if form.errors else 200))


def _gone(request: HttpRequest, gone: GoneError) -> HttpResponse:
    return _private(render(request, "access/invitation_gone.html", {"message": gone.message}, status=410))


def _private(response: HttpResponse) -> HttpResponse:
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@never_cache
def _invited(request: HttpRequest, user: User, invitation: str) -> HttpResponse:
    address = request.build_absolute_uri(invitations.path_for(invitation))
    context = {"section": "people", "person": user, "address": address, "hours": invitations.hours()}
    return _private(render(request, "access/invited.html", context))


def _set_active(request: HttpRequest, user_id: int, is_active: bool) -> HttpResponse:
    user = _person(user_id)
    try:
        actions.set_active(user=user, is_active=is_active, actor=actor_of(request))
    except UserError as error:
        return refused(request, error, "people:person", user_id)
    now = "enabled" if is_active else "disabled: its sessions, tokens and open links have ended"
    return done(request, f"The account of {user.get_username()} is {now}.", "people:person", user_id)


def _person(user_id: int) -> User:
    found = User.objects.filter(pk=user_id).first() if user_id <= BigIntegerField.MAX_BIGINT else None
    if found is None:
        raise NotFoundError("no such person")
    return found


def _offered() -> list[Project]:
    return list(Project.objects.order_by("name", "pk")[:MOST_PROJECTS])


def _page(
    request: HttpRequest, user: User, *, role: PersonRoleForm | None = None, invitation: PasswordForm | None = None
) -> HttpResponse:
    """With the form that was refused, where one was."""
    memberships = Membership.objects.filter(user_id=user.pk).select_related("project").order_by("project__name")
    context: dict[str, Any] = {
        "section": "people",
        "person": user,
        "has_password": user.has_usable_password(),
        "is_own": user.pk == request.user.pk,
        "memberships": memberships[:MOST_PROJECTS],
        "open": keys.in_words(keys.counts_of(user)),
        "role": role or PersonRoleForm(projects=_offered()),
        "invitation": invitation or PasswordForm(password_at=actor_of(request).password_at),
    }
    return render(request, "access/person.html", context, status=400 if role or invitation else 200)
