"""Delivery into a folder of this machine: written under a temporary name, synced, renamed (DESIGN.md §5)."""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from connections.sinks.base import DeliveredFile, Delivery, Sink
from exportadmin.lib.errors import PermanentError, UserError
from exportadmin.lib.text import check_text

MANIFEST_NAME = "manifest.json"
log = logging.getLogger(__name__)


class LocalSink(Sink):
    """Deliveries below ``root``; or, with ``exact``, into exactly that folder, which must be new or empty."""

    key = "local"
    title = "This machine"

    def __init__(self, root: Path, *, exact: bool = False) -> None:
        self.root = root
        self.exact = exact

    def begin(self, report_id: str, folder_name: str, attempt: int) -> Delivery:
        final = self.root if self.exact else self.root / folder_name
        if self.exact:
            refuse_unless_free(final)
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            for leftover in final.parent.glob(f".{report_id}.*.part"):
                shutil.rmtree(leftover)
            draft = final.parent / f".{report_id}.{attempt}.part"
            draft.mkdir(mode=0o777 if self.exact else 0o750)
        except OSError as error:
            raise _in_words(error, final.parent) from error
        return LocalDelivery(draft, final)


def refuse_unless_free(folder: Path) -> None:
    """Raises :class:`UserError` when ``folder`` holds something, or cannot be put in place by one rename."""
    check_text(str(folder), "output")
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UserError(f"{folder} is not a folder", field="output")
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder} is not empty; name a new or empty folder for each export", field="output")
    if folder.is_dir() and (folder.is_mount() or folder.samefile(Path.cwd())):
        # the delivery appears by one rename, which would leave a shell in a deleted folder, or fail on a mount
        raise UserError(f"{folder} is where you stand or a mount point; name a folder below it", field="output")


class LocalDelivery(Delivery):
    """Everything happens in ``draft``; one rename makes it ``final``."""

    def __init__(self, draft: Path, final: Path) -> None:
        self.draft = draft
        self.final = final

    def write_file(self, name: str, media_type: str, chunks: Iterable[bytes]) -> DeliveredFile:
        digest = hashlib.sha256()
        size = 0
        path = self.draft / name
        # the writer's own errors pass as they are; only ours about the disk are put into words
        try:
            stream = path.open("xb", buffering=1 << 18)
        except OSError as error:
            raise _in_words(error, path) from error
        with stream:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                try:
                    stream.write(chunk)
                except OSError as error:
                    raise _in_words(error, path) from error
            try:
                stream.flush()
                os.fsync(stream.fileno())
            except OSError as error:
                raise _in_words(error, path) from error
        return DeliveredFile(name, media_type, size, digest.hexdigest())

    def commit(self, manifest: bytes) -> str:
        self.write_file(MANIFEST_NAME, "application/json", [manifest])
        try:
            _sync_folder(self.draft)
            if self.final.is_dir():
                self.draft.chmod(self.final.stat().st_mode & 0o7777)
            self.draft.rename(self.final)  # onto a new or an empty folder: one atomic step
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise PermanentError(f"{self.final} is not empty any more: nothing was delivered") from error
            raise _in_words(error, self.final) from error
        try:
            _sync_folder(self.final.parent)
        except OSError:
            # it is visible and whole; a machine that loses power this very moment may forget the name, not the files
            log.exception("the folder of %s could not be synced", self.final)
        return str(self.final)

    def abort(self) -> None:
        shutil.rmtree(self.draft, ignore_errors=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _in_words(error: OSError, path: Path) -> PermanentError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return PermanentError(f"the disk that holds {path.parent} is full: free some space and run the export again")
    return PermanentError(f"{path} cannot be written: {error.strerror or error}")
