"""What an import keeps on disk: the file that was sent, until it has ended, and the rows that were refused."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final

import orjson
from django.conf import settings

from connections.store.models import ImportRun
from exportadmin.lib.errors import ConflictError, UserError

CHUNK_BYTES: Final = 1 << 20
ABANDONED_SECONDS: Final = 24 * 3600.0


def folder_of(run: ImportRun) -> Path:
    """All that lies on disk for this import."""
    return Path(settings.EXPORTADMIN_HOME) / "imports" / run.public_id


def source_of(run: ImportRun) -> Path:
    """The file to read."""
    return Path(run.local_path) if run.local_path else folder_of(run) / "upload"


def refused_of(run: ImportRun) -> Path:
    """One JSON object a line: ``position``, ``reason`` and, where it could be read, ``value``."""
    return folder_of(run) / "refused.ndjson"


def make_folder(run: ImportRun) -> Path:
    """Its owner's only."""
    folder = folder_of(run)
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def remove_source(run: ImportRun) -> None:
    """The file that was sent; one that is read in place is somebody's own. Nothing left: no folder either."""
    if not run.local_path:
        (folder_of(run) / "upload").unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder_of(run).rmdir()


def remove_all(run: ImportRun) -> None:
    """Nothing stays on disk."""
    shutil.rmtree(folder_of(run), ignore_errors=True)


def write_part(run: ImportRun, first: int, length: int, stream: IO[bytes]) -> None:
    """``length`` bytes of the file, from byte ``first`` on, in memory of one chunk.

    Raises :class:`ConflictError` while another part is being written, :class:`UserError` when fewer bytes come.
    """
    make_folder(run)
    descriptor = os.open(folder_of(run) / "upload", os.O_WRONLY | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConflictError(f"another part of import {run.public_id} is being received") from None
        file.seek(first)
        left = length
        while left and (chunk := stream.read(min(left, CHUNK_BYTES))):
            file.write(chunk)
            left -= len(chunk)
        file.flush()
        os.fsync(file.fileno())
    if left:
        raise UserError(f"the part ended after {length - left:,} of {length:,} bytes: send it again", field="body")


class RefusedLog:
    """Writes refused rows, from ``keep`` bytes of an earlier attempt on. Use as a context.

    ``skip``: so many refusals by the importer stand in those bytes already and come again.
    """

    def __init__(self, run: ImportRun, *, keep: int = 0, skip: int = 0) -> None:
        make_folder(run)
        self._file = refused_of(run).open("ab")
        self._file.truncate(keep)
        self._file.seek(keep)
        self._skip = skip

    def add(self, position: str, reason: str, value: Any = None) -> None:
        """One that the importer refused."""
        if self._skip:
            self._skip -= 1
            return
        self.add_new(position, reason, value)

    def add_new(self, position: str, reason: str, value: Any = None) -> None:
        """One that cannot have been met before."""
        line: dict[str, Any] = {"position": position, "reason": reason}
        if value is not None:
            line["value"] = value
        self._file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))

    def flush(self) -> int:
        """Have it on disk. Its size in bytes."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def __enter__(self) -> RefusedLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()


def cut_refused(run: ImportRun, size: int) -> None:
    """Take away what an attempt wrote after its last commit; empty: the file."""
    path = refused_of(run)
    if not path.exists():
        return
    if size:
        os.truncate(path, size)
    else:
        path.unlink()


def first_refused(run: ImportRun, count: int) -> list[dict[str, Any]]:
    """The first refused rows: position and reason."""
    path = refused_of(run)
    if not path.exists():
        return []
    with path.open("rb") as lines:
        found = [orjson.loads(line) for line in islice(lines, count)]
    return [{"position": line["position"], "reason": line["reason"]} for line in found]


@contextmanager
def made_folder(run: ImportRun) -> Iterator[Path]:
    """The folder of a run that is about to be; gone again when it does not come to be."""
    folder = make_folder(run)
    try:
        yield folder
    except BaseException:
        remove_all(run)
        raise


def sweep_staged(folder: Path) -> None:
    """Files of requests that died while they were sent."""
    before = time.time() - ABANDONED_SECONDS
    for path in folder.glob("*"):
        if path.stat().st_mtime < before:
            path.unlink(missing_ok=True)
