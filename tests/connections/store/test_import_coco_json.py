"""COCO files come in whole: sections in any order, nothing lost in silence, a bad annotation refuses its image."""

from __future__ import annotations

import itertools
import json
import tracemalloc
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connections.store.importers import IMPORTERS
from connections.store.notes import describe
from exportadmin.lib.errors import UserError
from tests.connections.store.coco_files import COMPRESSED, COUNTS, coco, image, mark, polygon, rle
from tests.connections.store.importing import HOSTILE_NAMES, JUNK, importer, places_in, read, replaced, write


@pytest.fixture
def take(tmp_path: Path) -> Any:
    def take(content: Any, status: str | None = None) -> Any:
        return read("coco_json", write(tmp_path, content), status)

    return take


@pytest.fixture
def why(take: Any) -> Any:
    """The reason why image 1 is refused for its annotation, while image 2 goes in with its own."""

    def why(*bad: Any, **more: Any) -> str:
        rows, reading = take(coco([image(1, **more), image(2, "b.jpg")], [*bad, mark(2)]))
        assert [row.key for row in rows] == ["b.jpg"]
        assert len(rows[0].labels[0].objects) == 1
        (refused,) = reading.refused
        assert refused.position == "row 1 (line 1, byte 12)"
        return refused.reason

    return why


