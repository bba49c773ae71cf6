"""A Labelbox of the tests: its wire as it is documented, on a live socket of loopback, and it misbehaves on command.

:class:`LabelboxServer` holds projects, datasets, slices, model runs and tasks, all of rows in the documented shape with
everything on; what an export did not ask for is left out of them. What it does wrong is in its ``habits``; ``answers``
are sent once each instead of its own; ``on`` is called when a route was reached, and again when what was asked for is
done but not answered.

Routes have names: ``user``, ``projects``, ``datasets``, ``slices``, ``models``, ``model_runs``, ``project``,
``dataset``, ``slice``, ``model_run``, ``create``, ``tasks`` (all of them), ``task`` (how one stands), ``size`` (of a
stream), ``chunk`` (where a byte of it is), ``file`` (where chunks lie) and ``mask``.
"""

from __future__ import annotations

import copy
import gzip
import io
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson
import pytest
from PIL import Image

from tests.support.far_side import Answer, Call, Handler, Listening

API_KEY: Final = "eyJhbGciOiJIUzI1NiJ9.labelbox-key-SECRET"
USER: Final = {"id": "user-1", "email": "owner@example.test", "isViewer": False, "timezone": "Europe/Warsaw"}
IN_PROGRESS, COMPLETE = "IN_PROGRESS", "COMPLETE"
_STATUSES: Final = {"InReview": "IN_REVIEW", "InRework": "IN_REWORK", "Done": "DONE"}
_ROUTES: Final = (
    ("POST", r"/graphql", "graphql"),
    ("GET", r"/storage/(?P<task_id>[^/]+)/(?P<stream>[A-Z]+)/(?P<start>[0-9]+)", "file"),
    ("GET", r"/api/v1/(?P<path>(?:tasks|projects)/.+)", "mask"),
)
_OPERATIONS: Final = {
    "GetUser": "user",
    "GetProjects": "projects",
    "GetDatasets": "datasets",
    "GetCatalogSavedQueries": "slices",
    "GetModels": "models",
    "GetModelModelRuns": "model_runs",
    "GetProject": "project",
    "GetDataset": "dataset",
    "getSavedQuery": "slice",
    "GetModelRun": "model_run",
    "GetExportMetadataHeader": "size",
    "GetExportFileFromOffset": "chunk",
}
_PARTS: Final = ("includeAttachments", "includeEmbeddings", "includeMetadata", "includeDataRowDetails")
_OF_PROJECTS: Final = (
    "includeProjectDetails",
    "includePerformanceDetails",
    "includeLabelDetails",
    "includeInterpolatedFrames",
)
_SEVERAL: Final = ("includePredictions", "projectIds", "modelRunIds", "allProjects", "allModelRuns")
# the very names of what each mutation takes
_PARAMS: Final = {
    "exportDataRowsInProject": {"mediaTypeOverride", *_PARTS, *_OF_PROJECTS},
    "exportDataRowsInCatalog": {"mediaTypeOverride", *_PARTS, *_OF_PROJECTS, *_SEVERAL},
    "exportDataRowsInSlice": {"mediaTypeOverride", *_PARTS, *_OF_PROJECTS, *_SEVERAL},
    "exportDataRowsInModelRun": {"mediaTypeOverride", *_PARTS, "includePredictions", "includeModelRunDetails"},
}
_FILTERS: Final = {
    "exportDataRowsInProject": {"projectId", "searchQuery"},
    "exportDataRowsInCatalog": {"searchQuery"},
    "exportDataRowsInSlice": {"sliceId"},
    "exportDataRowsInModelRun": {"modelRunId"},
}
_NO_COLOUR: Final = (0, 0, 0)


