"""Labelbox's wire: what is sent, and what comes back.

All that is asked is GraphQL, sent to the connection's endpoint with the key, which goes to that host and nowhere else.
The files that a stream consists of lie behind signed addresses, which are fetched without it. An answer may be a page,
an object with ``errors``, each with a code, or one with ``message`` alone (a limit): what is not as it should be is an
error in words, never a guess. Whole numbers come as texts too.

Nothing is sent twice in here: whoever runs tries again. What may have been made although no answer came is a
:class:`~connections.platforms.base.LostAnswerError`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import orjson
from django.conf import settings

from connections.models import Connection
from connections.platforms.base import LostAnswerError
from connections.platforms.labelbox.names import DEFAULT_ENDPOINT, Sort
from connections.platforms.sent_once import NotNowError, PlatformRefusedError, UnreadableError, sent_once
from exportadmin.lib import formatting
from exportadmin.lib.addresses import check_url
from exportadmin.lib.errors import PermanentError, TransientError
from exportadmin.lib.http import (
    MAX_REFUSAL,
    PermanentStatusError,
    TransientStatusError,
    guard_for,
    retry_after,
    session,
)
from exportadmin.lib.masking import scrub_text
from exportadmin.lib.text import one_line
from exportadmin.lib.times import from_datetime

if TYPE_CHECKING:
    import requests

RESULT, ERRORS = "RESULT", "ERRORS"
_PAGE: Final = 100
_MOST_PAGES: Final = 200
MOST_SHOWN: Final = 200
# a file: hours, not minutes
FETCH_SECONDS: Final = 6 * 3600.0
MASK_SECONDS: Final = 30.0
# what an error says that goes away when others have ended; its code is not documented
_LIMIT: Final = re.compile(r"too many|rate limit|exceeded|concurrent", re.IGNORECASE)
# codes → what they mean, where that is not what the message says anyway
_WORDS: Final[Mapping[str, str]] = {
    "AUTHENTICATION_ERROR": "the API key is wrong, has ended or was withdrawn",
    "AUTHORIZATION_ERROR": "the key's user may not do that",
    "RESOURCE_NOT_FOUND": "there is no such thing, or the key's user may not see it",
    "GRAPHQL_VALIDATION_FAILED": "it does not take such a request",
    "GRAPHQL_PARSE_FAILED": "it does not understand the request",
    "MALFORMED_REQUEST": "it does not take the request's values",
    "OPERATION_NOT_ALLOWED": "that is not allowed there",
}
# what HTTP's status says where no code does
_CODES: Final[Mapping[int, str]] = {401: "AUTHENTICATION_ERROR", 403: "AUTHORIZATION_ERROR"}
# of an INTERNAL_SERVER_ERROR: its own status → what it is in truth
_INTERNAL: Final[Mapping[int, str]] = {
    400: "MALFORMED_REQUEST",
    422: "MALFORMED_REQUEST",
    426: "OPERATION_NOT_ALLOWED",
}
_TASK: Final = "completionPercentage createdAt errors metadata name result status type id updatedAt"
_SLICE: Final = "id name description filter createdAt updatedAt"
_MODEL_RUN: Final = "createdAt createdBy modelAppId modelId name trainingMetadata id updatedAt"
_Json = dict[str, Any]


class RefusedError(PlatformRefusedError):
    """Labelbox says no, for good. ``code`` is its own word for why; ``status`` is HTTP's."""

    def __init__(self, message: str, code: str, status: int = 200) -> None:
        super().__init__(message, status)
        self.code = code


@dataclass(frozen=True, slots=True)
class Size:
    """Of a stream: bytes and lines."""

    bytes: int
    lines: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """One file of a stream: bytes ``start`` to ``end`` of it, both included, which are lines ``first`` to ``last``."""

    start: int
    end: int
    first: int
    last: int
    url: str

    @property
    def bytes(self) -> int:
        """Its size."""
        return self.end - self.start + 1


