"""Handing out a delivered file, whole or from anywhere in it, through any channel.

Where the place that it lies at hands it out itself, and may (:meth:`connections.sinks.base.Delivery.url`), whoever asks
is sent on to there: then the trail says ``handed over``.

Who took which bytes is written down before the first of them leaves; if that cannot be written, none leaves. How it
ended is written when the body has ended or broken off. Without a link whoever asks needs
the right to take the report's rows away.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final, NoReturn

from django.db import InterfaceError, OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date, parse_http_date_safe

from connections.sinks.base import MANIFEST_NAME
from exportadmin.audit.late import write_late
from exportadmin.audit.models import DONE, FAILED
from exportadmin.audit.noise import record_refused
from exportadmin.audit.record import record
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import GoneError, PermanentError, TransientError, UnavailableError
from exports.delivery.destination import delivery_of
from exports.delivery.reading import DeliveredFileReader, open_delivered
from exports.delivery.receipt import TRAIL_PROOF, VERIFIER
from exports.handing_out import require_in_all_audited
from exports.links import tokens
from exports.links.ranges import Span, UnsatisfiableError, parse_range
from exports.models import Artifact, Download, Link
from exports.models.link import BROKEN_OFF, COMPLETE, HANDED_OVER, SILENCE

log = logging.getLogger(__name__)

CHUNK = 1 << 16
# a running download shows that it lives at most this often
BEAT_SECONDS = 15.0
# for so long an address of the place itself is good
HANDED_OVER_SECONDS: Final = 60


class BrokenOffError(OSError):
    """It breaks the answer off: what arrived does not look whole."""


class FileChangedError(BrokenOffError):
    """The file changed while it was being sent."""


class TakenOverError(BrokenOffError):
    """The download of a one-time link was silent for so long that it was given up, and the link is good again."""


def respond(request: HttpRequest, artifact: Artifact, *, actor: Actor, link: Link | None = None) -> HttpResponseBase:
    """The answer to a GET or HEAD: 200, 206, 304, 412 or 416 (RFC 9110 §13, §14), with the file's sha256 in words
    (``ETag``) and for machines (``Repr-Digest``, RFC 9530).

    Only a GET that gets bytes is a download. Raises as :func:`exports.handing_out.require_in_all` where there is no
    link, :class:`GoneError` (recorded) when there is no file to give, and for a link
    :class:`exports.links.tokens.LinkGoneError` (recorded) when it is good no more; database errors pass.
    """
    if link is None:
        require_in_all_audited(actor, artifact.report, event="artifact.downloaded", obj=artifact)
    try:
        file = open_delivered(artifact)
    except (GoneError, UnavailableError) as gone:
        about: dict[str, Any] = {"project": artifact.report.project, "obj": artifact, "details": _about(link)}
        record_refused("artifact.downloaded", actor=actor, reason=gone.message, **about)
        raise
    with ExitStack() as stack:
        stack.enter_context(file)
        answer = _answer(request, artifact, file, actor, link)
        if answer.streaming:
            stack.pop_all()  # the body closes it
        return answer


def _answer(
    request: HttpRequest, artifact: Artifact, file: DeliveredFileReader, actor: Actor, link: Link | None
) -> HttpResponse | StreamingHttpResponse:
    etag, modified = f'"{artifact.sha256}"', _modified(artifact)
    headers = {
        "ETag": etag,
        "Last-Modified": http_date(modified),
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-store",
        "Content-Disposition": content_disposition_header(as_attachment=True, filename=artifact.name) or "attachment",
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(artifact.sha256)).decode('ascii')}:",
        "X-Content-Type-Options": "nosniff",
    }
    if link is not None:
        headers["Referrer-Policy"] = "no-referrer"
    empty = HttpResponse(headers=headers, content_type=artifact.media_type)
    # If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since: in this order, before Range (§13.2.2)
    early = get_conditional_response(request, etag=etag, last_modified=modified, response=empty)
    if early is not None and early is not empty:
        return early
    if request.method == "HEAD":  # Range is defined for GET only (§14.2)
        empty.headers["Content-Length"] = str(artifact.bytes)
        return empty
    address = _address_elsewhere(artifact, link)
    if address is not None:
        _start(artifact, Span(0, artifact.bytes), actor, link, ending=HANDED_OVER)
        kept = {name: headers[name] for name in ("Cache-Control", "X-Content-Type-Options")}
        return HttpResponseRedirect(address, headers={**kept, "Referrer-Policy": "no-referrer"})
    try:
        span = _span(request, artifact, etag, modified)
    except UnsatisfiableError:
        return _unsatisfiable(artifact, headers)
    if span is not None:
        headers["Content-Range"] = f"bytes {span.first}-{span.first + span.length - 1}/{artifact.bytes}"
    part = span or Span(0, artifact.bytes)
    headers["Content-Length"] = str(part.length)
    body = Body(file, part, _start(artifact, part, actor, link), actor)
    answer = StreamingHttpResponse(
        body, status=200 if span is None else 206, content_type=artifact.media_type, headers=headers
    )
    answer.may_take_long = True  # type: ignore[attr-defined]  # for the web server: send it in a thread of its own
    return answer


def _address_elsewhere(artifact: Artifact, link: Link | None) -> str | None:
    """Good for a minute. ``None``: it is handed out here, as to a one-time link, of which each byte is counted."""
    if link is not None and link.one_time:
        return None
    try:
        return delivery_of(artifact.report).url(artifact.name, HANDED_OVER_SECONDS)
    except (TransientError, PermanentError):
        return None


def _modified(artifact: Artifact) -> int:
    """Seconds since 1970. The report's end, not the file's own time: that changes when a backup is put back."""
    return int((artifact.report.finished_at or artifact.report.created_at).timestamp())


def _span(request: HttpRequest, artifact: Artifact, etag: str, modified: int) -> Span | None:
    condition = request.headers.get("If-Range")
    # an entity tag is compared strongly, a date exactly (§13.1.5); W/"…" is neither
    if condition is not None and condition.strip() != etag and parse_http_date_safe(condition) != modified:
        return None
    return parse_range(request.headers.get("Range"), artifact.bytes)


def _unsatisfiable(artifact: Artifact, headers: dict[str, str]) -> HttpResponse:
    kept = {name: value for name, value in headers.items() if name not in ("Content-Disposition", "Repr-Digest")}
    return HttpResponse(
        f"The file has {artifact.bytes} bytes; the range that was asked for holds none of them.\n",
        status=416,
        content_type="text/plain; charset=utf-8",
        headers={**kept, "Content-Range": f"bytes */{artifact.bytes}"},
    )


def _about(link: Link | None) -> dict[str, str]:
    return {} if link is None else {"link": link.public_id}


def _start(artifact: Artifact, span: Span, actor: Actor, link: Link | None, *, ending: str = "") -> Download:
    """The download's row and its line in the trail, committed together; ``ending``: that is all that will be known."""
    try:
        with transaction.atomic():
            if link is not None:
                tokens.hold(link)
                if link.one_time:
                    tokens.reserve(link, span.length)
            download = Download.objects.create(
                artifact=artifact,
                link=link,
                user_id=actor.user_id,
                actor_name=actor.name[:200],
                channel=actor.channel[:20],
                first_byte=span.first,
                bytes_requested=span.length,
                ending=ending,
                ended_at=timezone.now() if ending else None,
            )
            record(
                "artifact.downloaded",
                actor=actor,
                project=artifact.report.project,
                obj=artifact,
                details={
                    "download": download.public_id,
                    "first_byte": span.first,
                    "bytes_requested": span.length,
                    "of_bytes": artifact.bytes,
                    **({"ending": ending} if ending else {}),
                    **_about(link),
                },
            )
    except (tokens.LinkGoneError, tokens.LinkNotFoundError) as error:
        if link is not None:
            tokens.refuse(link, actor, error)
        raise
    return download


