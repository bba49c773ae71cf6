"""Delivery into a bucket of Amazon S3, or of a store that speaks its language.

A delivery is ``<folder>/<report id>/<file>``, and ``manifest.json`` beside the files, written last: without it there is
no dataset. Files leave in parts while rows stream, so that neither disk nor memory has to hold one; what is uploaded
becomes visible when the upload is completed, and that is done in the commit alone.

From its beginning to its end a draft has a marker, ``<folder>/.<report id>.<attempt>.part``. Dead drafts are found by
it, and it is a fence: who begins another attempt takes the markers of the earlier ones away, and a process that was
believed dead finds at its commit that its own is gone. No object is ever written over: each write says
``If-None-Match: *``.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import datetime
from typing import Any, Final

from connections.models import Connection
from connections.s3 import names
from connections.s3.client import (
    Bucket,
    S3ConditionError,
    S3Error,
    S3MissingError,
    open_bucket,
    sha256_text,
)
from connections.s3.connection import BucketConnection
from connections.s3.folders import Folder
from connections.sinks.base import (
    MANIFEST_NAME,
    Delivery,
    Draft,
    DraftFile,
    Leftover,
    ReportKey,
    Sink,
    SinkField,
)
from connections.sinks.s3_delivery import S3Delivery, permanently
from exportadmin.lib.errors import ExportAdminError, PermanentError, TransientError

log = logging.getLogger(__name__)

MIB: Final = 1 << 20
# parts have this size; beyond the first thousand they grow, so that 10,000 hold the 5 TiB that an object may have
PART_BYTES = 8 * MIB
EVEN_PARTS: Final = 1_000
GROWTH: Final = 0.13  # of a MiB, from part to part
UPLOADS: Final = 4
# bytes that wait to be sent or are being sent, over all files of a draft
ON_THE_WAY = 32 * MIB


class S3Sink(BucketConnection, Sink):
    """Below the connection's bucket and prefix. The location of a delivery is ``bucket/folder/<report id>``."""

    key = "s3"
    title = "S3 bucket"
    help = "Files go into a bucket of Amazon S3 or of a store that speaks its language."
    fields = (
        SinkField(
            "folder",
            "Folder",
            "bucket/path/to/folder/, with a slash at its end; s3://bucket/path/to/folder/ is taken too",
            is_required=True,
        ),
    )

    # --- where -------------------------------------------------------------------------------------------------------

    @property
    def is_remote(self) -> bool:
        return True

    @property
    def bucket(self) -> Bucket:
        """Raises ``PermanentError`` for secrets that cannot be had."""
        assert self.connection is not None
        return open_bucket(self.connection)

    @classmethod
    def parse_settings(cls, connection: Connection | None, settings: Mapping[str, str]) -> dict[str, str]:
        return {**settings, "folder": _folder_of(connection, settings)}

    @classmethod
    def starts(cls, connection: Connection) -> dict[str, str]:
        return {"folder": _folder_of(connection, {})}

    def _folder(self, report: ReportKey) -> Folder:
        bucket, _, path = _folder_of(self.connection, self.settings).partition("/")
        return Folder(bucket, path, report.report_id)

    def address(self, report: ReportKey) -> str:
        return self._folder(report).address

    def why_not(self) -> str:
        try:
            bucket = self.bucket
            bucket.call("list_objects_v2", patience=0.0, Prefix=bucket.prefix, MaxKeys=1)
        except ExportAdminError as error:
            return str(error)
        return ""

    # --- life of a delivery ------------------------------------------------------------------------------------------

    def begin(self, report: ReportKey) -> Draft:
        bucket, folder = self.bucket, self._folder(report)
        _sweep(bucket, folder)
        draft = S3Draft(bucket, folder, report)
        draft.mark()
        return draft

    def delivery(self, location: str) -> Delivery:
        assert self.connection is not None
        folder = Folder.of_location(str(self.connection.config.get("bucket", "")), location)
        return S3Delivery(location, folder, lambda: self.bucket)

    def published(self, report: ReportKey) -> Delivery | None:
        bucket, folder = self.bucket, self._folder(report)
        if bucket.head(folder.key(MANIFEST_NAME)) is None:
            return None
        return S3Delivery(folder.location, folder, lambda: bucket)

    def discard(self, report: ReportKey) -> None:
        try:
            _sweep(self.bucket, self._folder(report))
        except ExportAdminError as error:
            log.warning("drafts of report %s stay at %s: %s", report.report_id, self.address(report), error)

    def leftovers(self, older_than: datetime) -> Iterator[Leftover]:
        """All objects below the prefix are listed, others' too: what bears a name that we give is looked at."""
        bucket = self.bucket
        drafts: set[Folder] = set()
        for folder, attempt, changed, is_whole in _groups(bucket):
            if not is_whole:
                if folder in drafts:  # its marker, which stands before it, has told of it
                    continue
                drafts.add(folder)
            if changed < older_than:
                # without a marker it was published: its manifest was taken away by others
                yield _leftover(folder, changed, is_draft=attempt is not None, is_whole=is_whole)
        for page in bucket.pages("list_multipart_uploads", Prefix=bucket.prefix):
            for upload in page.get("Uploads", ()):
                found = Folder.of_file(bucket.name, upload["Key"])
                if found is not None and found not in drafts and upload["Initiated"] < older_than:
                    drafts.add(found)
                    yield _leftover(found, upload["Initiated"], is_draft=True, is_whole=False)

    def remove_leftover(self, leftover: Leftover) -> None:
        if not leftover.is_draft:
            self.delivery(leftover.location).remove()
            return
        bucket = self.bucket
        folder = Folder.of_location(bucket.name, leftover.location)
        if folder is not None:
            with permanently():
                _sweep(bucket, folder)


