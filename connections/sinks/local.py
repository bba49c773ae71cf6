"""Delivery into a folder of this machine: written under a temporary name, synced, renamed."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import shutil
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Final

from django.conf import settings

from connections.sinks.base import (
    MANIFEST_NAME,
    DeliveredFileError,
    Delivery,
    Draft,
    DraftFile,
    Entry,
    Leftover,
    ReportKey,
    Sink,
)
from exportadmin.lib.disk import full_disk_text, is_full, write_error
from exportadmin.lib.errors import PermanentError, TransientError, UserError
from exportadmin.lib.ids import LENGTH
from exportadmin.lib.private_files import as_usual
from exportadmin.lib.text import check_text

log = logging.getLogger(__name__)

_ID: Final = rf"[a-z2-7]{{{LENGTH}}}"
_FOLDER: Final = re.compile(rf"({_ID})", re.ASCII)
_DRAFT: Final = re.compile(rf"\.({_ID})\.(?:\d+|removed)\.part", re.ASCII)


class LocalSink(Sink):
    """Deliveries below the artifacts folder: ``<project id>/<report id>``, which is their location.

    With the setting ``folder`` (an absolute path; only the shell gives it, so it is no field) into exactly that folder,
    which must be new or empty and is its owner's, not ours; the location is then the path.
    """

    key = "local"
    title = "This machine"
    help = "Files stay on the machine that runs Export Admin."
    needs_connection = False

    @property
    def is_ours(self) -> bool:
        return "folder" not in self.settings

    def why_not(self) -> str:
        error = write_error(settings.ARTIFACTS_DIR, synced=False)
        return "" if error is None else (error.strerror or "no reason given")

    def free_bytes(self) -> int | None:
        place = Path(self.settings.get("folder") or settings.ARTIFACTS_DIR)
        while not place.exists():
            place = place.parent
        return shutil.disk_usage(place).free

    def forget_project(self, project_id: str) -> None:
        with contextlib.suppress(OSError):  # not empty: something is left over in it
            Path(settings.ARTIFACTS_DIR, project_id).rmdir()

    def begin(self, report: ReportKey) -> Draft:
        final = self._folder(report)
        if not self.is_ours:
            refuse_unless_free(final)
        try:
            final.parent.mkdir(parents=True, exist_ok=True)
            for leftover in _drafts(final.parent, report):
                shutil.rmtree(leftover)
            draft = final.parent / f".{report.report_id}.{report.attempt}.part"
            draft.mkdir(mode=0o700)
        except OSError as error:
            raise _permanent(error, final.parent) from error
        return LocalDraft(draft, final, self._location(report), is_ours=self.is_ours)

    def delivery(self, location: str) -> Delivery:
        return LocalDelivery(location)

    def published(self, report: ReportKey) -> Delivery | None:
        folder = self._folder(report)
        return LocalDelivery(self._location(report)) if folder.is_dir() and any(folder.iterdir()) else None

    def discard(self, report: ReportKey) -> None:
        for leftover in _drafts(self._folder(report).parent, report):
            shutil.rmtree(leftover, ignore_errors=True)

    def leftovers(self, older_than: datetime) -> Iterator[Leftover]:
        """Only what bears a name that we give and is a real folder; links are never followed."""
        before = older_than.timestamp()
        for project in _folders(settings.ARTIFACTS_DIR):
            if not _FOLDER.fullmatch(project.name):
                continue
            for path in _folders(project):
                draft, folder = _DRAFT.fullmatch(path.name), _FOLDER.fullmatch(path.name)
                found = draft or folder
                changed = _last_change(path)
                if found is None or changed >= before:
                    continue
                yield Leftover(
                    report_id=found[1],
                    location=f"{project.name}/{path.name}",
                    address=str(path),
                    changed_at=datetime.fromtimestamp(changed, UTC),
                    is_draft=draft is not None,
                    is_whole=draft is None and (path / MANIFEST_NAME).exists(),
                )

    def remove_leftover(self, leftover: Leftover) -> None:
        LocalDelivery(leftover.location).remove()

    def _location(self, report: ReportKey) -> str:
        return self.settings.get("folder") or f"{report.project_id}/{report.report_id}"

    def _folder(self, report: ReportKey) -> Path:
        return Path(settings.ARTIFACTS_DIR, self._location(report))


def folder_delivery(folder: Path) -> Delivery:
    """The delivery that lies in a folder of somebody's own."""
    return LocalDelivery(str(folder.absolute()))


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


