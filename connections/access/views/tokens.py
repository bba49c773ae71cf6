"""Tokens of one's own; for superusers those of everybody. A key is in the answer that made it and nowhere else."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from connections.access import passwords
from connections.access.forms import TokenFilterForm, TokenForm
from connections.access.lookup import get_project, is_valid_key
from connections.access.models import ApiToken
from connections.access.permissions import VIEW, can, projects_for
from connections.access.tokens import issue_token, owner_of, revoke_token, unseen_token
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import UserError
from exportadmin.lib.pages import done, form_view, post_view

PAGE_SIZE = 25


@never_cache
@form_view
def tokens(request: HttpRequest) -> HttpResponse:
    """``?state=living|ended&page=N``, for superusers ``user=NAME``; sent back: issue one and show its key, once."""
    me = cast(User, request.user)
    filters = TokenFilterForm(request.GET, auto_id="find_%s")
    posted = request.POST if request.method == "POST" else None
    form = TokenForm(
        posted,
        projects=projects_for(me, VIEW),
        username=me.get_username(),
        password_at=actor_of(request).password_at,
    )
    if posted is not None:
        form.check_names()
        if form.is_valid():
            try:
                token, key = _issue(request, form.cleaned_data)
            except UserError as error:
                form.blame(error)
            else:
                return render(request, "access/token.html", {"section": "account", "token": token, "key": key})
    return _page(request, filters, form)


@post_view
def revoke(request: HttpRequest, token_id: str) -> HttpResponse:
    """The end of a token. Twice is no error."""
    token = _visible(request).filter(public_id=token_id).first() if is_valid_key(token_id) else None
    if token is None:
        raise unseen_token(token_id)
    revoke_token(token=token, actor=actor_of(request))
    return done(request, f"Token “{token.name}” is revoked: its key opens nothing any more.", "account:tokens")


def _issue(request: HttpRequest, data: dict[str, Any]) -> tuple[ApiToken, str]:
    passwords.give(request, data["password"])
    actor = actor_of(request)
    return issue_token(
        user=owner_of(data["user"], actor),
        name=data["name"],
        scopes=data["scopes"],
        actor=actor,
        project=get_project(request, data["project"]) if data["project"] else None,
        expires_in_days=data["days"],
        once=data["once"],
    )


def _page(request: HttpRequest, filters: TokenFilterForm, form: TokenForm) -> HttpResponse:
    listed = _filtered(_visible(request), **filters.params)
    context = {
        "section": "account",
        "page": Paginator(listed, PAGE_SIZE).get_page(request.GET.get("page")),
        "now": timezone.now(),
        "filters": filters,
        "every": can(request.user, VIEW, None),
        "form": form,
    }
    return render(request, "access/tokens.html", context, status=400 if form.errors else 200)


def _visible(request: HttpRequest) -> QuerySet[ApiToken]:
    every = ApiToken.objects.select_related("user", "project")
    return every if can(request.user, VIEW, None) else every.filter(user_id=cast(User, request.user).pk)


def _filtered(listed: QuerySet[ApiToken], state: str = "", user: str = "") -> QuerySet[ApiToken]:
    if user:
        listed = listed.filter(user__username=user)
    ended = Q(revoked_at__isnull=False) | Q(expires_at__lte=timezone.now())
    return listed.filter(ended) if state == "ended" else listed.exclude(ended) if state == "living" else listed
