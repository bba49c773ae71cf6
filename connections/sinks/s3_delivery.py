"""What lies in a bucket, read: deliveries, and objects by themselves."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from django.utils.http import content_disposition_header

from connections.s3.client import Bucket
from connections.s3.folders import Folder
from connections.sinks.base import MANIFEST_NAME, DeliveredFileError, Delivery, Entry
from exportadmin.lib.errors import ExportAdminError, PermanentError, TransientError

MIB: Final = 1 << 20
# of one reading: the first is small, since many want a few bytes only
FIRST_READ, LARGEST_READ = 256 << 10, 8 * MIB


@contextmanager
def permanently() -> Iterator[None]:
    """For callers that have no way to try again."""
    try:
        yield
    except TransientError as error:
        raise PermanentError(str(error)) from error


class S3Delivery(Delivery):
    """The objects below a location. ``folder`` is ``None`` for one that is none of this bucket: it leads to nothing."""

    def __init__(self, location: str, folder: Folder | None, reach: Callable[[], Bucket]) -> None:
        super().__init__(location, folder.address if folder else "")
        self._folder = folder
        self._reach = reach

    def open(self, name: str, first: int = 0, last: int | None = None) -> _OpenedObject:
        """Raises ``TransientError`` and ``PermanentError`` too, where the store cannot be asked."""
        if self._folder is None or not _is_name(name):
            raise DeliveredFileError("is missing")
        return open_object(self._reach(), self._folder.key(name), first, last)

    def entries(self) -> Iterator[Entry]:
        """Raises as :meth:`open` does."""
        if self._folder is None:
            return
        bucket = self._reach()
        for page in bucket.pages("list_objects_v2", Prefix=self._folder.prefix):
            for listed in page.get("Contents", ()):
                found = bucket.head(listed["Key"])
                if found is not None:  # not removed this moment
                    name = listed["Key"].removeprefix(self._folder.prefix)
                    yield Entry(name, found["ContentLength"], _sha256_of(found))

    def url(self, name: str, seconds: int) -> str | None:
        if self._folder is None or not _is_name(name):
            return None
        bucket = self._reach()
        if not bucket.gives_urls:
            return None
        wanted = {
            "Bucket": bucket.name,
            "Key": self._folder.key(name),
            "ResponseContentDisposition": content_disposition_header(as_attachment=True, filename=name) or "attachment",
        }
        return bucket.client.generate_presigned_url("get_object", Params=wanted, ExpiresIn=seconds)

    def remove(self) -> None:
        """The manifest first: what has none is no dataset."""
        if self._folder is None:
            return
        with permanently():
            bucket, manifest = self._reach(), self._folder.key(MANIFEST_NAME)
            for key in sorted(bucket.keys(self._folder.prefix), key=lambda key: key != manifest):
                bucket.call("delete_object", Key=key)


def open_object(bucket: Bucket, key: str, first: int = 0, last: int | None = None) -> _OpenedObject:
    """As :meth:`connections.sinks.base.Delivery.open`, of any object. Raises ``TransientError`` and ``PermanentError``
    too, where the store cannot be asked.
    """
    found = bucket.head(key)
    if found is None:
        raise DeliveredFileError("is missing")
    return _OpenedObject(bucket, key, found, first, last)


def _is_name(name: str) -> bool:
    return name not in ("", ".", "..") and "/" not in name and "\x00" not in name


def _sha256_of(found: Mapping[str, Any]) -> str | None:
    """What the store calculated of a whole object, in hexadecimal; of one that came in parts it knows only theirs."""
    told = str(found.get("ChecksumSHA256", ""))
    return base64.b64decode(told).hex() if told and "-" not in told else None


class _OpenedObject:
    """Read in pieces as somebody comes for them: no connection is held while nobody does. The pieces are all of the
    one object that was opened; another in its place is noticed."""

    def __init__(self, bucket: Bucket, key: str, found: Mapping[str, Any], first: int, last: int | None) -> None:
        self.size = int(found["ContentLength"])
        self._bucket = bucket
        self._key = key
        self._same = {"IfMatch": found["ETag"]}
        if found.get("VersionId"):
            self._same["VersionId"] = found["VersionId"]
        self._end = self.size if last is None else min(last + 1, self.size)
        self._ahead = b""  # what was read and not yet given out
        self._given = 0  # of it
        self._next_read = FIRST_READ
        self._place = first

    def seek(self, place: int) -> None:
        offset = place - (self._place - self._given)
        if 0 <= offset <= len(self._ahead):
            self._given = offset
        else:
            self._ahead, self._given, self._next_read = b"", 0, FIRST_READ
        self._place = place

    def read(self, size: int) -> bytes:
        size = min(size, max(self._end - self._place, 0))
        if size <= 0:
            return b""
        if self._given == len(self._ahead):
            self._ahead, self._given = self._fetch(max(size, self._next_read)), 0
            self._next_read = min(2 * self._next_read, LARGEST_READ)
        piece = self._ahead[self._given : self._given + size]
        self._given += len(piece)
        self._place += len(piece)
        return piece

    def _fetch(self, size: int) -> bytes:
        last = min(self._place + size, self._end) - 1
        pieces: list[bytes] = []

        def whole(answer: Mapping[str, Any]) -> None:
            pieces[:] = [answer["Body"].read(size + 1)]  # a store that pays no heed to the range sends it all
            if len(pieces[0]) != last - self._place + 1:
                raise TransientError(f"{self._bucket.address(self._key)} broke off")

        try:
            self._bucket.call(
                "get_object", verify=whole, Key=self._key, Range=f"bytes={self._place}-{last}", **self._same
            )
        except ExportAdminError as error:
            raise OSError(str(error)) from error
        return pieces[0]

    def state(self) -> str:
        try:
            found = self._bucket.head(self._key)
        except ExportAdminError as error:
            raise OSError(str(error)) from error
        if found is None:
            raise OSError(f"{self._bucket.address(self._key)} is missing")
        told = (found["ETag"].strip('"'), found.get("VersionId", ""), f"{found['LastModified']:%Y%m%dT%H%M%S}")
        return ".".join(told)[:200]

    def close(self) -> None:
        self._ahead, self._end = b"", 0