def iso(ms: int) -> str:
    """As rows have it."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


def labelled_row(
    number: int, *, project: str = "one", active_ms: int = 0, status: str = "DONE", **more: Any
) -> dict[str, Any]:
    """Everything on; every third has a box and a polygon, the others none."""
    objects = [
        {
            "feature_id": f"f-{number}-box",
            "feature_schema_id": "s-box",
            "name": "car",
            "value": "car",
            "annotation_kind": "ImageBoundingBox",
            "classifications": [],
            "bounding_box": {"top": 12.0, "left": 20.0, "height": 42.0, "width": 14.0 + number % 7},
        },
        {
            "feature_id": f"f-{number}-polygon",
            "feature_schema_id": "s-polygon",
            "name": "roof",
            "value": "roof",
            "annotation_kind": "ImagePolygon",
            "classifications": [],
            "polygon": [{"x": 1.5, "y": 1.0}, {"x": 9.0, "y": 1.0}, {"x": 9.0, "y": 8.25}, {"x": 1.5, "y": 1.0}],
        },
    ]
    label = {
        "label_kind": "Default",
        "version": "1.0.0",
        "id": f"label-{number}",
        "label_details": {
            "created_at": iso(active_ms),
            "updated_at": iso(active_ms),
            "created_by": "labeler@example.test",
            "content_last_updated_at": iso(active_ms),
            "reviews": [],
        },
        "performance_details": {"seconds_to_create": 139, "seconds_to_review": 75, "skipped": False},
        "annotations": {"objects": objects, "classifications": [], "relationships": []},
    }
    return {
        "data_row": {
            "id": f"row-{number:05}",
            "external_id": f"{number:05}.jpg",
            "global_key": f"key-{number:05}",
            "row_data": f"https://storage.example.test/{number:05}.jpg",
            "details": {
                "dataset_id": "ds-1",
                "dataset_name": "Harbour pictures",
                "created_at": iso(0),
                "updated_at": iso(0),  # the row itself: a comment is activity and no update
                "last_activity_at": iso(active_ms),
                "created_by": "uploader@example.test",
            },
        },
        "media_attributes": {"height": 64, "width": 48, "asset_type": "image", "mime_type": "image/jpeg"},
        "attachments": [],
        "metadata_fields": [],
        "embeddings": [],
        "projects": {
            project: {
                "name": "First",
                "labels": [label] if number % 3 == 0 else [],
                "project_tags": [],
                "project_details": {
                    "ontology_id": "ontology-1",
                    "task_name": "Done",
                    "batch_id": f"batch-{number % 2}",
                    "batch_name": "Batch",
                    "workflow_status": status,
                    "priority": 5,
                    "workflow_history": [],
                },
            }
        },
        **more,
    }


def with_mask(row: dict[str, Any], mask: Mapping[str, Any], *, project: str = "one") -> dict[str, Any]:
    """Its first label has a mask too, such as ``{"composite_mask": {"url": …, "color_rgb": …}}``."""
    row = copy.deepcopy(row)
    objects = row["projects"][project]["labels"][0]["annotations"]["objects"]
    name = f"{row['data_row']['id']}-mask-{len(objects)}"
    objects.append(
        {
            "feature_id": name,
            "feature_schema_id": "s-mask",
            "name": "water",
            "value": "water",
            "annotation_kind": "ImageSegmentationMask",
            "classifications": [],
            **mask,
        }
    )
    return row


def picture(areas: Mapping[tuple[int, int, int], tuple[int, int, int, int]], size: tuple[int, int] = (48, 64)) -> bytes:
    """A PNG with a rectangle (left, top, right, bottom) of each colour on black."""
    made = Image.new("RGB", size, _NO_COLOUR)
    for colour, box in areas.items():
        made.paste(colour, box)
    out = io.BytesIO()
    made.save(out, "PNG")
    return out.getvalue()


@dataclass
class Served:
    """A project, dataset, slice or model run."""

    id: str
    name: str
    rows: Iterable[dict[str, Any]]


@dataclass
class ServedTask:
    """One export. ``streams``: RESULT and ERRORS → the bytes of their lines."""

    id: str
    kind: str
    input: dict[str, Any]
    streams: dict[str, bytes]
    created_ms: int
    is_done: bool = False
    name: str | None = None
    addresses: int = 0


@dataclass
class Habits:
    """What it does in its own way, or wrong."""

    # how an export stands, look by look, the last one again and again
    looks: list[str] = field(default_factory=lambda: [COMPLETE])
    has_text_numbers: bool = True
    chunk_bytes: int = 8192
    # lines of the stream of errors
    errors: list[str] = field(default_factory=list)
    has_no_header: bool = False
    ignores_filters: bool = False
    knows_ranges: bool = True
    # so many addresses of files are answered with this
    expired: int = 0
    # of that stream alone
    expired_of: str = ""
    expired_answer: Answer = field(default_factory=lambda: Answer(403, b"<Error>ExpiredToken</Error>"))
    # a file has so many bytes less than it should (negative: more); is_cut: and they were announced; so many times
    short: int = 0
    is_cut: bool = False
    shorts: int = 0
    # files do not follow each other
    gap: int = 0
    # what its file is instead
    changes: Callable[[bytes], bytes] = lambda content: content
    # files come packed, and go on in the middle of that
    is_packed: bool = False
    # where files are said to be
    storage: str = ""
    # masks: path below /api/v1/ → its bytes, or what is answered
    masks: dict[str, bytes | Answer] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    is_streamable: bool = True


class RefusedError(Exception):
    """Answered as an error with a code."""

    def __init__(self, code: str, message: str, **extensions: Any) -> None:
        super().__init__(message)
        self.extensions = {"code": code, **extensions}


def refusal(code: str, message: str = "no", status: int = 200, **extensions: Any) -> Answer:
    """As GraphQL has it."""
    body = {"errors": [{"message": message, "extensions": {"code": code, **extensions}}], "data": None}
    return Answer(status, orjson.dumps(body), {"Content-Type": "application/json"})


class LabelboxServer:
    """See the module."""

    def __init__(self) -> None:
        self.projects: dict[str, Served] = {}
        self.datasets: dict[str, Served] = {}
        self.slices: dict[str, Served] = {}
        self.model_runs: dict[str, Served] = {}
        self.tasks: dict[str, ServedTask] = {}
        self.habits = Habits()
        self.answers: dict[str, list[Answer]] = defaultdict(list)
        self.calls: list[Call] = []
        # (route, "before" or "after") → what is done then
        self.on: dict[tuple[str, str], Callable[[], None]] = {}
        self.clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
        # what came with the key to where it does not belong
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
        return {"endpoint": f"{self.url}/graphql", "private_address": self.place}

    @property
    def secrets(self) -> dict[str, str]:
        """Of a connection to it."""
        return {"api_key": API_KEY}

    def serve(self, project_id: str, rows: Iterable[dict[str, Any]] = (), *, name: str = "") -> Served:
        """There is such a project now."""
        self.projects[project_id] = Served(project_id, name or f"Project {project_id}", rows)
        return self.projects[project_id]

    def count(self, route: str) -> int:
        """How often it was called."""
        return sum(call.route == route for call in self.calls)

    def sent(self, route: str) -> list[dict[str, Any]]:
        """The variables of its calls."""
        return [call.sent["variables"] for call in self.calls if call.route == route]

    def close(self) -> None:
        """Listen no more."""
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(10)

    # --- what it answers ---------------------------------------------------------------------------------------------

    def user_json(self, query: str, given: Mapping[str, Any]) -> Any:
        return {"user": USER}

    def projects_json(self, query: str, given: Mapping[str, Any]) -> Any:
        return {"projects": _page(query, [self._project_json(one) for one in self.projects.values()])}

    def datasets_json(self, query: str, given: Mapping[str, Any]) -> Any:
        return {"datasets": _page(query, [self._dataset_json(one) for one in self.datasets.values()])}

    def slices_json(self, query: str, given: Mapping[str, Any]) -> Any:
        return {"catalogSavedQueries": [_slice_json(one) for one in self.slices.values()]}

    def models_json(self, query: str, given: Mapping[str, Any]) -> Any:
        return {"models": _page(query, [{"id": "model-1", "name": "Detector", "ontologyId": "ontology-1"}])}

    def model_runs_json(self, query: str, given: Mapping[str, Any]) -> Any:
        return {"model": {"modelRuns": _page(query, [_run_json(one) for one in self.model_runs.values()])}}

    def project_json(self, query: str, given: Mapping[str, Any]) -> Any:
        return {"project": self._project_json(_of(self.projects, given["param_0"]))}

    def dataset_json(self, query: str, given: Mapping[str, Any]) -> Any:
        return {"dataset": self._dataset_json(_of(self.datasets, given["param_0"]))}

    def slice_json(self, query: str, given: Mapping[str, Any]) -> Any:
        return {"getSavedQuery": _slice_json(_of(self.slices, given["id"]))}

    def model_run_json(self, query: str, given: Mapping[str, Any]) -> Any:
        return {"modelRun": _run_json(_of(self.model_runs, given["param_0"]))}

    def create_json(self, query: str, given: Mapping[str, Any]) -> Any:
        found = re.search(r"\{(exportDataRowsIn\w+)\(", query)
        assert found is not None, query
        return {found[1]: {"taskId": self.make(found[1], given["input"]).id, "isStreamable": self.habits.is_streamable}}

    def task_json(self, query: str, given: Mapping[str, Any]) -> Any:
        task = self.tasks.get(given["param_0"])
        if task is None or given["param_1"] != USER["id"]:
            return {"user": {"createdTasks": []}}
        looks = self.habits.looks
        status = looks.pop(0) if len(looks) > 1 else looks[0]
        task.is_done = task.is_done or status == COMPLETE
        return {"user": {"createdTasks": [self._task_json(task, status)]}}

    def tasks_json(self, query: str, given: Mapping[str, Any]) -> Any:
        found = [
            self._task_json(one, COMPLETE if one.is_done else IN_PROGRESS) for one in reversed(self.tasks.values())
        ]
        return {"user": {"createdTasks": _page(query, found)}}

    def size_json(self, query: str, given: Mapping[str, Any]) -> Any:
        data = self._stream(given)
        is_null = not data or (self.habits.has_no_header and given["streamType"] == "RESULT")
        header = {"totalSize": self._number(len(data)), "totalLines": self._number(_lines_in(data))}
        return {"task": {"exportMetadataHeader": None if is_null else header}}

    def chunk_json(self, query: str, given: Mapping[str, Any]) -> Any:
        assert isinstance(given["offset"], str)
        data, offset = self._stream(given), int(given["offset"])
        start, end = next(one for one in self._chunks(data) if one[0] <= offset < one[1])
        line, task = data[:start].count(b"\n"), self.tasks[given["where"]["id"]]
        task.addresses += 1
        gap = self.habits.gap if start else 0
        return {
            "task": {
                "exportFileFromOffset": {
                    "offsets": {"start": self._number(start + gap), "end": self._number(end - 1)},
                    "lines": {
                        "start": self._number(line),
                        "end": self._number(line + _lines_in(data[start:end]) - 1),
                    },
                    "file": f"{self.habits.storage or self.url}/storage/{task.id}/{given['streamType']}/{start}"
                    f"?X-Goog-Signature=5ecret-{task.addresses}",
                }
            }
        }

    def make(self, mutation: str, given: dict[str, Any]) -> ServedTask:
        """An export, as it was asked for."""
        filters, params = given.get("filters", {}), given.get("params", {})
        if set(given) != {"taskName", "isStreamableReady", "streamable", "filters", "params"}:
            raise RefusedError("GRAPHQL_VALIDATION_FAILED", f"no such input: {sorted(given)}")
        if set(params) != _PARAMS[mutation] or set(filters) != _FILTERS[mutation]:
            raise RefusedError("GRAPHQL_VALIDATION_FAILED", f"no such input: {sorted(params)}, {sorted(filters)}")
        lines = [orjson.dumps(_cut(row, params, filters)) + b"\n" for row in self._selected(mutation, filters, params)]
        errors = b"".join(f"{line}\n".encode() for line in self.habits.errors)
        task = ServedTask(
            f"task{len(self.tasks) + 1:08}",
            mutation,
            given,
            {"RESULT": self.habits.changes(b"".join(lines)), "ERRORS": errors},
            self.clock_ms(),
            name=given["taskName"],
        )
        self.tasks[task.id] = task
        return task

    # --- inside ------------------------------------------------------------------------------------------------------

    def _selected(
        self, mutation: str, filters: Mapping[str, Any], params: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        if mutation == "exportDataRowsInSlice":
            yield from _of(self.slices, filters["sliceId"]).rows
            return
        if mutation == "exportDataRowsInModelRun":
            yield from _of(self.model_runs, filters["modelRunId"]).rows
            return
        query = filters["searchQuery"]["query"]
        if "projectId" in filters:
            rows = _of(self.projects, filters["projectId"]).rows
        else:
            for one in query:
                if one["type"] == "dataset":
                    _of(self.datasets, one["ids"][0])
            rows = [row for one in self.datasets.values() for row in one.rows]
        for row in rows:
            if self.habits.ignores_filters or all(_is_kept(row, one) for one in query):
                yield row

    def _stream(self, given: Mapping[str, Any]) -> bytes:
        task = self.tasks.get(given["where"]["id"])
        if task is None:
            raise RefusedError("RESOURCE_NOT_FOUND", "no such task")
        return task.streams[given["streamType"]]

    def _chunks(self, data: bytes) -> list[tuple[int, int]]:
        """Cut at the ends of lines."""
        found, start = [], 0
        while start < len(data):
            end = min(start + self.habits.chunk_bytes, len(data))
            end = data.find(b"\n", end - 1) + 1 or len(data)
            found.append((start, end))
            start = end
        return found

    def chunk_of(self, task_id: str, stream: str, start: int) -> bytes:
        """The bytes of the file that begins there."""
        data = self.tasks[task_id].streams[stream]
        end = next(one[1] for one in self._chunks(data) if one[0] == start)
        return data[start:end]

    def _number(self, value: int) -> int | str:
        return str(value) if self.habits.has_text_numbers else value

    def _task_json(self, task: ServedTask, status: str) -> dict[str, Any]:
        return {
            "id": task.id,
            "name": task.name,
            "status": status,
            "completionPercentage": 100.0 if status == COMPLETE else 10.0,
            "createdAt": iso(task.created_ms).replace("+00:00", "Z"),
            "updatedAt": iso(task.created_ms).replace("+00:00", "Z"),
            "errors": None,
            "metadata": None,
            "result": None,
            "type": "export-data-rows",
            **self.habits.more,
        }

    def _project_json(self, one: Served) -> dict[str, Any]:
        return {"id": one.id, "name": one.name, "allowedMediaType": "IMAGE", "dataRowCount": len(list(one.rows))}

    def _dataset_json(self, one: Served) -> dict[str, Any]:
        return {"id": one.id, "name": one.name, "description": "", "rowCount": len(list(one.rows))}


def _lines_in(data: bytes) -> int:
    """The last may have no end."""
    return data.count(b"\n") + bool(data and not data.endswith(b"\n"))


def _slice_json(one: Served) -> dict[str, Any]:
    return {"id": one.id, "name": one.name, "description": "", "filter": [], "createdAt": iso(0), "updatedAt": iso(0)}


def _run_json(one: Served) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "modelId": "model-1",
        "modelAppId": None,
        "trainingMetadata": None,
        "createdBy": USER["id"],
        "createdAt": iso(0),
        "updatedAt": iso(0),
    }


def _of(held: Mapping[str, Served], thing_id: str) -> Served:
    if thing_id not in held:
        raise RefusedError("RESOURCE_NOT_FOUND", "Cannot find it")
    return held[thing_id]


def _page(query: str, found: list[Any]) -> list[Any]:
    skip, first = (int(re.search(rf"{word}: (\d+)", query)[1]) for word in ("skip", "first"))  # type: ignore[index]
    return found[skip : skip + first]


def _is_kept(row: Mapping[str, Any], element: Mapping[str, Any]) -> bool:
    """Does one element of a query keep the row?"""
    data_row = row["data_row"]
    details = [one["project_details"] for one in row.get("projects", {}).values()]
    kind = element["type"]
    if kind == "data_row_id":
        return data_row["id"] in element["ids"]
    if kind == "global_key":
        return data_row["global_key"] in element["ids"]
    if kind == "dataset":
        return data_row["details"]["dataset_id"] in element["ids"]
    if kind == "batch":
        return any(one["batch_id"] in element["ids"] for one in details)
    if kind == "task_queue_status":
        return any(one["workflow_status"] == _STATUSES[element["status"]] for one in details)
    if kind == "task_queue_not_exist":
        return any(one["workflow_status"] == "TO_LABEL" for one in details)
    value = element["value"]
    if kind == "data_row_last_activity_at":
        return _is_within(data_row["details"]["last_activity_at"], value)
    assert kind == "labeled_at", kind
    labels = [label for one in row.get("projects", {}).values() for label in one["labels"]]
    return any(_is_within(label["label_details"]["created_at"], value) for label in labels)


def _is_within(moment: str, value: Mapping[str, Any]) -> bool:
    """Bounds are included."""
    at, bound = datetime.fromisoformat(moment), value["value"]
    if value["operator"] == "BETWEEN":
        return _moment(bound["min"]) <= at <= _moment(bound["max"])
    if value["operator"] == "GREATER_THAN_OR_EQUAL":
        return at >= _moment(bound)
    assert value["operator"] == "LESS_THAN_OR_EQUAL", value
    return at <= _moment(bound)


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S%z")


def _cut(row: dict[str, Any], params: Mapping[str, Any], filters: Mapping[str, Any]) -> dict[str, Any]:
    """Without what was not asked for: such a key is absent."""
    row = copy.deepcopy(row)
    for name, key in (
        ("includeAttachments", "attachments"),
        ("includeMetadata", "metadata_fields"),
        ("includeEmbeddings", "embeddings"),
    ):
        if not params[name]:
            row.pop(key, None)
    if not params["includeDataRowDetails"]:
        row["data_row"].pop("details", None)
    chosen = filters.get("projectId")
    wanted = params.get("projectIds") or ()
    for project_id in list(row.get("projects", {})):
        if project_id != chosen and project_id not in wanted and not params.get("allProjects"):
            del row["projects"][project_id]
            continue
        project = row["projects"][project_id]
        if not params["includeProjectDetails"]:
            project.pop("project_details", None)
        for label in project["labels"]:
            if not params["includeLabelDetails"]:
                label.pop("label_details", None)
            if not params["includePerformanceDetails"]:
                label.pop("performance_details", None)
    if row.get("projects") == {}:
        del row["projects"]
    return row


class _Handler(Handler):
    owner: LabelboxServer
    routes = _ROUTES

    def unknown(self) -> Answer:
        return Answer(404, b"<html>", {"Content-Type": "text/html"})

    def _carry_out(self, call: Call, named: dict[str, str]) -> None:
        if call.route == "graphql":
            call.route = _operation(call.sent)
        super()._carry_out(call, named)

    def own(self, call: Call, named: dict[str, str]) -> Answer | None:
        server = self.owner
        has_key = call.headers.get("authorization") == f"Bearer {API_KEY}"
        if call.route == "file":
            if "authorization" in call.headers:
                server.leaks.append(call)
            return self._file(call, **named)
        if call.route == "mask":
            return self._mask(has_key, named["path"])
        if not has_key:
            return refusal("AUTHENTICATION_ERROR", "Invalid API key", 401)
        sent = call.sent
        try:
            with server.lock:
                data = getattr(server, f"{call.route}_json")(sent["query"], sent["variables"])
        except RefusedError as error:
            return refusal(error.extensions["code"], str(error))
        return Answer(200, orjson.dumps({"data": data}), {"Content-Type": "application/json"})

    def _mask(self, has_key: bool, path: str) -> Answer:
        found = self.owner.habits.masks.get(path)
        if not has_key:
            return Answer(401, b"no key")
        if isinstance(found, Answer):
            return found
        return Answer(404, b"gone") if found is None else Answer(200, found, {"Content-Type": "image/png"})

    def _file(self, call: Call, task_id: str, stream: str, start: str) -> Answer | None:
        server, habits = self.owner, self.owner.habits
        if habits.expired > 0 and habits.expired_of in ("", stream):
            habits.expired -= 1
            return habits.expired_answer
        data = server.chunk_of(task_id, stream, int(start))
        if habits.is_packed:
            data = gzip.compress(data)
        asked = re.fullmatch(r"bytes=(\d+)-", call.headers.get("range", "")) if habits.knows_ranges else None
        first = int(asked[1]) if asked else 0
        body = data[first:]
        announced = len(body)
        if habits.shorts > 0:
            habits.shorts -= 1
            body = body[: -habits.short] if habits.short > 0 else body + b" " * -habits.short
            announced = announced if habits.is_cut else len(body)
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        if habits.is_packed:
            self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(announced))
        self.end_headers()
        self.wfile.write(body)
        if announced != len(body):
            self.close_connection = True
        return None


def _operation(sent: Mapping[str, Any]) -> str:
    found = re.match(r"\s*(query|mutation)\s+(\w+)PyApi\b", sent["query"])
    assert found is not None, sent
    if found[1] == "mutation":
        return "create"
    if found[2] == "GetUserCreatedTasks":
        return "task" if "param_1" in sent["variables"] else "tasks"
    return _OPERATIONS[found[2]]


@pytest.fixture
def labelbox_server() -> Iterator[LabelboxServer]:
    """With nothing in it."""
    server = LabelboxServer()
    yield server
    server.close()
