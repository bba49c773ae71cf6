"""What Labelbox's own tests of streams ask for, with objects of ours in the places of those that they would make there.

Laid beside them as ``conftest.py``; they themselves are unchanged. What is seeded goes in through REST. Where a test
makes something in between (data rows, a batch), that is imported, too; where it moves rows in a workflow, they stand
there already.
"""

from __future__ import annotations

import json
import os
import signal
import time
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import labelbox as lb  # type: ignore[import-not-found]
import pytest
import requests

ADDRESS, KEY = os.environ["OURS_ADDRESS"], os.environ["OURS_KEY"]
BASE = f"{ADDRESS}/dialects/labelbox"
WORKERS = list(map(int, os.environ["OURS_WORKERS"].split()))
RELEASE = int(lb.__version__.partition(".")[0])
PRECOMPUTED = "Image Embedding V2 (CLIP ViT-B/32)"
# the SDK and its tests wait for what is there already
_sleep = time.sleep
time.sleep = lambda seconds: _sleep(min(float(seconds), 0.2))  # type: ignore[assignment]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """An export is not over before a test has cancelled it: nobody begins one as long."""
    held = WORKERS if item.name == "test_cancel_export_task" else []
    for pid in held:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in held:
            os.kill(pid, signal.SIGCONT)


def call(method: str, path: str, **more: Any) -> Any:
    answer = requests.request(
        method, f"{ADDRESS}/api/v1/{path}", headers={"Authorization": f"Bearer {KEY}"}, timeout=60, **more
    )
    assert answer.ok, answer.text
    return answer.json()


def bring(project: str, rows: list[dict[str, Any]]) -> None:
    """Import rows, and wait for it."""
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    run = call(
        "POST", "imports/", data={"project": project, "format": "ndjson"}, files={"file": ("rows.ndjson", content)}
    )
    while run["status"] in ("queued", "running", "uploading"):
        _sleep(0.1)
        run = call("GET", f"imports/{run['import_id']}/")
    assert run["status"] == "completed", run


def new_row(dataset: tuple[str, str], **more: Any) -> dict[str, Any]:
    identity = uuid.uuid4().hex
    return {
        "id": f"row-{identity}",
        "external_id": f"{identity}.jpg",
        "global_key": f"key-{identity}",
        "row_data": f"https://img.example.test/{identity}.jpg",
        "details": {
            "dataset_id": dataset[0],
            "dataset_name": dataset[1],
            "last_activity_at": "2024-04-08T16:34:01.000+00:00",
            "created_by": "uploader@example.test",
        },
        **more,
    }


def label(**annotations: Any) -> dict[str, Any]:
    identity = f"label-{uuid.uuid4().hex}"
    mark = {
        "feature_id": f"{identity}-1",
        "name": "car",
        "annotation_kind": "ImageBoundingBox",
        "bounding_box": {"top": 1.0, "left": 2.0, "height": 3.0, "width": 4.0},
    }
    return {
        "label_kind": "Default",
        "version": "1.0.0",
        "id": identity,
        "label_details": {"created_at": "2024-04-08T16:21:26.000+00:00", "created_by": "labeler@example.test"},
        "annotations": annotations or {"objects": [mark], "classifications": [], "relationships": []},
    }


IMAGE = {"height": 100, "width": 200, "mime_type": "image/jpeg", "asset_type": "image"}