def _folder_of(connection: Connection | None, settings: Mapping[str, str]) -> str:
    """``bucket/path/``; the connection's own prefix where none is named. Raises :class:`UserError`."""
    config = connection.config if connection is not None else {}
    bucket, prefix = str(config.get("bucket", "")), str(config.get("prefix", ""))
    return names.folder(settings.get("folder") or f"{bucket}/{prefix}", bucket, prefix)


def _leftover(folder: Folder, changed_at: datetime, *, is_draft: bool, is_whole: bool) -> Leftover:
    return Leftover(folder.report_id, folder.location, folder.address, changed_at, is_draft=is_draft, is_whole=is_whole)


def _groups(bucket: Bucket) -> Iterator[tuple[Folder, int | None, datetime, bool]]:
    """What of ours lies there: markers (with their attempt) and folders of files: last change, has it a manifest?"""
    current: Folder | None = None
    changed, is_whole = datetime.min, False
    for page in bucket.pages("list_objects_v2", Prefix=bucket.prefix):
        for found in page.get("Contents", ()):
            key, at = found["Key"], found["LastModified"]
            marked, folder = Folder.of_mark(bucket.name, key), Folder.of_file(bucket.name, key)
            if current is not None and folder != current:
                yield current, None, changed, is_whole
                current = None
            if marked is not None:
                yield *marked, at, False
            elif folder is not None:
                is_new = current is None
                changed = at if is_new else max(changed, at)
                is_whole = (not is_new and is_whole) or key == folder.key(MANIFEST_NAME)
                current = folder
    if current is not None:
        yield current, None, changed, is_whole


def _sweep(bucket: Bucket, folder: Folder) -> None:
    """Take away what attempts left half-made. What was published stays. Raises as :meth:`Bucket.call` does."""
    for mark in bucket.keys(folder.marks):  # first: from now on none of them can commit
        bucket.call("delete_object", Key=mark)
    keys = bucket.keys(folder.prefix)  # after that: one that was committing meanwhile has published, and stays
    _abort_uploads(bucket, folder.prefix)
    if folder.key(MANIFEST_NAME) in keys:
        return
    for key in keys:
        bucket.call("delete_object", Key=key)


