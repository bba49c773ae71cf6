"""A Label Studio of the tests: its wire as it was measured, on a live socket of loopback, and it misbehaves on command.

:class:`LabelStudioServer` holds projects, views and snapshots. What it does wrong is in its ``habits``; ``answers`` are
sent once each instead of its own; ``on`` is called when a route was reached, and again when what was asked for is done
but not answered, so that a test can end a process at that moment. Snapshots are written task by task and lie on disk.

Routes have names: ``version``, ``refresh``, ``projects``, ``project``, ``formats``, ``views``, ``create_view``,
``delete_view``, ``list``, ``create``, ``look``, ``delete``, ``convert`` and ``download``.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
import threading
import time
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import pytest

from tests.support.far_side import Answer, Call, Handler, Listening, nothing

LEGACY_TOKEN: Final = "0123456789abcdef0123456789abcdef01234567"
RELEASE: Final = "1.23.2"
CONFIG: Final = """<View>
  <Image name="image" value="$image"/>
  <Choices name="quality" toName="image"><Choice value="blurry"/><Choice value="sharp"/></Choices>
  <RectangleLabels name="box" toName="image"><Label value="car"/><Label value="person"/></RectangleLabels>
  <BrushLabels name="brush" toName="image"><Label value="sky"/></BrushLabels>
</View>"""
# of a brush region: 4 x 4 pixels, all of them painted
RLE: Final = [0, 0, 0, 64, 57, 27, 254, 63, 255]
FORMATS: Final = (
    "JSON", "JSON_MIN", "CSV", "TSV", "COCO", "COCO_WITH_IMAGES", "VOC", "YOLO", "YOLO_WITH_IMAGES", "YOLO_OBB",
    "YOLO_OBB_WITH_IMAGES", "BRUSH_TO_NUMPY", "BRUSH_TO_PNG", "BRUSH_TO_COCO", "CONLL2003", "ASR_MANIFEST",
)  # fmt: skip
CREATED, IN_PROGRESS, COMPLETED, FAILED = "created", "in_progress", "completed", "failed"
# any address without a slash at its end that is not there is answered so
HTML_404: Final = b"<!DOCTYPE html><html><head><title>404</title></head><body>" + b"<p>nothing</p>" * 12_000
HTML_500: Final = b"<!DOCTYPE html><html><body>Server Error (500): database is locked</body></html>"
BROKEN_CONVERSION: Final = "set_convert_background_failure() missing 1 required positional argument: 'traceback_obj'"
PNG: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
_ROUTES: Final = (
    ("GET", r"/api/version/", "version"),
    ("POST", r"/api/token/refresh/", "refresh"),
    ("GET", r"/api/projects/", "projects"),
    ("GET", r"/api/projects/(?P<project_id>[0-9]+)/", "project"),
    ("GET", r"/api/projects/(?P<project_id>[0-9]+)/export/formats", "formats"),
    ("GET", r"/api/dm/views/", "views"),
    ("POST", r"/api/dm/views/", "create_view"),
    ("DELETE", r"/api/dm/views/(?P<view_id>[0-9]+)/", "delete_view"),
    ("GET", r"/api/projects/(?P<project_id>[0-9]+)/exports/", "list"),
    ("POST", r"/api/projects/(?P<project_id>[0-9]+)/exports/", "create"),
    ("GET", r"/api/projects/(?P<project_id>[0-9]+)/exports/(?P<export_id>[0-9]+)", "look"),
    ("DELETE", r"/api/projects/(?P<project_id>[0-9]+)/exports/(?P<export_id>[0-9]+)", "delete"),
    ("POST", r"/api/projects/(?P<project_id>[0-9]+)/exports/(?P<export_id>[0-9]+)/convert", "convert"),
    ("GET", r"/api/projects/(?P<project_id>[0-9]+)/exports/(?P<export_id>[0-9]+)/download", "download"),
)
_CHUNK: Final = 1 << 16
_Json = dict[str, Any]


def iso(ms: int) -> str:
    """As it writes times."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _ms(text: str) -> int:
    return round(datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC).timestamp() * 1000)