class Seeded:
    """A project with rows of one dataset."""

    def __init__(self, client: Any, count: int, *, media: Any = IMAGE, labels: Any = None, **more: Any) -> None:
        self.client, self.name = client, f"Project {uuid.uuid4()}"
        self.project_id = call("POST", "projects/", json={"name": self.name})["id"]
        self.dataset = (f"ds-{uuid.uuid4().hex}", f"Dataset {uuid.uuid4()}")
        self.batch = (f"b-{uuid.uuid4().hex[:20]}", f"Batch {uuid.uuid4()}")
        self.labels: list[Any] = []
        self.rows: list[Any] = []
        self.add([new_row(self.dataset, **more) for _ in range(count)], self.batch, media=media, labels=labels)

    def add(self, found: list[Any], batch: Any = None, *, media: Any = IMAGE, labels: Any = None, **more: Any) -> None:
        written = []
        for each in found:
            made = [label()] if labels is None else labels
            details: dict[str, Any] = {
                "workflow_status": "IN_REVIEW",
                "priority": 5,
                "consensus_expected_label_count": 1,
                "workflow_history": [],
            }
            if batch:
                details |= {"batch_id": batch[0], "batch_name": batch[1]}
            project = {"name": self.name, "labels": made, "project_tags": [], "project_details": details}
            written.append({"data_row": each, "media_attributes": media, "projects": {"p": project}, **more})
            self.labels += [SimpleNamespace(uid=one["id"]) for one in made]
        if written:
            bring(self.project_id, written)
        self.rows += [OwnDataRow(each, media) for each in found]

    @property
    def project(self) -> Any:
        """The SDK's own, in which rows are in review already and a batch is imported."""
        found = self.client.get_project(self.project_id)
        queue = SimpleNamespace(queue_type="MANUAL_REVIEW_QUEUE", uid="review")
        found.task_queues = lambda: [queue]
        found.move_data_rows_to_task_queue = lambda ids, queue_id: None
        found.create_batch = lambda name, rows, *more: None
        return found

    @property
    def their_dataset(self) -> Any:
        return SeededDataset(self)


class OwnDataRow(lb.DataRow):  # type: ignore[misc]
    """The SDK's own data row, made without asking for the metadata that there are."""

    def __init__(self, row: dict[str, Any], media: dict[str, Any]) -> None:
        self.uid, self.external_id, self.global_key = row["id"], row["external_id"], row["global_key"]
        self.row_data, self.media_attributes = row["row_data"], {"mimeType": media["mime_type"]}


class SeededDataset:
    """A dataset that rows can be added to; what is read of it is the SDK's own."""

    def __init__(self, seeded: Seeded) -> None:
        self.seeded = seeded
        self.uid, self.name = seeded.dataset

    def create_data_rows(self, specs: list[dict[str, Any]]) -> Any:
        for spec in specs:
            embeddings = [
                {
                    "id": one["embedding_id"],
                    "name": "Own",
                    "dimensions": len(one["vector"]),
                    "is_custom": True,
                    "values": [{"value": one["vector"]}],
                }
                for one in spec.get("embeddings", ())
            ]
            embeddings.append(
                {
                    "id": "clip",
                    "name": PRECOMPUTED,
                    "dimensions": 1,
                    "is_custom": False,
                    "values": [{"value": [0.5]}],
                }
            )
            if "embeddings" not in spec:
                embeddings = embeddings[-1:]
            row = new_row(self.seeded.dataset)
            self.seeded.add([row], ("other", "Another batch"), labels=[], embeddings=embeddings)
        made = [{"id": row.uid} for row in self.seeded.rows[-len(specs) :]]
        return SimpleNamespace(wait_till_done=lambda: None, status="COMPLETE", result=made)

    def export(self, *args: Any, **more: Any) -> Any:
        return self.seeded.client.get_dataset(self.uid).export(*args, **more)


@pytest.fixture(scope="session")
def client() -> Any:
    return lb.Client(api_key=KEY, endpoint=f"{BASE}/graphql", rest_endpoint=f"{BASE}/api/v1", app_url=BASE)


@pytest.fixture
def environ() -> str:
    return "custom"


@pytest.fixture
def image_url() -> str:
    return "https://img.example.test/own.jpg"


@pytest.fixture
def rand_gen() -> Any:
    return lambda kind: uuid.uuid4().hex


@pytest.fixture
def wait_for_data_row_processing() -> Any:
    return lambda client, data_row: data_row


@pytest.fixture
def seeded(client: Any) -> Seeded:
    """Without a row so far."""
    return Seeded(client, 0)


@pytest.fixture
def data_rows(request: pytest.FixtureRequest, seeded: Seeded) -> list[Any]:
    """As many as the test says."""
    seeded.add([new_row(seeded.dataset) for _ in range(request.param)], seeded.batch)
    return seeded.rows


@pytest.fixture
def data_row(seeded: Seeded) -> Any:
    seeded.add([new_row(seeded.dataset)], seeded.batch)
    return seeded.rows[0]


@pytest.fixture
def dataset(seeded: Seeded) -> Any:
    return seeded.their_dataset


