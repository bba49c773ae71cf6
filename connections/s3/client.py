"""How a bucket is reached: a connection's config and secrets become a boto3 client, its errors become words.

Every request goes through :meth:`Bucket.call`, which tries again what may go away by itself: a bounded number of times,
with growing pauses and jitter, and never sooner than the store asks for.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from connections.models import Connection
from exportadmin.lib.errors import PermanentError, TransientError

if TYPE_CHECKING:
    import boto3
    from botocore.exceptions import ClientError
    from mypy_boto3_s3 import S3Client

KEYS, ROLE, AMBIENT = "keys", "role", "ambient"
DEFAULT_REGION: Final = "us-east-1"
ATTEMPTS: Final = 7
# seconds: the first pause (each is twice the one before, at most), the longest
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 20.0
# after so many seconds no other try is begun: of a request that people or other runs wait for, and of one that writes
PATIENCE, WRITE_PATIENCE = 30.0, 600.0
# the longest silence of a store
READ_SECONDS = 60.0
_WRITES: Final = frozenset({"put_object", "create_multipart_upload", "upload_part", "complete_multipart_upload"})
MOST_CLIENTS: Final = 32

# of an action: what it does, in words that go on after "may not", and the permission that it takes
_ACTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "put_object": ("write an object", "s3:PutObject"),
    "create_multipart_upload": ("begin an upload", "s3:PutObject"),
    "upload_part": ("upload a part", "s3:PutObject"),
    "complete_multipart_upload": ("complete an upload", "s3:PutObject"),
    "abort_multipart_upload": ("abort an upload", "s3:AbortMultipartUpload"),
    "list_multipart_uploads": ("list unfinished uploads", "s3:ListBucketMultipartUploads"),
    "list_objects_v2": ("list objects", "s3:ListBucket"),
    "head_bucket": ("look at the bucket", "s3:ListBucket"),
    "get_bucket_location": ("ask for the bucket's region", "s3:GetBucketLocation"),
    "head_object": ("look at an object", "s3:GetObject"),
    "get_object": ("read an object", "s3:GetObject"),
    "delete_object": ("delete an object", "s3:DeleteObject"),
}
_MISSING: Final = frozenset({"NoSuchKey", "NoSuchUpload", "404", "NotFound"})
_DENIED: Final = frozenset({"AccessDenied", "AllAccessDisabled", "AccountProblem", "403", "Forbidden"})
_UNKNOWN_KEYS: Final = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidClientTokenId", "InvalidToken"}
)
_FULL: Final = frozenset({"InsufficientStorage", "XMinioStorageFull", "QuotaExceeded", "StorageFull", "507"})
# that an answer was lost, arrived broken, or came at a bad time
_AGAIN: Final = frozenset(
    {
        "BadDigest",
        "XAmzContentSHA256Mismatch",
        "XAmzContentChecksumMismatch",
        "InvalidDigest",
        "IncompleteBody",
        "RequestTimeout",
        "RequestTimeoutException",
        "ConditionalRequestConflict",
        "OperationAborted",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
        "429",
        "409",
    }
)
# other codes are shown only where they look like one: an answer of the other side may hold anything
_CODE: Final = re.compile(r"[A-Za-z0-9._-]{1,60}", re.ASCII)


class S3Error(PermanentError):
    """The store refused. ``code`` is its own short name of the reason."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class S3SignInError(S3Error):
    """Nobody knows us: wrong keys, keys that have ended, none at all, or a role that may not be assumed."""


class S3MissingError(S3Error):
    """There is no such object, or no such upload."""


class S3ConditionError(S3Error):
    """The condition of the request did not hold: the object is there already, or it is another one by now."""


