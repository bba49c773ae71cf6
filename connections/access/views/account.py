"""One's own account: name, email, password, theme, time zone."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import PasswordChangeForm as DjangoPasswordChangeForm
from django.contrib.auth.models import User
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from connections.access import people, preferences
from connections.access.forms import PasswordChangeForm, PreferenceForm, ProfileForm
from connections.access.models import Membership
from connections.access.roles import ROLES
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import UserError
from exportadmin.lib.pages import done, get_view, only, post_view

ROLES_SHOWN = 20


@get_view
def account(request: HttpRequest) -> HttpResponse:
    """The person's own page."""
    only(request, ())
    return _page(request)


@post_view
def change_profile(request: HttpRequest) -> HttpResponse:
    """Name and email."""
    form = ProfileForm(request.POST)
    form.check_names()
    if form.is_valid():
        try:
            people.change_profile(user=cast(User, request.user), actor=actor_of(request), **form.cleaned_data)
        except UserError as error:
            form.blame(error)
        else:
            return done(request, "Your name and email are kept.", "account:account")
    return _page(request, profile=form)


@post_view
def change_preferences(request: HttpRequest) -> HttpResponse:
    """Light or dark, and the time zone."""
    form = PreferenceForm(request.POST)
    form.check_names()
    if form.is_valid():
        try:
            preferences.set_preference(user=cast(User, request.user), actor=actor_of(request), **form.cleaned_data)
        except UserError as error:
            form.blame(error)
        else:
            return done(request, "Pages now look as you have chosen.", "account:account")
    return _page(request, preference=form)


def _page(
    request: HttpRequest, *, profile: ProfileForm | None = None, preference: PreferenceForm | None = None
) -> HttpResponse:
    """With the form that was refused, where one was."""
    user = cast(User, request.user)
    chosen = preferences.preference_of(user)
    memberships = Membership.objects.filter(user_id=user.pk).select_related("project").order_by("project__name")
    context: dict[str, Any] = {
        "section": "account",
        "profile": profile or ProfileForm(initial={name: getattr(user, name) for name in people.PROFILE}),
        "preference": preference or PreferenceForm(initial={"theme": chosen.theme, "time_zone": chosen.time_zone}),
        "roles": [(each.project, each.role, ROLES[each.role][1]) for each in memberships[:ROLES_SHOWN]],
    }
    return render(request, "access/account.html", context, status=400 if profile or preference else 200)


class PasswordView(PasswordChangeView):
    """Django's form; the change and its line in the trail are one."""

    form_class = PasswordChangeForm
    template_name = "access/password.html"
    extra_context = {"section": "account"}

    def form_valid(self, form: DjangoPasswordChangeForm) -> HttpResponse:
        """Keep it; the other browsers of this person are signed out, this one stays."""
        user = form.user
        people.change_password(
            user=user,
            password=form.cleaned_data["new_password1"],
            actor=actor_of(self.request),
            keep_keys=cast(PasswordChangeForm, form).keeps_keys,
        )
        update_session_auth_hash(self.request, user)
        return done(self.request, "Your password is changed; other browsers are signed out.", "account:account")

    def form_invalid(self, form: DjangoPasswordChangeForm) -> HttpResponse:
        """Say why not. Who does not know the old password may not be that person at all: the trail is told."""
        if "old_password" in form.errors:
            user = User.objects.get(pk=form.user.pk)
            reason = "the old password was wrong"
            people.record_refusal("user.password_changed", user=user, reason=reason, actor=actor_of(self.request))
        return self.render_to_response(self.get_context_data(form=form), status=400)
