"""A Diffgram of the tests: its wire as it was measured, on a live socket of loopback, and it misbehaves on command.

:class:`DiffgramServer` holds one project: files, directories, jobs with tasks, and exports. What it does wrong is in
its ``habits``; ``answers`` are sent once each instead of its own; ``on`` is called when a route was reached, and again
when what was asked for is done but not answered, so that a test can end a process at that moment.

Routes have names: ``to_file``, ``list``, ``status``, ``link``, ``update``, ``jobs``, ``builder``, ``directories``,
``files``, ``working_dir`` and ``storage`` (where files lie).
"""

from __future__ import annotations

import base64
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from exportadmin.lib.times import to_datetime
from tests.support.far_side import Answer, Call, Handler, Listening

PROJECT, CLIENT_ID = "demo-project", "LIVE__0123456789abcdefghij"
SECRET: Final = "s3" + "0123456789abcdefghijklmnopqrstuvwxyz" + "0123456789abcdefghijkl"
NOT_READY: Final = "Export not ready yet."
EMPTY: Final = (
    "File List is Empty. Have tasks been completed? Potential Fix: To view all files: Un-select 'Complete Files Only'."
)
_P: Final = r"/api/walrus/project/(?P<project>[^/]+)/export"
_ROUTES: Final = (
    ("POST", rf"{_P}/to_file", "to_file"),
    ("GET", rf"{_P}/working_dir/list", "list"),
    ("GET", rf"{_P}/(?P<export_id>[^/]+)/status", "status"),
    ("POST", rf"{_P}/link", "link"),
    ("POST", rf"{_P}/update", "update"),
    ("POST", r"/api/v1/job/list", "jobs"),
    ("POST", r"/api/v1/job/(?P<job_id>[^/]+)/builder/info", "builder"),
    ("POST", r"/api/v1/project/(?P<project>[^/]+)/directory/list", "directories"),
    ("POST", r"/api/project/(?P<project>[^/]+)/user/sdk/file/list", "files"),
    ("GET", r"/api/project/(?P<project>[^/]+)/user/legacy/working_dir/view", "working_dir"),
    ("GET", r"/storage/(?P<export_id>[0-9]+)/(?P<number>[0-9]+)", "storage"),
)
_EDITORS: Final = frozenset({"to_file", "status", "update", "working_dir"})
LABELS: Final = {"901": "Apple", "902": "Branch"}
GROUPS: Final = [
    {
        "id": 31,
        "kind": "radio",
        "name": "ripeness",
        "prompt": "Ripeness?",
        "is_global": False,
        "attribute_template_list": [{"id": 77, "name": "Ripe"}],
        "label_file_list": [{"id": 901, "type": "label", "label": {"id": 301, "name": "Apple"}}],
    },
    {"id": 34, "kind": "select", "name": "light", "prompt": None, "is_global": True, "attribute_template_list": []},
]


def image(number: int, *, complete: bool = True) -> dict[str, Any]:
    """The entry of file ``number``: every third has a box, a polygon and an ellipse, the others none."""
    name = f"orchard_{number:05d}.jpg"
    url = f"https://bucket.example/projects/images/1/{number}"
    boxes: list[dict[str, Any]] = [
        {
            "id": 2 * number,
            "type": "box",
            "attribute_groups": {"31": {"id": 77, "name": "Ripe"}},
            "label_file_id": 901,
            "x_min": 10,
            "y_min": 20,
            "x_max": 110 + number % 7,
            "y_max": 90,
        },
        {
            "id": 2 * number + 1,
            "type": "polygon",
            "attribute_groups": None,
            "label_file_id": 902,
            "x_min": 10,
            "y_min": 12,
            "x_max": 200,
            "y_max": 220,
            "points": [{"x": 10, "y": 12}, {"x": 200, "y": 40}, {"x": 150, "y": 220}],
        },
        {
            "id": 1_000_000 + number,
            "type": "ellipse",
            "attribute_groups": None,
            "label_file_id": 901,
            "center_x": 300,
            "center_y": 200,
            "width": 40,
            "height": 25,
        },
    ]
    return {
        "file": {
            "id": number,
            "original_filename": name,
            "blob_url": url,
            "created_time": "2024-03-01 12:00:05.123456",
            "ann_is_complete": complete,
            "type": "image",
        },
        "image": {
            "width": 640,
            "height": 480,
            "rotation_degrees": 0,
            "image_signed_expiry": 1712448000.0,
            "image_signed_url": url,
            "original_filename": name,
        },
        "instance_list": boxes if number % 3 == 0 else [],
    }