class Client:
    """One connection's. Raises ``PermanentError`` where it has no key."""

    def __init__(self, connection: Connection) -> None:
        key = connection.secrets().get("api_key")
        if not key:
            raise PermanentError(f"connection {connection.name!r} has no API key: set it")
        self._endpoint = str(connection.config.get("endpoint") or DEFAULT_ENDPOINT)
        parts = check_url(self._endpoint)
        self.place = f"{parts.scheme}://{parts.netloc}"
        # lists that were not read to their end → how much of each was
        self.cut: dict[str, int] = {}
        self._guard = guard_for(connection.private_address)
        self._key = {"Authorization": f"Bearer {key}"}
        # tried again by whoever runs
        self._api = session(self._guard, self._endpoint, self._key, attempts=1)
        self._files = session(self._guard, self._endpoint, attempts=1)

    # --- what there is -----------------------------------------------------------------------------------------------

    @cached_property
    def user(self) -> _Json:
        """Whose key it is."""
        return self._object("query GetUserPyApi{user{email isViewer timezone id}}", at=("user",))

    def projects(self) -> Iterator[_Json]:
        """All that the key's user may see."""
        return self._pages("projects", "GetProjectsPyApi", "id name allowedMediaType dataRowCount")

    def datasets(self) -> Iterator[_Json]:
        """As :meth:`projects`."""
        return self._pages("datasets", "GetDatasetsPyApi", "id name description rowCount")

    def slices(self) -> list[_Json]:
        """Saved queries of the catalog."""
        return self._list(
            f"query GetCatalogSavedQueriesPyApi {{ catalogSavedQueries {{ {_SLICE} }} }}",
            at=("catalogSavedQueries",),
        )

    def models(self) -> list[_Json]:
        """Whose runs are :meth:`model_runs`."""
        return self._skipping("query GetModelsPyApi{models(skip: %d first: %d){name ontologyId id}}", at=("models",))

    def model_runs(self, model_id: str) -> list[_Json]:
        """Of one model."""
        return self._skipping(
            "query GetModelModelRunsPyApi($param_0: ID!){model(where: {id: $param_0})"
            f"{{modelRuns(skip: %d first: %d){{{_MODEL_RUN}}}}}}}",
            {"param_0": model_id},
            at=("model", "modelRuns"),
        )

    def project(self, project_id: str) -> _Json:
        """One of them. Raises :class:`RefusedError` where there is none; so do the others."""
        return self._one(
            "query GetProjectPyApi($param_0: ID!){project(where: {id: $param_0})"
            "{allowedMediaType dataRowCount lastActivityTime name id}}",
            "project",
            project_id,
        )

    def dataset(self, dataset_id: str) -> _Json:
        """See :meth:`project`."""
        return self._one(
            "query GetDatasetPyApi($param_0: ID!){dataset(where: {id: $param_0}){description name rowCount id}}",
            "dataset",
            dataset_id,
        )

    def model_run(self, run_id: str) -> _Json:
        """See :meth:`project`."""
        return self._one(
            f"query GetModelRunPyApi($param_0: ID!){{modelRun(where: {{id: $param_0}}){{{_MODEL_RUN}}}}}",
            "modelRun",
            run_id,
        )

    def slice(self, slice_id: str) -> _Json:
        """See :meth:`project`."""
        return self._one(
            f"query getSavedQueryPyApi($id: ID!) {{ getSavedQuery(id: $id) {{ {_SLICE} }} }}",
            "getSavedQuery",
            slice_id,
            named="id",
        )

    # --- exports -----------------------------------------------------------------------------------------------------

    def create(self, sort: Sort, given: Mapping[str, Any]) -> tuple[str, int | None]:
        """Have an export made: the id of its task, and the clock there. Sent once.

        Raises :class:`LostAnswerError` where it may have been taken, :class:`NotSentError`, :class:`NotNowError`.
        """
        name = sort.mutation
        text = (
            f"mutation {name}PyApi($input: {name[0].upper()}{name[1:]}Input!)"
            f"{{{name}(input: $input){{taskId isStreamable}}}}"
        )
        with sent_once():
            data, headers = self._ask(text, {"input": dict(given)})
        told = data.get(name)
        task_id = told.get("taskId") if isinstance(told, dict) else None
        if not isinstance(task_id, str) or not task_id:
            raise LostAnswerError(f"{self.place} answered without the id of the export")
        if isinstance(told, dict) and told.get("isStreamable") is False:
            raise PermanentError(f"{self.place} makes exports that are no streams: there is nothing to fetch of them")
        return task_id, _clock(headers.get("Date"))

    def tasks(self) -> list[_Json]:
        """What the key's user has begun, exports and others."""
        return self._skipping(
            "query GetUserCreatedTasksPyApi($param_0: ID!){user(where: {id: $param_0})"
            f"{{createdTasks(skip: %d first: %d){{{_TASK}}}}}}}",
            {"param_0": self._user_id()},
            at=("user", "createdTasks"),
        )

    def task(self, task_id: str) -> _Json | None:
        """One of them; ``None``: it shows none of that id."""
        found = self._list(
            "query GetUserCreatedTasksPyApi($param_0: ID!, $param_1: ID!){user(where: {id: $param_1})"
            f"{{createdTasks(where: {{id: $param_0}} skip: 0 first: {_PAGE}){{{_TASK}}}}}}}",
            {"param_0": task_id, "param_1": self._user_id()},
            at=("user", "createdTasks"),
        )
        return next((one for one in found if one.get("id") == task_id), None)

    def size(self, task_id: str, stream: str) -> Size | None:
        """Of one of its streams; ``None``: there is nothing in it."""
        told = self._value(
            "query GetExportMetadataHeaderPyApi($where: WhereUniqueIdInput, $streamType: TaskStreamType!)"
            "{task(where: $where){exportMetadataHeader(streamType: $streamType){totalSize totalLines}}}",
            {"where": {"id": task_id}, "streamType": stream},
            at=("task", "exportMetadataHeader"),
        )
        if told is None:
            return None
        try:
            size = Size(_whole(told["totalSize"]), _whole(told["totalLines"]))
        except (KeyError, TypeError, ValueError):
            raise self._unreadable("the size of the export is none") from None
        return size if size.bytes else None

    def chunk(self, task_id: str, stream: str, offset: int) -> Chunk:
        """The one that byte ``offset`` lies in, with an address that was signed just now."""
        told = self._value(
            "query GetExportFileFromOffsetPyApi"
            "($where: WhereUniqueIdInput, $streamType: TaskStreamType!, $offset: UInt64!)"
            "{task(where: $where){exportFileFromOffset(streamType: $streamType, offset: $offset)"
            "{offsets {start end} lines {start end} file}}}",
            {"where": {"id": task_id}, "streamType": stream, "offset": str(offset)},
            at=("task", "exportFileFromOffset"),
        )
        try:
            offsets, lines, url = told["offsets"], told["lines"], told["file"]
            chunk = Chunk(
                _whole(offsets["start"]), _whole(offsets["end"]), _whole(lines["start"]), _whole(lines["end"]), url
            )
        except (KeyError, TypeError, ValueError):
            raise self._unreadable(f"it names no file of byte {offset:,} of the export") from None
        if not isinstance(url, str) or not url:
            raise self._unreadable(f"the file of byte {offset:,} of the export has no address yet")
        return chunk

    def open_file(self, url: str, size: int, first: int) -> requests.Response:
        """A signed address of a file of ``size`` bytes, from byte ``first`` on where whoever has it can do that; to be
        closed. The key does not go along.
        """
        asked = {"Range": f"bytes={first}-"} if first else {}
        return self._files.request(
            "GET",
            url,
            headers={"Accept-Encoding": "identity", **asked},
            stream=True,
            max_bytes=size,
            whole_seconds=FETCH_SECONDS,
        )

    def masks(self) -> Callable[[str, int], bytes]:
        """For one thread: the picture at an address, of so many bytes at most. The key goes along to the endpoint's
        host alone. What may be over soon is tried a few times.
        """
        through = session(self._guard, self._endpoint, self._key)

        def get(url: str, max_bytes: int) -> bytes:
            answer = through.request(
                "GET", url, headers={"Accept": "image/png"}, max_bytes=max_bytes, whole_seconds=MASK_SECONDS
            )
            return answer.content

        return get

    # --- inside ------------------------------------------------------------------------------------------------------

    def _user_id(self) -> str:
        user_id = self.user.get("id")
        if not isinstance(user_id, str) or not user_id:
            raise self._unreadable("the key's user has no id")
        return user_id

    def _pages(self, what: str, operation: str, fields: str) -> Iterator[_Json]:
        where = "where: {deleted: $param_0} skip: %d first: %d"
        text = f"query {operation}($param_0: Boolean!){{{what}({where}){{{fields}}}}}"
        yield from self._skipping(text, {"param_0": False}, at=(what,))

    def _skipping(self, text: str, variables: Mapping[str, Any] | None = None, *, at: tuple[str, ...]) -> list[_Json]:
        """A list, page by page; ``text`` has places for how many are skipped, and are wanted. What was listed before
        is there once; one that is longer than is read is in :attr:`cut`.
        """
        found: list[_Json] = []
        ids = set[str]()
        self.cut.pop(at[-1], None)
        for page in range(_MOST_PAGES):
            listed = self._list(text % (page * _PAGE, _PAGE), variables, at=at)
            new = [one for one in listed if str(one.get("id")) not in ids]
            if listed and not new:
                raise self._unreadable(f"page {page + 1} of {'.'.join(at)} is one that it sent before")
            ids.update(str(one.get("id")) for one in new)
            found += new
            if len(listed) < _PAGE:
                return found
        self.cut[at[-1]] = len(found)
        return found

    def _one(self, text: str, name: str, thing_id: str, *, named: str = "param_0") -> _Json:
        value = self._value(text, {named: thing_id}, at=(name,))
        if not isinstance(value, dict):
            raise RefusedError(
                f"{self.place} has nothing of the id {thing_id!r} of that sort, or the key's user may not see it",
                "RESOURCE_NOT_FOUND",
            )
        return value

    def _object(self, text: str, *, at: tuple[str, ...]) -> _Json:
        value = self._value(text, at=at)
        if not isinstance(value, dict):
            raise self._unreadable(f"{'.'.join(at)} is no object")
        return value

    def _list(self, text: str, variables: Mapping[str, Any] | None = None, *, at: tuple[str, ...]) -> list[_Json]:
        value = self._value(text, variables, at=at)
        if not isinstance(value, list):
            raise self._unreadable(f"{'.'.join(at)} is no list")
        return [one for one in value if isinstance(one, dict)]

    def _value(self, text: str, variables: Mapping[str, Any] | None = None, *, at: tuple[str, ...]) -> Any:
        """What stands under ``at`` in an answer; ``None`` where nothing does."""
        value: Any = self._ask(text, variables)[0]
        for key in at:
            if value is None:
                return None
            if not isinstance(value, dict) or key not in value:
                raise self._unreadable(f"it has no {'.'.join(at)}")
            value = value[key]
        return value

    def _ask(self, text: str, variables: Mapping[str, Any] | None = None) -> tuple[_Json, Mapping[str, str]]:
        """``data`` of an answer, and its headers."""
        try:
            answer = self._api.request(
                "POST",
                self._endpoint,
                json={"query": text, "variables": variables or {}},
                headers={"Accept": "application/json"},
                refusal_bytes=MAX_REFUSAL,
                whole_seconds=settings.PLATFORM_ANSWER_SECONDS,
            )
        except PermanentStatusError as error:
            raise self._refused(error.status, error.body) from None
        except TransientStatusError as error:
            message = f"{self.place} answered {formatting.status(error.status)}{_colon(_message(_object(error.body)))}"
            raise TransientStatusError(message, error.status, error.retry_after) from None
        told = _object(answer.content)
        if told is None:
            what = "a page" if answer.content.lstrip()[:1] == b"<" else "something else"
            raise self._unreadable(f"it is {what} instead of JSON")
        if told.get("errors"):
            raise self._error(told["errors"], answer.status_code)
        data = told.get("data")
        if isinstance(data, dict):
            return data, answer.headers
        if isinstance(told.get("message"), str):  # a limit is told so
            raise NotNowError(
                f"{self.place}: {shown(told['message'])}", retry_after=retry_after(answer.headers.get("Retry-After"))
            )
        raise self._unreadable("it has neither data nor errors")

    def _refused(self, status: int, body: bytes) -> PermanentError | TransientError:
        told = _object(body) or {}
        if told.get("errors"):
            return self._error(told["errors"], status)
        code = _CODES.get(status, "")
        means = f": {_WORDS[code]}" if code else ""
        message = f"{self.place} answered {formatting.status(status)}{means}{_colon(_message(told))}"
        return RefusedError(message, code, status)

    def _error(self, errors: Any, status: int) -> PermanentError | TransientError:
        """The first of them."""
        first = errors[0] if isinstance(errors, list) else errors
        first = first if isinstance(first, dict) else {"message": first}
        extensions = first.get("extensions")
        extensions = extensions if isinstance(extensions, dict) else {}
        code = extensions.get("code")
        code = shown(code) if isinstance(code, str) else ""
        says = _colon(_message(first))
        if code == "INTERNAL_SERVER_ERROR":
            exception = extensions.get("exception")
            inner = exception.get("status") if isinstance(exception, dict) else None
            code = _INTERNAL.get(inner, code) if isinstance(inner, int) else code
            if code not in _WORDS:
                return UnreadableError(f"{self.place} had an error of its own{says}")
        if code not in _WORDS and _LIMIT.search(says):
            return NotNowError(f"{self.place}{says}")
        code = code or _CODES.get(status, "")
        means = _WORDS.get(code) or (f"it says {code}" if code else "it refuses the request")
        return RefusedError(f"{self.place}: {means}{says}", code, status)

    def _unreadable(self, what: str) -> UnreadableError:
        return UnreadableError(f"{self.place} does not answer as Labelbox does ({what}): is the endpoint right?")


def _object(body: bytes) -> _Json | None:
    """An answer's; ``None``: it is none."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def _message(told: _Json | None) -> str:
    """What it says, on one line."""
    if told and isinstance(told.get("errors"), list) and told["errors"] and isinstance(told["errors"][0], dict):
        told = told["errors"][0]
    message = (told or {}).get("message")
    return shown(message) if isinstance(message, str) else ""


def _colon(message: str) -> str:
    return f": {message}" if message else ""


def shown(value: Any) -> str:
    """A text of the platform's, on one line and not long, without what is secret."""
    text = scrub_text(one_line(value))
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}…"


def _whole(value: Any) -> int:
    """A number, also of a text. Raises ``ValueError`` for one that is none, or below 0."""
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).isdecimal():
        raise ValueError("no whole number")
    return int(value)


def _clock(date: str | None) -> int | None:
    try:
        return from_datetime(parsedate_to_datetime(date)) if date else None
    except (TypeError, ValueError):
        return None
