"""Tokens of one's own; for superusers those of everybody. A key is in the answer that made it and nowhere else."""

from __future__ import annotations

import secrets
from typing import Any, Final, cast

from django.contrib.auth.models import User
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache

from connections.access.lookup import is_valid_key, page_project
from connections.access.models import ApiToken
from connections.access.permissions import VIEW, can, projects_for
from connections.access.roles import SCOPES
from connections.access.tokens import issue_token, revoke_token
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import ConflictError, DeniedError, NotFoundError, UserError
from exportadmin.lib.pages import done, form_view, only, post_view

PAGE_SIZE = 25
NO_END: Final = "no end"
# value → words; what a token lives when nothing is chosen is the first of them that is marked so
DAYS: Final[dict[str, str]] = {
    "7": "7 days",
    "30": "30 days",
    "90": "90 days",
    "180": "180 days",
    "365": "1 year",
    NO_END: "No end",
}
USUAL_DAYS: Final = "90"
STATES: Final[dict[str, str]] = {"": "All", "living": "In use", "ended": "Ended"}
_SENT: Final = "token_forms_sent"


@never_cache
@form_view
def tokens(request: HttpRequest) -> HttpResponse:
    """``?state=living|ended&page=N``, for superusers ``user=NAME``; sent back: issue one and show its key, once."""
    only(request, ("state", "user", "page"))
    if request.method != "POST":
        return _page(request)
    said = _said(request)
    try:
        token, key = _issue(request, said)
    except UserError as error:
        if error.field is None:
            raise
        return _page(request, said, error)
    return render(request, "access/token.html", {"section": "account", "token": token, "key": key})


@post_view
def revoke(request: HttpRequest, token_id: str) -> HttpResponse:
    """The end of a token. Twice is no error."""
    token = _visible(request).filter(public_id=token_id).first() if is_valid_key(token_id) else None
    if token is None:
        raise NotFoundError("no such token")
    revoke_token(token=token, actor=actor_of(request))
    return done(request, f"Token “{token.name}” is revoked: its key opens nothing any more.", "account:tokens")


def _issue(request: HttpRequest, said: dict[str, Any]) -> tuple[ApiToken, str]:
    once = request.POST.get("once", "")
    sent = request.session.get(_SENT, [])
    if once and once in sent:
        raise ConflictError("this form was sent before: its token is in the list, and its key is not shown again")
    project = page_project(request.user, said["project"]) if said["project"] else None
    made = issue_token(
        user=_owner(request, said["user"]),
        name=said["name"],
        scopes=said["scopes"],
        actor=actor_of(request),
        project=project,
        expires_in_days=None if said["days"] == NO_END else _whole(said["days"]),
    )
    request.session[_SENT] = [*sent[-19:], once]
    return made


def _owner(request: HttpRequest, name: str) -> User:
    me = cast(User, request.user)
    if not name or name == me.get_username():
        return me
    # asked before the name is looked up: nobody else learns which accounts there are
    if not me.is_superuser:
        raise DeniedError("tokens for others are issued by superusers")
    found = User.objects.filter(username=name).first() if is_valid_key(name) else None
    if found is None:
        raise UserError(f"there is no user {name[:80]!r}", field="user")
    return found


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise UserError(f"{text[:20]!r} is no number of days", field="expires_in_days")
    return int(text)


def _said(request: HttpRequest) -> dict[str, Any]:
    names = ("name", "project", "user")
    said: dict[str, Any] = {name: request.POST.get(name, "").strip() for name in names}
    return {**said, "scopes": request.POST.getlist("scopes"), "days": request.POST.get("days", USUAL_DAYS)}


def _page(request: HttpRequest, said: dict[str, Any] | None = None, error: UserError | None = None) -> HttpResponse:
    me = cast(User, request.user)
    listed = _filtered(request, _visible(request))
    context = {
        "section": "account",
        "page": Paginator(listed, PAGE_SIZE).get_page(request.GET.get("page")),
        "now": timezone.now(),
        "states": STATES,
        "state": request.GET.get("state", ""),
        "of_user": request.GET.get("user", ""),
        "every": can(me, VIEW, None),
        "scopes": {scope: words for scope, (_, words) in SCOPES.items()},
        "projects": projects_for(me, VIEW),
        "days": DAYS,
        "values": said or {"days": USUAL_DAYS, "user": me.get_username()},
        "errors": {error.field: error.message} if error else {},
        "once": secrets.token_urlsafe(12),
    }
    return render(request, "access/tokens.html", context, status=400 if error else 200)


def _visible(request: HttpRequest) -> QuerySet[ApiToken]:
    every = ApiToken.objects.select_related("user", "project")
    return every if can(request.user, VIEW, None) else every.filter(user_id=cast(User, request.user).pk)


def _filtered(request: HttpRequest, listed: QuerySet[ApiToken]) -> QuerySet[ApiToken]:
    state, user = request.GET.get("state", ""), request.GET.get("user", "")
    if state not in STATES:
        raise UserError(f"unknown state {state[:40]!r}; known: living, ended", field="state")
    if user and not is_valid_key(user):
        raise UserError("that cannot be a user name", field="user")
    if user:
        listed = listed.filter(user__username=user)
    ended = Q(revoked_at__isnull=False) | Q(expires_at__lte=timezone.now())
    return listed.filter(ended) if state == "ended" else listed.exclude(ended) if state == "living" else listed