@dataclass
class ServedJob:
    """``tasks``: a file and a status each."""

    number: int
    name: str
    tasks: list[tuple[int, str]]

    def count(self, *statuses: str) -> int:
        return sum(status in statuses for _, status in self.tasks)


@dataclass
class ServedExport:
    """One that was made, or is being made."""

    number: int
    body: dict[str, Any]
    created_ms: int
    content: dict[str, Any]
    length: int
    status: str = "init"
    status_text: str | None = None
    percent: float = 0.0
    is_archived: bool = False
    addresses: int = 0


@dataclass
class Habits:
    """What it does in its own way, or wrong."""

    role: str = "Editor"
    # how an export goes on, look by look, the last one again and again: percent, or the word of its end
    looks: list[float | str] = field(default_factory=lambda: ["complete"])
    # files that break while they are written, and why: they are left out, and the export is complete all the same
    broken: dict[int, str] = field(default_factory=dict)
    # files of a type that it has no shape for
    nulls: set[int] = field(default_factory=set)
    # so many addresses of files have ended
    expired: int = 0
    expired_status: int = 403
    # where addresses of files lead to instead
    elsewhere: str = ""
    # as data it looks into another bucket
    has_two_buckets: bool = False
    # a file ends after so many bytes of those that were announced
    cut_at: int | None = None
    # replaces what a file holds
    file_content: bytes | None = None
    # what becomes of it
    changes: Callable[[bytes], bytes] = lambda content: content
    # keys of what an export's file says of it
    info: dict[str, Any] = field(default_factory=dict)
    unlimited_builder: bool = False


class RefusedError(Exception):
    """Answered with this body."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(str(body))
        self.status, self.body = status, body


def forbidden(text: str) -> RefusedError:
    """As its server says what nobody may."""
    return RefusedError(403, {"error": f"403 Forbidden: {text}"})


def in_log(field_name: str, text: str, **beside: Any) -> RefusedError:
    """The one shape of errors."""
    return RefusedError(400, {"log": {"error": {field_name: text}, "info": {}, "success": False, **beside}})


def plain(field_name: str, text: str, **beside: Any) -> RefusedError:
    """The other."""
    return RefusedError(400, {"error": {field_name: text}, "info": {}, "success": False, **beside})


def refusal(status: int, body: Any, **headers: str) -> Answer:
    """``Retry_After="5"`` is the header ``Retry-After``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, orjson.dumps(body), {"Content-Type": "application/json", **named})