def _abort_uploads(bucket: Bucket, prefix: str) -> None:
    for page in bucket.pages("list_multipart_uploads", Prefix=prefix):
        for upload in page.get("Uploads", ()):
            try:
                bucket.call("abort_multipart_upload", Key=upload["Key"], UploadId=upload["UploadId"])
            except S3MissingError:
                continue


# --- writing ---------------------------------------------------------------------------------------------------------


def part_size(number: int) -> int:
    """Bytes of the part of that number, from 1 on."""
    return PART_BYTES + int(max(0, number - EVEN_PARTS) * GROWTH * MIB)


class S3Draft(Draft):
    """Parts are sent by threads; whoever writes waits where too many bytes are on their way."""

    def __init__(self, bucket: Bucket, folder: Folder, report: ReportKey) -> None:
        self.bucket = bucket
        self.folder = folder
        self.metadata = {"report-id": report.report_id, "attempt": str(report.attempt)}
        self.held = 0  # bytes of small files that wait for the commit
        self._files: list[_S3DraftFile] = []
        self._mark = folder.mark(report.attempt)
        self._visible: list[str] = []  # keys of objects that this draft made
        self._pool = ThreadPoolExecutor(UPLOADS, thread_name_prefix="s3")
        self._room = threading.Condition()
        self._on_the_way = 0
        self._failure: BaseException | None = None
        self._is_over = False
        self._is_published = False
        self._may_be_published = False

    def mark(self) -> None:
        """Put the marker in its place, and find out once whether the store keeps what this sink relies on."""
        bucket = self.bucket
        try:
            answer = bucket.call("put_object", Key=self._mark, Body=b"", Metadata=self.metadata, **bucket.write)
            bucket.known["etag is md5"] = answer.get("ETag", "").strip('"') == hashlib.md5(b"").hexdigest()  # noqa: S324
            if bucket.has_conditions and not bucket.known.get("conditions"):
                if not bucket.honours_conditions(self._mark):
                    raise S3Error(
                        f"{bucket.where} ignores If-None-Match, so that one delivery could be written over by another: "
                        "nothing was delivered. Where that is no danger, choose to look first in connection "
                        f"{bucket.connection_name!r}"
                    )
                bucket.known["conditions"] = True
        except BaseException:
            self.abort()
            raise

    def open_file(self, name: str, media_type: str) -> DraftFile:
        self._files.append(_S3DraftFile(self, name, media_type))
        return self._files[-1]

    # --- threads -----------------------------------------------------------------------------------------------------

    def submit(self, send: Callable[[], None], size: int) -> None:
        """Have a thread send so many bytes, once there is room. Raises what became of earlier ones."""
        with self._room:
            while self._on_the_way and self._on_the_way + size > ON_THE_WAY and self._failure is None:
                self._room.wait()
            self.check()
            self._on_the_way += size
        self._pool.submit(self._send, send, size)

    def check(self) -> None:
        """Raises what a thread met."""
        if self._failure is not None:
            raise self._failure

    def is_over(self) -> bool:
        """Is there nothing left to be tried again for?"""
        return self._is_over or self._failure is not None

    def _send(self, send: Callable[[], None], size: int) -> None:
        try:
            if not self.is_over():
                send()
        except BaseException as error:
            self._failure = self._failure or error
        finally:
            with self._room:
                self._on_the_way -= size
                self._room.notify_all()

    def _arrive(self) -> None:
        """Everything that is on its way has arrived. Raises what a thread met."""
        with self._room:
            while self._on_the_way and self._failure is None:
                self._room.wait()
        self.check()

    # --- the commit --------------------------------------------------------------------------------------------------

    def commit(self, manifest: bytes) -> Delivery:
        self._arrive()
        self._must_stand()
        try:
            wait([self._pool.submit(self._send, file.finish, 0) for file in self._files])
            self.check()
            self._must_stand()
            self._publish(manifest)
        except S3ConditionError as error:
            raise PermanentError(f"{error}: nothing was delivered") from error
        self._is_published = True
        self._end()
        try:
            self.bucket.call("delete_object", Key=self._mark)
        except ExportAdminError as error:  # it is found and taken away later
            log.warning("the marker %s stays: %s", self.bucket.address(self._mark), error)
        return S3Delivery(self.folder.location, self.folder, lambda: self.bucket)

    def _must_stand(self) -> None:
        """Raises ``PermanentError`` where another attempt has begun, or somebody took the draft away."""
        if self.bucket.head(self._mark) is None:
            raise PermanentError(
                f"{self.bucket.address(self._mark)} is gone: another attempt has begun, or somebody took the draft "
                "away. By this attempt nothing was delivered"
            )

    def put(self, key: str, body: bytes, media_type: str) -> None:
        """A whole object, where there is none. Raises :class:`S3ConditionError` where there is another."""
        sha256 = hashlib.sha256(body).hexdigest()
        metadata = {**self.metadata, "sha256": sha256}
        try:
            self.bucket.put_new(key, body, ContentType=media_type, Metadata=metadata, **self.bucket.write)
        except S3ConditionError:
            self.adopt(key, len(body), sha256)
        else:
            self._visible.append(key)

    def adopt(self, key: str, size: int, sha256: str) -> None:
        """There is an object: was it made by a request of ours whose answer was lost, or is it just the same?

        ``sha256``: in hexadecimal, or of its parts as S3 writes it. Raises :class:`S3ConditionError` for another.
        """
        found = self.bucket.head(key) or {}
        metadata = found.get("Metadata", {})
        is_mine = self.metadata.items() <= metadata.items()
        is_same = metadata.get("report-id") == self.folder.report_id and sha256 in (
            metadata.get("sha256"),
            found.get("ChecksumSHA256"),
        )
        if found.get("ContentLength") != size or not (is_mine or is_same):
            raise S3ConditionError(f"{self.bucket.address(key)} is there already, and is another file")
        if is_mine:
            self._visible.append(key)

    def made(self, key: str) -> None:
        """This draft made an object visible."""
        self._visible.append(key)

    def _publish(self, manifest: bytes) -> None:
        key = self.folder.key(MANIFEST_NAME)
        try:
            self.put(key, manifest, "application/json")
        except TransientError as error:
            # the answer is lost, not the request: what may be published must not lose its files
            self._may_be_published = True
            try:
                self.adopt(key, len(manifest), hashlib.sha256(manifest).hexdigest())
            except S3ConditionError:
                self._may_be_published = False
                raise error from None

    # --- giving up ---------------------------------------------------------------------------------------------------

    def abort(self) -> None:
        if self._is_published:
            return
        self._end()
        for file in self._files:
            file.abandon()
        if self._may_be_published:
            return
        for key in self._visible:
            if self._is_mine(key):
                self._tidy("delete_object", Key=key)
        self._visible.clear()
        self._tidy("delete_object", Key=self._mark)

    def _is_mine(self, key: str) -> bool:
        """Another attempt may have taken it away and put its own there."""
        try:
            found = self.bucket.head(key) or {}
        except ExportAdminError:
            return False
        return bool(self.metadata.items() <= found.get("Metadata", {}).items())

    def _tidy(self, action: str, **parameters: Any) -> None:
        try:
            self.bucket.call(action, **parameters)
        except S3MissingError:
            return
        except ExportAdminError as error:  # left over, to be found later
            log.warning("something of a draft stays: %s", error)

    def abandon(self, key: str, upload_id: str) -> None:
        """Take an upload away."""
        self._tidy("abort_multipart_upload", Key=key, UploadId=upload_id)

    def _end(self) -> None:
        """No thread sends anything from now on."""
        self._is_over = True
        self._pool.shutdown(cancel_futures=True)