# --- bad files and rows ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "the file is empty"),
        ("[]", "line 1, byte 0: expected {, found []"),
        ('{"images": [{"id": 1}', "the file ends too early; expected , or ]"),
        ('{"images": [{"id": 1', "the file ends inside the row that begins at line 1, byte 12; expected }"),
        ('{"images": {}}', "line 1, byte 11: images is not a list; expected [ after the key"),
        ('{"images": [], "annotations": 5}', "annotations is not a list"),
        ('{"images": [], "categories": null}', "categories is not a list"),
        ('{"images": [], "images": []}', 'the key "images" stands twice'),
        ('{"annotations": [], "info": {}}', "is no COCO file: it has no images; keys: annotations, info"),
        (
            coco([], categories=[{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]),
            "the category id 1 is already that of 'a'",
        ),
        (
            coco([], categories=[{"id": 1}]),
            "category 1 (line 1, byte 49): a category needs a name of 1 to 500 characters",
        ),
        (coco([], categories=[{"id": 1, "name": "a" * 501}]), "a category needs a name of 1 to 500 characters"),
        (
            coco([], categories=[{"name": "a"}]),
            "the category's id is missing; expected id with a whole number or a text",
        ),
        (coco([], categories=["a"]), "a category is an object; this is none"),
        ('{"images": [], "categories": [{"id": NaN}]}', "category 1 (line 1, byte 30): not valid JSON"),
    ],
)
def test_a_broken_file_is_refused_before_any_row(tmp_path, content, reason):
    path = write(tmp_path, content)
    with pytest.raises(UserError) as surveyed:
        importer("coco_json", path).survey()
    assert reason in surveyed.value.message
    assert "\n" not in surveyed.value.message


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (mark(bbox=[1, 1, -2, 3]), "the box has the negative size -2 x 3"),
        (mark(bbox=[1, 1, 2, -0.5]), "the box has the negative size 2 x -0.5"),
        (mark(bbox=[1, 1, 2]), "bbox has 3 numbers; expected left, top, width, height"),
        (mark(bbox=[1, 1, 2, "3"]), "bbox: '3' is not a number"),
        (mark(bbox=[1, 1, 2, True]), "bbox: True is not a number"),
        (mark(bbox=[1, 1, 2, 1e300]), "bbox: 1e+300 is no place in a picture"),
        (mark(bbox={"x": 1}), "bbox is not a list of numbers but {'x': 1}"),
        (mark(bbox=None), "there is neither a segmentation nor a bbox"),
        (mark(bbox=[]), "there is neither a segmentation nor a bbox"),
        (mark(area="big"), "area: 'big' is not a number"),
        (mark(category=1), "there is no category with the id 1"),
        (mark(category=None), "there is no category_id"),
        (mark(category=0.5), "there is no category with the id 0.5"),
        (mark(category=False), "there is no category with the id False"),
        (polygon([0, 0, 1, 1]), "a polygon ring has 2 points; at least 3 make a polygon"),
        (polygon([0, 0, 1, 1, 2, 2, 3]), "a polygon ring has an odd count of 7 numbers"),
        (polygon([0, 0, 1, 1, 2, None]), "a polygon ring: None is not a number"),
        (polygon([0, 0, 1, 1, 2, 2], []), "a polygon ring has 0 points; at least 3 make a polygon"),
        (polygon([0, 0, 1, 1, 2, 1_000_000_001]), "a polygon ring: 1000000001 is no place in a picture"),
        (polygon([0, 0, 1, 1, 2, 2], [0, 0, 1, 1, -1e300, 2]), "a polygon ring: -1e+300 is no place in a picture"),
        (mark(bbox=[-1_000_000_001, 1, 2, 3]), "bbox: -1000000001 is no place in a picture"),
        (polygon([0, 0, 1, 1, 2, 2], bbox=[0, 0, -1, 1]), "the box has the negative size -1 x 1"),
        (mark(segmentation=[0, 0, 1, 1, 2, 2]), "segmentation is neither a list of rings nor run lengths"),
        (mark(segmentation="text"), "segmentation is neither a list of rings nor run lengths"),
        (rle(size=(5, 4)), "the mask's size [5, 4] is not the picture's [height, width] = [4, 5]"),
        (rle(size=(4.5, 5)), "the mask's size [4.5, 5] is not the picture's"),
        (rle(counts=[5, 2, 2]), "the mask's counts add up to 9 pixels; the picture has 20"),
        (rle(counts=[25, -5]), "the mask's counts are not all whole numbers from 0 up"),
        (rle(counts=[20.0]), "the mask's counts are not all whole numbers from 0 up"),
        (rle(counts=[True, 19]), "the mask's counts are not all whole numbers from 0 up"),
        (rle(counts=COMPRESSED[:-1]), "the mask's runs do not add up to 5 x 4 pixels"),
        (rle(counts="P"), "the mask's counts break off"),
        (rle(counts="\u00e9~"), "the mask's counts hold a character that COCO does not use"),
        (rle(counts=""), "the mask's runs do not add up to 5 x 4 pixels"),
        (rle(counts=None), "the mask's counts are neither a text nor a list but None"),
    ],
)
def test_a_bad_annotation_refuses_its_image_whole(why, bad, reason):
    for found in (why(bad), why(mark(), bad)):
        place, _, reason_found = found.partition("): ")
        assert place.startswith("annotation ")
        assert reason_found.startswith(reason)
    assert why(mark(), bad).startswith("annotation 2 (line 1, byte ")


@pytest.mark.parametrize("size", [{"width": None}, {"height": None}, {"width": None, "height": None}])
def test_a_mask_needs_the_size_of_its_picture(why, size):
    assert why(rle(), **size).endswith("there is a mask, but the picture's width and height are not known")


@pytest.mark.parametrize(("side", "value"), [*itertools.product(("width", "height"), (0, -3, "5", 5.5, True, [5]))])
def test_a_picture_of_an_impossible_size_is_refused(why, side, value):
    assert f"the image's {side} {value!r} is not a whole number of pixels above 0" in why(**{side: value})


def test_an_annotation_that_cannot_be_parsed_refuses_the_image_that_it_names(why, tmp_path):
    text = json.dumps(coco([image(1), image(2, "b.jpg")], [mark(1, area=-3.25), mark(2)]))
    for bad in ("NaN", "1e999", '"\\ud800"', "[" * 300 + "]" * 300, '1, "area": 2'):
        rows, reading = read("coco_json", write(tmp_path, text.replace("-3.25", bad)))
        assert [row.key for row in rows] == ["b.jpg"]
        assert reading.refused_count == reading.rows_refused == 1
        assert "annotation 1 (line 1, byte " in reading.refused[0].reason


