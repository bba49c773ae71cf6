"""Whether a folder can be written to, and the words for a disk that is full."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

# as little as a file system gives
_PROBE: Final = bytes(4096)


def is_full(error: OSError) -> bool:
    """Is it the disk, or one's share of it, that has no room?"""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def is_trouble_of_the_disk(error: OSError) -> bool:
    """Full or read-only, which changes without us; else it is the folder that is wrong."""
    return is_full(error) or error.errno == errno.EROFS


def write_error(folder: Path, *, synced: bool = True) -> OSError | None:
    """What stops a file from being written into a folder, which is made where there is none; ``None``: nothing.

    Tried, not asked: rights, a read-only or full disk and a quota all say no in their own way. ``synced``: to the disk
    itself, which somebody who waits for a page has no time for.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".write-check-") as probe:
            probe.write(_PROBE)
            probe.flush()
            if synced:
                os.fsync(probe.fileno())
    except OSError as error:
        return error
    return None


def full_disk_text(folder: Path, needed: str = "") -> str:
    """``needed``: what could not be written, with its bytes."""
    try:
        free = f"{shutil.disk_usage(folder).free:,} bytes are free"
    except OSError:  # the folder is gone, too
        free = ""
    figures = ", ".join(filter(None, (needed, free)))
    return f"the disk that holds {folder} is full{f' ({figures})' if figures else ''}: free some space"
