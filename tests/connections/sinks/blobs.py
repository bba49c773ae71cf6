"""A second real sink, as unlike a folder of named files as can be: content-addressed blobs and an index of deliveries.

``<root>/blobs/<sha256>`` holds bytes, ``<root>/index/<report id>.json`` which names they have in one delivery. Writing
the index is the commit; a blob that two deliveries share is there once.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

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
    SinkField,
)
from exportadmin.lib.errors import PermanentError


class BlobSink(Sink):
    """Below the home, in a folder of the connection's name."""

    key = "blobs"
    title = "Blob store"
    help = "Keeps equal files once."
    fields = (SinkField("shelf", "Shelf", "the part of the store, without a slash"),)

    @property
    def root(self) -> Path:
        assert self.connection is not None
        return Path(settings.EXPORTADMIN_HOME, "blob-stores", self.connection.name)

    def address(self, report: ReportKey) -> str:
        return f"blobs:{self._location(report)}/"

    def begin(self, report: ReportKey) -> Draft:
        self.discard(report)
        folder = self.root / "drafts" / f"{report.report_id}.{report.attempt}"
        folder.mkdir(parents=True)
        return BlobDraft(self.root, folder, self._location(report))

    def delivery(self, location: str) -> Delivery:
        return BlobDelivery(self.root, location)

    def published(self, report: ReportKey) -> Delivery | None:
        found = BlobDelivery(self.root, self._location(report))
        return found if found.index.exists() else None

    def discard(self, report: ReportKey) -> None:
        for folder in (self.root / "drafts").glob(f"{report.report_id}.*"):
            shutil.rmtree(folder, ignore_errors=True)

    def leftovers(self, older_than: datetime) -> Iterator[Leftover]:
        for path in sorted([*self.root.glob("drafts/*"), *self.root.glob("index/*/*.json")]):
            if path.stat().st_mtime < older_than.timestamp():
                is_draft = path.is_dir()
                changed_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                location = path.name if is_draft else f"{path.parent.name}/{path.stem}"
                yield Leftover(
                    path.name.split(".")[0],
                    location,
                    f"blobs:{location}",
                    changed_at,
                    is_draft=is_draft,
                    is_whole=not is_draft,
                )

    def remove_leftover(self, leftover: Leftover) -> None:
        if leftover.is_draft:
            shutil.rmtree(self.root / "drafts" / leftover.location)
        else:
            self.delivery(leftover.location).remove()

    def _location(self, report: ReportKey) -> str:
        return f"{self.settings.get('shelf') or 'main'}/{report.report_id}"


class BlobDraft(Draft):
    def __init__(self, root: Path, folder: Path, location: str) -> None:
        self.root, self.folder, self.location = root, folder, location
        self.files: list[BlobDraftFile] = []

    def open_file(self, name: str, media_type: str) -> DraftFile:
        self.files.append(BlobDraftFile(self.folder / str(len(self.files)), name, media_type))
        return self.files[-1]

    def commit(self, manifest: bytes) -> Delivery:
        self.write_file(MANIFEST_NAME, "application/json", [manifest])
        (self.root / "blobs").mkdir(exist_ok=True)
        index: dict[str, Any] = {}
        for file in self.files:
            digest = hashlib.sha256(file.path.read_bytes()).hexdigest()
            index[file.name] = [file.bytes, digest]
            if not (self.root / "blobs" / digest).exists():
                file.path.rename(self.root / "blobs" / digest)
        delivery = BlobDelivery(self.root, self.location)
        delivery.index.parent.mkdir(parents=True, exist_ok=True)
        listing = self.folder / "index"
        listing.write_text(json.dumps(index))
        try:
            os.link(listing, delivery.index)
        except FileExistsError:
            raise PermanentError(f"{delivery.address} is there already: nothing was delivered") from None
        self.abort()
        return delivery

    def abort(self) -> None:
        for file in self.files:
            file.stream.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class BlobDraftFile(DraftFile):
    def __init__(self, path: Path, name: str, media_type: str) -> None:
        super().__init__(name, media_type)
        self.path = path
        self.stream = path.open("xb")

    def _write(self, chunk: bytes) -> None:
        self.stream.write(chunk)

    def _close(self) -> None:
        self.stream.close()


class BlobDelivery(Delivery):
    def __init__(self, root: Path, location: str) -> None:
        super().__init__(location, f"blobs:{location}")
        self.root = root
        is_place = re.fullmatch(r"[a-z0-9-]+/[a-z2-7]{24}", location) is not None
        self.index = root / "index" / (f"{location}.json" if is_place else "nowhere")

    def _names(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self.index.read_text())
        except FileNotFoundError:
            return {}
        return found

    def open(self, name: str, first: int = 0, last: int | None = None) -> OpenedBlob:
        found = self._names().get(name)
        try:
            stream = (self.root / "blobs" / found[1]).open("rb") if found else None
        except FileNotFoundError:
            stream = None
        if stream is None:
            raise DeliveredFileError("is missing")
        return OpenedBlob(stream, first, last)

    def entries(self) -> Iterator[Entry]:
        yield from (Entry(name, size, digest) for name, (size, digest) in sorted(self._names().items()))

    def remove(self) -> None:
        gone = {digest for _, digest in self._names().values()}
        self.index.unlink(missing_ok=True)
        for other in self.root.glob("index/*/*.json"):
            gone -= {digest for _, digest in json.loads(other.read_text()).values()}
        for digest in gone:
            (self.root / "blobs" / digest).unlink(missing_ok=True)


class OpenedBlob:
    def __init__(self, stream: BinaryIO, first: int, last: int | None) -> None:
        self.stream, self.end = stream, last
        self.size = os.fstat(stream.fileno()).st_size
        stream.seek(first)

    def read(self, size: int) -> bytes:
        if self.end is not None:
            size = min(size, max(self.end + 1 - self.stream.tell(), 0))
        return self.stream.read(size)

    def seek(self, place: int) -> None:
        self.stream.seek(place)

    def state(self) -> str:
        now = os.fstat(self.stream.fileno())
        return f"{now.st_ino}.{now.st_size}.{now.st_mtime_ns}.{now.st_ctime_ns}"

    def close(self) -> None:
        self.stream.close()
