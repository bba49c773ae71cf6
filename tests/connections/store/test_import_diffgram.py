"""Diffgram's export file, type by type: what is read, what is carried, and what it says of rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from connections.rows.batch import PARTS
from connections.rows.body import BodyPrinter
from connections.rows.diffgram import Numbers, written_row
from connections.store.import_row import IncomingRow
from connections.store.importers import IMPORTERS
from connections.store.importers.detect import detect
from connections.store.models import StoreRow
from connections.store.upsert import write_rows
from exportadmin.lib.errors import UserError
from tests.support.diffgram_server import GROUPS, LABELS, image

POINTS = [{"x": 10, "y": 12}, {"x": 200, "y": 40}, {"x": 150, "y": 220}]
SHAPES: list[dict[str, Any]] = [
    {"type": "box", "x_min": 120, "y_min": 80, "x_max": 420, "y_max": 360},
    {"type": "polygon", "x_min": 10, "y_min": 12, "x_max": 200, "y_max": 220, "points": POINTS},
    {"type": "point", "points": POINTS[:1]},
    {"type": "line", "points": POINTS[:2]},
    {"type": "ellipse", "angle": 0.3, "center_x": 300, "center_y": 200, "width": 40, "height": 25},
    {"type": "curve", "p1": {"x": 1, "y": 1}, "p2": {"x": 50, "y": 50}, "cp": {"x": 20, "y": 40}},
    {"type": "keypoints", "nodes": {"nodes": [{"x": 5, "y": 6, "id": "n1"}]}, "edges": {"edges": []}},
    {"type": "cuboid", "front_face": {"width": 50}, "rear_face": {"width": 50}},
    {"type": "cuboid_3d", "position_3d": {"x": 1}},
    {"type": "box"},  # one of all zeros
]


def shape(nth: int, /, **more: Any) -> dict[str, Any]:
    return {"id": 5001 + nth, "attribute_groups": None, "label_file_id": 901, **SHAPES[nth], **more}


def packet(*instances: dict[str, Any], complete: bool = True) -> dict[str, Any]:
    return image(1001, complete=complete) | {"instance_list": list(instances)}


def export(files: dict[str, Any], **info: Any) -> dict[str, Any]:
    """In the order in which Diffgram as data has it: files first."""
    told = {"export_format_version": "1.0", "source": "task", **info}
    return files | {"attribute_groups_reference": GROUPS, "export_info": told, "label_map": LABELS}


def read(path: Path, content: Any) -> tuple[Any, list[IncomingRow]]:
    path.write_text(json.dumps(content))
    assert detect(path) == "diffgram_json"
    importer = IMPORTERS["diffgram_json"](path, default_status=None, project_key="p")
    rows = list(importer.rows_with_notes())
    assert importer.survey().rows_total == importer.rows_seen
    return importer, rows


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "export.json"


def test_every_type_of_a_picture(path):
    importer, (row,) = read(path, export({"1001": packet(*map(shape, range(len(SHAPES))))}))
    (label,) = row.labels
    assert [mark["annotation_kind"] for mark in label.objects] == [
        "ImageBoundingBox",
        "ImagePolygon",
        "ImagePoint",
        "ImagePolyline",
        *(f"Diffgram:{one}" for one in ("ellipse", "curve", "keypoints", "cuboid", "cuboid_3d", "box")),
    ]
    assert label.objects[0]["bounding_box"] == {"top": 80.0, "left": 120.0, "height": 280.0, "width": 300.0}
    assert label.objects[4]["source_extra"]["diffgram"]["angle"] == 0.3
    assert {note["text"]: note["count"] for note in row.notes} == {
        "annotations of type cuboid_3d, kept as they are": 1,
        "annotations of type box, kept as they are": 1,
    }
    assert (row.key, row.external_id, row.status) == ("1001", "orchard_01001.jpg", "accepted")
    assert row.created_ms == 1_709_294_405_123
    assert [one.name for one in importer.classes] == ["Apple", "Branch", "light"]


def test_attributes_are_answers(path):
    groups = {"31": {"id": 77, "name": "Ripe"}, "32": "free", "33": 4, "34": None}
    of_all = {
        "34": {"id": 80, "name": "Daytime"},
        "35": [{"id": 1, "name": "a"}],
        "36": {"2": {"name": "b", "selected": 1}},
    }
    instances = [
        shape(0, attribute_groups=groups),
        {"id": 9, "type": "global", "attribute_groups": of_all, "label_file_id": None},
        {"id": 10, "type": "tag", "attribute_groups": None, "label_file_id": 902},
        {
            "type": "relation",
            "label_file_id": 902,
            "attribute_groups": None,
            "from_instance_id": 1,
            "to_instance_id": 2,
        },
    ]
    _, (row,) = read(path, export({"1001": packet(*instances)}))
    (label,) = row.labels
    told = [
        (one["name"], *(key for key in one if key.endswith(("answer", "answers")))) for one in label.classifications
    ]
    assert told == [
        ("light", "radio_answer"),
        ("attribute 35", "checklist_answers"),
        ("attribute 36", "checklist_answers"),
        ("tag", "radio_answer"),
    ]
    assert label.classifications[-1]["radio_answer"]["name"] == "Branch"
    assert [one["name"] for one in label.objects[0]["classifications"]] == ["ripeness", "attribute 32", "attribute 33"]
    assert label.objects[0]["classifications"][2]["number_answer"] == {"content": 4}
    assert label.relationships[0]["unidirectional_relationship"] == {"source": "1", "target": "2"}


def test_a_video_has_its_tracks_by_frames_of_the_clip(path):
    at = ((0, 0, None), (1, 2, True), (2, 4, None))
    boxes = [
        shape(0, id=6000 + local, frame_number=local, global_frame_number=of_all, number=1, interpolated=between)
        for local, of_all, between in at
    ]
    content = {
        "file": {**image(1002)["file"], "type": "video", "original_filename": "drone.mp4"},
        "video": {"width": 1280, "height": 720, "frame_rate": 15, "frame_count": 150, "original_fps": 30},
        "parent_instance_list": [{"id": 1, "type": "global", "attribute_groups": {"34": {"id": 81, "name": "Night"}}}],
        "sequence_list": [{"id": 700, "label_file_id": 901, "number": 1, "instance_list": boxes}],
    }
    _, (row,) = read(path, export({"1002": content}))
    (label,) = row.labels
    assert label.classifications[0]["radio_answer"]["name"] == "Night"
    frames = label.more_annotations["frames"]
    assert list(frames) == ["1", "2", "3"]  # of 150, at 15 a second
    assert frames["2"]["objects"]["700"]["annotation_kind"] == "VideoBoundingBox"
    of_all = [one["objects"]["700"]["source_extra"]["diffgram"].get("global_frame_number") for one in frames.values()]
    assert of_all == [None, 2, 4]
    assert label.more_annotations["key_frame_feature_map"] == {"700": [1, 3]}
    assert label.more_annotations["segments"] == {"700": [[1, 3]]}
    assert row.media_attributes == {
        "asset_type": "video",
        "width": 1280,
        "height": 720,
        "frame_rate": 15,
        "frame_count": 150,
    }
    assert row.source_extra["diffgram"]["video"] == {"original_fps": 30}


def test_a_track_is_not_there_where_diffgram_filled_no_frames(path):
    boxes = [shape(0, id=6000 + at, frame_number=at, interpolated=at == 1 or None) for at in (0, 1, 100, 149, 148)]
    content = {
        "file": {**image(1002)["file"], "type": "video"},
        "sequence_list": [{"id": 700, "instance_list": boxes}, {"id": 701, "instance_list": [boxes[0]]}],
    }
    _, (row,) = read(path, export({"1002": content}))
    assert row.labels[0].more_annotations["segments"] == {"700": [[1, 2], [101, 101], [149, 150]], "701": [[1, 1]]}


def test_what_relations_and_answers_say_besides_is_carried_or_counted(path):
    relation = {"id": 11, "type": "relation", "label_file_id": 902, "from_instance_id": 1, "to_instance_id": 2}
    instances = [
        relation | {"attribute_groups": {"32": "left of"}, "score": 0.5},
        {"id": 9, "type": "global", "attribute_groups": {"34": {"id": 80, "name": "Daytime"}}, "score": 0.5},
        {"id": 8, "type": "global", "attribute_groups": None},
        {"id": 10, "type": "tag", "label_file_id": 902, "attribute_groups": None, "score": 0.7},
    ]
    _, (row,) = read(path, export({"1001": packet(*instances)}))
    (label,) = row.labels
    (related,) = label.relationships
    assert related["feature_id"] == "11"
    assert related["source_extra"] == {"diffgram": {"attribute_groups": {"32": "left of"}, "score": 0.5}}
    assert [one["source_extra"]["diffgram"] for one in label.classifications] == [
        {"id": 9, "score": 0.5},
        {"score": 0.7},
    ]
    assert {note["text"]: note["count"] for note in row.notes} == {"instances of type global without an answer": 1}


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://h/get?file=17&X-Amz-Signature=abc&X-Amz-Date=1", "https://h/get?file=17"),
        ("https://h/get?X-Goog-Expires=9&b=2&a=1", "https://h/get?b=2&a=1"),
        ("https://h/a.jpg?version=3&Signature=x&Expires=9&Key-Pair-Id=K", "https://h/a.jpg?version=3"),
        ("https://h/a.jpg?sv=2024&sr=b&sig=x%3D", "https://h/a.jpg"),
        ("https://h/a.jpg?token=abc#page=2", "https://h/a.jpg#page=2"),
        *(
            (one, one)
            for one in ("https://h/p?id=2", "https://h/a.jpg?sp=1&expires=never&policy_id=4", "s3://b/a?sig=1")
        ),
    ],
)
def test_an_address_loses_its_signature_and_nothing_else(path, address, kept):
    one = packet()
    one["file"]["blob_url"] = address
    _, (row,) = read(path, export({"1001": one}))
    assert row.row_data == kept
    assert bool(row.notes) == (address != kept)


@pytest.mark.parametrize(
    ("complete", "instances", "info", "status"),
    [
        (True, 0, {}, "accepted"),
        (False, 1, {}, "review"),
        (False, 0, {}, "to_label"),
        (False, 0, {"source": "job", "ann_is_complete": True}, "accepted"),  # its task is
        (False, 1, {"source": "directory", "ann_is_complete": True}, "review"),
    ],
)
def test_where_a_row_stands(path, complete, instances, info, status):
    _, (row,) = read(path, export({"1001": packet(*map(shape, range(instances)), complete=complete)}, **info))
    assert row.status == status


def test_a_signature_does_not_make_another_row(path):
    def row(signature: str) -> IncomingRow:
        one = packet()
        one["file"]["blob_url"] += f"?X-Amz-Signature={signature}"
        one["image"] |= {"image_signed_url": signature, "image_signed_expiry": len(signature)}
        return read(path, export({"1001": one}))[1][0]

    one, other = row("abc"), row("defg")
    assert (one.row_data, one.source_extra) == (other.row_data, other.source_extra)
    assert "Signature" not in one.row_data


def test_parts_of_what_is_put_together_are_rows_once(path):
    whole = {"file": {"id": 1, "type": "compound"}, "instance_list": [], "1001": packet(shape(0))}
    for files in ({"1": whole, "1001": packet(shape(0))}, {"1001": packet(shape(0)), "1": whole}):
        importer, rows = read(path, export(files))
        assert sorted(row.key for row in rows) == ["1", "1001"]
        assert importer.refused_count == 0


def test_what_cannot_be_is_refused_with_its_number(path):
    bad = packet(shape(0, x_max=1))
    importer, rows = read(path, export({"7": None, "8": [1], "9": bad, "1001": packet()}))
    assert [row.key for row in rows] == ["1001"]
    assert [(one.position.partition(" (")[0], one.reason[:40]) for one in importer.refused] == [
        ("file 7", "it is null: Diffgram has no shape for fi"),
        ("file 8", "a file's entry is an object; this is non"),
        ("file 9", "instance 1: the box has the negative siz"),
    ]
    with pytest.raises(UserError, match=r"export_format_version is '2\.0'; expected '1\.0'"):
        read(path, export({}, export_format_version="2.0"))


@pytest.mark.one_database
def test_more_files_than_a_file_has_keys_otherwise(path):
    importer, rows = read(path, export({str(number): image(number) for number in range(10_100)}))
    assert (len(rows), importer.refused_count) == (10_100, 0)


def test_frames_and_answers_are_written_as_they_were_read(path, project):
    boxes = [
        shape(0, frame_number=at, global_frame_number=1800 + 2 * at, local_sequence_number=1, number=1)
        | {"interpolated": True if at == 1 else None}
        for at in range(3)
    ]
    answers = {"id": 9, "type": "global", "attribute_groups": {"34": {"id": 80, "name": "Daytime"}}, "score": 0.5}
    content = {
        "file": {**image(1002)["file"], "type": "video"},
        "parent_instance_list": [answers | {"label_file_id": None}],
        "sequence_list": [{"id": 700, "label_file_id": 901, "number": 1, "instance_list": boxes}],
    }
    _, rows = read(path, export({"1002": content}))
    write_rows(project, rows, now_ms=1_000)
    body = StoreRow.objects.get(project=project).body.encode()
    document = orjson.loads(BodyPrinter(frozenset(PARTS), "P").join([body], [b"[]"], b""))
    written = written_row(document, 1002, Numbers({"Apple": 901}, {"light": 34}), is_complete=True).packet
    (sequence,) = written["sequence_list"]
    places = ("frame_number", "global_frame_number", "interpolated")
    assert [[one[key] for key in places] for one in sequence["instance_list"]] == [
        [0, 1800, None],
        [1, 1802, True],
        [2, 1804, None],
    ]
    (of_all,) = written["parent_instance_list"]
    assert {key: of_all[key] for key in ("id", "attribute_groups", "score")} == {
        key: answers[key] for key in ("id", "attribute_groups", "score")
    }
