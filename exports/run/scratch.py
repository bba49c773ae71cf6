"""Spools of a run: a folder of its own, gone when the run is over."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from django.conf import settings

from exportadmin.lib.disk import full_disk_text, is_full
from exportadmin.lib.errors import PermanentError, TransientError
from exportadmin.lib.ids import LENGTH
from exportadmin.runs.errors import NotYet
from exports.models import ExportReport

_NAME: Final = re.compile(rf"([a-z2-7]{{{LENGTH}}})\.\d+", re.ASCII)


def _root() -> Path:
    return Path(settings.EXPORTADMIN_HOME, "scratch")


@contextmanager
def folder_for(report: ExportReport, *, goes_on: bool = False) -> Iterator[Path]:
    """An empty folder; what a killed attempt left is taken away first. ``goes_on``: it is gone on with instead, and
    stays while the run waits.

    Raises :class:`PermanentError` with figures where the disk is full. A sink has words of its own for its disk.
    """
    folder = _root() / f"{report.report_id}.{report.attempts}"
    is_over = True
    try:
        if goes_on and not folder.exists() and (left := sorted(_root().glob(f"{report.report_id}.*"))):
            left[-1].rename(folder)
        if not goes_on or not folder.exists():
            discard(report.report_id)
            folder.mkdir(parents=True)
        yield folder
    except (NotYet, TransientError):
        is_over = not goes_on
        raise
    except OSError as error:
        if not is_full(error):
            raise
        spooled = sum(path.stat().st_size for path in folder.glob("*"))
        words = full_disk_text(_root(), f"what is kept there until the file is whole has {spooled:,} bytes so far")
        raise PermanentError(f"{words} and run the export again") from error
    finally:
        if is_over:
            shutil.rmtree(folder, ignore_errors=True)


def discard(report_id: str) -> None:
    """Take away spools of attempts that died."""
    for leftover in _root().glob(f"{report_id}.*"):
        shutil.rmtree(leftover, ignore_errors=True)


def older_than(moment: datetime) -> Iterator[tuple[str, Path]]:
    """``(report id, folder)`` of spools that were last written before ``moment``; links are never followed."""
    for path in sorted(_root().glob("*")):
        if (found := _NAME.fullmatch(path.name)) and path.is_dir() and not path.is_symlink():
            changed = max((one.lstat().st_mtime for one in (path, *path.iterdir())), default=0.0)
            if changed < moment.timestamp():
                yield found[1], path
