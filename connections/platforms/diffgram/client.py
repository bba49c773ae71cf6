"""Diffgram's wire: what is sent, and what comes back.

Every request but those for files carries the key of the connection's project as HTTP Basic, to the connection's own
address and nowhere else. What is wrong Diffgram says in one of two shapes, ``{"log": {"error": {…}}}`` or ``{"error":
…}``, and what does not exist as 500: both are read here.

Nothing is sent twice in here: whoever runs tries again. What may have been made although no answer came is a
:class:`~connections.platforms.base.LostAnswerError`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, Final
from urllib.parse import quote

import orjson
from django.conf import settings

from connections.models import Connection
from connections.platforms.base import LostAnswerError, NotMadeYetError
from connections.platforms.diffgram.names import DEFAULT_ADDRESS
from connections.platforms.sent_once import PlatformRefusedError, UnreadableError, sent_once
from exportadmin.lib import formatting, json_stream
from exportadmin.lib.addresses import check_url
from exportadmin.lib.errors import PermanentError, TransientError, UserError
from exportadmin.lib.http import (
    MAX_REFUSAL,
    READ_SECONDS,
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

NOT_READY: Final = "Export not ready yet."
# what storage answers for an address that has ended, or never was one of its own
_ENDED: Final = frozenset({400, 401, 403, 404, 410})
MOST_NEW_ADDRESSES: Final = 3
# its server counts pages of jobs by this, whatever it is asked for
_PAGE: Final = 50
_MOST_PAGES: Final = 400
_MOST_DIRECTORIES: Final = 1_000
_FILES_PAGE: Final = 5_000
# a file: hours, not minutes; as data it is read whole, and written anew, before its first byte
FETCH_SECONDS: Final = 6 * 3600.0
READING_SECONDS: Final = 1800.0
_PIECE: Final = 256 * 1024
MOST_SHOWN: Final = 300
_ROLES: Final = "Allowed roles"
_Json = dict[str, Any]


class RefusedError(PlatformRefusedError):
    """Diffgram says no, for good. ``status`` is HTTP's; ``said``: what it says, in whichever shape."""

    def __init__(self, message: str, status: int, said: str = "") -> None:
        super().__init__(message, status)
        self.said = said

    @property
    def may_be_done(self) -> bool:
        """Not where Diffgram itself says what is wrong, which it does with 500 too."""
        return super().may_be_done and not self.said


class TooLargeFileError(PermanentError):
    """The file is larger than what is taken, by whichever way it comes."""


