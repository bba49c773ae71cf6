"""The test of an S3 connection, step by step: all that an export needs of a bucket, tried with a small object.

What one request tells is several steps: who gets an answer has reached the store, whoever is not refused for its keys
is known there. A step that cannot be tried because of another one is skipped.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from connections.adapters import FAILED, PASSED, SKIPPED, Step, Steps
from connections.models import Connection
from connections.s3.client import (
    Bucket,
    S3ConditionError,
    S3Error,
    S3MissingError,
    S3SignInError,
    open_bucket,
    sha256_text,
)
from exportadmin.lib.errors import ExportAdminError
from exportadmin.lib.ids import new_id

# seconds, of one request with its tries: somebody waits
PATIENCE: Final = 10.0
# S3 refuses requests that are further off
MOST_SKEW_SECONDS: Final = 15 * 60
CONTENT: Final = b"Export Admin tries out a connection with this, and takes it away again.\n"
NAME: Final = ".export-admin-test-"

TITLES: Final[Mapping[str, str]] = {
    "reach": "Reach the store",
    "clock": "Same time",
    "sign_in": "Sign in",
    "bucket": "Find the bucket",
    "region": "Region",
    "owner": "Owner",
    "write": "Write an object",
    "read": "Read it back",
    "conditions": "Write nothing over",
    "abort": "Abort an upload",
    "delete": "Delete an object",
}
_STEPS: Final = Steps(TITLES)
_step: Final = _STEPS.ended
_ELSEWHERE: Final = frozenset(
    {"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
    | {"301", "307"}
)
_DENIED: Final = frozenset({"AccessDenied", "403", "Forbidden"})


def run(connection: Connection) -> Iterator[Step]:
    """A step as it ends. Raises nothing that is the store's or the connection's."""
    try:
        bucket = open_bucket(connection)
    except ExportAdminError as error:
        yield from _STEPS.without_secrets(error, "Give the connection secrets that can be had.", at="sign_in")
        return
    trial = _Trial(bucket, str(connection.config.get("region", "")))
    try:
        yield from trial.steps()
    finally:
        trial.tidy_up()


@dataclass(slots=True)
class _Answer:
    """Of one request: ``told`` is the store's, ``error`` what became of it (``None``: nothing went wrong)."""

    told: dict[str, Any] = field(default_factory=dict)
    error: ExportAdminError | None = None

    @property
    def code(self) -> str:
        """The store's own short name of what went wrong; empty: nothing did, or it did not say so."""
        return self.error.code if isinstance(self.error, S3Error) else ""

    @property
    def headers(self) -> Mapping[str, str]:
        """Of the HTTP answer, in lower case; none where there was no answer."""
        told = self.told or getattr(self._refusal, "response", {})
        headers = told.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        return {name.lower(): str(value) for name, value in headers.items()}

    @property
    def is_the_stores(self) -> bool:
        """Is it an answer of the store, and not of who lends roles, or none at all?"""
        return getattr(self._refusal, "operation_name", "AssumeRole") != "AssumeRole"

    @property
    def _refusal(self) -> BaseException | None:
        """What boto3 raised for an answer; ``None``: there was no answer."""
        error: BaseException | None = self.error
        while error is not None and not isinstance(getattr(error, "response", None), dict):
            error = error.__cause__ or error.__context__
        return error

    @property
    def is_of_sign_in(self) -> bool:
        """Did it go wrong for who we are?"""
        return isinstance(self.error, S3SignInError)