@dataclass(slots=True)
class Bucket:
    """A connection's bucket.

    ``prefix`` is empty or ends with a slash. ``where`` names the store for people. ``write`` are parameters of every
    new object (encryption, storage class, tags). ``known`` keeps what was found out about the store.
    """

    client: S3Client
    name: str
    prefix: str
    where: str
    connection_name: str
    owner: str = ""
    write: Mapping[str, Any] = field(default_factory=dict)
    has_conditions: bool = True
    gives_urls: bool = False
    known: dict[str, bool] = field(default_factory=dict)

    def call(
        self,
        action: str,
        *,
        patience: float | None = None,
        is_over: Callable[[], bool] = bool,
        verify: Callable[[dict[str, Any]], None] | None = None,
        **parameters: Any,
    ) -> dict[str, Any]:
        """One request, and again what is worth it, for ``patience`` seconds (its own, where none are named) or until
        ``is_over``.

        ``verify`` looks at the answer, and raises ``TransientError`` where another one is needed.

        Raises :class:`S3MissingError`, :class:`S3ConditionError`, :class:`S3Error`, ``TransientError``, and what the
        guard of outbound requests raises.
        """
        own = WRITE_PATIENCE if action in _WRITES else PATIENCE
        deadline = time.monotonic() + (own if patience is None else patience)
        if self.owner:
            parameters["ExpectedBucketOwner"] = self.owner
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self.try_once(action, parameters, verify)
            except TransientError as error:
                pause = _pause(attempt, error.retry_after)
                if attempt == ATTEMPTS or is_over() or time.monotonic() + pause > deadline:
                    times = "" if attempt == 1 else f" ({attempt} tries)"
                    raise TransientError(f"{error}{times}", retry_after=error.retry_after) from error
                time.sleep(pause)
        raise AssertionError  # the last attempt raises or returns

    def try_once(
        self, action: str, parameters: Mapping[str, Any], verify: Callable[[dict[str, Any]], None] | None
    ) -> dict[str, Any]:
        """:meth:`call` without trying again."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: dict[str, Any] = getattr(self.client, action)(Bucket=self.name, **parameters)
            if verify is not None:
                verify(answer)
        except ClientError as error:
            # not "from error": its text has what the store answered, and would be in the log's traceback
            raise self._refusal(action, error, str(parameters.get("Key", ""))) from None
        except BotoCoreError as error:
            raise self._failure(error) from None
        return answer

    def pages(self, action: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """All pages of ``list_objects_v2`` or ``list_multipart_uploads``. Raises as :meth:`call` does."""
        more: dict[str, Any] = {}
        while True:
            try:
                page = self.call(action, **parameters, **more)
            except S3MissingError:  # so some stores say that nothing lies below a prefix
                return
            yield page
            if not page.get("IsTruncated"):
                return
            more = (
                {"ContinuationToken": page["NextContinuationToken"]}
                if action == "list_objects_v2"
                else {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
            )

    def keys(self, prefix: str) -> list[str]:
        """Of all objects below it. Raises as :meth:`call` does."""
        pages = self.pages("list_objects_v2", Prefix=prefix)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def head(self, key: str) -> dict[str, Any] | None:
        """What the store knows of an object without reading it; ``None``: there is none."""
        try:
            return self.call("head_object", Key=key, ChecksumMode="ENABLED")
        except S3MissingError:
            return None

    def put_new(self, key: str, body: bytes, **parameters: Any) -> dict[str, Any]:
        """Write an object where there is none. Raises :class:`S3ConditionError` where there is, and as :meth:`call`.

        A store without conditional writes is looked at first, which is as good as nobody else writes at that moment.
        """
        checksum = sha256_text(hashlib.sha256(body).digest())
        return self.call("put_object", Key=key, Body=body, ChecksumSHA256=checksum, **parameters, **self.unless(key))

    def unless(self, key: str) -> dict[str, Any]:
        """What makes a write fail where an object of that key is. Raises as :meth:`put_new` does."""
        if self.has_conditions:
            return {"IfNoneMatch": "*"}
        if self.head(key) is not None:
            raise S3ConditionError(f"{self.address(key)} is there already", "PreconditionFailed")
        return {}

    def honours_conditions(self, key: str) -> bool:
        """Does a write of ``key`` fail because it is there? Writes it if the store ignores the condition.

        Raises as :meth:`call` does.
        """
        try:
            self.call("put_object", Key=key, Body=b"", IfNoneMatch="*", **self.write)
        except S3ConditionError:
            return True
        except S3Error as error:
            if error.code in ("NotImplemented", "501", "InvalidArgument", "InvalidRequest"):
                return False
            raise
        return False

    def address(self, key: str = "") -> str:
        """For people."""
        return f"s3://{self.name}/{key}"

    # --- errors in words ---------------------------------------------------------------------------------------------

    def _refusal(self, action: str, error: ClientError, key: str) -> PermanentError | TransientError:
        """The store answered, with an error."""
        told = error.response.get("ResponseMetadata", {})
        status = int(told.get("HTTPStatusCode", 0))
        headers = {name.lower(): value for name, value in told.get("HTTPHeaders", {}).items()}
        code = str(error.response.get("Error", {}).get("Code", "")) or str(status)
        if not _CODE.fullmatch(code):
            code = str(status)
        at = self.address(key)
        if error.operation_name == "AssumeRole" and not (code in _AGAIN or status == 429 or status >= 500):
            return S3SignInError(
                f"connection {self.connection_name!r} may not assume its role ({code}): its keys need sts:AssumeRole, "
                "and the role has to trust them and name the external id",
                code,
            )
        if code in _MISSING and action != "head_bucket":
            return S3MissingError(f"{at} is missing", code)
        if code in ("PreconditionFailed", "412"):
            return S3ConditionError(f"{at} is there already, or was changed", code)
        if code == "NoSuchBucket" or (action == "head_bucket" and code in _MISSING):
            return S3Error(f"there is no bucket {self.name} at {self.where}: make it, or correct the connection", code)
        if code in _UNKNOWN_KEYS:
            return S3SignInError(
                f"{self.where} does not accept the keys of connection {self.connection_name!r} ({code})", code
            )
        if code in ("ExpiredToken", "TokenRefreshRequired"):
            return S3SignInError(f"the credentials of connection {self.connection_name!r} have ended ({code})", code)
        if code == "RequestTimeTooSkewed":
            return S3Error(self._skew(headers.get("date")), code)
        if code in _DENIED:
            return S3Error(self._denied(action, at), code)
        if code in ("PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "301", "307"):
            region = str(headers.get("x-amz-bucket-region", ""))
            lies = f"it lies in {region}" if re.fullmatch(r"[a-z0-9-]{2,32}", region) else "it lies in another one"
            return S3Error(f"bucket {self.name} is not in the region of the connection: {lies}", code)
        if code in _FULL or status == 507:
            return S3Error(f"{self.where} has no room left for {at}: free some space and run the export again", code)
        if code in _AGAIN or status == 429 or (status >= 500 and status != 501):
            from exportadmin.lib.http import retry_after

            verb = _ACTIONS.get(action, (action, ""))[0]
            return TransientError(
                f"{self.where} could not {verb} ({code})", retry_after=retry_after(headers.get("retry-after"))
            )
        verb = _ACTIONS.get(action, (action, ""))[0]
        return S3Error(f"{self.where} refused to {verb} at {at} ({code})", code)

    def _denied(self, action: str, at: str) -> str:
        verb, permission = _ACTIONS.get(action, (action, action))
        if permission == "s3:PutObject":
            more = [
                *(["s3:PutObjectTagging"] if "Tagging" in self.write else []),
                *(["kms:GenerateDataKey and kms:Decrypt"] if "SSEKMSKeyId" in self.write else []),
            ]
            permission = " and ".join([permission, *more])
        words = f"connection {self.connection_name!r} may not {verb} at {at}: its keys need {permission}"
        if self.owner:
            words += f", and the bucket has to belong to account {self.owner}"
        return words

    def _skew(self, date: object) -> str:
        words = f"the clock of this machine is not that of {self.where}"
        try:
            apart = (datetime.now(UTC) - parsedate_to_datetime(str(date))).total_seconds()
        except (TypeError, ValueError):
            return f"{words}: set it right"
        side = "ahead" if apart > 0 else "behind"
        return f"{words}: it is {round(abs(apart) / 60)} minutes {side}. Set it right"

    def _failure(self, error: Exception) -> PermanentError | TransientError:
        """The store did not answer, or in no language that we know."""
        from botocore import exceptions

        if isinstance(error, exceptions.SSLError):
            return S3Error(f"{self.where} has no certificate that this machine trusts")
        if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
            return S3SignInError(_nobody(self.connection_name))
        if isinstance(error, exceptions.ConnectTimeoutError | exceptions.EndpointConnectionError):
            return TransientError(f"{self.where} cannot be reached")
        if isinstance(error, exceptions.ReadTimeoutError):
            return TransientError(f"{self.where} was silent for too long")
        if isinstance(
            error,
            exceptions.HTTPClientError | exceptions.ResponseStreamingError | exceptions.IncompleteReadError,
        ):
            return TransientError(f"{self.where} broke the connection off")
        if isinstance(error, exceptions.ParamValidationError):
            return S3Error(f"a setting of connection {self.connection_name!r} is none that S3 takes")
        return TransientError(f"{self.where} gave an answer that cannot be understood ({type(error).__name__})")


def _nobody(connection_name: str) -> str:
    return f"this machine has no credentials of its own, and connection {connection_name!r} none"


def sha256_text(digest: bytes) -> str:
    """As S3 writes it: base64."""
    import base64

    return base64.b64encode(digest).decode("ascii")


def _pause(attempt: int, wanted: float | None) -> float:
    own: float = min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE) * random.uniform(0.5, 1)  # noqa: S311 - jitter
    return max(own, wanted or 0.0)


# --- clients ---------------------------------------------------------------------------------------------------------

_lock: Final = threading.Lock()
_buckets: Final[dict[str, Bucket]] = {}


def open_bucket(connection: Connection) -> Bucket:
    """The connection's bucket, with a client that threads may share. Raises ``PermanentError`` for its secrets.

    Clients are kept, as making one takes a tenth of a second: for one process, one config, one set of secrets.
    """
    secrets = dict(connection.secrets())
    told = json.dumps([connection.name, connection.config, secrets], sort_keys=True)
    key = f"{os.getpid()}.{hashlib.sha256(told.encode()).hexdigest()}"
    with _lock:
        if key not in _buckets:
            while len(_buckets) >= MOST_CLIENTS:
                del _buckets[next(iter(_buckets))]
            _buckets[key] = _make(connection, secrets)
        return _buckets[key]


def _make(connection: Connection, secrets: Mapping[str, str]) -> Bucket:
    config = {name: value for name, value in connection.config.items() if value not in ("", None)}
    endpoint = str(config.get("endpoint", ""))
    write = {
        "ServerSideEncryption": config.get("encryption"),
        "SSEKMSKeyId": config.get("kms_key_id"),
        "StorageClass": config.get("storage_class"),
        "Tagging": _tagging(str(config.get("tags", ""))),
    }
    return Bucket(
        client=client(connection, secrets),
        name=str(config.get("bucket", "")),
        prefix=str(config.get("prefix", "")),
        where=endpoint.partition("://")[2] or "Amazon S3",
        connection_name=connection.name,
        owner=str(config.get("expected_bucket_owner", "")),
        write={name: str(value) for name, value in write.items() if value and value != "none"},
        has_conditions=config.get("overwrite_guard", "condition") == "condition",
        gives_urls=bool(config.get("presigned_downloads")) and not endpoint.startswith("http://"),
    )


def _tagging(tags: str) -> str:
    from urllib.parse import urlencode

    pairs = (tag.strip().partition("=") for tag in tags.split(",") if tag.strip())
    return urlencode([(name, value) for name, _, value in pairs])


def client(connection: Connection, secrets: Mapping[str, str]) -> S3Client:
    """The one place where a boto3 client is made."""
    from botocore.config import Config

    config = connection.config
    settings = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path" if config.get("path_style") else "auto"},
        # ours are the tries (Bucket.call) and the checksums (SHA-256, told by name)
        retries={"total_max_attempts": 1, "mode": "standard"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        user_agent_extra="export-admin",
    )
    session = _session(connection, secrets)
    return session.client("s3", endpoint_url=config.get("endpoint") or None, config=settings)


def _session(connection: Connection, secrets: Mapping[str, str]) -> boto3.session.Session:
    """Who we are to the store: the connection's keys, a role that is assumed with them, or whatever this machine is.

    Raises :class:`S3SignInError` where there is nobody that we could be.
    """
    import boto3
    from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

    # loaded where it is needed only: boto3 takes a third of a second
    from exportadmin.lib.boto import guard_botocore
    from exportadmin.lib.http import guard_for

    config = connection.config
    mode = config.get("credentials", KEYS)
    if mode == KEYS and not (secrets.get("access_key_id") and secrets.get("secret_access_key")):
        # boto3 would take this machine's own
        raise S3SignInError(f"connection {connection.name!r} has no access key and secret: set them")
    session = boto3.session.Session(
        aws_access_key_id=None if mode == AMBIENT else secrets.get("access_key_id"),
        aws_secret_access_key=None if mode == AMBIENT else secrets.get("secret_access_key"),
        region_name=str(config.get("region") or DEFAULT_REGION),
    )
    guard_botocore(session, guard_for(connection.private_address), read_seconds=READ_SECONDS)
    if mode != ROLE:
        return session
    core: Any = session._session  # boto3 has no words of its own for a role that is assumed again when it ends
    extra = {"RoleSessionName": "export-admin"}
    if config.get("external_id"):
        extra["ExternalId"] = str(config["external_id"])
    source = session.get_credentials()
    if source is None:
        raise S3SignInError(_nobody(connection.name))
    fetcher = AssumeRoleCredentialFetcher(core.create_client, source, str(config.get("role_arn", "")), extra_args=extra)
    core._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")
    return session