class LocalDraft(Draft):
    """Everything happens in ``draft``; one rename makes it ``final``."""

    def __init__(self, draft: Path, final: Path, location: str, *, is_ours: bool = True) -> None:
        self.is_ours = is_ours
        self.draft = draft
        self.final = final
        self.location = location
        self._files: list[_LocalDraftFile] = []

    def open_file(self, name: str, media_type: str) -> DraftFile:
        self._files.append(_LocalDraftFile(self.draft / name, name, media_type))
        return self._files[-1]

    def commit(self, manifest: bytes) -> Delivery:
        self.write_file(MANIFEST_NAME, "application/json", [manifest])
        try:
            sync_folder(self.draft)
            if not self.is_ours:
                self._make_usual()
            if self.final.is_dir():
                self.draft.chmod(self.final.stat().st_mode & 0o7777)
            self.draft.rename(self.final)  # onto a new or an empty folder: one atomic step
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise PermanentError(f"{self.final} is not empty any more: nothing was delivered") from error
            raise _permanent(error, self.final) from error
        try:
            sync_folder(self.final.parent)
        except OSError:
            # it is visible and whole; a machine that loses power this very moment may forget the name, not the files
            log.exception("the folder of %s could not be synced", self.final)
        return LocalDelivery(self.location)

    def _make_usual(self) -> None:
        """In a folder of somebody's own, files can be opened by whom they usually are."""
        self.draft.chmod(as_usual(0o777))
        for file in self.draft.iterdir():
            file.chmod(as_usual(0o666))

    def abort(self) -> None:
        for file in self._files:
            with contextlib.suppress(OSError):  # what is left in its buffer finds no room on a full disk
                file.stream.close()
        shutil.rmtree(self.draft, ignore_errors=True)


class _LocalDraftFile(DraftFile):
    def __init__(self, path: Path, name: str, media_type: str) -> None:
        super().__init__(name, media_type)
        self.path = path
        try:
            self.stream = path.open("xb", buffering=1 << 18)
        except OSError as error:
            raise _permanent(error, path) from error

    def _write(self, chunk: bytes) -> None:
        try:
            self.stream.write(chunk)
        except OSError as error:
            raise _permanent(error, self.path, self.bytes + len(chunk)) from error

    def _close(self) -> None:
        try:
            self.stream.flush()
            os.fsync(self.stream.fileno())
            self.stream.close()
        except OSError as error:
            raise _permanent(error, self.path, self.bytes) from error


