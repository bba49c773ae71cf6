"""Our own rows come back in as they went out, whole or in parts, and Labelbox's with its words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connections.models import Connection, Project
from connections.rows.batch import PARTS
from connections.rows.body import BodyPrinter
from connections.rows.review_statuses import REVIEW_STATUSES
from connections.store.models import StoreRow
from connections.store.upsert import write_rows
from tests.connections.store.importing import HOSTILE_NAMES, JUNK, importer, places_in, read, replaced, write
from tests.connections.store.test_import_coco_json import COMPRESSED, COUNTS
from tests.connections.store.test_import_label_studio import FULL as LABEL_STUDIO_TASK
from tests.support.rows import mixed


def mark(kind: str = "ImageBoundingBox", **shape: Any) -> dict[str, Any]:
    made = {"name": "car", "annotation_kind": kind, "classifications": []}
    return {**made, **(shape or {"bounding_box": {"top": 1, "left": 2, "height": 3, "width": 4}})}


def polygon(*points: tuple[Any, Any]) -> dict[str, Any]:
    return mark("ImagePolygon", polygon=[{"x": x, "y": y} for x, y in points])


def mask(counts: Any = COMPRESSED, size: Any = (4, 5)) -> dict[str, Any]:
    return mark("ImageSegmentationMask", mask={"size": list(size), "counts": counts})


def row(*objects: Any, key: str = "k", answers: Any = (), **details: Any) -> dict[str, Any]:
    label: dict[str, Any] = {"label_kind": "Default", "version": "1.0.0", "id": "l1"}
    label["annotations"] = {"objects": list(objects), "classifications": list(answers), "relationships": []}
    return {
        "data_row": {"id": "d1", "global_key": key, "row_data": "https://e.test/a.jpg"},
        "media_attributes": {"height": 4, "width": 5},
        "projects": {"p": {"name": "P", "labels": [label] if objects or answers else [], "project_details": details}},
    }


@pytest.fixture
def take(tmp_path: Path) -> Any:
    def take(*rows: Any, status: str | None = None) -> Any:
        return read("ndjson", write(tmp_path, "".join(json.dumps(each) + "\n" for each in rows)), status)

    return take


@pytest.fixture
def why(take: Any) -> Any:
    """The reason why a row is refused, while its good neighbour goes in."""

    def why(bad: Any) -> str:
        rows, reading = take(bad, row(mark(), key="good"))
        assert [each.key for each in rows] == ["good"]
        (refused,) = reading.refused
        assert refused.position == "row 1 (line 1, byte 0)"
        return refused.reason

    return why


# --- bad rows --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (
            mark(bounding_box={"top": 1, "left": 2, "height": -3, "width": 4}),
            "the box has the negative size 4.0 x",
        ),
        (mark(bounding_box={"top": 1, "left": 2, "height": 3}), "bounding_box.width: None is not a number"),
        (mark(bounding_box=[1, 2, 3, 4]), "bounding_box is not an object"),
        (mark(bounding_box=None), "bounding_box.left: None is not a number"),
        (polygon((0, 0), (1, 1)), "a polygon has 2 points; at least 3 make one"),
        (polygon((0, 0), (1, 1), (1, "2")), "a polygon: '2' is not a number"),
        (mark("ImagePolygon", polygon=[1, 2, 3]), "a polygon is not a list of points with x and y"),
        (mark("ImagePolygon", polygons=[]), "polygons is not a list of rings"),
        (mark("ImagePolygon", polygons=[[{"x": 1, "y": 1}]]), "a polygon has 1 points; at least 3 make one"),
        (mark("ImagePolyline", line=[{"x": 1, "y": 1}]), "a polyline has 1 points; at least 2 make one"),
        (mark("ImagePoint", point={"x": 1}), "a point is not a list of points with x and y"),
        (mask(size=(5, 4)), "the mask's size [5, 4] is not the picture's [height, width] = [4, 5]"),
        (mask(counts=[1, 2]), "the mask's counts add up to 3 pixels; the picture has 20"),
        (mask(counts="zzz"), "the mask's counts hold a character that COCO does not use"),
        (mark("ImageSegmentationMask", mask={"size": [4, 5]}), "a mask without its pixels"),
        (mark("ImageSegmentationMask", composite_mask={"color_rgb": [1, 2, 3]}), "a mask without its pixels"),
        (mark("TextEntity", location=[1, 2]), "location is not an object"),
        (mark("TextEntity", location={"start": 1.5, "end": 2}), "location.start is 1.5; expected a whole number"),
        (mark("ConversationalTextEntity", location={"start": 1, "end": 2}), "conversational_location is not an object"),
        (
            mark("ConversationalTextEntity", conversational_location={"location": {"start": 1, "end": 2}}),
            "conversational_location.message_id is None; expected an id",
        ),
        (mark("DocumentEntityToken", location={"groups": [1]}), "location.groups is not a list of objects"),
        (mark("DocumentBoundingBox", page_number="1"), "page_number is '1'; expected a whole number"),
        (mark("MessageMultiSelection", selected_message={}), "selected_messages is not an object"),
        (mark("MessageRanking", ranked_messages=[]), "ranked_messages is not an object"),
        (
            mark("GeoPoint", geojson={"type": "LineString", "coordinates": []}),
            "geojson.type is 'LineString'; expected 'Point'",
        ),
        (mark("GeoPolygon", geojson={"type": "Polygon"}), "geojson.coordinates is not a list"),
        ({"annotation_kind": "ImagePoint", "point": {"x": 1, "y": 1}}, "has no class name"),
        ({"name": "a" * 501, "annotation_kind": "X"}, "name has 501 characters; at most 500 are kept"),
        ({"name": "a"}, "has no annotation_kind"),
        ({"name": "a", "annotation_kind": 3}, "annotation_kind is not a text but 3"),
    ],
)
def test_a_bad_object_refuses_its_row_whole(why, bad, reason):
    assert why(row(bad)).startswith(f"label 1, object 1: {reason}")
    assert why(row(mark(), bad)).startswith("label 1, object 2: ")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (5, "a row is an object; this is a number"),
        ({}, "a row has a data_row; this one has none"),
        ({"data_row": {}}, "a row has a data_row; this one has none"),
        ({"data_row": {"row_data": "x"}}, "a row needs a global_key, an external_id or a data_row.id"),
        ({"data_row": {"global_key": 5.5}}, "global_key is not a text but 5.5"),
        ({"data_row": {"global_key": True}}, "global_key is not a text but True"),
        ({"data_row": {"global_key": "k" * 501}}, "global_key has 501 characters; at most 500 are kept"),
        ({"data_row": {"id": "a", "external_id": "k" * 501}}, "external_id has 501 characters"),
        ({"data_row": {"id": "d" * 65}}, "data_row.id has 65 characters; at most 64 are kept"),
        ({"data_row": {"id": "", "global_key": "k"}}, "data_row.id is empty"),
        ({"data_row": {"id": "a", "details": {"updated_at": "x"}}}, "data_row.details.updated_at: 'x' is not a time"),
        ({"data_row": {"id": "a", "details": {"last_activity_at": 0.5}}}, "data_row.details.last_activity_at: 0.5 is"),
        (
            {"data_row": {"id": "a", "details": {"created_at": "2024-13-01"}}},
            "data_row.details.created_at: '2024-13-01' is not a time",
        ),
        ({"data_row": {"id": "a"}, "attachments": {}}, "attachments is not a list"),
        ({"data_row": {"id": "a"}, "metadata_fields": [1]}, "metadata_fields is not a list of objects"),
        ({"data_row": {"id": "a"}, "media_attributes": {"height": -1}}, "the media's height -1 is not a whole"),
        ({"data_row": {"id": "a"}, "projects": []}, "projects is not an object"),
        (
            {"data_row": {"id": "a"}, "projects": {"a": {}, "b": {}}},
            "a row of one project is expected; this one names",
        ),
        ({"data_row": {"id": "a"}, "projects": {"a": {"labels": [3]}}}, "label 1 is not an object"),
        (row(mark(), workflow_status="finished"), "unknown review status 'finished'; known: to_label, assigned"),
        (row(mark(), workflow_status=5), "unknown review status 5; known: "),
        (row(mark(), workflow_status=["x"]), "unknown review status ['x']; known: "),
        (row(mark(), priority="high"), "priority 'high' is not a whole number"),
        (row(mark(), batch_id="b" * 65), "batch_id has 65 characters; at most 64 are kept"),
        (row(answers=[{"name": ""}]), "label 1, classification 1 has no name"),
        (row(answers=[{"text_answer": {"content": "x"}}]), "label 1, classification 1 has no name"),
    ],
)
def test_a_row_that_is_none_is_refused(why, bad, reason):
    assert why(bad).startswith(reason)


def test_a_line_that_is_no_json_is_refused_and_the_rest_goes_in(tmp_path):
    good = [json.dumps(row(mark(), key=str(number))) for number in range(4)]
    text = "\n".join([good[0], "{", good[1], '{"data_row": NaN}', good[2], '{"a": "}', good[3]])
    rows, reading = read("ndjson", write(tmp_path, text))
    assert [each.key for each in rows] == ["0", "1", "2", "3"]
    assert [refused.position.split(", ")[0] for refused in reading.refused] == [
        "row 2 (line 2",
        "row 4 (line 4",
        "row 6 (line 6",
    ]


def test_the_same_key_again_is_refused_and_names_the_first(take):
    rows, reading = take(row(key="a"), row(key="b"), row(mark(), key="a"))
    assert [each.key for each in rows] == ["a", "b"]
    assert reading.refused[0].reason == "the key 'a' was already used by row 1 (line 1, byte 0)"


FRAMES = {
    "1": {
        "objects": {"f1": mark("VideoBoundingBox")},
        "classifications": [{"name": "q", "text_answer": {"content": "x"}}],
    },
    "2": {"objects": [mark("VideoBoundingBox")]},
    "3": {},
    "4": None,
}
FULL = {
    "data_row": {
        "id": "d1",
        "external_id": "e",
        "global_key": "g",
        "row_data": "r",
        "odd": 1,
        "details": {
            "dataset_id": "ds",
            "dataset_name": "set",
            "created_at": "2024-01-01T00:00:00.000+00:00",
            "updated_at": "2024-01-01T01:00:00.000+00:00",
            "created_by": "a@example.test",
            "odd": 2,
        },
    },
    "media_attributes": {"height": 4, "width": 5, "asset_type": "image"},
    "attachments": [{"type": "TEXT_URL", "value": "https://e.test/n.txt"}],
    "metadata_fields": [{"schema_id": "s", "schema_name": "tag", "schema_kind": "K", "value": "v"}],
    "embeddings": [{"id": "e", "name": "E", "dimensions": 2, "values": [{"value": [0.1, 0.2]}]}],
    "projects": {
        "p": {
            "name": "P",
            "labels": [
                {
                    "label_kind": "Default",
                    "version": "1.0.0",
                    "id": "l1",
                    "label_details": {
                        "created_at": "2024-01-02T00:00:00.000+00:00",
                        "updated_at": "2024-01-03T00:00:00.000+00:00",
                        "created_by": "b@example.test",
                        "reviews": [{"score": 1}],
                        "odd": 5,
                    },
                    "performance_details": {"seconds_to_create": 3, "skipped": False},
                    "export_admin": {"annotation_ids": [11, 12, 13, 14, 15, 16, 17, 18]},
                    "annotations": {
                        "objects": [
                            mark(),
                            polygon((0, 0), (4, 0), (4, 3), (0, 0)),
                            mark("ImagePolygon", polygons=[[{"x": 1, "y": 1}, {"x": 2, "y": 1}, {"x": 2, "y": 2}]] * 2),
                            mark("ImagePolyline", line=[{"x": 1, "y": 1}, {"x": 2, "y": 2}]),
                            mark("ImagePoint", point={"x": 1, "y": 1}),
                            mask(),
                            mask(COUNTS),
                            mark("TextEntity", location={"start": 1, "end": 2}),
                        ],
                        "classifications": [
                            {"name": "q", "value": "q", "radio_answer": {"name": "a", "value": "a"}},
                            {"name": "t", "text_answer": {"content": "x"}},
                        ],
                        "relationships": [{"name": "near"}],
                        "frames": FRAMES,
                    },
                }
            ],
            "project_tags": ["x"],
            "project_details": {
                "workflow_status": "IN_REVIEW",
                "batch_id": "b1",
                "batch_name": "Batch",
                "priority": 5,
                "task_name": "T",
                "ontology_id": "o",
            },
            "odd": 3,
        }
    },
    "source_extra": {"coco": {"a": 1}},
    "export_admin": {
        "image_id": 5,
        "category_ids": {"car": 3},
        "question_ids": {"q": 1},
        "annotation_range": [1, 8],
        "project": {
            "categories": [{"id": 3, "name": "car", "supercategory": "s", "extra": {"a": 1}}],
            "questions": [{"id": 1, "name": "q"}],
            "source_extra": {"coco": {"info": {"a": 1}, "licenses": [{"id": 1, "name": "x"}], "more": 5}},
        },
    },
    "odd": 4,
}
PLACES = places_in(FULL)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(place=st.sampled_from(PLACES), junk=JUNK, take_out=st.booleans())
def test_whatever_stands_anywhere_in_a_row_it_goes_in_or_is_refused(tmp_path, place, junk, take_out):
    rows, reading = read("ndjson", write(tmp_path, [replaced(FULL, place, junk, take_out=take_out)]))
    for each in rows:
        for label in each.labels:
            assert json.loads(orjson.dumps(label.objects)) == label.objects
    assert len(rows) + reading.refused_count == 1


# --- what comes in ---------------------------------------------------------------------------------------------------


def test_every_part_of_a_row_is_read_and_nothing_unknown_is_lost(take):
    (found,), _ = take(FULL)
    assert (found.key, found.external_id, found.row_data, found.status) == ("g", "e", "r", "review")
    assert (found.dataset, found.dataset_id, found.created_by) == ("set", "ds", "a@example.test")
    assert (found.row_id, found.created_ms, found.updated_ms, found.activity_ms) == (
        "d1",
        1704067200000,
        1704070800000,
        None,
    )
    assert (found.batch_id, found.batch_name, found.priority) == ("b1", "Batch", 5)
    assert found.project_details == {"task_name": "T"}
    assert found.project_tags == ["x"]
    for part in ("attachments", "metadata_fields", "embeddings", "media_attributes"):
        assert getattr(found, part) == FULL[part]
    assert found.source_extra == {
        "coco": {"a": 1},
        "data_row": {"odd": 1},
        "project": {"odd": 3},
        "odd": 4,
    }
    (label,) = found.labels
    assert (label.label_id, label.created_by) == ("l1", "b@example.test")
    assert (label.created_ms, label.updated_ms) == (1704153600000, 1704240000000)
    assert label.performance == {"seconds_to_create": 3, "skipped": False}
    assert label.extra == {"label_kind": "Default", "version": "1.0.0"}
    assert label.more_annotations == {"frames": FRAMES}
    assert (found.more_details, label.more_details) == ({"odd": 2}, {"odd": 5})
    assert label.reviews == [{"score": 1}]
    assert len(label.classifications) == 2
    assert label.relationships == [{"name": "near"}]


def test_shapes_are_tidied(take):
    (found,), _ = take(FULL)
    box, closed, rings, _, point, compressed, counted, carried = found.labels[0].objects
    assert orjson.dumps(box["bounding_box"]) == b'{"top":1.0,"left":2.0,"height":3.0,"width":4.0}'
    assert [(corner["x"], corner["y"]) for corner in closed["polygon"]] == [(0, 0), (4, 0), (4, 3), (0, 0)]
    assert rings["polygon"] == rings["polygons"][0]
    assert orjson.dumps(point["point"]) == b'{"x":1.0,"y":1.0}'
    assert compressed["mask"] == counted["mask"] == {"size": [4, 5], "counts": COMPRESSED}
    assert carried == mark("TextEntity", location={"start": 1, "end": 2})


def test_any_part_may_be_missing(take):
    for part in ("media_attributes", "attachments", "metadata_fields", "embeddings", "projects", "source_extra"):
        (found,), _ = take({key: value for key, value in FULL.items() if key != part})
        assert found.key == "g"
    (found,), _ = take({"data_row": {"id": "only"}})
    assert (found.key, found.status, found.labels) == ("only", "to_label", [])


@pytest.mark.parametrize("left_out", [("global_key",), ("global_key", "external_id")])
def test_the_key_is_the_first_of_three_that_is_there(take, left_out):
    data_row = {key: value for key, value in FULL["data_row"].items() if key not in left_out}
    (found,), _ = take({**FULL, "data_row": data_row})
    assert found.key == ("e" if left_out == ("global_key",) else "d1")


THEIR_STATUSES = {
    "DONE": "accepted",
    "InReview": "review",
    "IN_REWORK": "rejected",
    "ToLabel": "to_label",
    "TO_LABEL": "to_label",
}


@pytest.mark.parametrize(("word", "status"), [*((each, each) for each in REVIEW_STATUSES), *THEIR_STATUSES.items()])
def test_review_statuses_in_our_words_and_in_labelbox_s(take, word, status):
    assert take(row(mark(), workflow_status=word))[0][0].status == status
    assert take(row(mark(), workflow_status=word), status="critical")[0][0].status == "critical"


def test_a_row_that_says_no_status_gets_one_by_its_labels(take):
    skipped, half = row(mark(), key="c"), row(mark(), key="d")
    for raw in (skipped, half):
        (project,) = raw["projects"].values()
        (label,) = project["labels"]
        project["labels"] = [{**label, "performance_details": {"skipped": True}}, *([label] if raw is half else [])]
    rows, _ = take(row(mark(), key="a"), row(key="b"), skipped, half)
    assert [each.status for each in rows] == ["review", "to_label", "skipped", "review"]


def test_of_several_projects_the_one_that_is_meant_is_read_and_the_others_are_kept(tmp_path):
    raw = row(mark(), workflow_status="accepted")
    raw["projects"]["other"] = {"labels": []}
    reading = importer("ndjson", write(tmp_path, [raw]), project_key="p")
    (found,) = reading.rows()
    assert (found.status, len(found.labels)) == ("accepted", 1)
    assert found.source_extra == {"projects": {"other": {"labels": []}}}


def test_a_mask_says_the_size_of_a_picture_that_has_none(take):
    raw = row(mask())
    raw["media_attributes"] = {}
    assert take(raw)[0][0].media_attributes == {"height": 4, "width": 5}


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_names_are_carried_as_text(take, name):
    (found,), _ = take({**row({**mark(), "name": name}, key=name), name: name})
    assert found.key == found.labels[0].objects[0]["name"] == found.source_extra[name] == name


# --- out and in again ------------------------------------------------------------------------------------------------


def printed(project: Project) -> list[Any]:
    printer = BodyPrinter(frozenset(PARTS), "Name")
    return [
        orjson.loads(printer.join([stored.body.encode()], [(stored.embeddings or "[]").encode()], b""))
        for stored in StoreRow.objects.filter(project=project).order_by("number")
    ]


def without_times(document: Any) -> Any:
    """A row without what belongs to its project."""
    document = json.loads(json.dumps(document))
    ((_, project),) = document["projects"].items()
    del project["project_details"]["ontology_id"]
    document["projects"] = project
    return document


@pytest.mark.django_db
@pytest.mark.parametrize("as_array", [True, False])
def test_rows_that_went_out_come_in_again_the_same(tmp_path, project, as_array):
    tasks, _ = read("label_studio_json", write(tmp_path, [LABEL_STUDIO_TASK]))
    assert not write_rows(project, [*mixed(60), *tasks]).refused_count
    went_out = printed(project)
    content: Any = went_out if as_array else "".join(json.dumps(each) + "\n" for each in went_out)
    path = write(tmp_path, content)
    second = Project.objects.create(connection=Connection.objects.get(), name="Second")

    def again() -> Any:
        reading = importer("ndjson", path, project_key=second.public_id)
        summary = write_rows(second, reading.rows(), classes=reading.classes)
        assert not reading.refused_count
        assert not summary.refused_count
        return summary

    assert again().created == 61
    assert [without_times(each) for each in printed(second)] == [without_times(each) for each in went_out]
    assert again().unchanged == 61