def test_an_annotation_without_an_image_is_refused_by_itself(take):
    good = [mark() for _ in range(4)]
    rows, reading = take(coco([image()], [*good, mark(image_id=99), mark(image_id=None), mark(image_id=2**63), 5]))
    assert [len(label.objects) for row in rows for label in row.labels] == [4]
    assert (reading.refused_count, reading.rows_refused) == (4, 0)
    reasons = {refused.position.split(" (")[0]: refused.reason for refused in reading.refused}
    assert reasons["annotation 5"] == "there is no image with the id 99"
    assert "image_id is missing; expected image_id with a whole number or a text" in reasons["annotation 6"]
    assert "image_id 9223372036854775808 has more than 63 bits" in reasons["annotation 7"]
    assert "an annotation is an object" in reasons["annotation 8"]


def test_annotations_of_a_refused_image_are_refused_with_it(take):
    for bad in (image(1, name=None), image(1, name=5), image(1, extra="\0"), image(1, extra=2**64)):
        rows, reading = take(coco([bad, image(2, "b.jpg")], [mark(1), mark(1), mark(2)]))
        assert [row.key for row in rows] == ["b.jpg"]
        assert reading.refused_count == reading.rows_refused == 1


def test_an_image_id_that_stands_twice_is_refused_the_second_time(take):
    rows, reading = take(coco([image(1), image(1, "b.jpg"), image("1", "c.jpg"), image(2**63, "d.jpg")]))
    assert [row.key for row in rows] == ["a.jpg", "c.jpg"]
    assert reading.refused[0].reason == "the image id 1 was already used by row 1 (line 1, byte 12)"
    assert "has more than 63 bits" in reading.refused[1].reason


FULL = coco(
    [image(1, coco_url="https://e.test/a.jpg", license=3), image(2, "b.png", width=None)],
    [
        polygon([0, 0, 4, 0, 4, 3], [1, 1, 2, 2, 3, 1.5]),
        rle(),
        rle(COUNTS, iscrowd=1),
        mark(keypoints=[1, 2, 2], num_keypoints=1),
        mark(2),
    ],
    info={"year": 2024},
    licenses=[{"id": 3}],
    scene=[{"image_id": 1, "a": 1}, {"b": 2}],
    odd={"a": [1]},
)
PLACES = places_in(FULL)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(place=st.sampled_from(PLACES), junk=JUNK, take_out=st.booleans())
def test_whatever_stands_anywhere_in_a_file_it_goes_in_or_is_refused(tmp_path, place, junk, take_out):
    path = write(tmp_path, replaced(FULL, place, junk, take_out=take_out))
    try:
        importer("coco_json", path).survey()
    except UserError:
        with pytest.raises(UserError):
            list(importer("coco_json", path).rows())
        return
    try:
        rows, _ = read("coco_json", path)
    except UserError as error:
        assert "annotations belong to no image" in error.message
        return
    for row in rows:
        for label in row.labels:
            assert json.loads(orjson.dumps(label.objects)) == label.objects


# --- what comes in ---------------------------------------------------------------------------------------------------


def test_an_image_becomes_a_row_that_keeps_all_that_coco_said(take):
    rows, reading = take(FULL)
    row = rows[0]
    assert (row.key, row.number, row.row_data, row.status) == ("a.jpg", 1, "https://e.test/a.jpg", "review")
    assert row.media_attributes == {"height": 4, "width": 5, "asset_type": "image", "mime_type": "image/jpeg"}
    assert row.source_extra == {
        "coco": {"file_name": "a.jpg", "coco_url": "https://e.test/a.jpg", "license": 3},
        "coco_lists": {"scene": [{"image_id": 1, "a": 1}]},
    }
    assert rows[1].media_attributes == {"height": 4, "asset_type": "image", "mime_type": "image/png"}
    assert reading.project_extra == {
        "coco": {"info": {"year": 2024}, "licenses": [{"id": 3}], "scene": [{"b": 2}], "odd": {"a": [1]}}
    }
    assert [describe(note) for note in reading.notes.as_json()] == [
        "1 annotation ids that stand more than once: the first annotation keeps it; the first: 10",
        "1 entries of 'scene', not part of COCO, kept with their images under source_extra",
        "1 entries of 'scene', not part of COCO, kept with the project",
        "1 entries of the file itself, not part of COCO, kept with the project; the first: odd",
    ]


