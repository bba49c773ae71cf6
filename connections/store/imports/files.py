"""What an import, or a sync, keeps: the file that it reads, until it has ended, and the rows that were refused.

They lie in a folder of its own. Where the installation keeps its files in a store, all of it is there, for whatever
machine goes on with it; the folder then holds copies for as long as somebody works with them.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Protocol

import orjson
from django.conf import settings
from django.db import transaction

from connections.artifact_store import SharedFolder
from connections.s3.client import S3MissingError
from connections.store.models import ImportRun
from exportadmin.lib.errors import ConflictError, ExportAdminError, PermanentError, TransientError, UserError
from exportadmin.lib.ids import new_id

log = logging.getLogger(__name__)

CHUNK_BYTES: Final = 1 << 20
ABANDONED_SECONDS: Final = 24 * 3600.0
# a batch's transaction must not wait for the store for long
SHARE_SECONDS: Final = 3.0


class BringsRows(Protocol):
    """A run that writes the rows of a file. ``local_path``: somebody's own file, read in place."""

    @property
    def kind(self) -> str: ...
    @property
    def public_id(self) -> str: ...
    @property
    def local_path(self) -> str: ...
    @property
    def label(self) -> str: ...


def folder_of(run: BringsRows) -> Path:
    """All that lies on disk for this run."""
    return Path(settings.EXPORTADMIN_HOME) / f"{run.kind}s" / run.public_id


def source_of(run: ImportRun) -> Path:
    """The file to read."""
    return Path(run.local_path) if run.local_path else folder_of(run) / "upload"


def refused_of(run: BringsRows) -> Path:
    """One JSON object a line: ``position``, ``reason`` and, where it could be read, ``value``."""
    return folder_of(run) / "refused.ndjson"


