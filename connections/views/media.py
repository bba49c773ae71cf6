"""Media that Export Admin itself keeps (today: the demo project's pictures), for people who may see the project."""

from __future__ import annotations

import os
import re
import stat

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from connections.access.lookup import get_project
from connections.models import Project
from exportadmin.audit.middleware import actor_of
from exportadmin.audit.models import DONE, REFUSED
from exportadmin.audit.once import record_once
from exportadmin.lib.errors import HiddenError

# extension → media type; anything else is not shown. SVG is missing on purpose: it can carry scripts.
MEDIA_TYPES: dict[str, str] = {
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}
# one plain name: no folder, no hidden file, nothing that a file system reads in a way of its own
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}\.([a-z]{3,4})", re.ASCII)


@require_safe
def media(request: HttpRequest, project_id: str, name: str) -> HttpResponseBase:
    """``MEDIA_DIR/<project id>/<name>``; 404 for anything that is not a picture kept for a project of the user's."""
    match = _PLAIN_NAME.fullmatch(name)
    if match is None or match[1] not in MEDIA_TYPES:
        raise Http404("no such picture")
    try:
        project = get_project(request, project_id)
    except HiddenError as error:
        _note(request, error.about["project"], REFUSED, "not visible to the one who asked")
        raise Http404("no such picture") from None
    try:
        # the folder is named by the database, not by the request; a link in the file's place is not followed
        descriptor = os.open(
            settings.MEDIA_DIR / project.public_id / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        )
    except OSError:
        raise Http404("no such picture") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Http404("no such picture")
    _note(request, project)
    response = FileResponse(os.fdopen(descriptor, "rb"), content_type=MEDIA_TYPES[match[1]])
    response.headers["Cache-Control"] = "private, max-age=3600"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _note(request: HttpRequest, project: Project, outcome: str = DONE, reason: str = "") -> None:
    """A page asks for as many pictures as it shows rows: one line of the trail for all of them."""
    event, actor = "project.pictures_seen", actor_of(request)
    record_once(event, actor=actor, key="", project=project, obj=project, outcome=outcome, reason=reason)