def test_an_annotation_becomes_an_object_that_keeps_all_that_coco_said(take):
    rings, compressed, counted, box = take(FULL)[0][0].labels[0].objects
    assert rings["annotation_kind"] == "ImagePolygon"
    assert rings["polygon"] == [{"x": 0.0, "y": 0.0}, {"x": 4.0, "y": 0.0}, {"x": 4.0, "y": 3.0}]
    assert rings["polygons"] == [rings["polygon"], [{"x": 1.0, "y": 1.0}, {"x": 2.0, "y": 2.0}, {"x": 3.0, "y": 1.5}]]
    assert rings["source_extra"] == {"coco": {"id": 10, "bbox": [1, 1, 2.5, 3], "area": 7.5, "iscrowd": 0}}
    assert compressed["mask"] == counted["mask"] == {"size": [4, 5], "counts": COMPRESSED}
    assert counted["source_extra"]["coco"]["iscrowd"] == 1
    assert box["bounding_box"] == {"top": 1.0, "left": 1.0, "height": 3.0, "width": 2.5}
    assert box["source_extra"]["coco"]["keypoints"] == [1, 2, 2]
    assert {found["name"] for found in (rings, compressed, counted, box)} == {"cup"}


@pytest.mark.parametrize("order", [*itertools.permutations(["images", "annotations", "categories", "scene"])])
def test_the_order_of_sections_is_of_no_matter(take, order):
    expected, _ = take(FULL)
    found, _ = take({key: FULL[key] for key in order})
    for one, other in zip(found, expected, strict=True):
        other.position = one.position
        assert one == other


def test_classes_are_known_before_the_first_row_with_their_own_numbers(tmp_path):
    content = coco([image()], [mark()])
    content["categories"] += [
        {"id": 9, "name": "cup", "keypoints": ["a"]},
        {"id": "x", "name": "y", "supercategory": None},
    ]
    reading = importer("coco_json", write(tmp_path, content))
    next(reading.rows())
    assert [(each.name, each.number, each.supercategory) for each in reading.classes] == [
        ("cup", 0, "thing"),
        ("tin", 7, ""),
        ("cup (9)", 9, ""),
        ("y", None, ""),
    ]
    assert reading.classes[2].extra == {"keypoints": ["a"]}
    assert reading.classes[3].extra == {"id": "x"}
    (note,) = reading.notes.as_json()
    assert (note["kind"], note["count"]) == ("changed", 1)
    assert note["text"] == "categories whose name stands twice, called by their id too"
    assert note["example"].endswith("'cup' is called 'cup (9)'")


def test_two_images_of_one_name_keep_both(take):
    rows, reading = take(coco([image(1), image(2), image(3, "a.jpg#2"), image(4)], [mark(2)]))
    assert [row.key for row in rows] == ["a.jpg", "a.jpg#2", "a.jpg#2#3", "a.jpg#4"]
    assert len(rows[1].labels[0].objects) == 1
    (note,) = reading.notes.as_json()
    assert (note["kind"], note["count"]) == ("changed", 3)
    assert note["example"].endswith("'a.jpg' is called 'a.jpg#2'")


def test_an_empty_segmentation_is_a_box(take):
    for empty in ([], [[]], None):
        (row,), _ = take(coco([image()], [mark(segmentation=empty)]))
        assert row.labels[0].objects[0]["annotation_kind"] == "ImageBoundingBox"


def test_places_a_little_outside_the_picture_are_kept(take):
    (row,), _ = take(coco([image()], [polygon([-1, -1, 9, 0, 3, 3])]))
    assert row.labels[0].objects[0]["polygon"][0] == {"x": -1.0, "y": -1.0}


