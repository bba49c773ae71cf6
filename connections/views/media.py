"""Media that Export Admin itself keeps (today: the demo project's pictures), for people who may see the project."""

from __future__ import annotations

import os
import re
import stat

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from connections.access.permissions import VIEW, can
from connections.models import Project

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
    if "\x00" in project_id:  # PostgreSQL takes none in a text, not even to look for it
        raise Http404("no such picture")
    project = Project.objects.filter(public_id=project_id).first()
    if project is None or not can(request.user, VIEW, project):
        raise Http404("no such picture")
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
    response = FileResponse(os.fdopen(descriptor, "rb"), content_type=MEDIA_TYPES[match[1]])
    response.headers["Cache-Control"] = "private, max-age=3600"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