@pytest.fixture
def embedding() -> Any:
    return SimpleNamespace(id=f"e-{uuid.uuid4().hex}", name="Own", dims=8)


@pytest.fixture
def configured_project_with_label(seeded: Seeded, data_row: Any) -> tuple[Any, ...]:
    return seeded.project, seeded.their_dataset, data_row, seeded.labels[0]


@pytest.fixture
def configured_batch_project_with_label(configured_project_with_label: tuple[Any, ...]) -> tuple[Any, ...]:
    return configured_project_with_label


@pytest.fixture
def configured_batch_project_with_multiple_datarows(seeded: Seeded, data_rows: list[Any]) -> tuple[Any, ...]:
    return seeded.project, seeded.their_dataset, data_rows


@pytest.fixture
def model_run_with_data_rows(client: Any) -> tuple[Any, list[Any]]:
    model, run = f"model-{uuid.uuid4().hex}", f"run-{uuid.uuid4().hex}"
    prediction, truth = label(), label()
    said = {"name": "v1", "labels": [truth], "predictions": [prediction], "split": "Training"}
    seeded = Seeded(client, 0)
    experiments = {model: {"name": "A model", "runs": {run: said}}}
    seeded.add([new_row(seeded.dataset)], labels=[truth], experiments=experiments)
    found = client.get_model_run(run)
    found.model_run_data_rows = lambda: seeded.rows
    return found, [SimpleNamespace(uid=one["id"]) for one in (prediction, truth)]


# --- a video ---------------------------------------------------------------------------------------------------------

FRAMES = {13: 146.0, 19: 186.0}


@pytest.fixture
def video_data_row() -> dict[str, Any]:
    identity = uuid.uuid4().hex
    return {"global_key": f"video-{identity}", "row_data": f"https://video.example.test/{identity}.mp4"}


@pytest.fixture
def bbox_video_annotation_objects() -> list[Any]:
    return [SimpleNamespace(frame=frame) for frame in FRAMES]


@pytest.fixture
def video_seeded(client: Any, video_data_row: dict[str, Any]) -> Seeded:
    chosen = {"feature_id": "a1", "name": "radio_option_1", "classifications": []}
    answer = {"feature_id": "c1", "name": "nested", "radio_answer": chosen}
    frames = {}
    for place, (frame, left) in enumerate(FRAMES.items()):
        mark = {
            "feature_id": "f1",
            "name": "bbox",
            "annotation_kind": "VideoBoundingBox",
            "classifications": [] if place else [answer],
            "bounding_box": {"top": 98.0, "left": left, "height": 243.0, "width": 236.0},
        }
        frames[str(frame)] = {"objects": {"f1": mark}, "classifications": []}
    tracks = {"segments": {"f1": [[13, 19]]}, "key_frame_feature_map": {"f1": list(FRAMES)}, "classifications": []}
    made = label(frames=frames, **tracks) | {"label_kind": "Video"}
    media = {
        # of the file that the test of the release would upload
        "frame_rate": 25 if RELEASE > 5 else 10,
        "frame_count": 627 if RELEASE > 5 else 100,
        "height": 400,
        "width": 600,
        "mime_type": "video/mp4",
        "asset_type": "video",
    }
    return Seeded(client, 1, media=media, labels=[made], **video_data_row)


@pytest.fixture
def video_data(video_seeded: Seeded) -> tuple[Any, list[str]]:
    return video_seeded, [row.uid for row in video_seeded.rows]


@pytest.fixture
def configured_video_project_without_data_rows(video_seeded: Seeded, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Its label is there already: what the test uploads is taken for it."""
    from labelbox.schema.annotation_import import AnnotationImportState  # type: ignore[import-not-found]

    done = SimpleNamespace(wait_until_done=lambda: None, state=AnnotationImportState.FINISHED, errors=[])
    monkeypatch.setattr(lb.LabelImport, "create_from_objects", lambda *args, **more: done)
    monkeypatch.setattr("labelbox.types.Label", lambda **more: more)
    return video_seeded.project


@pytest.fixture
def configured_project_without_data_rows(configured_video_project_without_data_rows: Any) -> Any:
    """As older releases call it."""
    return configured_video_project_without_data_rows
