"""Labellerr's wire: what is sent, and what comes back.

Every request carries the keys in headers with underscores, as Labellerr's own SDK sends them, to the connection's own
address and nowhere else. Answers come in an envelope, ``{"message", "response", "error", "tracking_id"}``; what is not
documented of them is read with care: what is not as it should be is an error in words, never a guess.

Nothing is sent twice in here: whoever runs tries again. What may have been made although no answer came is a
:class:`~connections.platforms.base.LostAnswerError`.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import orjson
from django.conf import settings

from connections.models import Connection
from connections.platforms.base import LostAnswerError, NothingThereError
from connections.platforms.labellerr.names import DEFAULT_ADDRESS
from connections.platforms.sent_once import PlatformRefusedError, UnreadableError, sent_once
from exportadmin.lib import formatting
from exportadmin.lib.addresses import check_url
from exportadmin.lib.errors import PermanentError, TransientError
from exportadmin.lib.http import (
    MAX_REFUSAL,
    NotSentError,
    OutboundSession,
    PermanentStatusError,
    TooLargeError,
    TransientStatusError,
    guard_for,
    session,
)
from exportadmin.lib.masking import HIDDEN, scrub_text
from exportadmin.lib.text import one_line
from exportadmin.lib.times import from_datetime

# as its SDK says them; some gateways look at them
_HEADERS: Final = {"source": "sdk", "Origin": "https://pro.labellerr.com"}
_NOTHING: Final = "no files found"
# what storage answers for an address that has ended, or never was one of its own
_ENDED: Final = frozenset({400, 401, 403, 404, 410})
MOST_NEW_ADDRESSES: Final = 3
# a file: hours, not minutes; between two pieces of it the usual silence is the longest
FETCH_SECONDS: Final = 6 * 3600.0
_PIECE: Final = 256 * 1024
MOST_SHOWN: Final = 200
_API_KEY: Final = re.compile(r"\b[0-9a-f]{6}\.[0-9a-f]{26}\b", re.ASCII | re.IGNORECASE)
_Json = dict[str, Any]


class RefusedError(PlatformRefusedError):
    """Labellerr says no, for good: ``status`` is HTTP's; 200 where it says so in an answer that should be one.

    ``nothing``: it says that it has no files, which means something where an export was asked for; else empty.
    """

    def __init__(self, message: str, status: int, nothing: str = "") -> None:
        super().__init__(message, status)
        self.nothing = nothing


@dataclass(frozen=True, slots=True)
class Address:
    """Where a file is: a ``url`` to fetch it from, or a ``place`` (``s3://…``) where it was delivered, or neither."""

    url: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """``result`` of a request; ``server_ms``: the other side's clock, where it says it; ``tracking``: in words."""

    result: Any
    server_ms: int | None
    tracking: str


class Client:
    """One connection's. Raises ``PermanentError`` where it has no keys."""

    def __init__(self, connection: Connection) -> None:
        secrets = connection.secrets()
        key, secret = secrets.get("api_key"), secrets.get("api_secret")
        if not key or not secret:
            raise PermanentError(f"connection {connection.name!r} has no API key and secret: set them")
        config = connection.config
        self._client_id = str(config.get("client_id", ""))
        self._base = str(config.get("base_address") or DEFAULT_ADDRESS).rstrip("/")
        parts = check_url(self._base)
        self.place = f"{parts.scheme}://{parts.netloc}"
        guard = guard_for(connection.private_address)
        keys = {"api_key": key, "api_secret": secret, "client_id": self._client_id}
        # tried again by whoever runs
        self._api = session(guard, self._base, keys, attempts=1)
        self._connectors = session(guard, self._base, keys | {"email_id": str(config.get("email") or key)}, attempts=1)
        self._files = session(guard, self._base, attempts=1)

    # --- projects and exports ----------------------------------------------------------------------------------------

    def projects(self) -> list[_Json]:
        """As they are listed: a list, or an object that holds it."""
        result = self._ask("GET", "/project_drafts/projects/detailed_list").result
        found = result.get("projects") if isinstance(result, dict) else result
        if not isinstance(found, list):
            raise self._unreadable("the list of projects is none")
        return [one for one in found if isinstance(one, dict)]

    def project(self, project_id: str) -> _Json:
        """One of them, as it says of itself."""
        result = self._ask("GET", f"/projects/project/{_part(project_id)}").result
        if not isinstance(result, dict):
            raise self._unreadable("the project is no object")
        return result

    def create(self, project_id: str, body: Mapping[str, Any]) -> tuple[str, int | None]:
        """Have an export made: its id there, and the clock there. Sent once.

        Raises :class:`LostAnswerError` where it may have been taken, ``NothingThereError``, :class:`NotSentError`.
        """
        with sent_once():
            try:
                taken = self._ask("POST", "/sdk/export/files", {"project_id": project_id}, json=body, has_uuid=False)
            except RefusedError as error:
                if error.nothing:
                    raise NothingThereError(error.nothing) from None
                raise
        report_id = taken.result.get("report_id") if isinstance(taken.result, dict) else None
        if not isinstance(report_id, str) or not report_id:
            raise LostAnswerError(f"{self.place} answered without the id of the export{taken.tracking}")
        return report_id, taken.server_ms

    def exports(self, project_id: str) -> list[tuple[_Json, bool]]:
        """Those in its list, in its order, and whether it lists them as completed."""
        result = self._ask("GET", "/exports/list", {"project_id": project_id}).result
        if not isinstance(result, dict):
            raise self._unreadable("the list of exports is no object")
        groups = (("completed", True), ("inProgress", False), ("in_progress", False))
        return [
            (item, is_completed)
            for group, is_completed in groups
            for item in _list(result.get(group))
            if isinstance(item, dict)
        ]

    def statuses(self, project_id: str, report_ids: list[str]) -> dict[str, _Json]:
        """How exports stand, by their ids; those that nothing was said of are not in it."""
        taken = self._ask(
            "POST", "/exports/status", {"project_id": project_id}, json={"report_ids": report_ids}, keys=_STATUS_KEYS
        )
        return {str(item["report_id"]): item for item in taken.result if item.get("report_id") in report_ids}

    def address(self, project_id: str, report_id: str) -> Address:
        """Where its file is now."""
        result = self._ask("GET", "/exports/download", {"project_id": project_id, "report_id": report_id}).result
        return _address(result)

    def fetch(self, project_id: str, report_id: str, path: Path, on_bytes: Callable[[int], None]) -> None:
        """Its file to ``path``, as it comes. Keys go along with none of it: the address alone opens it.

        An address that has ended is asked for anew. Raises ``TransientError`` where there is none yet.
        """
        refused: PermanentStatusError | None = None
        for _ in range(1 + MOST_NEW_ADDRESSES):
            address = self.address(project_id, report_id)
            if not address.url:
                raise TransientError(f"{self.place} has no address of the file yet")
            try:
                self._receive(address.url, path, on_bytes)
            except PermanentStatusError as error:
                if error.status not in _ENDED:
                    raise
                refused = error
            else:
                return
        assert refused is not None
        answered = formatting.status(refused.status)
        raise PermanentError(f"the address of the file answered {answered}, and so did {MOST_NEW_ADDRESSES} new ones")

    def _receive(self, url: str, path: Path, on_bytes: Callable[[int], None]) -> None:
        limit = settings.PLATFORM_FILE_BYTES
        try:
            answer = self._files.request("GET", url, stream=True, max_bytes=limit, whole_seconds=FETCH_SECONDS)
            with closing(answer), path.open("wb") as out:
                for piece in answer.iter_content(_PIECE):
                    out.write(piece)
                    on_bytes(len(piece))
        except TooLargeError:
            raise PermanentError(
                f"the file has more than {limit:,} bytes; no more are taken (EXPORTADMIN_PLATFORM_FILE_BYTES)"
            ) from None

    # --- its own connections to buckets ------------------------------------------------------------------------------

    def connections(self) -> list[_Json]:
        """Those to S3 that exports can go to."""
        params = {"connector": "s3", "connection_type": "export"}
        result = self._ask("GET", "/connectors/connections/list", params, connectors=True).result
        found = result.get("connections") if isinstance(result, dict) else result
        return [one for one in _list(found) if isinstance(one, dict)]

    def connection(self, connection_id: str) -> _Json:
        """One of them."""
        result = self._ask("GET", f"/connectors/connections/{_part(connection_id)}/details", connectors=True).result
        return result if isinstance(result, dict) else {}

    def test_connection(self, form: Mapping[str, str]) -> None:
        """One that there is, or one that is to be made. Raises :class:`RefusedError` where it does not work."""
        self._ask("POST", "/connectors/connections/test", form=form, connectors=True)

    def create_connection(self, form: Mapping[str, str]) -> str:
        """Its id. Sent once; raises :class:`LostAnswerError` where it may have been made."""
        form = {**form, "client_id": self._client_id}
        try:
            taken = self._ask("POST", "/connectors/connections/create", form=form, connectors=True)
        except NotSentError:
            raise
        except RefusedError as error:
            if error.status < 500:
                raise
            raise LostAnswerError(f"{error}: look whether it is in the list before it is made again") from None
        except (TransientError, TooLargeError) as error:
            raise LostAnswerError(f"{error}: look whether it is in the list before it is made again") from None
        made = taken.result.get("connection_id") if isinstance(taken.result, dict) else None
        if not isinstance(made, str) or not made:
            raise LostAnswerError(f"{self.place} answered without the connection's id{taken.tracking}")
        return made

    def delete_connection(self, connection_id: str) -> None:
        """Take it away."""
        self._ask("POST", "/connectors/connections/delete", json={"connection_id": connection_id}, connectors=True)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        has_uuid: bool = True,
        connectors: bool = False,
        keys: tuple[str, ...] = ("response",),
    ) -> Taken:
        named = {**(params or {}), "client_id": self._client_id} | ({"uuid": str(uuid.uuid4())} if has_uuid else {})
        through: OutboundSession = self._connectors if connectors else self._api
        try:
            answer = through.request(
                method,
                f"{self._base}{path}",
                params=named,
                json=json,
                form=form,
                headers=_HEADERS,
                refusal_bytes=MAX_REFUSAL,
                whole_seconds=settings.PLATFORM_ANSWER_SECONDS,
            )
        except PermanentStatusError as error:
            raise self._refused(error.status, error.body) from None
        except TransientStatusError as error:
            told = _told(error.body)
            message = f"{self.place} answered {formatting.status(error.status)}{_colon(told)}{_tracking(told)}"
            raise TransientStatusError(message, error.status, error.retry_after) from None
        envelope = _told(answer.content)
        if envelope is None:
            what = "a page" if answer.content.lstrip()[:1] == b"<" else "something else"
            raise self._unreadable(f"it is {what} instead of JSON")
        for key in keys:
            found = envelope.get(key)
            if keys is _STATUS_KEYS:
                found = _items(found)
            if found is not None:
                return Taken(found, _clock(answer.headers.get("Date")), _tracking(envelope))
        if envelope.get("error") or _NOTHING in str(envelope.get("message")).lower():
            raise self._refused(answer.status_code, answer.content)
        raise self._unreadable(f"it has no {' and no '.join(keys)}")

    def _unreadable(self, what: str) -> UnreadableError:
        return UnreadableError(f"{self.place} does not answer as Labellerr does ({what}): is the base address right?")

    def _refused(self, status: int, body: bytes) -> RefusedError:
        told, nothing = _told(body), ""
        if _NOTHING in body[:MAX_REFUSAL].decode(errors="replace").lower():
            nothing = f"Labellerr has no file that the request selects{_colon(told)}"
        words = f"{self.place} answered {formatting.status(status)}"
        if status == 401:
            words += ": API key or API secret is wrong, has ended or was withdrawn"
        elif status == 403:
            words += ": the key may not do that, or the client id is another's"
        return RefusedError(f"{words}{_colon(told)}{_tracking(told)}", status, nothing)


