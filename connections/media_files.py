"""Media that Export Admin itself keeps (today: the demo project's pictures), by project and name."""

from __future__ import annotations

import os
import re
import stat
from typing import BinaryIO, Final

from django.conf import settings

# extension → media type; anything else is not handed out. SVG is missing on purpose: it can carry scripts.
MEDIA_TYPES: Final[dict[str, str]] = {
    "gif": "image/gif",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}
# one plain name: no folder, no hidden file, nothing that a file system reads in a way of its own
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}\.([a-z]{3,4})", re.ASCII)


def media_type_of(name: str) -> str | None:
    """``None``: no picture that is kept is called so."""
    match = _PLAIN_NAME.fullmatch(name)
    return MEDIA_TYPES.get(match[1]) if match else None


def open_media(project_id: str, name: str) -> BinaryIO | None:
    """``MEDIA_DIR/<project id>/<name>``; ``None`` where that is no picture. ``project_id`` is one of the database."""
    if media_type_of(name) is None:
        return None
    try:
        # a link in the file's place is not followed
        descriptor = os.open(
            settings.MEDIA_DIR / project_id / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        )
    except OSError:
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return os.fdopen(descriptor, "rb")
