"""The marks of a video, which Labelbox keeps by frame, count and come out where they stood."""

from __future__ import annotations

import copy
import csv
import io
import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from connections.models import Project
from connections.rows.batch import PARTS
from connections.rows.body import BodyPrinter
from connections.rows.csv import HEADER
from connections.store.models import StoreClass, StoreCoco, StoreCsv, StoreRow
from connections.store.upsert import write_rows
from exports.sources.store import StoreSource
from exports.spec.selection import Selection
from tests.connections.store.importing import importer, read, write

BOX = {"top": 98.0, "left": 146.0, "height": 243.0, "width": 236.0}


def video_mark(left: float = 146.0, **more: Any) -> dict[str, Any]:
    made = {"feature_id": "f1", "feature_schema_id": "s1", "name": "car", "value": "car"}
    shape = {"annotation_kind": "VideoBoundingBox", "classifications": [], "bounding_box": {**BOX, "left": left}}
    return {**made, **shape, **more}


def video(frames: Any, *, details: Any = None, **annotations: Any) -> dict[str, Any]:
    label = {
        "label_kind": "Video",
        "version": "1.0.0",
        "id": "l1",
        "label_details": details or {},
        "annotations": {"frames": frames, **annotations},
    }
    return {
        "data_row": {"id": "d1", "global_key": "clip.mp4", "row_data": "https://e.test/clip.mp4"},
        "media_attributes": {"height": 480, "width": 640, "asset_type": "video", "frame_count": 40},
        "projects": {"p": {"name": "P", "labels": [label]}},
    }


FRAMES = {
    "13": {"objects": {"f1": video_mark(), "f2": video_mark(name="dog")}, "classifications": []},
    "19": {
        "objects": {"f1": video_mark(186.0)},
        "classifications": [{"feature_id": "q1", "name": "light", "radio_answer": {"name": "on"}}],
    },
}
BESIDE = {
    "segments": {"f1": [[13, 13], [18, 19]]},
    "key_frame_feature_map": {"f1": [13, 19]},
    "classifications": [{"feature_id": "q2", "name": "whole", "text_answer": {"content": "x"}}],
}


@pytest.fixture
def take(tmp_path: Path, project: Project) -> Any:
    def take(given: dict[str, Any]) -> StoreRow:
        reading = importer("ndjson", write(tmp_path, [given]))
        assert write_rows(project, reading.rows()).created == 1, reading.refused
        return StoreRow.objects.get()

    return take


def printed(stored: StoreRow, parts: frozenset[str] = frozenset(PARTS)) -> Any:
    document = orjson.loads(BodyPrinter(parts, "P").join([stored.body.encode()], [b"[]"], b""))
    ((_, project),) = document["projects"].items()
    (label,) = project["labels"]
    return label


@pytest.mark.django_db
def test_frames_come_out_where_and_as_they_stood(take):
    annotations = printed(take(video(copy.deepcopy(FRAMES), **copy.deepcopy(BESIDE))))["annotations"]
    assert annotations["frames"] == FRAMES
    for key in ("segments", "key_frame_feature_map"):
        assert annotations[key] == BESIDE[key]
    assert [(each["name"], each["text_answer"]) for each in annotations["classifications"]] == [
        ("whole", {"content": "x"})
    ]