class DiffgramServer:
    """See the module."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[int, dict[str, Any]] = {}
        self.directories: dict[int, tuple[str, list[int]]] = {}
        self.jobs: dict[int, ServedJob] = {}
        self.exports: dict[int, ServedExport] = {}
        self.habits = Habits()
        self.answers: dict[str, list[Answer]] = defaultdict(list)
        self.calls: list[Call] = []
        # (route, "before" or "after") → what is done then
        self.on: dict[tuple[str, str], Callable[[], None]] = {}
        self.clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
        # what came to where files lie with the key, which is for the API alone
        self.leaks: list[Call] = []
        self._http = Listening(("127.0.0.1", 0), type("Handler", (_Handler,), {"owner": self}))
        self.lock = threading.RLock()
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
        return {
            "base_address": self.url,
            "project_string_id": PROJECT,
            "client_id": CLIENT_ID,
            "private_address": self.place,
        }

    @property
    def secrets(self) -> dict[str, str]:
        """Of a connection to it."""
        return {"client_secret": SECRET}

    def serve(self, packets: dict[int, dict[str, Any]], *, job: int = 42, directory: int = 7) -> ServedJob:
        """There are such files now, in one directory and in one job, of which the complete tasks are those of files
        that are marked complete."""
        self.files |= packets
        self.directories[directory] = (f"Directory {directory}", list(packets))
        tasks = [
            (number, "complete" if one["file"]["ann_is_complete"] else "available") for number, one in packets.items()
        ]
        self.jobs[job] = ServedJob(job, f"Batch {job}", tasks)
        return self.jobs[job]

    def count(self, route: str) -> int:
        """How often it was called."""
        return sum(call.route == route for call in self.calls)

    def make(self, **body: Any) -> ServedExport:
        """An export as somebody else has it made."""
        usual = {"kind": "Annotations", "source": "job", "job_id": 42, "directory_id": None, "ann_is_complete": None}
        with self.lock:
            return self._make(usual | {"masks": False, "file_comparison_mode": "latest"} | body)

    def close(self) -> None:
        """Listen no more."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(10)

    # --- what it answers ---------------------------------------------------------------------------------------------

    def to_file(self, call: Call, project: str) -> Any:
        body = call.sent
        for key in ("kind", "source", "file_comparison_mode"):
            if not body.get(key):
                raise in_log(key, f"Missing {key}")
        if body.get("masks") is None:
            raise in_log("masks", "Missing masks")
        if body["kind"] not in ("Annotations", "TF Records"):
            raise in_log("kind", "Invalid kind")
        if body["source"] == "job" and body.get("job_id") not in self.jobs:
            raise forbidden("No job")
        if body["source"] == "directory" and body.get("directory_id") not in self.directories:
            raise RefusedError(500, {"error": "'bool' object has no attribute 'id'"})
        if body["source"] == "task" and self._task(body.get("task_id")) is None:
            raise in_log("task_id", "Invalid task id")
        return {"success": True, "export": self._told(self._make(body))}

    def exports_list(self, call: Call, project: str) -> Any:
        found = [one for one in self.exports.values() if not one.is_archived]
        for one in found:
            self._go_on(one)
        return {"success": True, "export_list": [self._told(one) for one in reversed(found)]}

    def status(self, call: Call, project: str, export_id: str) -> Any:
        export = self.exports.get(int(export_id)) if export_id.isdigit() else None
        if export is None:
            raise RefusedError(400, b"Security error, invalid match")
        self._go_on(export)
        return {"success": True, "export": self._told(export)}

    def link(self, call: Call, project: str) -> Any:
        body = call.sent
        if type(body.get("id")) is not int:
            raise in_log("id", "Must be an int")
        export = self.exports.get(body["id"])
        if export is None:
            raise RefusedError(500, {"error": "'NoneType' object has no attribute 'project_id'"})
        if export.status != "complete":
            raise plain("export", NOT_READY, export=self._told(export))
        if body.get("format") == "YAML":
            return None
        if body.get("return_type") == "data":
            if self.habits.has_two_buckets:
                raise RefusedError(500, {"error": "Not Found"})
            return dict(sorted(orjson.loads(self.raw(export)).items()))
        export.addresses += 1
        return f"{self.habits.elsewhere or self.url}/storage/{export.number}/{export.addresses}?X-Amz-Signature=5ecret"

    def update(self, call: Call, project: str) -> Any:
        body = call.sent
        if body.get("mode") == "ARCHIVE":
            self.exports[body["id"]].is_archived = True
        return {"error": {}, "info": {}, "success": True}

    def jobs_list(self, call: Call) -> Any:
        metadata = call.sent["metadata"]
        if metadata.get("project_string_id") != PROJECT:
            raise forbidden("API access invalid")
        page = metadata["page_number"]
        found = list(self.jobs.values())
        return {
            "Job_list": [self._job(one) for one in found[(page - 1) * 50 : page * 50]],
            "metadata": {"total_job_number": len(found), "number_of_pages": -(-len(found) // 50)},
            "log": {"success": True},
        }

    def builder(self, call: Call, job_id: str) -> Any:
        """300 a day, so nobody is to look there again and again."""
        raise RefusedError(429, {"error": "429 Too Many Requests: 300 per 1 day"})

    def directory_list(self, call: Call, project: str) -> Any:
        found = [self._directory(number) for number in reversed(self.directories)]
        return {"log": {"success": True}, "directory_list": found[: call.sent["limit"]]}

    def files_list(self, call: Call, project: str) -> Any:
        asked = call.sent["metadata"]
        if asked["directory_id"] not in self.directories:
            raise RefusedError(500, {"error": "'bool' object has no attribute 'id'"})
        numbers = self.directories[asked["directory_id"]][1]
        if asked["annotation_status"] == "Completed":
            numbers = [one for one in numbers if self.files[one]["file"]["ann_is_complete"]]
        pages = max(1, -(-len(numbers) // asked["limit"]))
        start = (asked["page"] - 1) * asked["limit"]
        metadata = {"next_page": None, "total_pages": pages, "file_count": len(numbers)}
        return {"file_list": numbers[start : start + asked["limit"]], "metadata": metadata}

    def working_dir(self, call: Call, project: str) -> Any:
        return {"success": True, "working_dir": self._directory(next(iter(self.directories)))}

    # --- inside ------------------------------------------------------------------------------------------------------

    def raw(self, export: ServedExport) -> bytes:
        """Its file, as it is stored."""
        if self.habits.file_content is not None:
            return self.habits.file_content
        return self.habits.changes(orjson.dumps(export.content))

    def _task(self, number: Any) -> tuple[ServedJob, int] | None:
        """A task's number is its file's, and a thousand more."""
        for job in self.jobs.values():
            for file, _ in job.tasks:
                if file + 1000 == number:
                    return job, file
        return None

    def _go_on(self, export: ServedExport) -> None:
        if export.status != "init":
            return
        looks = self.habits.looks
        look = looks.pop(0) if len(looks) > 1 else looks[0]
        if isinstance(look, str):
            export.status = "failed" if export.length == 0 else look
            export.percent = 100.0
            if export.length == 0:
                export.status_text = EMPTY
        else:
            export.percent = look

    def _make(self, body: dict[str, Any]) -> ServedExport:
        number = 501 + len(self.exports)
        numbers, habits = self._selected(body), self.habits
        export = ServedExport(number, body, self.clock_ms(), {}, len(numbers))
        told = {**self._told(export)}
        for key in ("status", "status_text", "percent_complete"):
            del told[key]
        info = {
            **told,
            "created_time": to_datetime(export.created_ms).strftime("%Y-%m-%d %H:%M:%S.%f"),
            "export_format_version": "1.0",
            "user_created_email": None,
            "project": {"name": "Orchard", "project_string_id": PROJECT},
            **habits.info,
        }
        content: dict[str, Any] = {
            "readme": {},
            "label_map": LABELS,
            "label_colour_map": dict.fromkeys(LABELS),
            "export_info": info,
            "attribute_groups_reference": GROUPS,
        }
        for one in numbers:
            if one in habits.broken:
                export.status_text = habits.broken[one]
            else:
                content[str(one)] = None if one in habits.nulls else self.files[one]
        export.content = content
        self.exports[number] = export
        return export

    def _selected(self, body: dict[str, Any]) -> list[int]:
        """The files of which it counts each, a file of two tasks twice."""
        source, complete = body["source"], body.get("ann_is_complete")
        if source == "task":
            found = self._task(body["task_id"])
            assert found is not None
            return [found[1]]
        if source == "directory":
            numbers = self.directories[body["directory_id"]][1]
            if complete is None:
                return numbers
            return [one for one in numbers if bool(self.files[one]["file"]["ann_is_complete"]) is complete]
        wanted = ("complete",) if complete else None
        return [file for file, status in self.jobs[body["job_id"]].tasks if not wanted or status in wanted]

    def _job(self, job: ServedJob) -> dict[str, Any]:
        return {
            "id": job.number,
            "name": job.name,
            "status": "active",
            "type": "Normal",
            "time_created": "2024-03-02 00:00:00",
            "time_completed": "None",
            "stat_count_tasks": job.count("available", "in_progress", "complete"),
            "stat_count_complete": job.count("complete"),
        }

    def _directory(self, number: int) -> dict[str, Any]:
        return {
            "id": number,
            "directory_id": number,
            "nickname": self.directories[number][0],
            "jobs_to_sync": {"job_ids": []},
            "has_changes": None,
            "created_time": "2024-03-01T12:00:00.123456",
        }

    def _told(self, export: ServedExport) -> dict[str, Any]:
        body = export.body
        job = self.jobs.get(body.get("job_id") or 0) if body["source"] == "job" else None
        directory = body.get("directory_id") if body["source"] == "directory" else next(iter(self.directories), None)
        task = {"id": body["task_id"], "job_id": self._task(body["task_id"])[0].number} if body.get("task_id") else None  # type: ignore[index]
        return {
            "id": export.number,
            "kind": body["kind"],
            "masks": body["masks"],
            "source": body["source"],
            "status": export.status,
            "status_text": export.status_text if export.status != "init" else None,
            "file_comparison_mode": body["file_comparison_mode"],
            "percent_complete": export.percent,
            "created_time": formatdate(export.created_ms / 1000, usegmt=True),
            "directory": self._directory(directory) if directory in self.directories else None,
            "job": self._job(job) if job else None,
            "task": task,
            "file_list_length": export.length,
            "ann_is_complete": body.get("ann_is_complete"),
        }


class _Handler(Handler):
    owner: DiffgramServer
    routes = _ROUTES

    def unknown(self) -> Answer:
        return Answer(404, b"<!doctype html><title>404 Not Found</title>", {"Content-Type": "text/html"})

    def own(self, call: Call, named: dict[str, str]) -> Answer | None:
        server = self.owner
        if call.route == "storage":
            self._send_file(call, **named)
            return None
        answer = {
            "list": server.exports_list,
            "jobs": server.jobs_list,
            "directories": server.directory_list,
            "files": server.files_list,
        }
        try:
            self._check_key(call, named)
            with server.lock:
                told = answer.get(call.route, getattr(server, call.route, None))(call, **named)  # type: ignore[misc]
        except RefusedError as error:
            body = error.body if isinstance(error.body, bytes) else orjson.dumps(error.body)
            return Answer(error.status, body, {"Content-Type": "application/json"})
        return Answer(200, orjson.dumps(told), {"Content-Type": "application/json"})

    def _check_key(self, call: Call, named: dict[str, str]) -> None:
        key = "Basic " + base64.b64encode(f"{CLIENT_ID}:{SECRET}".encode()).decode()
        may = ["admin", "Editor"] if call.route in _EDITORS else ["admin", "Editor", "Viewer"]
        if "authorization" not in call.headers:
            raise RefusedError(401, {"error": "401 Unauthorized: (Project Scope) No access. [Human User Based]"})
        if call.route in ("jobs", "builder"):
            if call.headers["authorization"] != key:
                raise forbidden("API access invalid")
            return
        if named["project"] != PROJECT:
            raise forbidden("Can't find project")
        if call.headers["authorization"] != key or self.owner.habits.role not in may:
            raise forbidden(
                f"(Project Scope) No access. [Basic Auth Based] Failed API Permissions. Allowed roles are only: {may}"
            )

    def _send_file(self, call: Call, export_id: str, number: str) -> None:
        server, habits = self.owner, self.owner.habits
        if "authorization" in call.headers:
            server.leaks.append(call)
        if habits.expired > 0:
            habits.expired -= 1
            body = b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>"
            return self.send(Answer(habits.expired_status, body, {"Content-Type": "application/xml"}))
        raw = server.raw(server.exports[int(export_id)])
        self.send_response(200)
        self.send_header("Content-Type", "text/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw[: habits.cut_at])
        if habits.cut_at is not None:
            self.close_connection = True
        return None


@pytest.fixture
def diffgram_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DiffgramServer]:
    """With nothing in it."""
    server = DiffgramServer(tmp_path_factory.mktemp("diffgram"))
    yield server
    server.close()
