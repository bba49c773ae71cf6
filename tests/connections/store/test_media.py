"""Rows of every medium: what their labels hold is counted under its kind, has its class, and CSV says where it is."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from connections.models import Project
from connections.rows.batch import PARTS
from connections.rows.body import BodyPrinter
from connections.rows.counts import add_up
from connections.rows.csv import HEADER
from connections.rows.kinds import KINDS
from connections.store.models import StoreClass, StoreCoco, StoreCsv, StoreRow
from connections.store.upsert import write_rows
from exports.formats import FORMATS
from exports.sources.store import StoreSource
from exports.spec.selection import Selection
from tests.connections.store.importing import importer, read, write
from tests.support.media import MEDIA, frame_by_frame, named, radio, row_of

pytestmark = pytest.mark.django_db

KINDS_OF: dict[str, dict[str, int]] = {
    "image": {"mask_address": 2, "classification": 1},
    "video": {
        "video_box": 2,
        "video_polygon": 2,
        "video_polyline": 2,
        "video_point": 2,
        "video_mask": 2,
        "mask_address": 2,
        "classification": 1,
    },
    "audio": {"classification": 2},
    "text": {"text_entity": 2, "classification": 1},
    "conversational": {"message_entity": 1, "classification": 4},
    "document": {"document_entity": 1, "document_box": 1, "classification": 1},
    "html": {"classification": 1},
    "geospatial": {"geo_box": 1, "geo_polygon": 1, "geo_polyline": 1, "geo_point": 1, "classification": 1},
    "llm": {"message_selection": 2, "message_ranking": 1, "classification": 4},
}


@pytest.fixture
def take(tmp_path: Path, project: Project) -> Any:
    def take(given: dict[str, Any]) -> StoreRow:
        reading = importer("ndjson", write(tmp_path, [given]))
        summary = write_rows(project, reading.rows())
        assert summary.created == 1, [reading.refused, summary.refused]
        return StoreRow.objects.get()

    return take


def annotations_in(stored: StoreRow) -> Any:
    document = orjson.loads(BodyPrinter(frozenset(PARTS), "P").join([stored.body.encode()], [b"[]"], b""))
    ((_, project),) = document["projects"].items()
    (label,) = project["labels"]
    return label["annotations"]


def kinds_in(stored: StoreRow) -> dict[str, int]:
    found: Counter[str] = Counter()
    for counted, count in add_up(Counter([stored.class_counts])).items():
        found[counted.kind.key] += count
    return dict(found)


def cells() -> list[dict[str, str]]:
    lines = HEADER.decode() + StoreCsv.objects.get().exact
    return list(csv.DictReader(io.StringIO(lines, newline=""), strict=True))


@pytest.mark.parametrize("medium", MEDIA)
def test_what_a_label_of_a_medium_holds_is_counted_under_its_kinds(take, medium):
    stored = take(row_of(medium))
    assert stored.media_type == medium
    assert kinds_in(stored) == KINDS_OF[medium]
    assert stored.annotation_count == sum(KINDS_OF[medium].values())
    lines = cells()
    assert Counter(line["kind"] for line in lines) == KINDS_OF[medium]
    classes = {(one.is_question, one.name) for one in StoreClass.objects.all()}
    assert {(line["kind"] == "classification", line["class"]) for line in lines} == classes
    assert not StoreCoco.objects.get().annotations


def test_every_kind_of_another_medium_is_among_the_rows_here():
    elsewhere = {kind.key for kind in KINDS.values() if kind.media not in ("", "image")}
    assert elsewhere <= {kind for kinds in KINDS_OF.values() for kind in kinds}


def test_csv_says_where_each_annotation_is(take):
    take(row_of("document"))
    entity, box, answer = cells()
    assert json.loads(entity["geometry"])["location"]["groups"][0]["page_number"] == 1
    assert json.loads(box["geometry"]) == {"page_number": 1, "page_dimensions": {"height": 792.0, "width": 612.0}}
    assert (box["left"], box["box_height"], answer["geometry"]) == ("58.0", "65.0", "")


def test_answers_about_messages_and_moments_are_answers(take):
    stored = take(row_of("conversational"))
    answers = [(line["value"], line["geometry"]) for line in cells() if line["kind"] == "classification"]
    assert answers == [
        ("yes", ""),
        ("yes", '{"message_id":"0"}'),
        ('["polite"]', '{"message_id":"0"}'),
        ("x", '{"message_id":"1"}'),
    ]
    StoreRow.objects.all().delete()
    stored = take(row_of("audio"))
    assert [(line["class"], line["geometry"]) for line in cells()] == [("kind", ""), ("speaker", '{"timestamp":1500}')]
    assert annotations_in(stored)["timestamp"]["1500"]["classifications"][0]["name"] == "speaker"


@pytest.mark.parametrize(
    ("timestamp", "moments"),
    [
        ({"classifications": [radio(name="speaker")]}, [""]),
        ({"10": radio(name="speaker"), "20": [radio(name="speaker")]}, ['{"timestamp":10}', '{"timestamp":20}']),
        ([{"start": 5, "classifications": [radio(name="speaker")]}], [""]),
        ({"x": 5, "10": None}, []),
    ],
)
def test_what_is_said_of_moments_counts_however_it_is_wrapped(take, timestamp, moments):
    stored = take(row_of("audio", {"timestamp": timestamp}))
    assert stored.annotation_count == len(moments)
    assert [line["geometry"] for line in cells() if line["class"]] == moments
    assert annotations_in(stored)["timestamp"] == timestamp


def test_marks_of_a_scan_count_by_view_and_frame(take):
    line = {"annotation_kind": "DICOMPolyline", "line": [{"x": 1.0, "y": 2.0}]}
    groups = {
        "Axial": {"name": "Axial", "classifications": [radio()], "frames": frame_by_frame(1, f1=named(line))},
        "Coronal": {"name": "Coronal", "classifications": [], "frames": {}},
    }
    given = {"groups": groups, "segments": {"Axial": {"f1": [[1, 1]]}, "Coronal": {}}, "classifications": []}
    stored = take(row_of("image", given))
    assert kinds_in(stored) == {"other": 1, "classification": 1}
    assert [json.loads(line["geometry"]) for line in cells()] == [
        {"group": "Axial", "frame": 1, "line": line["line"]},
        {"group": "Axial"},
    ]


@pytest.mark.parametrize(
    ("annotations", "count"),
    [
        ({"segments": {"f1": [[7, 13], [18, 19]], "f2": [], "f3": [[1, 1]]}}, 2),
        ({"segments": {"Axial": {"f1": [[1, 1]]}, "Coronal": {}}}, 1),
        ({"segments": {"f1": [[7, 13]]}, "frames": {}}, 1),
        ({"segments": {"q-kind": [[7, 13]]}, "classifications": [radio()]}, 0),
        ({"segments": {}}, 0),
    ],
)
def test_features_that_a_label_has_nothing_but_segments_of_are_annotations_without_a_class(take, annotations, count):
    stored = take(row_of("video", annotations))
    assert kinds_in(stored).get("segment", 0) == count
    assert annotations_in(stored)["segments"] == annotations["segments"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("medium", [*MEDIA, "segments"])
def test_a_label_of_any_medium_counts_as_annotations(take, project, medium):
    take(row_of("video", {"segments": {"f1": [[1, 2]]}}) if medium == "segments" else row_of(medium))
    for wanted, rows in ((True, 1), (False, 0)):
        selection = Selection(project.public_id, {"with_annotations": wanted})
        with StoreSource(project).open(selection, frozenset()) as reader:
            assert sum(map(len, reader.batches())) == rows


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"f1": [13, 19]}, {"f1": [13, 19]}),
        ({"f1": {"19": True, "18": False, "13": True}}, {"f1": [13, 19]}),
        ({"f1": {"Axial": {"1": True}, "Coronal": {}}}, {"f1": {"Axial": [1], "Coronal": []}}),
        ({}, {}),
    ],
)
def test_key_frames_are_lists_however_they_came(take, given, kept):
    frames = frame_by_frame(13, f1=named({"annotation_kind": "VideoPoint", "point": {"x": 1, "y": 1}}))
    stored = take(row_of("video", {"frames": frames, "key_frame_feature_map": given}))
    assert annotations_in(stored)["key_frame_feature_map"] == kept


@pytest.mark.parametrize(
    ("annotations", "reason"),
    [
        ({"key_frame_feature_map": {"f1": {"13": 1}}}, "key_frame_feature_map['f1']['13'] is 1; expected frames with"),
        ({"key_frame_feature_map": {"f1": ["13"]}}, "key_frame_feature_map['f1'] is not a list of frames"),
        ({"segments": [1]}, "segments is not an object"),
        (
            {"segments": {"f1": [[0, 2**63]]}},
            "segments['f1'] has [0, 9223372036854775808]; expected [first, last], two",
        ),
        ({"segments": {"f1": [[1, 2], [-5, 1]]}}, "segments['f1'] has [-5, 1]; expected"),
        ({"segments": {"f1": [[9, 5]]}}, "segments['f1'] has [9, 5]; expected"),
        ({"segments": {"f1": [[True, 5]]}}, "segments['f1'] has [True, 5]; expected"),
        ({"segments": {"f1": [[1]]}}, "segments['f1'] has [1]; expected"),
        ({"segments": {"f1": [5]}}, "segments['f1'] has 5; expected"),
        ({"segments": {"Axial": {"f1": [[1.5, 2]]}}}, "segments['Axial']['f1'] has [1.5, 2]; expected"),
        ({"segments": {"Axial": {"f1": {"Coronal": []}}}}, "segments['Axial']['f1'] is not a list"),
        ({"segments": {"f1": "x"}}, "segments['f1'] is not a list"),
        ({"groups": {"Axial": []}}, "group 'Axial' is not an object"),
        ({"timestamp": {"5": {"name": "q", "radio_answer": {}, "checklist_answers": 5}}}, "checklist_answers is not"),
        (
            {"classifications": [{"name": "q", "message_id": "0", "conversational_radio_answer": 5}]},
            "conversational_radio_answer is not an object",
        ),
    ],
)
def test_what_is_not_as_it_should_be_refuses_its_row_in_words(tmp_path, annotations, reason):
    _, reading = read("ndjson", write(tmp_path, [row_of("video", annotations)]))
    (refused,) = reading.refused
    assert refused.reason.startswith("label 1")
    assert reason in refused.reason


def test_a_mask_of_which_only_the_address_is_known_is_kept_and_noted(tmp_path, project):
    summary = write_rows(project, importer("ndjson", write(tmp_path, [row_of("image")])).rows_with_notes())
    (note,) = summary.notes.as_json()
    assert (note["kind"], note["count"]) == ("carried", 2)
    assert note["text"] == "masks of which only the address of their picture is known, kept as they are"
    marks = annotations_in(StoreRow.objects.get())["objects"]
    assert [{*mark} & {"mask", "composite_mask"} for mark in marks] == [{"composite_mask"}, {"mask"}]


# what of other media than pictures a format holds; all of it: those that write rows whole
HELD = {"conll2003": {"text_entity"}} | {
    f"label_studio_{form}": {"video_box", "text_entity"} for form in ("json", "json_min", "csv", "tsv")
}
WHOLE = ("json", "ndjson", "csv", "labelbox_ndjson", "labellerr_json", "diffgram_json")


@pytest.mark.parametrize("key", [key for key in FORMATS if key not in WHOLE])
def test_no_format_takes_a_mark_of_another_medium_for_one_in_a_picture(key):
    elsewhere = {kind.key for kind in KINDS.values() if kind.media not in ("", "image")} | {"mask_address", "segment"}
    assert {kind.key for kind in FORMATS.pick(key).supported_kinds()} & elsewhere == HELD.get(key, set())
