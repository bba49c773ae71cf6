"""Files that come with a form: straight to disk, and only where a view says that it takes one.

A file of any other request is read past and kept nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeVar

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, StopUpload
from django.http import HttpRequest

from exportadmin.lib.errors import UserError
from exportadmin.lib.ids import new_id

if TYPE_CHECKING:
    _UploadedFile = UploadedFile[bytes]
else:
    _UploadedFile = UploadedFile

View = TypeVar("View", bound=Callable[..., Any])
FIELD: Final = "file"


class TooLargeError(UserError):
    """The file has more bytes than the installation takes."""


def takes_files(view: View) -> View:
    """The view (or class of one) takes one file, as the field ``file`` or as the body itself."""
    view.takes_files = True  # type: ignore[attr-defined]
    return view


def view_takes_files(view: Any) -> bool:
    """Says so of a view, or of the class that it was made from."""
    return bool(getattr(getattr(view, "cls", view), "takes_files", False))


def check_upload(request: HttpRequest) -> None:
    """Raises :class:`UserError` with the reason why a file of this request was not kept. Call it after the form was
    read."""
    refusal: UserError | None = getattr(request, "upload_refusal", None)
    if refusal is not None:
        raise refusal


class StagedFile(_UploadedFile):
    """A file that was received whole. Closed (at the end of its request), it is gone unless it was moved."""

    def __init__(self, path: Path, name: str | None, size: int, content_type: str | None) -> None:
        super().__init__(None, name, content_type, size)
        self.path = path

    def move_to(self, target: Path) -> None:
        """Keep it there."""
        self.path.replace(target)

    def close(self) -> None:
        """Take away what nobody moved."""
        self.path.unlink(missing_ok=True)


class StagedUploads(FileUploadHandler):
    """Writes to ``UPLOADS_DIR`` in chunks, up to ``IMPORT_MAX_BYTES``."""

    chunk_size = 1 << 20
    _path: Path | None = None
    _stream: BinaryIO

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Raises :class:`SkipFile` where no file is taken."""
        super().new_file(*args, **kwargs)
        if not self._is_taken():
            raise SkipFile
        settings.UPLOADS_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = settings.UPLOADS_DIR / new_id()
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._stream = os.fdopen(descriptor, "wb")

    def _is_taken(self) -> bool:
        """By its view, from somebody who is signed in (the form is read before the view begins, to look for its CSRF
        token)."""
        request: Any = self.request
        view = request.resolver_match.func if request.resolver_match else None
        is_wanted = view_takes_files(view) and self.field_name == FIELD
        return bool(is_wanted and self._path is None and request.user.is_authenticated)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Raises :class:`StopUpload` when there is no room for more."""
        if start + len(raw_data) > settings.IMPORT_MAX_BYTES:
            limit = f"{settings.IMPORT_MAX_BYTES:,} bytes (EXPORTADMIN_IMPORT_MAX_BYTES)"
            self._stop(TooLargeError(f"the file has more than {limit}", field=FIELD))
        try:
            self._stream.write(raw_data)
        except OSError as error:
            self._stop(UserError(f"the file could not be kept: {error.strerror}", field=FIELD))

    def _stop(self, refusal: UserError) -> None:
        self.request.upload_refusal = refusal  # type: ignore[union-attr]
        self._discard()
        raise StopUpload(connection_reset=True)

    def file_complete(self, file_size: int) -> StagedFile | None:
        """The file, on disk."""
        if self._path is None:
            return None
        self._stream.close()
        return StagedFile(self._path, self.file_name, file_size, self.content_type)

    def upload_interrupted(self) -> None:
        """The caller went away."""
        self._discard()

    def _discard(self) -> None:
        if self._path is not None:
            self._stream.close()
            self._path.unlink(missing_ok=True)


def content_range(value: str) -> tuple[int, int, int]:
    """``bytes 0-1048575/5000000`` as ``(first, last, total)``. Raises :class:`UserError`."""
    unit, _, rest = value.partition(" ")
    span, slash, total = rest.partition("/")
    first, dash, last = span.partition("-")
    numbers = (first, last, total)
    if unit != "bytes" or not slash or not dash or not all(part.isdecimal() and len(part) < 19 for part in numbers):
        raise UserError(
            f"Content-Range {value[:60]!r} is not of the form: bytes FIRST-LAST/TOTAL", field="Content-Range"
        )
    return int(first), int(last), int(total)