class _Trial:
    """One run of the test, with what it has made so far."""

    def __init__(self, bucket: Bucket, region: str) -> None:
        self._bucket = bucket
        self._region = region
        self._key = f"{bucket.prefix}{NAME}{new_id()}"
        self._is_written = False
        self._uploads: list[str] = []

    def steps(self) -> Iterator[Step]:
        """All of them, in their order."""
        # whose the bucket is has a step of its own
        anybodys = replace(self._bucket, owner="")
        first = self._ask("list_objects_v2", anybodys, Prefix=self._bucket.prefix, MaxKeys=1)
        for find in (self._reach, self._clock, self._sign_in, self._find):
            step = find(first)
            yield step
            is_needed = step.key != "bucket" or first.code not in _DENIED
            if step.state == FAILED and is_needed:
                yield from _STEPS.skipped_after(step.key)
                return
        step = self._in_region(first)
        yield step
        if step.state == FAILED:
            yield from _STEPS.skipped_after(step.key)
            return
        yield self._owner()
        step = self._write()
        yield step
        if step.state == FAILED:
            yield from _STEPS.skipped_after(step.key)
            return
        yield self._read()
        yield self._conditions()
        yield self._abort()
        yield self._delete()

    def tidy_up(self) -> None:
        """Take away what is left, as far as that can be."""
        for upload in self._uploads:
            with contextlib.suppress(ExportAdminError):
                self._call("abort_multipart_upload", Key=self._key, UploadId=upload)
        if self._is_written:
            with contextlib.suppress(ExportAdminError):
                self._call("delete_object", Key=self._key)

    # --- what the first request tells --------------------------------------------------------------------------------

    def _reach(self, first: _Answer) -> Step:
        if first.is_of_sign_in and not first.is_the_stores:
            return _step("reach", SKIPPED, "nothing was asked")
        if first.headers:
            return _step("reach", PASSED, f"{self._bucket.where} answers")
        advice = (
            "Check the endpoint: scheme, host and port. An address within your own network has to be named as private "
            "address, by a superuser."
        )
        return _step("reach", FAILED, str(first.error), advice)

    def _clock(self, first: _Answer) -> Step:
        advice = "Set this machine's clock by a time server (NTP)."
        if first.code == "RequestTimeTooSkewed":
            return _step("clock", FAILED, str(first.error), advice)
        try:
            told = parsedate_to_datetime(first.headers.get("date", ""))
            apart = (datetime.now(UTC) - told).total_seconds()
        except (TypeError, ValueError):
            return _step("clock", SKIPPED, "the store does not say what time it is")
        words = f"this machine's clock is {abs(apart):.0f} seconds {'ahead of' if apart > 0 else 'behind'} the store's"
        if abs(apart) > MOST_SKEW_SECONDS:
            return _step("clock", FAILED, f"{words}; more than {MOST_SKEW_SECONDS // 60} minutes are refused", advice)
        return _step("clock", PASSED, words if abs(apart) > 5 else "")

    def _sign_in(self, first: _Answer) -> Step:
        if not first.is_of_sign_in:
            return _step("sign_in", PASSED, "the store knows the keys")
        advice = "Check access key id and secret access key, or the role and who may assume it; set them anew."
        return _step("sign_in", FAILED, str(first.error), advice)

    def _find(self, first: _Answer) -> Step:
        name = self._bucket.name
        if first.error is None or first.code in _ELSEWHERE:
            return _step("bucket", PASSED, f"bucket {name} is there")
        if first.code in _DENIED:
            return _step("bucket", FAILED, str(first.error), f"Allow s3:ListBucket on arn:aws:s3:::{name}.")
        return _step("bucket", FAILED, str(first.error), f"Make the bucket {name}, or correct its name.")

    def _in_region(self, first: _Answer) -> Step:
        told = first.headers.get("x-amz-bucket-region", "")
        if first.code in _ELSEWHERE:
            return _step("region", FAILED, str(first.error), f"Set the region to {told or 'that of the bucket'}.")
        if not told:
            return _step("region", PASSED, f"requests for {self._region} are taken")
        if told != self._region:
            words = f"the bucket lies in {told}, not in {self._region}"
            return _step("region", FAILED, words, f"Set the region to {told}.")
        return _step("region", PASSED, f"the bucket lies in {told}")

    # --- what others tell --------------------------------------------------------------------------------------------

    def _owner(self) -> Step:
        owner = self._bucket.owner
        if not owner:
            return _step("owner", SKIPPED, "no owner is expected: the connection names none")
        answer = self._ask("head_bucket")
        if answer.error is None:
            return _step("owner", PASSED, f"the bucket belongs to account {owner}, as far as the store looks at that")
        return _step("owner", FAILED, str(answer.error), f"Correct the account ({owner}), or the bucket's name.")

    def _write(self) -> Step:
        checksum = sha256_text(hashlib.sha256(CONTENT).digest())
        answer = self._ask("put_object", Key=self._key, Body=CONTENT, ChecksumSHA256=checksum, **self._bucket.write)
        if answer.error is not None:
            return _step("write", FAILED, str(answer.error), self._allow("s3:PutObject"))
        self._is_written = True
        return _step("write", PASSED, self._bucket.address(self._key))

    def _read(self) -> Step:
        def whole(told: dict[str, Any]) -> None:
            told["Read"] = told["Body"].read()

        answer = self._ask("get_object", Key=self._key, verify=whole)
        if answer.error is not None:
            return _step("read", FAILED, str(answer.error), self._allow("s3:GetObject"))
        if answer.told["Read"] != CONTENT:
            return _step("read", FAILED, "what was read is not what was written", "Do not deliver to this store.")
        return _step("read", PASSED)

    def _conditions(self) -> Step:
        """Of an object, and of an upload that is completed: files of each sort are delivered."""
        if not self._bucket.has_conditions:
            return _step("conditions", SKIPPED, "the connection looks first instead")
        try:
            is_honoured = self._bucket.honours_conditions(self._key) and self._honours_at_completion()
        except ExportAdminError as error:
            return _step("conditions", FAILED, str(error), self._allow("s3:PutObject"))
        if is_honoured:
            return _step("conditions", PASSED, "the store refuses to write over what is there (If-None-Match)")
        return _step(
            "conditions",
            FAILED,
            "the store writes over what is there although it is told not to (If-None-Match: *)",
            "Deliver to a store that honours conditional writes; or choose “Look first” (overwrite_guard) where nobody "
            "else writes to the folder.",
        )

    def _honours_at_completion(self) -> bool:
        upload, parts = self._begin_upload()
        try:
            self._call(
                "complete_multipart_upload",
                Key=self._key,
                UploadId=upload,
                MultipartUpload={"Parts": parts},
                IfNoneMatch="*",
            )
        except S3ConditionError:
            return True
        except S3Error as error:
            if error.code in ("NotImplemented", "501"):
                return False
            raise
        self._uploads.remove(upload)
        return False

    def _abort(self) -> Step:
        try:
            upload, _ = self._begin_upload()
        except ExportAdminError as error:
            return _step("abort", FAILED, str(error), self._allow("s3:PutObject"))
        answer = self._ask("abort_multipart_upload", Key=self._key, UploadId=upload)
        if answer.error is not None:
            return _step("abort", FAILED, str(answer.error), self._allow("s3:AbortMultipartUpload"))
        self._uploads.remove(upload)
        answer = self._ask("list_multipart_uploads", Prefix=self._key)
        if answer.error is not None:
            advice = f"Allow s3:ListBucketMultipartUploads on arn:aws:s3:::{self._bucket.name}."
            return _step("abort", FAILED, str(answer.error), advice)
        if any(found.get("UploadId") == upload for found in answer.told.get("Uploads", ())):
            return _step("abort", FAILED, "an upload that was aborted is still there", "Do not deliver to this store.")
        return _step("abort", PASSED)

    def _begin_upload(self) -> tuple[str, list[dict[str, Any]]]:
        """Its id and its one part. Raises as :meth:`Bucket.call` does."""
        begun = self._call("create_multipart_upload", Key=self._key, ChecksumAlgorithm="SHA256", **self._bucket.write)
        upload = str(begun["UploadId"])
        self._uploads.append(upload)
        checksum = sha256_text(hashlib.sha256(CONTENT).digest())
        part = self._call(
            "upload_part", Key=self._key, UploadId=upload, PartNumber=1, Body=CONTENT, ChecksumSHA256=checksum
        )
        told = {"ChecksumSHA256": checksum} if "ChecksumSHA256" in part else {}
        return upload, [{"PartNumber": 1, "ETag": part["ETag"], **told}]

    def _delete(self) -> Step:
        """Optional: who may not is told what that means."""
        answer = self._ask("delete_object", Key=self._key)
        if answer.code in _DENIED:
            self._is_written = False
            words = (
                f"it may not delete objects (s3:DeleteObject), so nothing that is delivered can be removed by Export "
                f"Admin, and {self._bucket.address(self._key)} stays"
            )
            return _step("delete", SKIPPED, words, self._allow("s3:DeleteObject"))
        if answer.error is not None:
            return _step("delete", FAILED, str(answer.error), self._allow("s3:DeleteObject"))
        self._is_written = False
        answer = self._ask("head_object", Key=self._key)
        if isinstance(answer.error, S3MissingError) or answer.code in _DENIED:  # who may not read was told above
            return _step("delete", PASSED)
        words = str(answer.error) if answer.error else "an object that was deleted is still there"
        return _step("delete", FAILED, words, "Look at the bucket's policies.")

    # --- asking ------------------------------------------------------------------------------------------------------

    def _ask(self, action: str, bucket: Bucket | None = None, **parameters: Any) -> _Answer:
        try:
            return _Answer((bucket or self._bucket).call(action, patience=PATIENCE, **parameters))
        except ExportAdminError as error:
            return _Answer(error=error)

    def _call(self, action: str, **parameters: Any) -> dict[str, Any]:
        return self._bucket.call(action, patience=PATIENCE, **parameters)

    def _allow(self, permission: str) -> str:
        more = " and s3:PutObjectTagging" if permission == "s3:PutObject" and "Tagging" in self._bucket.write else ""
        return f"Allow {permission}{more} on arn:aws:s3:::{self._bucket.name}/{self._bucket.prefix}*."
