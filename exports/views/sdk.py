"""Use a project with another platform's own client: the lines to paste, with a token that is made for them."""

from __future__ import annotations

from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache

from connections.access import passwords
from connections.access.lookup import get_project
from connections.access.permissions import START, can
from connections.access.tokens import issue_token
from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import NotFoundError, UserError
from exportadmin.lib.pages import form_view, only
from exports.dialects import DIALECTS
from exports.forms.sdk import SdkTokenForm


@never_cache
@form_view
def sdk(request: HttpRequest, project_id: str, dialect: str) -> HttpResponse:
    """The lines; sent back: the same with a new token of the reader's in them, shown this once."""
    only(request, ())
    project = get_project(request, project_id)
    if dialect not in DIALECTS:
        raise NotFoundError(f"no platform's client is known here as {dialect[:60]!r}; known: {', '.join(DIALECTS)}")
    posted = request.POST if request.method == "POST" else None
    spoken, form = DIALECTS[dialect], SdkTokenForm(posted, password_at=actor_of(request).password_at)
    keys: dict[str, str] = {}
    token = None
    if form.is_bound:
        form.check_names()
    if form.is_valid():
        try:
            passwords.give(request, form.cleaned_data["password"])
            token, key = issue_token(
                user=cast(User, request.user),
                name=f"{spoken.title} SDK for {project.name}"[:120],
                scopes=spoken.scopes,
                actor=actor_of(request),
                project=project,
                expires_in_days=form.expires_in_days,
                once=form.cleaned_data["once"],
            )
            keys = {"key_id": token.public_id, "key": key}
        except UserError as error:
            form.blame(error)
    context: dict[str, Any] = {
        "section": "projects",
        "project": project,
        "title": spoken.title,
        "dialect": dialect,
        "keys": spoken.keys,
        "scopes": spoken.scopes,
        "scripts": spoken.lines(request.build_absolute_uri("/").rstrip("/"), project.public_id, project.pk, **keys),
        "form": form,
        "token": token,
        "may_start": can(request.user, START, project),
    }
    return render(request, "exports/project_sdk.html", context, status=400 if form.errors else 200)
