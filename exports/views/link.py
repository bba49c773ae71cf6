"""The page behind a signed link, and the file behind its button. No sign-in, and nothing else of the project."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from exportadmin.audit.middleware import actor_of
from exportadmin.lib.errors import GoneError, NotFoundError, UserError
from exportadmin.lib.signing import installation_key
from exports import delivery_actions
from exports.delivery.reading import ALTERED
from exports.links import downloads, one_copy, tokens
from exports.models import Link
from exports.spec.platform_export import format_title

DOOR = "link"

View = Callable[[HttpRequest, str], HttpResponseBase]


def _behind_a_link(view: View) -> View:
    """Refusals become friendly pages; no answer is kept, indexed, or told to another site by a ``Referer``."""

    @login_not_required
    @require_safe
    @wraps(view)
    def guarded(request: HttpRequest, token: str) -> HttpResponseBase:
        try:
            response = view(request, token)
        except tokens.SignInNeededError:
            response = redirect_to_login(request.get_full_path())
        except (GoneError, NotFoundError) as error:
            response = _refused(request, error)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers["Referrer-Policy"] = "no-referrer"
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return guarded


@_behind_a_link
def link(request: HttpRequest, token: str) -> HttpResponseBase:
    """What the file is, who shared it, until when. Looking at it uses nothing up: previews in chats come here too."""
    found = tokens.open_link(token, actor_of(request, DOOR))
    if found.artifact.report.altered_at is not None:
        raise GoneError(ALTERED)
    return render(request, "exports/link.html", {"link": found, "token": token, **_about(found)})


def _about(found: Link) -> dict[str, Any]:
    """What the file itself tells: nothing of the project, the export's name or what was asked."""
    artifact, report = found.artifact, found.artifact.report
    values = report.check_values or {}
    name = artifact.name
    return {
        "artifact": artifact,
        "format": format_title(report.format),
        "rows": values.get("rows_kept") if values.get("files") == 1 else None,
        "made_at": report.finished_at or report.created_at,
        "is_partly": found.one_time and not one_copy.use_of(found).has_room_for(artifact.bytes),
        "shell_name": shlex.quote(name),
        "public_key": installation_key().public.text,
        "powershell_name": "'" + name.replace("'", "''") + "'",
    }


@_behind_a_link
def link_file(request: HttpRequest, token: str) -> HttpResponseBase:
    """The bytes (:func:`exports.links.downloads.respond`)."""
    actor = actor_of(request, DOOR)
    found = tokens.open_link(token, actor)
    return downloads.respond(request, found.artifact, actor=actor, link=found)


@_behind_a_link
def link_manifest(request: HttpRequest, token: str) -> HttpResponseBase:
    """A manifest of this file alone, signed. It uses nothing up."""
    actor = actor_of(request, DOOR)
    return downloads.manifest_answer(
        delivery_actions.download_receipt(link=tokens.open_link(token, actor), actor=actor)
    )


@_behind_a_link
def link_verifier(request: HttpRequest, token: str) -> HttpResponseBase:
    """The program that verifies the file."""
    tokens.open_link(token, actor_of(request, DOOR))
    return downloads.verifier_answer()


def _refused(request: HttpRequest, error: UserError) -> HttpResponseBase:
    """404 for who may not know, 410 for what was good once. Nothing here tells of the file."""
    status = 410 if isinstance(error, GoneError) else 404
    wait = error.retry_after if isinstance(error, tokens.LinkGoneError) else None
    context = {
        "status": status,
        "message": error.message,
        "reason": getattr(error, "reason", ""),
        "is_running": wait is not None,
    }
    response = render(request, "exports/link_refused.html", context, status=status)
    if wait is not None:
        response.headers["Retry-After"] = str(wait)
    return response
