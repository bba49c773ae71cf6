"""A Labellerr of the tests: its wire as it was measured, on a live socket of loopback, and it misbehaves on command.

:class:`LabellerrServer` holds projects, exports and connections to buckets. What it does wrong is in its ``habits``;
``answers`` are sent once each instead of its own; ``on`` is called when a route was reached, and again when what was
asked for is done but not answered, so that a test can end a process at that moment. Files are made row by row and lie
on disk: a project of 100,000 rows (:class:`MadeRows`) is never in memory.

Routes have names: ``projects``, ``project``, ``create``, ``list``, ``status``, ``download``, ``storage`` (where files
lie), ``connection_test``, ``connection_create``, ``connections``, ``connection`` and ``connection_delete``.
"""

from __future__ import annotations

import base64
import csv
import email
import json
import re
import tempfile
import threading
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from tests.support.far_side import Answer, Call, Handler, Listening, nothing

STATUSES: Final = [
    "None",
    "assigned",
    "review",
    "r_assigned",
    "client_review",
    "cr_assigned",
    "accepted",
    "rejected",
    "client_rejected",
    "skipped",
    "r_skipped",
    "cr_skipped",
    "critical",
    "r_critical",
    "cr_critical",
]
API_KEY, API_SECRET, CLIENT_ID = "a1b2c3.0123456789abcdef0123456789", "Sk0123456789abcdefSECRET", "1234"
PROCESSING: Final = {"export_status": "Processing", "is_completed": False}
CREATED: Final = {"export_status": "Created", "is_completed": True}
# https://www.w3.org/TR/png: one black pixel
PNG: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
_ROUTES: Final = (
    ("GET", r"/project_drafts/projects/detailed_list", "projects"),
    ("GET", r"/projects/project/(?P<project_id>[^/]+)", "project"),
    ("POST", r"/sdk/export/files", "create"),
    ("GET", r"/exports/list", "list"),
    ("POST", r"/exports/status", "status"),
    ("GET", r"/exports/download", "download"),
    ("GET", r"/storage/(?P<report_id>[^/]+)/(?P<number>[0-9]+)", "storage"),
    ("POST", r"/connectors/connections/test", "connection_test"),
    ("POST", r"/connectors/connections/create", "connection_create"),
    ("GET", r"/connectors/connections/list", "connections"),
    ("POST", r"/connectors/connections/delete", "connection_delete"),
    ("GET", r"/connectors/connections/(?P<connection_id>[^/]+)/details", "connection"),
)
_CHUNK: Final = 1 << 16


def labelled_row(number: int) -> dict[str, Any]:
    """Row ``number`` of :class:`MadeRows`: every third has two polygons, the others none."""
    corners = [{"x": 10.5, "y": 10}, {"x": 110 + number % 7, "y": 10}, {"x": 60, "y": 90.25}]
    answers = [
        {"question_type": "polygon", "question_name": name, "answer_id": f"a-{number}-{name}", "answer": corners}
        for name in ("car", "window")
    ]
    return {
        "file_id": f"file-{number:07d}",
        "file_name": f"picture_{number:07d}.jpg",
        "file_metadata": {"image_width": 640, "image_height": 480, "file_size": 0.225, "file_format": "jpg"},
        "created_at": 1_758_605_248_989 + number,
        "file_status": STATUSES[number % len(STATUSES)],
        "remarks": "",
        "activities": [],
        "latest_answer": answers if number % 3 == 0 else [],
    }


@dataclass
class MadeRows:
    """So many rows, made when they are asked for. ``changed``: number → when it was last updated (ms), and ``more``:
    number → keys that are otherwise then; ``gone``: numbers that are not there any more."""

    count: int
    make: Callable[[int], dict[str, Any]] = labelled_row
    changed: dict[int, int] = field(default_factory=dict)
    more: dict[int, dict[str, Any]] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for number in range(self.count):
            if number not in self.gone:
                yield {**self.make(number), "updated_at": self.changed.get(number, 0), **self.more.get(number, {})}

    def __len__(self) -> int:
        return self.count - len(self.gone)