def test_the_status_that_was_asked_for_goes_before(take):
    assert [row.status for row in take(coco([image(), image(2, "b")], [mark()]))[0]] == ["review", "to_label"]
    assert {row.status for row in take(coco([image(), image(2, "b")], [mark()]), "accepted")[0]} == {"accepted"}


def test_lists_that_are_too_large_to_keep_are_named(take):
    _, reading = take(
        coco([image()], scene=[{"a": "x" * 600_000}, {"b": "x" * 600_000}, {"c": 1}], odd="x" * 2_000_000)
    )
    assert [list(entry) for entry in reading.project_extra["coco"]["scene"]] == [["a"]]
    assert reading.notes.counts()["not_kept"] == 2 + 1
    shown = [describe(note) for note in reading.notes.as_json()]
    assert "2 entries of 'scene': of more than 1 MiB the rest is dropped" in shown
    assert "1 entries of the file itself that take more than 1 MiB; the first: odd" in shown


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_hostile_names_are_carried_as_text(take, name):
    (row,), reading = take(coco([image(1, name)], [mark(1, 5)], categories=[{"id": 5, "name": name}], **{name: [1]}))
    assert row.key == row.source_extra["coco"]["file_name"] == name
    assert row.labels[0].objects[0]["name"] == name
    assert reading.project_extra["coco"] == {name: [1]}


@pytest.mark.one_database
def test_many_images_cost_flat_memory(tmp_path):
    path = tmp_path / "big.json"
    with path.open("w") as stream:
        stream.write('{"annotations":[')
        for number in range(12_000):
            entry = json.dumps(polygon([0, 0, 3, 0, 3, 3], id=number, image_id=number // 3))
            stream.write((",\n" if number else "") + entry)
        stream.write('],"categories":[{"id":0,"name":"cup"}],"images":[')
        stream.write(",".join(json.dumps(image(number, f"{number}.jpg")) for number in range(4_000)))
        stream.write("]}")
    reading = IMPORTERS["coco_json"](path, default_status=None, project_key="")
    tracemalloc.start()
    try:
        marks = sum(len(row.labels[0].objects) for row in reading.rows())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert marks == 12_000
    assert peak < 10 * 1024 * 1024


# --- a real file -----------------------------------------------------------------------------------------------------


def test_taco_comes_in_whole(shared):
    path = shared / "data" / "taco.coco.json"
    rows, reading = read("coco_json", path)
    original = json.loads(path.read_text(encoding="utf-8"))
    assert len(rows) == 1_500
    assert sum(len(label.objects) for row in rows for label in row.labels) == 4_784
    assert not reading.refused_count
    assert [(each.name, each.number) for each in reading.classes] == [
        (each["name"], each["id"]) for each in original["categories"]
    ]
    assert [describe(note) for note in reading.notes.as_json()] == [
        "2 annotation ids that stand more than once: the first annotation keeps it; the first: 309, 4040",
        "4,296 entries of 'scene_annotations', not part of COCO, kept with their images under source_extra",
        "7 entries of 'scene_categories', not part of COCO, kept with the project",
    ]
    kept = [entry for row in rows for entry in row.source_extra.get("coco_lists", {}).get("scene_annotations", [])]
    assert sorted(kept, key=str) == sorted(original["scene_annotations"], key=str)
    assert reading.project_extra["coco"]["scene_categories"] == original["scene_categories"]
    names = {each["id"]: each["name"] for each in original["categories"]}
    by_image: dict[int, list[Any]] = {}
    for each in original["annotations"]:
        by_image.setdefault(each["image_id"], []).append(each)
    for row, picture in zip(rows, original["images"], strict=True):
        assert row.number == picture["id"]
        found = [made for label in row.labels for made in label.objects]
        for made, source in zip(found, by_image.get(picture["id"], []), strict=True):
            assert made["name"] == names[source["category_id"]]
            rings = made.get("polygons") or [made["polygon"]]
            assert [[part for point in ring for part in (point["x"], point["y"])] for ring in rings] == (
                source["segmentation"]
            )
            assert made["source_extra"]["coco"] == {
                key: value for key, value in source.items() if key not in ("image_id", "category_id", "segmentation")
            }
