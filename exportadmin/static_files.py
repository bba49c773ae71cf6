"""Static files of an installation: what pages ask for, under hashed names, compressed once.

Libraries bring along much that no page of ours asks for (a second API explorer, source maps, other versions):
compressing it all took longer than the rest of the first start.

The web server collects them by itself when they are not there, or are of other files: of another version.
"""

from __future__ import annotations

import fcntl
import hashlib
import logging
import subprocess
import sys
from pathlib import Path
from typing import Final

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.apps import StaticFilesConfig
from django.contrib.staticfiles.finders import get_finders

log = logging.getLogger(__name__)

UNASKED: Final = [
    "*.map",
    "redoc",  # drf-spectacular's second explorer
    "rest_framework",  # REST answers in JSON; its own pages are switched off
    "htmx-4*",
    "htmax-4*",
    "ext",  # htmx's extensions
    "LICENSE*",
]


def leave_out_what_nobody_asks_for() -> None:
    """For ``collectstatic``. (A subclass of its app would do, but test tools look for Django's own name.)"""
    app = apps.get_app_config("staticfiles")
    app.ignore_patterns = [*StaticFilesConfig.ignore_patterns, *UNASKED]  # type: ignore[attr-defined]


def be_ready_to_serve() -> None:
    """Collect what pages need, where that was not done yet: some seconds. Before anything else asks for static files.

    Where the folder cannot be written (a full disk), pages get the files as they lie in their packages.
    """
    if settings.STORAGES["staticfiles"]["BACKEND"] != "exportadmin.static_storage.Storage":
        return
    folder = Path(settings.STATIC_ROOT)
    mark, wanted = folder / ".collected", _fingerprint()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_marked(mark, wanted):
            return
        with (folder / ".collecting").open("a") as one_at_a_time:
            fcntl.flock(one_at_a_time, fcntl.LOCK_EX)
            if _is_marked(mark, wanted):
                return
            log.info("collecting static files: once for a version")
            # a process of its own: here nobody has asked for a static file's name yet
            command = [sys.executable, "-m", "django", "collectstatic", "--noinput", "--verbosity", "0"]
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=settings.BASE_DIR)
            if done.returncode:
                raise OSError(0, " ".join(done.stderr.split())[-500:])
            mark.write_text(wanted)
    except OSError as error:
        log.warning("static files cannot be collected in %s: %s; they are served as they are", folder, error.strerror)
        plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
        settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}
        settings.WHITENOISE_USE_FINDERS = True


def _is_marked(mark: Path, wanted: str) -> bool:
    try:
        return mark.read_text() == wanted
    except (FileNotFoundError, UnicodeDecodeError):
        return False


def _fingerprint() -> str:
    """Of all files that would be collected, by name, size and time: installers give old times to new files."""
    ignored = apps.get_app_config("staticfiles").ignore_patterns  # type: ignore[attr-defined]
    digest = hashlib.sha256()
    for finder in get_finders():
        for name, storage in finder.list(ignored):
            state = Path(storage.path(name)).stat()
            digest.update(f"{name}\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()