_STATUS_KEYS: Final = ("response", "status")


def _part(name: str) -> str:
    """An id as a part of a path. Raises ``PermanentError`` for one that would lead elsewhere."""
    if name in ("", ".", ".."):
        raise PermanentError(f"{name!r} is no id")
    return quote(name, safe="")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _items(value: Any) -> list[_Json] | None:
    """Of an answer about several exports; ``None``: it is none. ``status`` may as well be a text about the request."""
    if isinstance(value, dict) and "report_id" in value:
        return [value]
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else None


def _told(body: bytes) -> _Json | None:
    """An answer's object; ``None``: it is none."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def without_keys(text: str) -> str:
    """Where something was made with an API key, that key stands as its maker; it may be somebody else's."""
    return _API_KEY.sub(HIDDEN, text)


def shown(value: Any) -> str:
    """A text of the platform's, on one line and not long, without what is secret."""
    text = without_keys(scrub_text(one_line(value)))
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def _colon(told: _Json | None) -> str:
    """``: what it says``, or nothing."""
    error = (told or {}).get("error") or (told or {}).get("message")
    if isinstance(error, dict):
        error = error.get("message") or error.get("detail") or error.get("error")
    return f": {shown(error)}" if isinstance(error, str) and error else ""


def _tracking(told: _Json | None) -> str:
    """By what Labellerr's support finds the request."""
    tracking_id = (told or {}).get("tracking_id")
    return f" (tracking id {shown(tracking_id)})" if isinstance(tracking_id, str) and tracking_id else ""


def _address(result: Any) -> Address:
    """Of a text, or of an object under one of its names, which may be another object."""
    if isinstance(result, str):
        return Address(result)
    if not isinstance(result, dict):
        return Address()
    for key in ("url", "download_url"):
        found = result.get(key)
        if isinstance(found, dict):
            return _address(found)
        if isinstance(found, str) and found:
            return Address(found)
    place = result.get("s3_path")
    return Address(place=place) if isinstance(place, str) else Address()


def _clock(date: str | None) -> int | None:
    try:
        return from_datetime(parsedate_to_datetime(date)) if date else None
    except (TypeError, ValueError):
        return None
