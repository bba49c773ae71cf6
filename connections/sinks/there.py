"""What a platform delivered into a bucket of its own, as far as a connection of ours reaches it.

The manifest is ours and lies with this installation; the files lie where the platform put them, and stay there: nothing
there is written or removed by us.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

import orjson

from connections.models import Connection
from connections.s3.client import open_bucket
from connections.s3.folders import Folder
from connections.sinks.base import MANIFEST_NAME, DeliveredFileError, Delivery, Entry, OpenedFile
from connections.sinks.s3_delivery import open_object

# where the manifest says it: its key, and below it the names of the files → their keys in the bucket
HEAD, OBJECTS = "made_there", "objects"


@dataclass(frozen=True, slots=True)
class ObjectThere:
    """One object below a place. ``version`` is another one whenever it was written anew."""

    key: str
    bytes: int
    version: str


def objects_at(connection: Connection, place: str) -> Iterator[ObjectThere]:
    """What lies below ``s3://bucket/folder/`` now, by key, but for deliveries and drafts of ours, of whichever project.

    Raises ``PermanentError``, ``TransientError``.
    """
    bucket = open_bucket(connection)
    prefix = place.removeprefix(f"s3://{bucket.name}/")
    for page in bucket.pages("list_objects_v2", Prefix=prefix):
        for found in page.get("Contents", ()):
            key = found["Key"]
            is_ours = Folder.of_file(bucket.name, key) or Folder.of_mark(bucket.name, key)
            if not is_ours and not key.endswith("/"):  # how some programs write down a folder
                # the same bytes written once more have the same ETag
                version = f"{found.get('ETag', '')} {found['LastModified'].isoformat()}"
                yield ObjectThere(key, int(found["Size"]), version)


def read_object(connection: Connection, key: str, size: int) -> Iterator[bytes]:
    """Its bytes, ``size`` at once at most. Raises :class:`DeliveredFileError`, ``OSError``, as :func:`objects_at`."""
    with closing(open_object(open_bucket(connection), key)) as file:
        while chunk := file.read(size):
            yield chunk


class DeliveryThere(Delivery):
    """``kept`` is the delivery that holds the manifest; ``connection`` reaches the files, ``None``: nothing does."""

    def __init__(self, kept: Delivery, connection: Connection | None) -> None:
        super().__init__(kept.location, kept.address)
        self._kept = kept
        self._connection = connection
        self._read: Mapping[str, str] | None = None

    def open(self, name: str, first: int = 0, last: int | None = None) -> OpenedFile:
        if name == MANIFEST_NAME:
            return self._kept.open(name, first, last)
        key = self._keys().get(name)
        if key is None or self._connection is None:
            raise DeliveredFileError("is missing")
        return open_object(open_bucket(self._connection), key, first, last)

    def entries(self) -> Iterator[Entry]:
        """What else lies where the platform delivers is none of this delivery's business."""
        kept = list(self._kept.entries())
        yield from kept
        if not kept or self._connection is None:
            return
        bucket = open_bucket(self._connection)
        for name, key in sorted(self._keys().items()):
            if (found := bucket.head(key)) is not None:
                yield Entry(name, int(found["ContentLength"]))

    def remove(self) -> None:
        """The manifest alone: the files are the platform's."""
        self._kept.remove()

    def _keys(self) -> Mapping[str, str]:
        """Name → key, as the manifest tells; it is read once."""
        if self._read is None:
            self._read = self._told()
        return self._read

    def _told(self) -> Mapping[str, str]:
        with closing(self._kept.open(MANIFEST_NAME)) as file:
            read: Callable[[int], bytes] = file.read
            raw = b"".join(iter(lambda: read(1 << 20), b""))
        try:
            told = orjson.loads(raw)[HEAD][OBJECTS]
        except (ValueError, LookupError, TypeError):  # it was changed, which whoever looks at it finds out
            return {}
        return {name: key for name, key in told.items() if isinstance(key, str)} if isinstance(told, dict) else {}
