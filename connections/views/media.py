"""Media that Export Admin itself keeps (today: the demo project's pictures), for people who may see the project."""

from __future__ import annotations

from django.http import FileResponse, Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from connections.access.lookup import get_project
from connections.media_files import media_type_of, open_media
from connections.models import Project
from exportadmin.audit.middleware import actor_of
from exportadmin.audit.models import DONE, REFUSED
from exportadmin.audit.once import record_once
from exportadmin.lib.errors import HiddenError


@require_safe
def media(request: HttpRequest, project_id: str, name: str) -> HttpResponseBase:
    """``MEDIA_DIR/<project id>/<name>``; 404 for anything that is not a picture kept for a project of the user's."""
    media_type = media_type_of(name)
    if media_type is None:
        raise Http404("no such picture")
    try:
        project = get_project(request, project_id)
    except HiddenError as error:
        _note(request, error.about["project"], REFUSED, "not visible to the one who asked")
        raise Http404("no such picture") from None
    picture = open_media(project.public_id, name)
    if picture is None:
        raise Http404("no such picture")
    _note(request, project)
    response = FileResponse(picture, content_type=media_type)
    response.headers["Cache-Control"] = "private, max-age=3600"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _note(request: HttpRequest, project: Project, outcome: str = DONE, reason: str = "") -> None:
    """A page asks for as many pictures as it shows rows: one line of the trail for all of them."""
    event, actor = "project.pictures_seen", actor_of(request)
    record_once(event, actor=actor, key="", project=project, obj=project, outcome=outcome, reason=reason)
