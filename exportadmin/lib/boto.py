"""boto3 behind the guard: :func:`guard_botocore` on a session, before its first client.

It stands on botocore's ``before-send`` event, which each request of each client passes, retries and redirects to
another region too, and STS where a role is assumed. What does not pass are botocore's own fetchers of ambient
credentials (instance and container metadata): they ask fixed addresses of the machine that we run on, and only where a
connection says that it uses ambient credentials. Whoever has keys or a role gives them explicitly, then nobody asks.
"""

from __future__ import annotations

from time import monotonic
from typing import Any, Final

import boto3
import botocore.awsrequest
import botocore.session
from botocore.awsrequest import AWSHTTPConnectionPool, AWSHTTPSConnectionPool, AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError, HTTPClientError
from botocore.httpsession import URLLib3Session

from exportadmin.lib.addresses import check_url
from exportadmin.lib.errors import ExportAdminError, TransientError
from exportadmin.lib.http import (
    CONNECT_SECONDS,
    MAX_BODY,
    READ_SECONDS,
    WHOLE_SECONDS,
    Guard,
    LimitedBody,
    guarded_pool,
)

POOL_CONNECTIONS: Final = 10


def guard_botocore(
    session: boto3.session.Session | botocore.session.Session,
    guard: Guard,
    *,
    connect_seconds: float = CONNECT_SECONDS,
    read_seconds: float = READ_SECONDS,
    pool_connections: int = POOL_CONNECTIONS,
) -> None:
    """Every client that ``session`` makes from now on sends through ``guard``.

    Refusals come out of the client's methods as :class:`ForbiddenAddressError` and are not retried; answers that are no
    stream end after :data:`MAX_BODY` bytes and :data:`WHOLE_SECONDS` seconds. Timeouts and pool size of a client's own
    ``Config`` do not count, nor do proxies; ``verify=`` neither (``Guard.ca_bundle``).
    """
    sender = _GuardedSession(guard, timeout=(connect_seconds, read_seconds), max_pool_connections=pool_connections)
    events = session.events if isinstance(session, boto3.session.Session) else session.get_component("event_emitter")
    events.register("before-send", sender.answer)  # type: ignore[arg-type]


class _GuardedSession(URLLib3Session):
    def __init__(self, guard: Guard, **settings: Any) -> None:
        super().__init__(
            verify=guard.ca_bundle or True,  # type: ignore[arg-type]
            proxies={},
            **settings,
        )
        self._pool_classes_by_scheme = {
            "http": guarded_pool(AWSHTTPConnectionPool, guard),
            "https": guarded_pool(AWSHTTPSConnectionPool, guard),
        }
        self._manager.pool_classes_by_scheme = self._pool_classes_by_scheme  # type: ignore[attr-defined]

    def answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        """Send it in the place of the client's own session, which sends only what nobody has answered."""
        return self.send(request)

    def send(self, request: AWSPreparedRequest) -> AWSResponse:  # type: ignore[override]
        parts = check_url(request.url)
        is_stream, request.stream_output = request.stream_output, True  # nothing is read yet
        try:
            response = super().send(request)
        except HTTPClientError as error:
            # botocore wraps what it does not know, and would try it again
            if isinstance(refused := error.kwargs.get("error"), ExportAdminError):
                raise refused from None
            raise
        finally:
            request.stream_output = is_stream
        if is_stream and response.status_code < 300:
            return response
        body = LimitedBody(
            response.raw,
            f"{parts.scheme}://{parts.netloc}",
            max_bytes=MAX_BODY,
            deadline=monotonic() + WHOLE_SECONDS,
        )
        answer = AWSResponse(response.url, response.status_code, response.headers, body)  # type: ignore[arg-type]
        try:
            answer.content  # noqa: B018 - it is read here, where botocore tries again what breaks off
        except TransientError as error:
            raise ConnectionClosedError(endpoint_url=request.url, error=error) from None
        return answer
