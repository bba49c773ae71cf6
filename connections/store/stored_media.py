"""Which picture of ours a row's address names, if any. Other addresses are never asked for anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.urls import reverse
from PIL import Image, UnidentifiedImageError

from connections.media_files import media_type_of
from connections.models import Project


@dataclass(frozen=True, slots=True)
class KeptPicture:
    """``address`` is a path of this installation."""

    address: str
    path: Path

    def size(self) -> tuple[int, int] | None:
        """Width and height in pixels, from the file's head; ``None`` for what is no picture after all."""
        try:
            with Image.open(self.path) as picture:
                return picture.size
        except (OSError, ValueError, UnidentifiedImageError, Image.DecompressionBombError):
            return None


def kept_picture(project: Project, row_data: object) -> KeptPicture | None:
    """The picture of ``/media/<this project's id>/<name>``, where it is there; ``None`` for every other address."""
    prefix = f"/media/{project.public_id}/"
    if not isinstance(row_data, str) or not row_data.startswith(prefix):
        return None
    name = row_data.removeprefix(prefix)
    if media_type_of(name) is None:
        return None
    path = settings.MEDIA_DIR / project.public_id / name
    if path.is_symlink() or not path.is_file():
        return None
    return KeptPicture(reverse("media:media", args=[project.public_id, name]), path)