@dataclass
class ServedProject:
    """``rows`` are in the shape of the json export, with ``updated_at`` (ms) beside, which no file has."""

    project_id: str
    name: str
    rows: Iterable[dict[str, Any]] = ()
    data_type: str = "image"


@dataclass
class ServedExport:
    """One that was made. ``path``: its file; ``item``: what is told of it besides how it stands."""

    report_id: str
    project_id: str
    body: dict[str, Any]
    path: Path
    rows: int
    created_ms: int
    item: dict[str, Any] = field(default_factory=dict)
    addresses: int = 0
    is_done: bool = False


@dataclass
class Habits:
    """What it does in its own way, or wrong."""

    status_keys: tuple[str, ...] = ("response",)  # and "status"
    # how an export stands, look by look, the last one again and again
    looks: list[dict[str, Any]] = field(default_factory=lambda: [CREATED])
    projects_in_object: bool = False
    ignores_updated_after: bool = False
    ignores_statuses: bool = False
    # updated_after_timestamp keeps what was updated at that moment, too
    inclusive: bool = True
    nothing_status: int = 400
    # so many addresses of files are answered with this status
    expired: int = 0
    expired_status: int = 403
    # so many requests for an address get none
    no_url_yet: int = 0
    url_shape: str = "url"  # download_url, text
    # a file ends after so many bytes; is_cut: in the middle of what was announced, else as if that were all
    file_bytes: int | None = None
    is_cut: bool = False
    # replaces what a file holds
    file_content: bytes | None = None
    # an export to S3 is refused an address
    refuses_s3_download: bool = False
    # how exports and items of a list are told further
    more: dict[str, Any] = field(default_factory=dict)


def refusal(status: int, message: str = "", **headers: str) -> Answer:
    """In the envelope of Labellerr; ``Retry_After="5"`` is the header ``Retry-After``."""
    body = {"message": f"{status}: {message}", "response": None, "error": {"message": message}, "tracking_id": "t-0"}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, orjson.dumps(body), {"Content-Type": "application/json", **named})


