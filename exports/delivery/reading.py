"""The file behind an artifact: opened as it was delivered, or not at all."""

from __future__ import annotations

import hashlib
import io
import logging
from typing import Any

from connections.sinks.base import MANIFEST_NAME, DeliveredFileError, OpenedFile
from exportadmin.lib.errors import GoneError, PermanentError, TransientError, UnavailableError, UserError
from exports.delivery.destination import delivery_of
from exports.delivery.integrity import is_as_delivered, mark_altered
from exports.delivery.verify import read_whole
from exports.models import Artifact, ExportReport

log = logging.getLogger(__name__)

MISSING = "The file is no longer in its place. It was deleted or moved after the export."
ALTERED = (
    "The file is no longer the one that was delivered, or another file of the same export is not. "
    "Nothing of it is handed out until a verification finds everything as it was."
)
# why, the log says: whoever holds a link need not know where the file lies
UNREACHABLE = "The file cannot be read at this moment, as the place where it lies does not answer. Try again later."


class DeliveredFileReader(io.RawIOBase):
    """An opened file of a sink as Python's own readers (buffers, zip) want it."""

    def __init__(self, file: OpenedFile) -> None:
        self._file = file
        self._place = 0

    def state(self) -> str:
        """See :meth:`connections.sinks.base.OpenedFile.state`."""
        return self._file.state()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._file.size}[whence]
        if self._place != max(base + offset, 0):
            self._place = max(base + offset, 0)
            self._file.seek(self._place)
        return self._place

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        self._place += len(data)
        return len(data)

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._file.size if size < 0 else size)
        self._place += len(data)
        return data

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def open_delivered(artifact: Artifact) -> DeliveredFileReader:
    """The plain file of the artifact, unbuffered, as it was delivered; the caller closes it.

    Raises :class:`GoneError` in words for a person: removed by retention, missing, or not what was delivered (which is
    kept on the report and recorded); :class:`UnavailableError` where nobody can tell.
    """
    report = artifact.report
    if report.files_removed_at is not None:
        raise GoneError(removed_text(report))
    if report.altered_at is not None:
        raise GoneError(ALTERED)
    try:
        file = delivery_of(report).open(artifact.name)
    except (DeliveredFileError, OSError, UserError):  # the last: a kind of destination that there is not any more
        raise GoneError(MISSING) from None
    except (TransientError, PermanentError) as error:
        raise _unreachable(report, error) from None
    try:
        is_right = is_as_delivered(artifact, file)
    except OSError as error:
        file.close()
        raise _unreachable(report, error) from None
    except BaseException:
        file.close()
        raise
    if not is_right:
        what = "size" if file.size != artifact.bytes else "content"
        file.close()
        mark_altered(report, f"the {what} of {artifact.name} has changed")
        raise GoneError(ALTERED)
    return DeliveredFileReader(file)


def read_manifest(report: ExportReport) -> bytes:
    """The manifest as it was delivered. Raises as :func:`open_delivered` does."""
    if report.files_removed_at is not None:
        raise GoneError(removed_text(report))
    if report.altered_at is not None:
        raise GoneError(ALTERED)
    try:
        raw = read_whole(delivery_of(report), MANIFEST_NAME)
    except (DeliveredFileError, OSError, UserError):
        raise GoneError(MISSING) from None
    except (TransientError, PermanentError) as error:
        raise _unreachable(report, error) from None
    if hashlib.sha256(raw).hexdigest() != report.manifest_sha256:
        mark_altered(report, f"the content of {MANIFEST_NAME} has changed")
        raise GoneError(ALTERED)
    return raw


def _unreachable(report: ExportReport, error: Exception) -> UnavailableError:
    log.warning("the files of report %s cannot be read: %s", report.report_id, error)
    return UnavailableError(UNREACHABLE)


def removed_text(report: ExportReport) -> str:
    """When and why the files went away, as one sentence or two."""
    at = report.files_removed_at
    when = f" on {at.day} {at:%b %Y}" if at else ""
    why = f" Reason: {report.files_removed_why.rstrip('.')}." if report.files_removed_why else ""
    return f"The file was removed{when}.{why}"