@pytest.mark.django_db
def test_every_object_and_answer_of_a_frame_is_an_annotation(take, project):
    stored = take(video(copy.deepcopy(FRAMES), **copy.deepcopy(BESIDE)))
    assert stored.annotation_count == 5
    classes = {(one.is_question, one.name): one.number for one in StoreClass.objects.all()}
    assert set(classes) == {(False, "car"), (False, "dog"), (True, "light"), (True, "whole")}
    assert set(stored.class_counts.split()) == {
        f"v{classes[False, 'car']}:2",
        f"v{classes[False, 'dog']}:1",
        f"c{classes[True, 'light']}:1",
        f"c{classes[True, 'whole']}:1",
    }
    lines = (HEADER.decode() + StoreCsv.objects.get().exact).replace("\r\n", "\n")
    cells = [
        (
            *(one[column] for column in ("annotation_id", "kind", "class", "value", "left", "box_width")),
            one["geometry"] and json.loads(one["geometry"]),
        )
        for one in csv.DictReader(io.StringIO(lines), strict=True)
    ]
    assert cells == [
        ("f1", "video_box", "car", "", "146.0", "236.0", {"frame": 13}),
        ("f1", "video_box", "dog", "", "146.0", "236.0", {"frame": 13}),
        ("f1", "video_box", "car", "", "186.0", "236.0", {"frame": 19}),
        ("q2", "classification", "whole", "x", "", "", ""),
        ("q1", "classification", "light", "on", "", "", {"frame": 19}),
    ]
    assert not StoreCoco.objects.get().annotations


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["ImageBoundingBox", "VideoBoundingBox"])
def test_a_box_of_a_frame_is_never_one_of_a_picture(take, kind):
    stored = take(video({"1": {"objects": [video_mark(annotation_kind=kind)]}}))
    assert stored.class_counts == "v1:1"
    assert not StoreCoco.objects.get().annotations


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("wanted", "rows"), [(True, 1), (False, 0)])
def test_a_labelled_video_is_labelled_to_the_filter(take, project, wanted, rows):
    take(video(FRAMES))
    with StoreSource(project).open(Selection(project.public_id, {"with_annotations": wanted}), frozenset()) as reader:
        assert sum(map(len, reader.batches())) == rows


@pytest.mark.django_db
def test_reviews_and_other_details_stay_in_details_and_go_with_them(take):
    details = {"created_at": "2024-01-01T00:00:00.000+00:00", "reviews": [{"score": 1}], "assigned_to": "ann"}
    given = video(FRAMES, details=details)
    given["data_row"]["details"] = {"uploaded_from": "here"}
    stored = take(given)
    assert printed(stored)["label_details"].items() >= details.items()
    body = BodyPrinter(frozenset(PARTS), "P").join([stored.body.encode()], [b"[]"], b"")
    assert orjson.loads(body)["data_row"]["details"]["uploaded_from"] == "here"
    bare = BodyPrinter(frozenset(), "P").join([stored.body.encode()], [b"[]"], b"")
    for secret in (b"score", b"assigned_to", b"uploaded_from", b"2024-01-01"):
        assert secret in body
        assert secret not in bare


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        ([1], "label 1: frames is not an object"),
        ({"first": {}}, "label 1, frame 'first': expected the number of a frame"),
        ({"1": []}, "label 1, frame '1' is not an object"),
        ({"1": {"objects": 5}}, "label 1, frame '1': objects is not a list"),
        ({"1": {"objects": {"f": 5}}}, "label 1, frame '1', object 'f' is not an object"),
        ({"1": {"objects": {"f": {}}}}, "label 1, frame '1', object 'f' has no class name"),
        ({"1": {"objects": [video_mark(name=3)]}}, "label 1, frame '1', object '0': name is not a text but 3"),
        ({"1": {"objects": [video_mark(annotation_kind=3)]}}, "label 1, frame '1', object '0': annotation_kind is not"),
        ({"1": {"classifications": {}}}, "label 1, frame '1': classifications is not a list"),
        ({"1": {"classifications": [{}]}}, "label 1, frame '1', classification 1 has no name"),
        (
            {"1": {"objects": {"f": video_mark(bounding_box={"top": 1})}}},
            "label 1, frame '1', object 'f': bounding_box.left: None is not a number",
        ),
    ],
)
def test_a_frame_that_is_none_refuses_its_row_in_words(tmp_path, frames, reason):
    _, reading = read("ndjson", write(tmp_path, [video(frames)]))
    (refused,) = reading.refused
    assert refused.reason.startswith(reason)
