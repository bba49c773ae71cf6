"""Label Studio's wire: what is sent, and what comes back.

A token that is a JSON Web Token is one from which access tokens are made, which live for minutes: one is made for each
client, and once more where it is refused. Any other token is a legacy one. Both go to the connection's own address and
nowhere else.

Nothing is sent twice in here: whoever runs tries again. A snapshot may be made although no answer came, since Label
Studio's Community edition makes it while the request waits: that is a
:class:`~connections.platforms.base.LostAnswerError`. What is missing at an address without a slash at its end is
answered with a page of 170 kB, so that nothing but JSON is ever read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any, Final

import orjson
from django.conf import settings

from connections.models import Connection
from connections.platforms.base import LostAnswerError, MediaSession
from connections.platforms.label_studio.names import claims_of
from connections.platforms.sent_once import PlatformRefusedError, UnreadableError, sent_once
from exportadmin.lib import formatting
from exportadmin.lib.addresses import check_url
from exportadmin.lib.errors import PermanentError, TransientError
from exportadmin.lib.http import (
    MAX_REFUSAL,
    READ_SECONDS,
    NotSentError,
    PermanentStatusError,
    TooLargeError,
    TransientStatusError,
    guard_for,
    session,
)
from exportadmin.lib.masking import remember, scrub_text
from exportadmin.lib.text import one_line

if TYPE_CHECKING:
    import requests

_PAGE: Final = 100
_MOST_PAGES: Final = 200
_PIECE: Final = 256 * 1024
MOST_SHOWN: Final = 200
# a file: hours, not minutes
FETCH_SECONDS: Final = 6 * 3600.0
# a download converts before its first byte: 600 tasks a second at the slowest
CONVERTING_SECONDS: Final = 1800.0
# how often one download goes on behind its last byte
MOST_RESUMES: Final = 5
_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)", re.ASCII)
_Json = dict[str, Any]
# files that tasks of project {0} name: its uploads and local files, what a storage signs or passes on of a bucket; not
# another project's uploads, which the token may see and whoever writes a task may not
_FILES: Final = (
    r"/data/(?:upload/{0}/|local-files/)|/storage-data/uploaded/\?filepath=upload/{0}/"
    r"|/(?:api/)?(?:tasks/\d+|projects/{0})/(?:presign|resolve)/"
)


class RefusedError(PlatformRefusedError):
    """Label Studio says no, for good. ``status`` is HTTP's; ``detail``: what it says, where that is JSON."""

    def __init__(self, message: str, status: int, detail: str = "") -> None:
        super().__init__(message, status)
        self.detail = detail