def manifest_answer(raw: bytes) -> HttpResponse:
    """A manifest as a file."""
    return _file(raw, MANIFEST_NAME, "application/json")


def trail_proof_answer(raw: bytes) -> HttpResponse:
    """A proof from the trail as a file."""
    return _file(raw, TRAIL_PROOF, "application/json")


def verifier_answer() -> HttpResponse:
    """``verify.py`` as a file."""
    return _file(VERIFIER.read_bytes(), VERIFIER.name, "text/x-python; charset=utf-8")


def _file(raw: bytes, name: str, media_type: str) -> HttpResponse:
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return HttpResponse(raw, content_type=media_type, headers=headers)


class Body:
    """The bytes of a download, chunk by chunk, and the counting of them.

    A chunk counts as sent when the server comes for the next one. :meth:`close`, which every WSGI server calls however
    the answer ends, writes down how it ended.
    """

    def __init__(self, file: DeliveredFileReader, span: Span, download: Download, actor: Actor) -> None:
        self.span = span
        self.sent = 0
        self._file = file
        self._download = download
        self._actor = actor
        self._handed = 0  # the last chunk, which may still be on its way
        self._fault = ""
        self._closed = False
        self._seen = self._tried = time.monotonic()
        artifact = download.artifact
        self._state = file.state()
        self._digest = hashlib.sha256() if span == Span(0, artifact.bytes) else None
        file.seek(span.first)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        """Raises :class:`BrokenOffError`."""
        self.sent += self._handed
        self._handed = 0
        if time.monotonic() - self._tried >= BEAT_SECONDS:
            self._show_life()
        left = self.span.length - self.sent
        if left == 0:
            raise StopIteration
        chunk = self._file.read(min(CHUNK, left))
        if not chunk:
            self._break("the file became shorter while it was being sent")
        if len(chunk) == left and self._file.state() != self._state:
            self._break("the file was changed while it was being sent")
        if self._digest is not None:
            self._digest.update(chunk)
            # the last chunk is withheld from a file that is not the one that was delivered
            if len(chunk) == left and self._digest.hexdigest() != self._download.artifact.sha256:
                self._break("the file's content is not what was delivered: its sha256 has changed")
        self._handed = len(chunk)
        return chunk

    def _show_life(self) -> None:
        """Write down how far it is. Raises :class:`TakenOverError` where a one-time link may have been taken over."""
        self._tried = time.monotonic()
        is_one_time = self._download.link is not None and self._download.link.one_time
        mine = Download.objects.filter(pk=self._download.pk, ended_at=None)
        try:
            is_mine = mine.update(last_seen_at=timezone.now(), bytes_sent=self.sent) == 1
        except (OperationalError, InterfaceError) as error:
            log.warning("download %s: its progress could not be written down: %s", self._download.public_id, error)
            if not connection.in_atomic_block:
                connection.close()  # a long answer may have outlived its connection to the database
            if is_one_time and self._tried - self._seen >= SILENCE.total_seconds():
                self._break(
                    "nobody could be told that it goes on, so that others may have taken its place", TakenOverError
                )
            return
        if is_one_time and not is_mine:
            self._break("it was silent for so long that it was given up", TakenOverError)
        self._seen = self._tried
        if not connection.in_atomic_block:
            connection.close()  # hundreds of slow downloads must not hold a connection each

    def _break(self, why: str, error: type[BrokenOffError] = FileChangedError) -> NoReturn:
        self._fault = why
        raise error(f"artifact {self._download.artifact.public_id}: {why}")

    def close(self) -> None:
        """Close the file and write down the end. Never raises: the answer is over, there is nobody to tell."""
        if self._closed:
            return
        self._closed = True
        self._file.close()
        ending = COMPLETE if self.sent == self.span.length else BROKEN_OFF
        write_late(f"download {self._download.public_id}", lambda: self._write_end(ending))

    def _write_end(self, ending: str) -> None:
        download, link = self._download, self._download.link
        with transaction.atomic():
            if link is not None:  # the same order of locks as at the start: link, download, trail
                Link.objects.select_for_update().filter(pk=link.pk).first()
            Download.objects.filter(pk=download.pk).update(ended_at=timezone.now(), bytes_sent=self.sent, ending=ending)
            if link is not None and link.one_time:
                tokens.use_up(link)
            record(
                "artifact.download_ended",
                actor=self._actor,
                project=download.artifact.report.project,
                obj=download.artifact,
                outcome=FAILED if self._fault else DONE,
                reason=self._fault,
                details={
                    "download": download.public_id,
                    "ending": ending,
                    "bytes_sent": self.sent,
                    "bytes_requested": self.span.length,
                    **_about(link),
                },
            )