class _S3DraftFile(DraftFile):
    """Bytes gather in a part, which leaves when it is full. The first that leaves begins the upload."""

    def __init__(self, draft: S3Draft, name: str, media_type: str) -> None:
        super().__init__(name, media_type)
        self._key = draft.folder.key(name)
        self._draft = draft
        self._upload_id = ""
        self._part = bytearray()
        self._parts = 0
        self._sent: dict[int, dict[str, Any]] = {}
        self._digests: dict[int, bytes] = {}

    def _write(self, chunk: bytes) -> None:
        self._draft.check()
        rest = memoryview(chunk)
        while rest:
            size = part_size(self._parts + 1)
            room = size - len(self._part)
            self._part += rest[:room]
            rest = rest[room:]
            if len(self._part) == size:
                self._leave()

    def _close(self) -> None:
        """What is smaller than a part waits for the commit, as long as not too much does."""
        self._draft.check()
        if not self._upload_id and self._draft.held + len(self._part) <= PART_BYTES:
            self._draft.held += len(self._part)
        elif self._part:
            self._leave()

    def _leave(self) -> None:
        draft = self._draft
        if not self._upload_id:
            answer = draft.bucket.call(
                "create_multipart_upload",
                Key=self._key,
                ContentType=self.media_type,
                Metadata=draft.metadata,
                ChecksumAlgorithm="SHA256",
                **draft.bucket.write,
            )
            self._upload_id = str(answer["UploadId"])
        self._parts += 1
        number, body, self._part = self._parts, self._part, bytearray()
        draft.submit(lambda: self._upload(number, body), len(body))

    def _upload(self, number: int, body: bytearray) -> None:
        bucket = self._draft.bucket
        digest = hashlib.sha256(body).digest()
        checksum = sha256_text(digest)

        def verify(answer: Mapping[str, Any]) -> None:
            if not _has_arrived(bucket, answer, checksum, body):
                raise TransientError(f"a part of {bucket.address(self._key)} arrived changed")

        answer = bucket.call(
            "upload_part",
            is_over=self._draft.is_over,
            verify=verify,
            Key=self._key,
            UploadId=self._upload_id,
            PartNumber=number,
            Body=body,
            ChecksumSHA256=checksum,
        )
        told = {"ChecksumSHA256": checksum} if "ChecksumSHA256" in answer else {}
        self._sent[number] = {"PartNumber": number, "ETag": answer["ETag"], **told}
        self._digests[number] = digest

    def finish(self) -> None:
        """Make it visible. Raises :class:`S3ConditionError` where something else is."""
        draft = self._draft
        if not self._upload_id:
            draft.put(self._key, bytes(self._part), self.media_type)
            return
        numbers = sorted(self._sent)
        parts = sha256_text(hashlib.sha256(b"".join(self._digests[number] for number in numbers)).digest())
        checksum = f"{parts}-{len(numbers)}"
        try:
            answer = draft.bucket.call(
                "complete_multipart_upload",
                Key=self._key,
                UploadId=self._upload_id,
                MultipartUpload={"Parts": [self._sent[number] for number in numbers]},
                **draft.bucket.unless(self._key),
            )
        except (S3ConditionError, S3MissingError):
            draft.adopt(self._key, self.bytes, checksum)
            self.abandon()
            return
        self._upload_id = ""
        draft.made(self._key)
        if answer.get("ChecksumSHA256", checksum) not in (checksum, parts):
            raise PermanentError(f"{draft.bucket.address(self._key)} arrived changed: nothing was delivered")

    def abandon(self) -> None:
        """Take the upload away, if it is one that was not completed."""
        if self._upload_id:
            self._draft.abandon(self._key, self._upload_id)


def _has_arrived(bucket: Bucket, answer: Mapping[str, Any], checksum: str, body: bytearray) -> bool:
    """A store tells the SHA-256 of what it has got, or an ETag that is the MD5, or nothing that could be compared."""
    if "ChecksumSHA256" in answer:
        return bool(answer["ChecksumSHA256"] == checksum)
    if bucket.known.get("etag is md5") and answer.get("ServerSideEncryption", "AES256") == "AES256":
        return str(answer.get("ETag", "")).strip('"') == hashlib.md5(body, usedforsecurity=False).hexdigest()
    return True