def labelled_task(number: int, *, updated_ms: int = 1_758_605_248_989) -> _Json:
    """Task ``number``: every third has no annotation, the others a box, every sixth a brush region and a choice too."""
    results: list[_Json] = []
    size = {"original_width": 640, "original_height": 480, "image_rotation": 0, "to_name": "image"}
    if number % 3:
        value = {"x": 10.0, "y": 10.0, "width": 5.0 + number % 7, "height": 20.0, "rotation": 0}
        value["rectanglelabels"] = ["car" if number % 2 else "person"]
        results = [{"id": f"r{number}", "type": "rectanglelabels", "from_name": "box", **size, "value": value}]
    if number % 6 == 1:
        brush = {"format": "rle", "rle": RLE, "brushlabels": ["sky"]}
        small = {**size, "original_width": 4, "original_height": 4}
        if number % 12 == 1:  # on a picture of its own size
            results = [{"id": f"b{number}", "type": "brushlabels", "from_name": "brush", **small, "value": brush}]
        choice = {"type": "choices", "from_name": "quality", "to_name": "image", "value": {"choices": ["sharp"]}}
        results.append({"id": f"c{number}", **choice})
    annotation = {
        "id": 1000 + number,
        "completed_by": {"id": 1, "email": "ann@example.com", "first_name": "", "last_name": ""},
        "result": results,
        "was_cancelled": False,
        "ground_truth": False,
        "created_at": iso(updated_ms),
        "updated_at": iso(updated_ms),
        "lead_time": 3.5,
        "unique_id": f"00000000-0000-4000-8000-{number:012d}",
        "task": number,
    }
    return {
        "id": number,
        "annotations": [annotation] if results else [],
        "drafts": [{"id": 5000 + number, "result": []}] if number % 10 == 1 else [],
        "predictions": [{"id": 7000 + number, "score": 0.5, "result": []}] if number % 10 == 2 else [],
        "data": {"image": f"https://pictures.example/{number:07d}.jpg"},
        "meta": {},
        "created_at": iso(1_758_605_248_989),
        "updated_at": iso(updated_ms),
        "inner_id": number,
        "total_annotations": bool(results) + 0,
        "cancelled_annotations": 0,
        "project": 1,
    }


@dataclass
class MadeTasks:
    """So many tasks, numbered from 1, made when they are asked for. ``changed``: number → when it was last updated
    (ms); ``gone``: numbers that are not there any more."""

    count: int
    make: Callable[..., _Json] = labelled_task
    changed: dict[int, int] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)

    def __iter__(self) -> Iterator[_Json]:
        for number in range(1, self.count + 1):
            if number not in self.gone:
                changed = {"updated_ms": self.changed[number]} if number in self.changed else {}
                yield self.make(number, **changed)

    def __len__(self) -> int:
        return self.count - len(self.gone)


@dataclass
class ServedProject:
    """``tasks`` are as a snapshot with full options has them."""

    project_id: int
    title: str
    tasks: Iterable[_Json] = ()
    label_config: str = CONFIG


@dataclass
class ServedExport:
    """A snapshot. ``converted``: its entries, as they are told; ``status`` is what is true of it."""

    export_id: int
    project_id: int
    title: str
    body: _Json
    path: Path
    tasks: int
    created_ms: int
    status: str = COMPLETED
    converted: list[_Json] = field(default_factory=list)
    made: dict[str, Path] = field(default_factory=dict)
    downloads: int = 0

    @property
    def md5(self) -> str:
        """Of its JSON."""
        return hashlib.md5(self.path.read_bytes(), usedforsecurity=False).hexdigest()