class RefusedError(Exception):
    """Answered as :func:`refusal`."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class LabellerrServer:
    """See the module."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.projects: dict[str, ServedProject] = {}
        self.exports: dict[str, ServedExport] = {}
        self.connections: dict[str, dict[str, Any]] = {}
        self.habits = Habits()
        self.answers: dict[str, list[Answer]] = defaultdict(list)
        self.calls: list[Call] = []
        # (route, "before" or "after") → what is done then
        self.on: dict[tuple[str, str], Callable[[], None]] = {}
        self.clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
        # has an export to S3 put there: (export, its file)
        self.to_s3: Callable[[ServedExport], None] | None = None
        # what came to where files lie with keys that are for the API alone
        self.leaks: list[Call] = []
        self.lock = threading.RLock()
        self._http = Listening(("127.0.0.1", 0), type("Handler", (_Handler,), {"owner": self}))
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    # --- for tests ---------------------------------------------------------------------------------------------------

    @property
    def place(self) -> str:
        """``127.0.0.1:port``."""
        return f"127.0.0.1:{self._http.server_address[1]}"

    @property
    def url(self) -> str:
        """``http://127.0.0.1:port``."""
        return f"http://{self.place}"

    @property
    def config(self) -> dict[str, Any]:
        """Of a connection to it."""
        return {"base_address": self.url, "client_id": CLIENT_ID, "private_address": self.place}

    @property
    def secrets(self) -> dict[str, str]:
        """Of a connection to it."""
        return {"api_key": API_KEY, "api_secret": API_SECRET}

    def serve(
        self, project_id: str, rows: Iterable[dict[str, Any]] = (), *, name: str = "", data_type: str = "image"
    ) -> ServedProject:
        """There is such a project now."""
        self.projects[project_id] = ServedProject(project_id, name or f"Project {project_id}", rows, data_type)
        return self.projects[project_id]

    def count(self, route: str) -> int:
        """How often it was called."""
        return sum(call.route == route for call in self.calls)

    def make(self, project_id: str, **body: Any) -> ServedExport:
        """An export as somebody else has it made."""
        with self.lock:
            return self._make(project_id, {"export_format": "json", "statuses": STATUSES, **body})

    def close(self) -> None:
        """Listen no more."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(10)

    # --- what it answers ---------------------------------------------------------------------------------------------

    def projects_json(self, call: Call) -> Any:
        found = [self._project_json(one) for one in self.projects.values()]
        return {"projects": found} if self.habits.projects_in_object else found

    def project_json(self, call: Call, project_id: str) -> Any:
        return self._project_json(self._project(project_id))

    @staticmethod
    def _project_json(project: ServedProject) -> dict[str, Any]:
        return {
            "project_id": project.project_id,
            "project_name": project.name,
            "data_type": project.data_type,
            "status_code": 300,
            "attached_datasets": [],
            "annotation_template_id": "",
            "created_by": API_KEY,  # of whatever was made with one
            "created_at": 1_763_374_470_963,
        }

    def create_json(self, call: Call) -> Any:
        project = self._project(call.query.get("project_id", ""))
        body = call.sent
        for key in ("export_name", "export_format", "statuses"):
            if not body.get(key):
                raise RefusedError(400, f"{key} is required")
        if body.get("export_destination") == "s3":
            if body.get("connection_id") not in self.connections:
                raise RefusedError(400, "unknown connection")
            if not body.get("export_folder_path"):
                raise RefusedError(400, "export_folder_path is required")
        return {"report_id": self._make(project.project_id, body).report_id}

    def list_json(self, call: Call) -> Any:
        project = self._project(call.query.get("project_id", ""))
        groups: dict[str, list[dict[str, Any]]] = {"completed": [], "inProgress": []}
        for one in reversed(self.exports.values()):
            if one.project_id == project.project_id:
                groups["completed" if one.is_done else "inProgress"].append(self._item(one, self._stands(one)))
        return groups

    def status_json(self, call: Call) -> Any:
        found = [self.exports[one] for one in call.sent["report_ids"] if one in self.exports]
        return [self._item(one, self._looked_at(one)) for one in found]

    def download_json(self, call: Call) -> Any:
        export = self.exports.get(call.query.get("report_id", ""))
        if export is None:
            raise RefusedError(404, "no such report")
        if export.body.get("export_destination") == "s3":
            if self.habits.refuses_s3_download:
                raise RefusedError(400, "nothing to download")
            return {"url": None, "s3_path": export.body["export_folder_path"]}
        if self.habits.no_url_yet:
            self.habits.no_url_yet -= 1
            return {"url": None}
        export.addresses += 1
        address = f"{self.url}/storage/{export.report_id}/{export.addresses}?X-Goog-Signature=5ecret"
        shape = self.habits.url_shape
        return address if shape == "text" else {shape: address}

    def connection_test_json(self, call: Call) -> Any:
        form = _form(call)
        if "credentials" in form:
            keys = json.loads(form["credentials"])
            if not keys.get("access_key_id") or not keys.get("secret_access_key"):
                raise RefusedError(400, "credentials are incomplete")
        elif form.get("connection_id") not in self.connections:
            raise RefusedError(404, "no such connection")
        if not form.get("path"):
            raise RefusedError(400, "path is required")
        return {"status": "ok"}

    def connection_create_json(self, call: Call) -> Any:
        form = _form(call)
        connection_id = f"00000000-0000-4000-8000-{len(self.connections) + 1:012d}"
        self.connections[connection_id] = {
            "connection_id": connection_id,
            "connector": form["connector"],
            "name": form["name"],
            "description": form.get("description", ""),
            "connection_type": form["connection_type"],
            "created_at": self.clock_ms(),
            "created_by": API_KEY,
        }
        return {"connection_id": connection_id}

    def connections_json(self, call: Call) -> Any:
        return list(self.connections.values())

    def connection_json(self, call: Call, connection_id: str) -> Any:
        if connection_id not in self.connections:
            raise RefusedError(404, "no such connection")
        return self.connections[connection_id]

    def connection_delete_json(self, call: Call) -> Any:
        if self.connections.pop(call.sent["connection_id"], None) is None:
            raise RefusedError(404, "no such connection")
        return {"status": "deleted"}

    # --- inside ------------------------------------------------------------------------------------------------------

    def _project(self, project_id: str) -> ServedProject:
        if project_id not in self.projects:
            raise RefusedError(404, f"no project {project_id}")
        return self.projects[project_id]

    def _looked_at(self, export: ServedExport) -> dict[str, Any]:
        looks = self.habits.looks
        stands = looks.pop(0) if len(looks) > 1 else looks[0]
        if str(stands.get("export_status")).lower() in ("created", "failed") and stands.get("is_completed"):
            if not export.is_done and self.to_s3 and export.body.get("export_destination") == "s3":
                self.to_s3(export)
            export.is_done = True
        return stands

    def _stands(self, export: ServedExport) -> dict[str, Any]:
        return CREATED if export.is_done else PROCESSING

    def _item(self, export: ServedExport, stands: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "report_id": export.report_id,
            "export_name": export.body.get("export_name", ""),
            "created_at": export.created_ms,
            "created_by": API_KEY,
            **self.habits.more,
            **export.item,
            **stands,
        }

    def _make(self, project_id: str, body: dict[str, Any]) -> ServedExport:
        report_id = f"report{len(self.exports) + 1:014d}"
        path = self.folder / report_id
        wanted = self._selected(self.projects[project_id].rows, body)
        rows = _WRITERS.get(body["export_format"], _json_file)(path, wanted, report_id, body)
        if not rows:
            raise RefusedError(self.habits.nothing_status, "No files found with the given status")
        made = ServedExport(report_id, project_id, body, path, rows, self.clock_ms())
        self.exports[report_id] = made
        return made

    def _selected(self, rows: Iterable[dict[str, Any]], body: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        habits, statuses = self.habits, frozenset(body["statuses"])
        after = None if habits.ignores_updated_after else body.get("updated_after_timestamp")
        if after is not None and not habits.inclusive:
            after += 1
        for row in rows:
            is_wanted = habits.ignores_statuses or row["file_status"] in statuses
            if is_wanted and (after is None or row.get("updated_at", 0) >= after):
                yield {key: value for key, value in row.items() if key != "updated_at"}


def _json_file(path: Path, rows: Iterable[dict[str, Any]], report_id: str, body: Mapping[str, Any]) -> int:
    count = 0
    with path.open("wb") as out:
        out.write(b"[")
        for count, row in enumerate(rows, 1):
            out.write((b",\n" if count > 1 else b"") + orjson.dumps(row))
        out.write(b"]")
    return count


def _coco_file(path: Path, rows: Iterable[dict[str, Any]], report_id: str, body: Mapping[str, Any]) -> int:
    """Ids from 0; the arrays one after another, so the annotations are written to a file of their own first."""
    categories: dict[str, int] = {}
    count = marks = 0
    info = {"description": body.get("export_name"), "year": 2024, "contributor": API_KEY, "version": report_id}
    with path.open("wb") as out, tempfile.TemporaryFile() as annotations:
        out.write(b'{"info":%b,"licenses":[],"images":[' % orjson.dumps(info))
        for count, row in enumerate(rows, 1):
            image = {
                "id": count - 1,
                "width": row["file_metadata"].get("image_width"),
                "height": row["file_metadata"].get("image_height"),
                "file_name": row["file_name"],
                "labellerr_file_id": row["file_id"],
                "labellerr_file_status": row["file_status"],
                "labellerr_file_remarks": row.get("remarks", ""),
            }
            out.write((b",\n" if count > 1 else b"") + orjson.dumps(image))
            for answer in row.get("latest_answer", ()):
                points = [side for corner in answer["answer"] for side in (corner["x"], corner["y"])]
                annotation = {
                    "image_id": count - 1,
                    "category_id": categories.setdefault(answer["question_name"], len(categories)),
                    "segmentation": [points],
                    "iscrowd": 0,
                    "bbox": [0, 0, 1, 1],
                    "area": 1,
                    "id": marks,
                    "attributes": [],
                }
                annotations.write((b",\n" if marks else b"") + orjson.dumps(annotation))
                marks += 1
        out.write(b'],"annotations":[')
        annotations.seek(0)
        while chunk := annotations.read(_CHUNK):
            out.write(chunk)
        named = [{"id": number, "name": name, "supercategory": "Annotation"} for name, number in categories.items()]
        out.write(b'],"categories":%b}' % orjson.dumps(named))
    return count


def _csv_file(path: Path, rows: Iterable[dict[str, Any]], report_id: str, body: Mapping[str, Any]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["file_id", "file_name", "file_status", "remarks"])
        for count, row in enumerate(rows, 1):  # noqa: B007 - it is the number of rows
            writer.writerow([row["file_id"], row["file_name"], row["file_status"], row.get("remarks", "")])
    return count


def _png_file(path: Path, rows: Iterable[dict[str, Any]], report_id: str, body: Mapping[str, Any]) -> int:
    count = 0
    with zipfile.ZipFile(path, "w") as out:
        for count, row in enumerate(rows, 1):  # noqa: B007 - it is the number of rows
            out.writestr(f"{row['file_name']}.png", PNG)
    return count


_WRITERS: Final = {"coco_json": _coco_file, "csv": _csv_file, "png": _png_file}


def _form(call: Call) -> dict[str, str]:
    """The fields of a form in parts."""
    head = f"Content-Type: {call.headers['content-type']}\r\n\r\n".encode()
    parts: Any = email.message_from_bytes(head + call.body).get_payload()
    names = [re.search(r'name="([^"]*)"', part["Content-Disposition"]) for part in parts]
    return {found[1]: part.get_payload() for found, part in zip(names, parts, strict=True) if found}


class _Handler(Handler):
    owner: LabellerrServer
    routes = _ROUTES

    def unknown(self) -> Answer:
        return refusal(404, "no such address")

    def own(self, call: Call, named: dict[str, str]) -> Answer | None:
        server = self.owner
        if call.route == "storage":
            self._send_file(call, **named)
            return None
        try:
            self._check_keys(call)
            with server.lock:
                response = getattr(server, f"{call.route}_json")(call, **named)
        except RefusedError as error:
            return refusal(error.status, str(error))
        return self._success(call.route, response)

    def _check_keys(self, call: Call) -> None:
        """In the very names with underscores."""
        if (call.headers.get("api_key"), call.headers.get("api_secret")) != (API_KEY, API_SECRET):
            raise RefusedError(401, "Invalid API key")
        if CLIENT_ID not in (call.headers.get("client_id"), call.query.get("client_id")):
            raise RefusedError(403, "not authorized for this client")
        if call.route.startswith("connection") and call.route != "connection" and "email_id" not in call.headers:
            raise RefusedError(400, "email_id is required")

    def _success(self, route: str, response: Any) -> Answer:
        keys = self.owner.habits.status_keys if route == "status" else ("response",)
        told = {"message": "200: Success", **dict.fromkeys(keys, response), "error": None, "tracking_id": "t-1"}
        return Answer(200, orjson.dumps(told), {"Content-Type": "application/json"})

    def _send_file(self, call: Call, report_id: str, number: str) -> None:
        server, habits = self.owner, self.owner.habits
        if {"api_key", "api_secret", "client_id", "email_id"} & call.headers.keys():
            server.leaks.append(call)
        export = server.exports[report_id]
        if habits.expired > 0:
            habits.expired -= 1
            body = b"<?xml version='1.0'?><Error><Code>ExpiredToken</Code></Error>"
            return self.send(Answer(habits.expired_status, body, {"Content-Type": "application/xml"}))
        if habits.file_content is not None:
            export.path.write_bytes(habits.file_content)
        size = export.path.stat().st_size
        sent = size if habits.file_bytes is None else min(habits.file_bytes, size)
        self.send_response(200)
        self.send_header("Content-Type", "json")
        self.send_header("Content-Length", str(size if habits.is_cut else sent))
        self.send_header("Content-Disposition", f'attachment; filename="export-#{report_id}.json"')
        self.end_headers()
        with export.path.open("rb") as file:
            left = sent
            while left and (chunk := file.read(min(_CHUNK, left))):
                self.wfile.write(chunk)
                left -= len(chunk)
                server.on.get(("storage", "after"), nothing)()
        if habits.is_cut:
            self.close_connection = True
        return None


@pytest.fixture
def labellerr_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabellerrServer]:
    """With nothing in it."""
    server = LabellerrServer(tmp_path_factory.mktemp("labellerr"))
    yield server
    server.close()
