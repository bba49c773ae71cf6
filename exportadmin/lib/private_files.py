"""What an installation writes is its owner's alone: rows, keys and the trail are nobody else's on a machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o077
_users_umask = 0o022


def write_private_files() -> None:
    """From now on what this process and its children make can be opened by its owner only."""
    global _users_umask
    before = os.umask(PRIVATE)
    if before != PRIVATE:
        _users_umask = before


def as_usual(mode: int) -> int:
    """``mode`` as whoever started this process would have it, for what is delivered into a folder of theirs."""
    return mode & ~_users_umask


def close_to_others(path: Path) -> bool:
    """Take from others what they may with ``path``. ``False``: it is not ours, and they still may."""
    mode = path.stat().st_mode
    if not mode & PRIVATE:
        return True
    try:
        path.chmod(mode & 0o7700)
    except OSError:
        return False
    return True
