"""The file that the platform made for a sync: in a private folder of our home, until the run has ended."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
from pathlib import Path
from typing import Final

from django.conf import settings

from connections.store.imports.files import folder_of, make_folder
from connections.sync.models import SyncRun
from exportadmin.runs import statuses

_NAME: Final = "fetched"


def folder_for(run: SyncRun) -> Path:
    """Its owner's only, with what an attempt before had begun to fetch: a platform that can goes on behind it."""
    folder = make_folder(run) / _NAME
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def file_of(run: SyncRun) -> Path | None:
    """The file, where it was fetched whole, on this machine."""
    kept = run.state.get("file")
    if kept is None:
        return None
    path = folder_of(run) / _NAME / str(kept["name"])
    return path if path.is_file() and path.stat().st_size == kept["bytes"] else None


def digest_of(path: Path) -> str:
    """Equal for equal files."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def remove(run: SyncRun) -> None:
    """The file goes; refused rows stay, where there are any."""
    shutil.rmtree(folder_of(run) / _NAME, ignore_errors=True)
    with contextlib.suppress(OSError):
        folder_of(run).rmdir()


def sweep() -> None:
    """Files of syncs that ended, or were taken over, on another machine while this one was dead."""
    for folder in (Path(settings.EXPORTADMIN_HOME) / f"{SyncRun.kind}s").glob(f"*/{_NAME}"):
        run = SyncRun.objects.filter(public_id=folder.parent.name).first()
        if run is None or run.status in statuses.TERMINAL:
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(OSError):
                folder.parent.rmdir()