class LocalDelivery(Delivery):
    """A folder. A location that is neither absolute nor below the artifacts folder, and a name with a folder in it,
    lead nowhere: both may come from a row that was tampered with."""

    def __init__(self, location: str) -> None:
        parts = location.split("/")
        is_path = "\x00" not in location and not {".", ".."} & set(parts)
        is_place = is_path and (location.startswith("/") or (len(parts) == 2 and all(parts)))
        self._folder = Path(settings.ARTIFACTS_DIR, location) if is_place else None
        super().__init__(location, str(self._folder or ""))

    def open(self, name: str, first: int = 0, last: int | None = None) -> _OpenedLocalFile:
        if self._folder is None or name != PurePosixPath(name).name:
            raise DeliveredFileError("is missing")
        try:
            # O_NONBLOCK: a named pipe in the file's place must not hold the web worker
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(self._folder / name, flags)
        except (FileNotFoundError, NotADirectoryError):
            raise DeliveredFileError("is missing") from None
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise DeliveredFileError("was replaced by a link") from None
            if error.errno == errno.ENAMETOOLONG:
                raise DeliveredFileError("is missing") from None
            raise  # it may be there all the same: whoever asks cannot tell
        except ValueError:  # a NUL in the name
            raise DeliveredFileError("is missing") from None
        state = os.fstat(descriptor)
        if not stat.S_ISREG(state.st_mode):
            os.close(descriptor)
            raise DeliveredFileError("is no plain file any more")
        return _OpenedLocalFile(descriptor, state.st_size, first, last)

    def entries(self) -> Iterator[Entry]:
        """Files at any depth, and links, by their path within the folder: what was added is found by it."""
        if self._folder is None:
            return
        found: dict[str, int] = {}
        for root, folders, files in os.walk(self._folder, onerror=_unless_gone):
            base = Path(root)
            links = [name for name in folders if (base / name).is_symlink()]
            for path in (base / name for name in (*files, *links)):
                try:
                    found[str(path.relative_to(self._folder))] = path.lstat().st_size
                except FileNotFoundError:  # removed this moment
                    continue
        yield from (Entry(name, size) for name, size in sorted(found.items()))

    def remove(self) -> None:
        if self._folder is None:
            return
        gone = self._folder
        if not _DRAFT.fullmatch(gone.name):
            gone = self._folder.with_name(f".{self._folder.name}.removed.part")
            try:
                shutil.rmtree(gone, ignore_errors=True)
                self._folder.rename(gone)  # first out of sight, at once
            except FileNotFoundError:
                return
            except OSError as error:
                raise PermanentError(f"{self._folder} cannot be removed: {error.strerror or error}") from error
        try:
            shutil.rmtree(gone)
        except FileNotFoundError:
            return
        except OSError as error:
            raise PermanentError(f"{gone} cannot be removed: {error.strerror or error}") from error


def _unless_gone(error: OSError) -> None:
    """What cannot be listed may be there all the same."""
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise TransientError(f"{error.filename} cannot be read: {error.strerror}")


class _OpenedLocalFile:
    def __init__(self, descriptor: int, size: int, first: int, last: int | None) -> None:
        self.size = size
        self._end = None if last is None else last + 1
        self._file = os.fdopen(descriptor, "rb", buffering=0)
        self.seek(first)

    def seek(self, place: int) -> None:
        self._file.seek(place)

    def read(self, size: int) -> bytes:
        if self._end is not None:
            size = min(size, max(self._end - self._file.tell(), 0))
        return self._file.read(size)

    def state(self) -> str:
        now = os.fstat(self._file.fileno())
        return f"{now.st_dev}.{now.st_ino}.{now.st_size}.{now.st_mtime_ns}.{now.st_ctime_ns}"

    def close(self) -> None:
        self._file.close()


def _drafts(parent: Path, report: ReportKey) -> Iterator[Path]:
    return parent.glob(f".{report.report_id}.*.part")


def _folders(parent: Path) -> Iterator[Path]:
    try:
        with os.scandir(parent) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return
    yield from (parent / name for name in names)


def _last_change(folder: Path) -> float:
    """Seconds since 1970 of the last change in the folder or to a file directly in it; infinite: it is gone already."""
    try:
        times = [folder.stat().st_mtime]
        with os.scandir(folder) as entries:
            times += [entry.stat(follow_symlinks=False).st_mtime for entry in entries]
    except FileNotFoundError:
        return float("inf")
    return max(times)


def sync_folder(folder: Path) -> None:
    """Have the names in it on disk. Raises ``OSError``."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _permanent(error: OSError, path: Path, needed: int = 0) -> PermanentError:
    """``needed``: bytes that the file at ``path`` has at least, where it is one."""
    if is_full(error):
        words = f"{path.name} has {needed:,} bytes or more" if needed else ""
        return PermanentError(f"{full_disk_text(path.parent, words)} and run the export again")
    return PermanentError(f"{path} cannot be written: {error.strerror or error}")