class Client:
    """One connection's. Raises ``PermanentError`` where it has no token."""

    def __init__(self, connection: Connection) -> None:
        token = connection.secrets().get("token")
        if not token:
            raise PermanentError(f"connection {connection.name!r} has no token: set it")
        self._token, self._access = token, ""
        self._claims = claims_of(token)
        self._base = str(connection.config.get("base_address", "")).rstrip("/")
        parts = check_url(self._base)
        self.place = f"{parts.scheme}://{parts.netloc}"
        self.projects_cut = 0
        # tried again by whoever runs
        self._session = session(guard_for(connection.private_address), self._base, attempts=1)

    @property
    def has_legacy_token(self) -> bool:
        """Else it is a personal access token."""
        return self._claims is None

    # --- the server and its projects ---------------------------------------------------------------------------------

    def version(self) -> _Json:
        """What it says of itself, to anybody."""
        return self._object("GET", "/api/version/", signed=False)

    def projects(self) -> Iterator[_Json]:
        """All that the token may see, page by page; ``projects_cut`` is how many, where there are more."""
        self.projects_cut = 0
        for page in range(1, _MOST_PAGES + 1):
            answer = self._object("GET", "/api/projects/", {"page": str(page), "page_size": str(_PAGE)})
            found = answer.get("results")
            if not isinstance(found, list):
                raise self._unreadable("the list of projects is none")
            yield from (one for one in found if isinstance(one, dict))
            if not answer.get("next"):
                return
        self.projects_cut = _MOST_PAGES * _PAGE

    def project(self, project_id: str) -> _Json:
        """One of them, as it says of itself."""
        return self._object("GET", f"/api/projects/{_id(project_id)}/")

    def formats(self, project_id: str) -> list[_Json]:
        """The formats that it has for a project."""
        return self._list("GET", f"/api/projects/{_id(project_id)}/export/formats")

    # --- views -------------------------------------------------------------------------------------------------------

    def views(self, project_id: str) -> list[_Json]:
        """The tabs of a project's data manager, whosever they are."""
        return self._list("GET", "/api/dm/views/", {"project": _id(project_id)})

    def create_view(self, project_id: str, data: Mapping[str, Any]) -> int:
        """Its id."""
        made = self._object("POST", "/api/dm/views/", json={"project": int(_id(project_id)), "data": data})
        if not isinstance(view_id := made.get("id"), int):
            raise self._unreadable("the view that it made has no id")
        return view_id

    def delete_view(self, view_id: int) -> None:
        """Take it away; one that is not there is no error."""
        self._delete(f"/api/dm/views/{view_id}/")

    # --- snapshots ---------------------------------------------------------------------------------------------------

    def create(self, project_id: str, body: Mapping[str, Any]) -> _Json:
        """Have a snapshot made: what it says of it. Sent once.

        Raises :class:`LostAnswerError` where it may have been taken, :class:`NotSentError`.
        """
        with sent_once():
            made = self._object("POST", f"/api/projects/{_id(project_id)}/exports/", json=body)
        if not isinstance(made.get("id"), int):
            raise LostAnswerError(f"{self.place} answered without the id of the snapshot")
        return made

    def exports(self, project_id: str) -> list[_Json]:
        """Newest first, and no more than it lists."""
        return self._list("GET", f"/api/projects/{_id(project_id)}/exports/")

    def export(self, project_id: str, export_id: str) -> _Json:
        """One of them, as it stands. Raises :class:`RefusedError` (404) where there is none."""
        try:
            return self._object("GET", self._export(project_id, export_id))
        except RefusedError as error:
            if error.status != 404:
                raise
            raise RefusedError(
                f"{self.place} has no snapshot {export_id} in project {project_id} (any more)", 404
            ) from None

    def delete(self, project_id: str, export_id: str) -> None:
        """Take it away; one that is not there is no error."""
        self._delete(self._export(project_id, export_id))

    def convert(self, project_id: str, export_id: str, export_type: str) -> None:
        """Have it converted. Raises :class:`RefusedError`: 400 where that was begun already, and for what it cannot."""
        self._request(
            "POST",
            f"{self._export(project_id, export_id)}/convert",
            json={"export_type": export_type},
            read_seconds=CONVERTING_SECONDS,
            whole_seconds=CONVERTING_SECONDS,
        ).close()

    def download(
        self,
        project_id: str,
        export_id: str,
        export_type: str,
        path: Path,
        on_bytes: Callable[[int], None],
        *,
        goes_on: bool,
    ) -> None:
        """Its file to ``path``, as it comes. ``goes_on``: after a broken answer behind the last byte; another format
        may be made anew for each request, of which the bytes need not be the same.

        Raises ``TransientError`` for what is broken off, :class:`RefusedError`.
        """
        limit = settings.PLATFORM_FILE_BYTES
        received, total = 0, None
        path.write_bytes(b"")
        for resumes in range(MOST_RESUMES + 1):
            before = received
            try:
                answer = self._request(
                    "GET",
                    f"{self._export(project_id, export_id)}/download",
                    {"exportType": export_type},
                    # asked for a range it tells the length, which it does not tell otherwise
                    headers={"Range": f"bytes={received}-", "Accept-Encoding": "identity"},
                    stream=True,
                    max_bytes=limit,
                    read_seconds=CONVERTING_SECONDS,
                    whole_seconds=FETCH_SECONDS,
                )
                with closing(answer), path.open("r+b") as out:
                    received, total = _where(answer, received)
                    out.seek(received)
                    out.truncate()
                    for piece in answer.iter_content(_PIECE):
                        out.write(piece)
                        received += len(piece)
                        on_bytes(len(piece))
                        if received > limit:
                            raise TooLargeError("")
            except TooLargeError:
                raise PermanentError(
                    f"the file has more than {limit:,} bytes; no more are taken (EXPORTADMIN_PLATFORM_FILE_BYTES)"
                ) from None
            except RefusedError as error:
                if error.status == 416 and not received:  # the file has no byte at all
                    return
                raise
            except TransientError:
                if not goes_on or resumes == MOST_RESUMES or received == before:
                    raise
                continue
            if total is None or received == total:
                return
            if not goes_on or received == before:
                break
        raise TransientError(f"{self.place} sent {received:,} of {total:,} bytes")

    def media_session(self, project_id: str) -> MediaSession:
        """For files that tasks of a project name."""

        def get(path: str, max_bytes: int, seconds: float) -> requests.Response:
            return self._request(
                "GET",
                path,
                headers={"Accept": "image/*"},
                stream=True,
                max_bytes=max_bytes,
                whole_seconds=seconds,
                read_seconds=seconds,
            )

        return MediaSession(self._base, re.compile(_FILES.format(_id(project_id)), re.ASCII), get)

    # --- inside ------------------------------------------------------------------------------------------------------

    @staticmethod
    def _export(project_id: str, export_id: str) -> str:
        return f"/api/projects/{_id(project_id)}/exports/{_id(export_id)}"

    def _delete(self, path: str) -> None:
        try:
            self._request("DELETE", path)
        except RefusedError as error:
            if error.status != 404:
                raise

    def _object(self, *request: Any, **named: Any) -> _Json:
        answer = self._json(*request, **named)
        if not isinstance(answer, dict):
            raise self._unreadable("it is no object")
        return answer

    def _list(self, *request: Any, **named: Any) -> list[_Json]:
        answer = self._json(*request, **named)
        if not isinstance(answer, list):
            raise self._unreadable("it is no list")
        return [one for one in answer if isinstance(one, dict)]

    def _json(self, *request: Any, **named: Any) -> Any:
        content = self._request(*request, **named).content
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError:
            what = "a page" if content.lstrip()[:1] == b"<" else "something else"
            raise self._unreadable(f"it is {what} instead of JSON") from None

    def _request(
        self,
        method: str,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
        signed: bool = True,
        whole_seconds: float | None = None,
        read_seconds: float = READ_SECONDS,
        **named: Any,
    ) -> requests.Response:
        is_anew = False
        while True:
            sent = {**(headers or {}), **({"Authorization": self._authorization(anew=is_anew)} if signed else {})}
            try:
                return self._session.request(
                    method,
                    f"{self._base}{path}",
                    params=params,
                    json=json,
                    headers=sent,
                    refusal_bytes=MAX_REFUSAL,
                    whole_seconds=whole_seconds or settings.PLATFORM_ANSWER_SECONDS,
                    read_seconds=read_seconds,
                    **named,
                )
            except PermanentStatusError as error:
                if error.status == 401 and signed and not self.has_legacy_token and not is_anew:
                    is_anew = True  # nothing was done: the access token has ended
                    continue
                raise self._refused(error.status, error.body) from None
            except TransientStatusError as error:
                message = f"{self.place} answered {formatting.status(error.status)}{_colon(_detail(error.body))}"
                raise TransientStatusError(message, error.status, error.retry_after, error.body) from None

    def _authorization(self, *, anew: bool) -> str:
        if self._claims is None:
            return f"Token {self._token}"
        if anew or not self._access:
            try:
                self._access = self._new_access()
            except (TransientError, TooLargeError) as error:  # without it the request itself does not leave
                raise NotSentError(str(error), retry_after=getattr(error, "retry_after", None)) from None
        return f"Bearer {self._access}"

    def _new_access(self) -> str:
        ends = (self._claims or {}).get("exp")
        if isinstance(ends, int | float) and ends < time():
            raise RefusedError("the personal access token has ended: make a new one in Label Studio, and set it", 401)
        try:
            made = self._object("POST", "/api/token/refresh/", json={"refresh": self._token}, signed=False)
        except RefusedError as error:
            if error.status == 401:
                message = f"{self.place} takes the personal access token no more{_colon(error.detail)}: make a new one"
                raise RefusedError(f"{message}, and set it", 401) from None
            if error.status == 404:
                answered = formatting.status(error.status)
                raise RefusedError(
                    f"{self.place} has no personal access tokens (it answered {answered}): is the base address right?",
                    error.status,
                ) from None
            if error.status >= 500:  # a gateway's, such as 524
                raise TransientError(str(error)) from None
            raise
        access = made.get("access")
        if not isinstance(access, str) or not access:
            raise self._unreadable("there is no access token in the answer")
        remember(access)
        return access

    def _unreadable(self, what: str) -> UnreadableError:
        return UnreadableError(
            f"{self.place} does not answer as Label Studio does ({what}): is the base address right?"
        )

    def _refused(self, status: int, body: bytes) -> RefusedError:
        detail = _detail(body)
        words = f"{self.place} answered {formatting.status(status)}"
        if status == 401:
            if "legacy token" in detail:
                words += (
                    ": legacy tokens are switched off there; make a personal access token in Label Studio, and set it"
                )
                return RefusedError(words, status, detail)
            words += ": the token is wrong, has ended or was withdrawn"
        elif status == 403:
            words += ": the token's user may not do that"
        return RefusedError(f"{words}{_colon(detail)}", status, detail)