class Client:
    """One connection's. Raises ``PermanentError`` where it has no key."""

    def __init__(self, connection: Connection) -> None:
        config = connection.config
        secret = connection.secrets().get("client_secret")
        if not secret:
            raise PermanentError(f"connection {connection.name!r} has no client secret: set it")
        key = base64.b64encode(f"{config.get('client_id', '')}:{secret}".encode()).decode()
        remember(key)
        # lists that were not read to their end → how much of each was
        self.cut: dict[str, int] = {}
        self._base = str(config.get("base_address") or DEFAULT_ADDRESS).rstrip("/")
        self._project_id = str(config.get("project_string_id", ""))
        self._project = quote(self._project_id, safe="")
        parts = check_url(self._base)
        self.place = f"{parts.scheme}://{parts.netloc}"
        guard = guard_for(connection.private_address)
        # tried again by whoever runs
        self._api = session(guard, self._base, {"Authorization": f"Basic {key}"}, attempts=1)
        self._files = session(guard, self._base, attempts=1)

    # --- the project -------------------------------------------------------------------------------------------------

    def may_make_exports(self) -> bool:
        """Is the key an admin's or an Editor's? A Viewer's is refused what those two alone may see."""
        try:
            self._request("GET", f"/api/project/{self._project}/user/legacy/working_dir/view")
        except RefusedError as error:
            if error.status == 403 and _ROLES in error.said:
                return False
            raise
        return True

    def jobs(self) -> Iterator[_Json]:
        """All of the project, page by page; a list that is longer than is read is in :attr:`cut` then."""
        self.cut.pop("jobs", None)
        seen = set[str]()
        for page in range(1, _MOST_PAGES + 1):
            asked = {"project_string_id": self._project_id, "page_number": page, "limit": _PAGE}
            asked |= {"status": ["All"], "search": None, "data_mode": None}
            told = self._object("POST", "/api/v1/job/list", {"metadata": asked})
            found = told.get("Job_list")
            if not isinstance(found, list):
                raise self._unreadable("the list of jobs is none")
            new = [one for one in found if isinstance(one, dict) and str(one.get("id")) not in seen]
            if found and not new:
                raise self._unreadable(f"page {page} of the jobs is one that it sent before")
            seen.update(str(one.get("id")) for one in new)
            yield from new
            metadata = told.get("metadata")
            pages = metadata.get("number_of_pages") if isinstance(metadata, dict) else None
            if not found or (page >= pages if isinstance(pages, int) else len(found) < _PAGE):
                return
        self.cut["jobs"] = _MOST_PAGES * _PAGE

    def job(self, number: int) -> _Json:
        """One of them, as the list says. Raises :class:`RefusedError` where there is none."""
        for job in self.jobs():
            if job.get("id") == number:
                return job
        if "jobs" in self.cut:  # 300 times a day it may be asked about one
            told = self._object("POST", f"/api/v1/job/{number}/builder/info", {"mode_data": None}).get("job")
            if isinstance(told, dict) and told.get("id") == number:
                return told
        raise RefusedError(f"{self.place} has no job {number} in project {self._project_id}", 404)

    def directories(self) -> list[_Json]:
        """Newest first."""
        asked = {"limit": _MOST_DIRECTORIES}
        told = self._object("POST", f"/api/v1/project/{self._project}/directory/list", asked)
        found = told.get("directory_list")
        if not isinstance(found, list):
            raise self._unreadable("the list of directories is none")
        self.cut.pop("directories", None)
        if len(found) >= _MOST_DIRECTORIES:
            self.cut["directories"] = len(found)
        return [one for one in found if isinstance(one, dict)]

    def directory(self, number: int) -> _Json:
        """One of them, without more than its number where there are too many. Raises :class:`RefusedError` where there
        is none."""
        for directory in self.directories():
            if number_of(directory) == number:
                return directory
        if "directories" in self.cut and self.count_files(number, "All") is not None:
            return {"directory_id": number}  # the list was cut, and it lists the files of that one
        raise RefusedError(f"{self.place} has no directory {number} in project {self._project_id}", 404)

    def count_files(self, directory: int, status: str) -> int | None:
        """How many files of a directory there are: ``All``, ``Completed`` or ``Not completed``."""
        metadata = self._files_page(directory, status, view="base", limit=1).get("metadata")
        count = metadata.get("file_count") if isinstance(metadata, dict) else None
        return count if isinstance(count, int) else None

    def file_numbers(self, directory: int, status: str) -> Iterator[int]:
        """Of the files of a directory, page by page."""
        for page in range(1, _MOST_PAGES + 1):
            told = self._files_page(directory, status, view="ids_only", limit=_FILES_PAGE, page=page)
            listed, metadata = told.get("file_list"), told.get("metadata")
            if not isinstance(listed, list):
                raise self._unreadable("the list of files is none")
            yield from (one for one in listed if isinstance(one, int))
            pages = metadata.get("total_pages") if isinstance(metadata, dict) else None
            if not listed or not isinstance(pages, int) or page >= pages:
                return

    def _files_page(self, directory: int, status: str, *, view: str, limit: int, page: int = 1) -> _Json:
        asked = {
            "directory_id": directory,
            "annotations_are_machine_made_setting": "All",
            "annotation_status": status,
            "limit": limit,
            "media_type": "All",
            "page": page,
            "file_view_mode": view,
            "search_term": None,
            "with_children_files": False,
            "query": None,
        }
        return self._object("POST", f"/api/project/{self._project}/user/sdk/file/list", {"metadata": asked})

    # --- exports -----------------------------------------------------------------------------------------------------

    def create(self, body: Mapping[str, Any]) -> _Json:
        """Have an export made: what it says of it. Sent once.

        Raises :class:`LostAnswerError` where it may have been taken, :class:`NotSentError`.
        """
        with sent_once():
            told = self._object("POST", self._export("to_file"), body)
        made = told.get("export")
        if not isinstance(made, dict) or not isinstance(made.get("id"), int):
            raise LostAnswerError(f"{self.place} answered without the id of the export")
        return made

    @contextmanager
    def exports(self) -> Iterator[Iterator[_Json]]:
        """All of the project that are not archived, newest first. The list has no pages, and an installation that
        nobody tidies has many: it is read in flat memory.
        """
        with TemporaryFile() as file:
            answer = self._request(
                "GET", self._export("working_dir/list"), stream=True, max_bytes=settings.PLATFORM_FILE_BYTES
            )
            with closing(answer):
                for piece in answer.iter_content(_PIECE):
                    file.write(piece)
            file.seek(0)
            yield self._listed(file)

    def _listed(self, file: IO[bytes]) -> Iterator[_Json]:
        is_list = False
        try:
            for key, element, in_list in json_stream.sections(file):  # type: ignore[arg-type]
                if key == "export_list":
                    is_list |= in_list
                    one = json_stream.parse(element) if in_list and element is not None else None
                    if isinstance(one, dict) and isinstance(one.get("id"), int):
                        yield one
        except (UserError, json_stream.RowRefused):
            raise self._unreadable("the list of exports is no JSON that can be read") from None
        if not is_list:
            raise self._unreadable("the list of exports is none")

    def status(self, export_id: str) -> _Json:
        """One of them, as it stands; for admins and Editors alone. Raises :class:`RefusedError`: 403 for a Viewer."""
        told = self._object("GET", self._export(f"{_id(export_id)}/status")).get("export")
        if not isinstance(told, dict):
            raise self._unreadable("how the export stands is no object")
        return told

    def archive(self, export_id: str) -> None:
        """Out of the list; there is no way back."""
        self._request("POST", self._export("update"), {"id": int(_id(export_id)), "mode": "ARCHIVE"})

    def fetch_by_address(self, export_id: str, path: Path, on_bytes: Callable[[int], None]) -> None:
        """Its file to ``path``, from where it is stored; the key goes along with none of it: the address alone opens
        it, for minutes, and one that has ended is asked for anew.
        """
        refused: PermanentStatusError | None = None
        for _ in range(1 + MOST_NEW_ADDRESSES):
            url = self._json("POST", self._export("link"), self._link(export_id, "url"))
            if not isinstance(url, str) or not url:
                raise PermanentError(f"{self.place} has no address of the file")
            limit = settings.PLATFORM_FILE_BYTES
            try:
                self._receive(
                    self._files.request("GET", url, stream=True, max_bytes=limit, whole_seconds=FETCH_SECONDS),
                    path,
                    on_bytes,
                )
            except TooLargeError:
                raise _too_large() from None
            except PermanentStatusError as error:
                if error.status not in _ENDED:
                    raise
                refused = error
            else:
                return
        assert refused is not None
        answered = formatting.status(refused.status)
        raise PermanentError(f"the address of the file answered {answered}, and so did {MOST_NEW_ADDRESSES} new ones")

    def fetch_as_data(self, export_id: str, path: Path, on_bytes: Callable[[int], None]) -> None:
        """Its file to ``path``, through Diffgram itself, which reads it and writes it out anew."""
        try:
            answer = self._request(
                "POST",
                self._export("link"),
                self._link(export_id, "data"),
                stream=True,
                max_bytes=settings.PLATFORM_FILE_BYTES,
                whole_seconds=FETCH_SECONDS,
                read_seconds=READING_SECONDS,
            )
            self._receive(answer, path, on_bytes)
        except TooLargeError:
            raise _too_large() from None

    # --- inside ------------------------------------------------------------------------------------------------------

    @staticmethod
    def _receive(answer: requests.Response, path: Path, on_bytes: Callable[[int], None]) -> None:
        with closing(answer), path.open("wb") as out:
            for piece in answer.iter_content(_PIECE):
                out.write(piece)
                on_bytes(len(piece))

    @staticmethod
    def _link(export_id: str, return_type: str) -> _Json:
        return {"id": int(_id(export_id)), "return_type": return_type, "format": "JSON"}

    def _export(self, path: str) -> str:
        return f"/api/walrus/project/{self._project}/export/{path}"

    def _object(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> _Json:
        told = self._json(method, path, body)
        if not isinstance(told, dict):
            raise self._unreadable("it is no object")
        return told

    def _json(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        content = self._request(method, path, body).content
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError:
            what = "a page" if content.lstrip()[:1] == b"<" else "something else"
            raise self._unreadable(f"it is {what} instead of JSON") from None

    def _request(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        whole_seconds: float | None = None,
        read_seconds: float = READ_SECONDS,
        **named: Any,
    ) -> requests.Response:
        try:
            return self._api.request(
                method,
                f"{self._base}{path}",
                json=body,
                refusal_bytes=MAX_REFUSAL,
                whole_seconds=whole_seconds or settings.PLATFORM_ANSWER_SECONDS,
                read_seconds=read_seconds,
                **named,
            )
        except PermanentStatusError as error:
            raise self._refused(error.status, error.body) from None
        except TransientStatusError as error:
            said = said_by(error.body)
            if error.status == 500 and _HAS_NONE in said:  # what does not exist, it says so
                raise self._refused(500, error.body) from None
            message = f"{self.place} answered {formatting.status(error.status)}{_colon(said)}"
            raise TransientStatusError(message, error.status, error.retry_after, error.body) from None

    def _unreadable(self, what: str) -> UnreadableError:
        return UnreadableError(f"{self.place} does not answer as Diffgram does ({what}): is the base address right?")

    def _refused(self, status: int, body: bytes) -> PermanentError | TransientError:
        said = said_by(body)
        if status == 400 and NOT_READY in said:
            return self._not_ready(body)
        words = f"{self.place} answered {formatting.status(status)}{_colon(said)}"
        if status == 403 and _ROLES in said:
            words += (
                " (the client id or the secret is wrong, the key is another project's, or its role may not do that)"
            )
        elif status == 500:
            words += " (as it says of what does not exist: an export or a directory of that number)"
        return RefusedError(words, status, said)

    @staticmethod
    def _not_ready(body: bytes) -> PermanentError | TransientError:
        """It says so of failed exports, too."""
        told = _object_in(body)
        log = told.get("log")
        export = told.get("export") or (log.get("export") if isinstance(log, dict) else None)
        if isinstance(export, dict) and export.get("status") == "failed":
            return PermanentError(f"the export failed there: {shown(export.get('status_text') or 'it says no reason')}")
        return NotMadeYetError(f"it says {NOT_READY!r}")


_HAS_NONE: Final = "object has no attribute"
# before what it says, the status once more: "403 Forbidden: …"
_STATUS: Final = re.compile(r"\A[1-5][0-9]{2}(?: [A-Z][A-Za-z]+)*: ")


def number_of(directory: Mapping[str, Any]) -> int | None:
    """Of a directory, which is told under two names."""
    number = directory.get("directory_id", directory.get("id"))
    return number if isinstance(number, int) else None


def _id(text: str) -> str:
    """Raises ``PermanentError`` for what is no number of an export."""
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise PermanentError(f"{text[:60]!r} is no number of an export of Diffgram's")
    return text


def _too_large() -> TooLargeFileError:
    limit = settings.PLATFORM_FILE_BYTES
    return TooLargeFileError(
        f"the file has more than {limit:,} bytes; no more are taken (EXPORTADMIN_PLATFORM_FILE_BYTES)"
    )


def _object_in(body: bytes) -> _Json:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def said_by(body: bytes) -> str:
    """What is wrong, of either shape, or the plain text; empty where it says nothing."""
    told = _object_in(body)
    if not told:
        text = body[:MOST_SHOWN].decode(errors="replace")
        return "" if text.lstrip()[:1] in ("<", "{", "[", "") else shown(text)
    log = told.get("log")
    error = told.get("error") or (log.get("error") if isinstance(log, dict) else None)
    if isinstance(error, dict):
        error = "; ".join(f"{key}: {one}" if isinstance(one, bool | int) else str(one) for key, one in error.items())
    return shown(_STATUS.sub("", error)) if isinstance(error, str) else ""


def shown(value: Any) -> str:
    """A text of the platform's, on one line and not long, without what is secret."""
    text = scrub_text(one_line(value))
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def _colon(said: str) -> str:
    return f": {said}" if said else ""
