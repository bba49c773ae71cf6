"""The file behind an artifact: opened as it was delivered, or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO

from exportadmin.lib.errors import GoneError
from exports.models import Artifact

MISSING = "The file is no longer in its place. It was deleted or moved after the export."
CHANGED = "The file is no longer the one that was delivered: its size has changed since, so it is not handed out."


def open_delivered(artifact: Artifact) -> BinaryIO:
    """The regular file of the artifact, unbuffered, with the size that was delivered; the caller closes it.

    Raises :class:`GoneError` in words for a person: removed by retention, missing, or of another size.
    """
    report = artifact.report
    if report.files_removed_at is not None:
        raise GoneError(removed_words(artifact))
    # names are made by us and folders come from the report; a row that was tampered with leads nowhere else
    if not Path(report.location).is_absolute() or Path(artifact.name).name != artifact.name:
        raise GoneError(MISSING)
    try:
        file = _open(Path(report.location) / artifact.name)
    except (OSError, ValueError):  # ValueError: a NUL in the name
        raise GoneError(MISSING) from None
    if os.fstat(file.fileno()).st_size != artifact.bytes:
        file.close()
        raise GoneError(CHANGED)
    return file


def removed_words(artifact: Artifact) -> str:
    """When and why the file went away, as one sentence or two."""
    report = artifact.report
    at = report.files_removed_at
    when = f" on {at.day} {at:%b %Y}" if at else ""
    why = f" Reason: {report.files_removed_why.rstrip('.')}." if report.files_removed_why else ""
    return f"The file was removed{when}.{why}"


def _open(path: Path) -> BinaryIO:
    """Raises ``OSError``. A link in the file's place is not followed."""
    # O_NONBLOCK: a named pipe in the file's place must not hold the web worker
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FileNotFoundError(path)
    return os.fdopen(descriptor, "rb", buffering=0)