@dataclass
class Habits:
    """What it does in its own way, or wrong."""

    # how snapshots stand, look by look, the last one again and again; none: as is true
    looks: list[str] = field(default_factory=list)
    # what the answer to a create says, whatever is true
    post_status: str = COMPLETED
    # a snapshot breaks while it is made: its create says failed, and looks say that it is under way
    breaks: bool = False
    legacy_is_off: bool = False
    is_revoked: bool = False
    # the next so many requests with an access token are refused: it has ended
    expired: int = 0
    is_blacklisted: bool = False
    ignores_view: bool = False
    md5: str | None = None
    task_number: int | None = None
    # each download ends after so many bytes, one after another; is_cut: as if that were all, without a length
    cuts: list[int] = field(default_factory=list)
    is_cut: bool = False
    has_ranges: bool = True
    # a format is made by convert alone, and kept; else at each download
    needs_convert: bool = False
    conversion_breaks: bool = False
    # how a conversion stands, look by look, as above
    conversion_looks: list[str] = field(default_factory=list)
    holds_nothing: bool = False
    # replaces what a file holds
    file_content: bytes | None = None


class RefusedError(Exception):
    """Answered in its envelope; ``errors``: validation errors by field."""

    def __init__(self, status: int, detail: str, errors: Mapping[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.status, self.errors = status, errors


class NoPageError(Exception):
    """Not there, at an address without a slash at its end: a page."""


def refusal(status: int, detail: str = "", errors: Mapping[str, Any] | None = None, **headers: str) -> Answer:
    """In the envelope of Label Studio; ``Retry_After="5"`` is the header ``Retry-After``."""
    body = {"id": "e-1", "status_code": status, "version": RELEASE, "detail": detail, "exc_info": None}
    if errors:
        body["validation_errors"] = errors
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, orjson.dumps(body), {"Content-Type": "application/json", **named})


def html(status: int) -> Answer:
    """Its own pages: of what is not there, and of a fault, such as a locked database."""
    return Answer(status, HTML_404 if status == 404 else HTML_500, {"Content-Type": "text/html"})


def _jwt(**claims: Any) -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    encoded = [base64.urlsafe_b64encode(orjson.dumps(part)).decode().rstrip("=") for part in parts]
    return f"{encoded[0]}.{encoded[1]}.c2lnbmF0dXJl"


PERSONAL_TOKEN: Final = _jwt(token_type="refresh", exp=8_000_000_000, iat=1_700_000_000, jti="p1", user_id=1)


class LabelStudioServer:
    """See the module."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.projects: dict[int, ServedProject] = {}
        self.exports: dict[int, ServedExport] = {}
        self.views: dict[int, _Json] = {}
        self.habits = Habits()
        self.answers: dict[str, list[Answer]] = defaultdict(list)
        self.calls: list[Call] = []
        # (route, "before" or "after") → what is done then
        self.on: dict[tuple[str, str], Callable[[], None]] = {}
        self.clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
        self.token = LEGACY_TOKEN
        self.access_tokens: list[str] = []
        self.made = 0
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
    def config(self) -> _Json:
        """Of a connection to it."""
        return {"base_address": self.url, "private_address": self.place}

    @property
    def secrets(self) -> dict[str, str]:
        """Of a connection to it."""
        return {"token": self.token}

    def serve(self, project_id: int, tasks: Iterable[_Json] = (), *, title: str = "", **more: Any) -> ServedProject:
        """There is such a project now."""
        self.projects[project_id] = ServedProject(project_id, title or f"Project {project_id}", tasks, **more)
        return self.projects[project_id]

    def count(self, route: str) -> int:
        """How often it was called."""
        return sum(call.route == route for call in self.calls)

    def sent(self, route: str) -> list[Any]:
        """What was sent to it, call by call."""
        return [call.sent for call in self.calls if call.route == route]

    def make(self, project_id: int, **body: Any) -> ServedExport:
        """A snapshot as somebody else has it made."""
        with self.lock:
            return self._make(project_id, body)

    def close(self) -> None:
        """Listen no more."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(10)

    # --- what it answers ---------------------------------------------------------------------------------------------

    def version_json(self, call: Call) -> Any:
        return {"release": RELEASE, "edition": "Community", "label-studio-os-package": {"version": RELEASE}}

    def refresh_json(self, call: Call) -> Any:
        if "refresh" not in call.sent:
            raise RefusedError(400, "Validation error", {"refresh": ["This field is required."]})
        if self.habits.is_blacklisted:
            raise RefusedError(401, "Token is blacklisted")
        if call.sent["refresh"] != PERSONAL_TOKEN:
            raise RefusedError(401, "Token is invalid")
        number = len(self.access_tokens) + 1
        self.access_tokens.append(_jwt(token_type="access", exp=time.time() + 300, jti=f"a{number}", user_id=1))
        return {"access": self.access_tokens[-1]}

    def projects_json(self, call: Call) -> Any:
        page, size = int(call.query.get("page", 1)), min(int(call.query.get("page_size", 30)), 100)
        known = sorted(self.projects.values(), key=lambda one: -one.project_id)
        shown = known[(page - 1) * size : page * size]
        has_more = page * size < len(known)
        following = f"{self.url}/api/projects/?page={page + 1}&page_size={size}" if has_more else None
        return {"count": len(known), "next": following, "previous": None, "results": list(map(self._told, shown))}

    def project_json(self, call: Call, project_id: str) -> Any:
        return self._told(self._project(project_id))

    def _told(self, project: ServedProject) -> _Json:
        tasks = list(project.tasks) if not isinstance(project.tasks, MadeTasks) else project.tasks
        return {
            "id": project.project_id,
            "title": project.title,
            "label_config": project.label_config,
            "task_number": len(tasks),
            "total_annotations_number": sum(len(task["annotations"]) for task in tasks),
            "created_at": iso(1_758_605_248_989),
            "created_by": {"id": 1, "email": "ann@example.com"},
        }

    def formats_json(self, call: Call, project_id: str) -> Any:
        self._project(project_id)
        return [{"title": name, "description": "", "link": "", "name": name} for name in FORMATS]

    def views_json(self, call: Call) -> Any:
        return [view for view in self.views.values() if str(view["project"]) == call.query.get("project")]

    def create_view_json(self, call: Call) -> Any:
        self._project(str(call.sent["project"]))
        number = max(self.views, default=10) + 1
        self.views[number] = {"id": number, "project": call.sent["project"], "data": call.sent["data"], "user": 1}
        return self.views[number]

    def delete_view_json(self, call: Call, view_id: str) -> Any:
        if self.views.pop(int(view_id), None) is None:
            raise RefusedError(404, "No View matches the given query.")

    def list_json(self, call: Call, project_id: str) -> Any:
        self._project(project_id)
        found = [one for one in self.exports.values() if str(one.project_id) == project_id]
        return [self._item(one, one.status) for one in reversed(found)][:100]

    def create_json(self, call: Call, project_id: str) -> Any:
        self._project(project_id)
        made = self._make(int(project_id), call.sent)
        status = self.habits.post_status
        if self.habits.breaks:
            made.status, status = IN_PROGRESS, FAILED
        nulls = dict.fromkeys(("task_filter_options", "annotation_filter_options", "serialization_options"))
        return {**self._item(made, status), **nulls}

    def look_json(self, call: Call, project_id: str, export_id: str) -> Any:
        export, looks = self._export(project_id, export_id), self.habits.looks
        status = (looks.pop(0) if len(looks) > 1 else looks[0]) if looks else export.status
        following = self.habits.conversion_looks
        for entry in export.converted:
            if following and entry["status"] in (IN_PROGRESS, CREATED):
                entry["status"] = following.pop(0) if len(following) > 1 else following[0]
                if entry["status"] == FAILED:
                    entry["traceback"] = "Traceback (most recent call last):\n  File x\nValueError: no brush labels\n"
                if entry["status"] == COMPLETED:
                    self._convert(export, entry["export_type"])
        return self._item(export, status)

    def delete_json(self, call: Call, project_id: str, export_id: str) -> Any:
        del self.exports[self._export(project_id, export_id).export_id]

    def convert_json(self, call: Call, project_id: str, export_id: str) -> Any:
        export, name = self._export(project_id, export_id), call.sent["export_type"]
        if name not in FORMATS:
            raise RefusedError(400, "Validation error", {"export_type": [f"{name} is not supported export format"]})
        if any(one["export_type"] == name and one["status"] != FAILED for one in export.converted):
            text = f"Conversion to {name} already started"
            raise RefusedError(400, "Validation error", {"non_field_errors": [text]})
        entry = {"id": len(export.converted) + 1, "export_type": name, "status": IN_PROGRESS, "traceback": None}
        export.converted.append(entry)
        if self.habits.conversion_breaks:
            raise RefusedError(500, BROKEN_CONVERSION)
        if not self.habits.conversion_looks:
            self._convert(export, name)
            entry["status"] = COMPLETED
        return {"export_type": name, "converted_format": entry["id"]}

    # --- inside ------------------------------------------------------------------------------------------------------

    def _project(self, project_id: str) -> ServedProject:
        if int(project_id) not in self.projects:
            raise RefusedError(404, "No Project matches the given query.")
        return self.projects[int(project_id)]

    def _export(self, project_id: str, export_id: str) -> ServedExport:
        export = self.exports.get(int(export_id))
        if export is None or str(export.project_id) != project_id:
            raise NoPageError
        return export

    def _item(self, export: ServedExport, status: str) -> _Json:
        is_done, habits = status == COMPLETED, self.habits
        tasks = export.tasks if habits.task_number is None else habits.task_number
        return {
            "title": export.title,
            "id": export.export_id,
            "created_by": {"id": 1, "first_name": "", "last_name": "", "email": "ann@example.com", "avatar": None},
            "created_at": iso(export.created_ms),
            "finished_at": iso(export.created_ms + 100) if is_done else None,
            "status": status,
            "md5": (habits.md5 or export.md5) if is_done else "",
            "counters": {"task_number": tasks} if is_done else {},
            "converted_formats": export.converted,
        }

    def _make(self, project_id: int, body: _Json) -> ServedExport:
        self.made += 1
        export_id, created = self.made, self.clock_ms()
        path, count = self.folder / f"snapshot-{export_id}.json", 0
        with path.open("w", encoding="utf-8") as out:
            out.write("[")
            for task in self._selected(project_id, body):
                out.write((", " if count else "") + json.dumps(task, ensure_ascii=False))
                count += 1
            out.write("]")
        title = body.get("title") or f"Project-{project_id}-at-2026-11-30-07-00"
        self.exports[export_id] = ServedExport(export_id, project_id, title, body, path, count, created)
        return self.exports[export_id]

    def _selected(self, project_id: int, body: _Json) -> Iterator[_Json]:
        options, serialized = body.get("task_filter_options") or {}, body.get("serialization_options") or {}
        view = self.views.get(options.get("view", 0))
        if self.habits.ignores_view or (view is not None and view["project"] != project_id):
            view = None  # as it does for one that is not there, or another project's
        annotations = body.get("annotation_filter_options")
        for task in self.projects[project_id].tasks:
            if view is None or all(_satisfies(task, one) for one in view["data"]["filters"]["items"]):
                if options.get("annotated") == "only" and not task["annotations"]:
                    continue
                yield _serialized(task, serialized, annotations)

    def file_of(self, export: ServedExport, name: str) -> Path:
        """Raises :class:`NoPageError` where it is not made."""
        if export.status != COMPLETED:
            raise NoPageError
        if name == "JSON":
            return export.path
        if name not in FORMATS:
            raise RefusedError(500, "")
        if self.habits.needs_convert:
            if name not in export.made:
                raise NoPageError
            return export.made[name]
        if self.habits.conversion_breaks:
            raise RefusedError(500, "'NoneType' object has no attribute 'shape'")
        self._convert(export, name)
        return export.made[name]

    def _convert(self, export: ServedExport, name: str) -> None:
        path = self.folder / f"converted-{export.export_id}-{name}"
        tasks = json.loads(export.path.read_text(encoding="utf-8"))
        if self.habits.holds_nothing:
            tasks = []
        _converted(name, tasks, path)
        export.made[name] = path


def _satisfies(task: _Json, item: _Json) -> bool:
    assert (item["filter"], item["operator"], item["type"]) == ("filter:tasks:updated_at", "greater", "Datetime"), item
    return _ms(task["updated_at"]) > _ms(item["value"])


def _serialized(task: _Json, options: _Json, annotations: Mapping[str, bool] | None) -> _Json:
    """Ids, where whole objects are not asked for."""
    told = dict(task)
    for name in ("drafts", "predictions"):
        if name not in options:
            told[name] = [one["id"] for one in task[name]]
    kept = [one for one in task["annotations"] if annotations is None or _is_wanted(one, annotations)]
    if "annotations__completed_by" not in options:
        kept = [{**one, "completed_by": one["completed_by"]["id"]} for one in kept]
    told["annotations"] = kept
    return told


def _is_wanted(annotation: _Json, wanted: Mapping[str, bool]) -> bool:
    usual = not annotation["was_cancelled"] and not annotation["ground_truth"]
    return bool(
        (usual and wanted.get("usual", True))
        or (annotation["ground_truth"] and wanted.get("ground_truth"))
        or (annotation["was_cancelled"] and wanted.get("skipped"))
    )


# --- its converters, as far as a client can tell them ----------------------------------------------------------------


def _items(tasks: list[_Json]) -> list[tuple[_Json, _Json]]:
    """One an annotation that is not skipped; a task without any is one, too."""
    empty: _Json = {"id": None, "result": [], "was_cancelled": False}
    return [(task, one) for task in tasks for one in task["annotations"] or [empty] if not one["was_cancelled"]]


def _converted(name: str, tasks: list[_Json], path: Path) -> None:
    items = _items(tasks)
    if name == "JSON_MIN":
        minimal = [{**task["data"], "id": task["id"], "annotation_id": one["id"]} for task, one in items]
        path.write_text(json.dumps(minimal, indent=2), encoding="utf-8")
    elif name in ("CSV", "TSV"):
        text = io.StringIO()
        writer = csv.writer(text, delimiter="," if name == "CSV" else "\t", quoting=csv.QUOTE_NONNUMERIC)
        writer.writerow(["annotation_id", "box", "id", "image"])
        writer.writerows(
            [one["id"], json.dumps(one["result"]), task["id"], task["data"]["image"]] for task, one in items
        )
        path.write_text(text.getvalue(), encoding="utf-8")
    elif name in ("CONLL2003", "ASR_MANIFEST"):
        path.write_text("".join(f"{task['data']['image']} -X- _ O\n" for task, _ in items), encoding="utf-8")
    else:
        with zipfile.ZipFile(path, "w") as archive:
            for inner, content in _members(name, items):
                archive.writestr(inner, content)


def _members(name: str, items: list[tuple[_Json, _Json]]) -> Iterator[tuple[str, bytes]]:
    kind = "brushlabels" if name.startswith("BRUSH") else "rectanglelabels"
    regions = [
        (n, task, one) for n, (task, label) in enumerate(items) for one in label["result"] if one["type"] == kind
    ]
    if name in ("BRUSH_TO_PNG", "BRUSH_TO_NUMPY"):
        ending = name.rpartition("_")[2].lower().replace("numpy", "npy")
        for number, (_, task, _) in enumerate(regions):
            yield f"task-{task['id']}-annotation-{number}-brush-sky-0.{ending}", PNG
        return
    if name.startswith("COCO") or name == "BRUSH_TO_COCO":
        classes = sorted({label for _, _, one in regions for label in one["value"][kind]})
        told = {
            "images": [{"id": n, "file_name": f"images/{task['id']}.jpg"} for n, (task, _) in enumerate(items)],
            "categories": [{"id": number, "name": label} for number, label in enumerate(classes)],
            "annotations": [
                {"id": number, "image_id": n, "category_id": classes.index(one["value"][kind][0]), "bbox": [0, 0, 1, 1]}
                for number, (n, _, one) in enumerate(regions)
            ],
            "info": {},
        }
        yield ("result_coco.json" if kind == "brushlabels" else "result.json"), json.dumps(told, indent=2).encode()
        return
    lines: dict[str, list[str]] = {str(task["id"]): [] for task, _ in items}
    for _, task, _ in regions:
        lines[str(task["id"])].append("<object></object>" if name == "VOC" else "0 0.5 0.5 0.1 0.1")
    for stem, found in lines.items():
        folder, ending = ("Annotations", "xml") if name == "VOC" else ("labels", "txt")
        yield f"{folder}/{stem}.{ending}", "\n".join(found).encode()
    if name != "VOC":
        yield "classes.txt", b"car\nperson\n"
        yield "notes.json", b"{}"


# --- the socket ------------------------------------------------------------------------------------------------------


class _Handler(Handler):
    owner: LabelStudioServer
    routes = _ROUTES

    def unknown(self) -> Answer:
        return html(404)

    def own(self, call: Call, named: dict[str, str]) -> Answer | None:
        server = self.owner
        try:
            if call.route not in ("version", "refresh"):
                self._check_token(call)
            if call.route == "download":
                self._send_file(call, **named)
                return None
            with server.lock:
                told = getattr(server, f"{call.route}_json")(call, **named)
        except RefusedError as error:
            return refusal(error.status, str(error), error.errors)
        except NoPageError:
            return html(404)
        status = {"create": 201, "create_view": 201, "delete": 204, "delete_view": 204}.get(call.route, 200)
        return Answer(status, b"" if status == 204 else orjson.dumps(told), {"Content-Type": "application/json"})

    def _check_token(self, call: Call) -> None:
        server = self.owner
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if not scheme:
            raise RefusedError(401, "Authentication credentials were not provided.")
        if scheme == "Token":
            if server.habits.is_revoked or token != LEGACY_TOKEN:
                raise RefusedError(401, "Invalid token.")
            if server.habits.legacy_is_off:
                text = "legacy token authentication has been disabled for this organization"
                raise RefusedError(401, f"Authentication token no longer valid: {text}")
        elif scheme == "Bearer":
            if server.habits.expired:
                server.habits.expired -= 1
                raise RefusedError(401, "Given token not valid for any token type")
            if server.habits.is_revoked or token not in server.access_tokens:
                raise RefusedError(401, "Given token not valid for any token type")
        else:
            raise RefusedError(401, "Authentication credentials were not provided.")

    def _send_file(self, call: Call, project_id: str, export_id: str) -> None:
        """Without a length, and the connection ends with it, unless a range was asked for."""
        server, habits = self.owner, self.owner.habits
        with server.lock:
            export = server._export(project_id, export_id)
            path = server.file_of(export, call.query.get("exportType", "JSON"))
            export.downloads += 1
        content = path.read_bytes() if habits.file_content is None else habits.file_content
        size = len(content)
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", call.headers.get("range", ""))
        start = int(asked[1]) if asked and habits.has_ranges else 0
        is_part = bool(asked) and habits.has_ranges and start < size
        start = start if is_part else 0
        end = size if not habits.cuts else min(size, start + habits.cuts.pop(0))
        self.send_response(206 if is_part else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Disposition", f'attachment; filename="../../{path.name}"')
        if is_part and not habits.is_cut:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            self.send_header("Content-Length", str(size - start))
        elif is_part:
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{end}")
            self.send_header("Content-Length", str(end - start))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        for at in range(start, end, _CHUNK):
            self.wfile.write(content[at : min(at + _CHUNK, end)])
            server.on.get(("download", "after"), nothing)()
        if not is_part or end < size:
            self.close_connection = True


@pytest.fixture
def label_studio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabelStudioServer]:
    """With nothing in it."""
    server = LabelStudioServer(tmp_path_factory.mktemp("label-studio"))
    yield server
    server.close()