def make_folder(run: BringsRows) -> Path:
    """Its owner's only."""
    folder = folder_of(run)
    folder.parent.mkdir(mode=0o700, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _shared(run: BringsRows) -> SharedFolder | None:
    """Where it lies in the store; ``None``: there is no store."""
    return SharedFolder(f"{run.kind}s/{run.public_id}/") if settings.ARTIFACTS_STORE else None


def share_source(run: ImportRun) -> None:
    """Have it read by any machine; ``run`` is not saved. Raises ``TransientError``, ``PermanentError``."""
    if (store := _shared(run)) is None:
        return
    run.parts = [_part_name(0)]
    with source_of(run).open("rb") as file:
        store.put(run.parts[0], file)
    source_of(run).unlink()


@contextmanager
def source_at_hand(run: ImportRun) -> Iterator[Path]:
    """The file to read, on this machine. Raises ``PermanentError`` where it is gone, ``TransientError``."""
    path = source_of(run)
    store = None if run.local_path else _shared(run)
    try:
        if store is not None:
            make_folder(run)
            with path.open("wb") as copy, contextlib.suppress(S3MissingError):
                for name in run.parts:
                    copy.writelines(store.read(name))
        if not path.is_file() or (store is not None and path.stat().st_size != run.bytes_total):
            raise PermanentError(f"the file {run.file_name!r} is not there any more: send it again")
        yield path
    finally:
        if store is not None:
            path.unlink(missing_ok=True)


def remove_source(run: ImportRun) -> None:
    """The file that was sent; one that is read in place is somebody's own. Nothing left: no folder either."""
    if not run.local_path:
        (folder_of(run) / "upload").unlink(missing_ok=True)
    if run.parts and (store := _shared(run)) is not None:
        with contextlib.suppress(ExportAdminError):  # it goes with its project
            store.remove(store.names("upload/"))
    with contextlib.suppress(OSError):
        folder_of(run).rmdir()


def remove_all(run: BringsRows) -> None:
    """Nothing stays on disk, nor in the store. Raises what that says."""
    shutil.rmtree(folder_of(run), ignore_errors=True)
    if (store := _shared(run)) is not None:
        store.remove(store.names())


def write_part(run: ImportRun, first: int, length: int, stream: IO[bytes]) -> str:
    """``length`` bytes of the file, from byte ``first`` on, in memory of one chunk, or of one piece of the store's.

    Gives its name in the store, which counts as soon as the row says so; empty: there is no store. Raises
    :class:`ConflictError` while another part is being written, :class:`UserError` when fewer bytes come.
    """
    if (store := _shared(run)) is not None:
        name = _part_name(first)
        if (sent := store.put(name, _Limited(stream, length))) < length:
            store.remove([name])
            raise _too_few(sent, length)
        return name
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
        raise _too_few(length - left, length)
    return ""


def _too_few(sent: int, length: int) -> UserError:
    return UserError(f"the part ended after {sent:,} of {length:,} bytes: send it again", field="body")


def _part_name(first: int) -> str:
    """Of a part that begins at that byte. Of two that are sent at the same time the row names the one that counts."""
    return f"upload/{first:020}.{new_id()}"


class _Limited:
    """The next ``length`` bytes of a stream."""

    def __init__(self, stream: IO[bytes], length: int) -> None:
        self._stream, self._left = stream, length

    def read(self, size: int) -> bytes:
        chunk = self._stream.read(min(size, self._left))
        self._left -= len(chunk)
        return chunk


class RefusedLog:
    """Writes refused rows, from ``keep`` bytes of an earlier attempt on. Use as a context.

    ``skip``: so many refusals by the importer stand in those bytes already and come again.
    """

    def __init__(self, run: BringsRows, *, keep: int = 0, skip: int = 0) -> None:
        make_folder(run)
        self._store = _shared(run)
        self._is_shells = bool(run.local_path)  # whose user is told where the file is
        self._shared = keep
        if self._store is not None:
            _take_along(self._store, refused_of(run), keep)
        self._file = refused_of(run).open("ab")
        self._file.truncate(keep)
        self._file.seek(keep)
        self._flushed = -1
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
        """Have it on disk, and in the store. Its size in bytes."""
        size = self._file.tell()
        if size == self._flushed:  # as after nearly every batch: the disk is not waited for
            return size
        self._file.flush()
        os.fsync(self._file.fileno())
        if self._store is not None and size > self._shared:
            with open(self._file.name, "rb") as new:  # noqa: PTH123 - a name that open() gave
                new.seek(self._shared)
                # within the transaction of a batch: what it counts is there when it is committed
                self._store.put(_refused_name(self._shared), new, patience=SHARE_SECONDS)
            self._shared = size
        self._flushed = size
        return size

    def __enter__(self) -> RefusedLog:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()
        if self._store is not None and not self._is_shells:
            Path(self._file.name).unlink(missing_ok=True)


def cut_refused(run: BringsRows, size: int) -> None:
    """Take away what an attempt wrote after its last commit; empty: the file. In the store: after this transaction,
    which must not wait for it, and as far as it can be reached."""
    path = refused_of(run)
    transaction.on_commit(lambda: _cut_where_shared(run, size))
    if not path.exists():
        return
    if size:
        os.truncate(path, size)
    else:
        path.unlink()


def open_refused(run: BringsRows) -> IO[bytes] | None:
    """All refused rows of a run that has ended; ``None``: there are none. Raises ``TransientError``."""
    if (store := _shared(run)) is None:
        path = refused_of(run)
        return path.open("rb") if path.exists() and path.stat().st_size else None
    names = store.names("refused/")
    if not names:
        return None
    copy: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - whoever asked closes it
    for name in names:
        copy.writelines(store.read(name))
    copy.seek(0)
    return copy


def _refused_name(first: int) -> str:
    return f"refused/{first:020}"


def _cut_where_shared(run: BringsRows, size: int) -> None:
    try:
        if (store := _shared(run)) is not None:
            _cut_shared(store, size)
    except (TransientError, PermanentError) as error:
        log.warning("refused rows of %s that no batch counted stay in the store: %s", run.label, error)


def _cut_shared(store: SharedFolder, size: int) -> None:
    """What was shared after the last commit goes; a piece is committed whole or not at all."""
    store.remove(name for name in store.names("refused/") if name >= _refused_name(size))


def _take_along(store: SharedFolder, path: Path, size: int) -> None:
    """What an earlier attempt wrote and committed, perhaps on another machine."""
    _cut_shared(store, size)
    with path.open("wb") as copy:
        for name in store.names("refused/"):
            copy.writelines(store.read(name))


def first_refused(run: BringsRows, count: int) -> list[dict[str, Any]]:
    """The first refused rows: position and reason."""
    lines = open_refused(run)
    if lines is None:
        return []
    with lines:
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