def _id(text: str) -> str:
    """A part of a path. Raises ``PermanentError`` for what is no id of Label Studio's."""
    if not re.fullmatch(r"[0-9]{1,18}", str(text), re.ASCII):
        raise PermanentError(f"{str(text)[:80]!r} is no id of Label Studio's: those are numbers")
    return str(text)


def _where(answer: requests.Response, wanted: int) -> tuple[int, int | None]:
    """From which byte on an answer is, and how many the whole file has, where it says so."""
    if answer.status_code != 206:  # from the first byte, whatever was asked for
        length = answer.headers.get("Content-Length", "")
        return 0, int(length) if length.isdecimal() else None
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
    if found is None or int(found[1]) != wanted:
        raise TransientError("an answer in the middle of the file says another place of it than was asked for")
    return wanted, None if found[3] == "*" else int(found[3])


def _detail(body: bytes) -> str:
    """What a refusal says, where it is JSON, on one line."""
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(told, dict):
        return ""
    errors = told.get("validation_errors")
    if isinstance(errors, dict) and errors:
        return shown("; ".join(f"{name}: {_flat(value)}" for name, value in errors.items()))
    detail = told.get("detail")
    return shown(detail) if isinstance(detail, str) else ""


def _flat(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_flat(each)}" for name, each in value.items())
    return ", ".join(map(_flat, value)) if isinstance(value, list) else str(value)


def _colon(detail: str) -> str:
    return f": {detail}" if detail else ""


def shown(value: str) -> str:
    """A text of the platform's, on one line and not long, without what is secret."""
    text = scrub_text(one_line(value))
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"
