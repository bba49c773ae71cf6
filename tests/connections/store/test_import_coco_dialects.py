"""COCO as other tools write it: taken where it is clear what is meant, else refused with what was found."""

from __future__ import annotations

from typing import Any

import pytest

from connections.store.notes import describe
from exportadmin.lib.errors import UserError
from tests.connections.store.coco_files import coco, image, mark, polygon, rle
from tests.connections.store.importing import importer, read, write


@pytest.fixture
def take(tmp_path):
    return lambda content: read("coco_json", write(tmp_path, content))


@pytest.fixture
def why(take):
    """The reason why image 1 is refused, while image 2 goes in."""

    def why(*bad: Any, first: dict[str, Any] | None = None, **more: Any) -> str:
        rows, reading = take(coco([first or image(1), image(2, "b.jpg")], [*bad, mark(2)], **more))
        assert [row.key for row in rows] == ["b.jpg"]
        (refused,) = reading.refused
        return refused.reason.partition("): ")[2] or refused.reason

    return why


def notes(reading: Any) -> list[str]:
    """Of the file, then of the rows that went in."""
    return [describe(note) for note in [*reading.notes.as_json(), *reading.row_notes.as_json()]]


def counts(rows: Any) -> dict[str, int]:
    return {row.key: sum(len(label.objects) for label in row.labels) for row in rows}


# --- which image an annotation belongs to ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identity", "named"), [(0, "0"), (7, "7"), ("7", 7), (-3, "-3"), (7, 7.0), ("x", "x"), (2**62, str(2**62))]
)
def test_an_annotation_belongs_to_the_image_whose_id_is_the_same_written_otherwise(take, identity, named):
    rows, reading = take(coco([image(identity), image(99, "b.jpg")], [mark(named), mark(named), mark(99)]))
    assert counts(rows) == {"a.jpg": 2, "b.jpg": 1}
    assert not reading.refused
    told = [text for text in notes(reading) if "name their image" in text]
    if type(identity) is type(named) or type(named) is float:
        assert told == []
    else:
        assert told == [f"2 annotations that name their image otherwise; the first: {named!r} for {identity!r}"]


def test_an_image_that_has_the_very_id_goes_before_one_that_has_it_written_otherwise(take):
    rows, reading = take(coco([image(1), image("1", "b.jpg")], [mark("1"), mark(1), mark(1)]))
    assert counts(rows) == {"a.jpg": 2, "b.jpg": 1}
    assert not any("otherwise" in text for text in notes(reading))


@pytest.mark.parametrize("named", ["007", "7.0", " 7", "+7", "7x", ""])
def test_a_text_that_is_not_just_the_number_names_no_image(take, named):
    rows, reading = take(coco([image(7)], [mark(named), mark(7), mark(7)]))
    assert counts(rows) == {"a.jpg": 2}
    assert reading.refused_count == 1
    assert reading.rows_refused == 0


def test_entries_of_other_lists_and_refused_images_are_named_otherwise_too(take):
    content = coco([image(1), image(2, None)], [mark("2"), mark(1)], relations=[{"image_id": "1", "subject": 10}])
    rows, reading = take(content)
    assert rows[0].source_extra["coco_lists"] == {"relations": [{"image_id": "1", "subject": 10}]}
    assert reading.refused_count == reading.rows_refused == 1


def test_annotations_of_no_image_are_counted_in_the_first_note(take):
    rows, reading = take(coco([image(1), image(2, "b.jpg")], [mark(2), {"item_id": 1, "category_id": 0, "id": 3}]))
    assert counts(rows) == {"a.jpg": 0, "b.jpg": 1}
    assert reading.refused_count - reading.rows_refused == 1
    (text,) = notes(reading)
    assert text.startswith(
        "1 of 2 annotations, which belong to no image of the file: an image may lack some; the first: annotation 2 "
    )
    assert "image_id is missing; expected image_id with a whole number or a text" in text


def test_a_file_most_of_whose_annotations_belong_to_no_image_is_refused_before_any_row(tmp_path):
    path = write(tmp_path, coco([image(1), image(2, "b.jpg")], [mark(2), mark("image-1"), mark(99)]))
    with pytest.raises(UserError, match=r"2 of 3 annotations belong to no image of the file; the first: annotation 2 "):
        next(importer("coco_json", path).rows())


# --- ids that are numbers of another form ----------------------------------------------------------------------------


def test_ids_that_pandas_wrote_as_floats_are_the_numbers_that_they_are(take):
    content = coco([image(1.0)], [mark(1.0, 7.0, id=5.0)], categories=[{"id": 7.0, "name": "tin"}])
    (row,), reading = take(content)
    (found,) = row.labels[0].objects
    assert (row.number, type(row.number)) == (1, int)
    assert (found["name"], found["source_extra"]["coco"]["id"]) == ("tin", 5)
    assert type(found["source_extra"]["coco"]["id"]) is int
    assert [(each.name, each.number) for each in reading.classes] == [("tin", 7)]


@pytest.mark.parametrize(
    ("identity", "reason"),
    [
        (1.5, "the image's id is 1.5; expected a whole number or a text"),
        (1e300, "the image's id is 1e+300; expected a whole number or a text"),
        (None, "the image's id is missing; expected id with a whole number or a text"),
        ("", "the image's id is ''; expected a whole number or a text"),
        (2**63, f"the image's id {2**63} has more than 63 bits"),
    ],
)
def test_an_id_that_is_none_is_named(take, identity, reason):
    _, reading = take(coco([image(identity), image(2, "b.jpg")]))
    assert [refused.reason for refused in reading.refused] == [reason]


@pytest.mark.parametrize(
    ("category", "reason"),
    [
        ("7", "there is no category with the id '7'; the number 7 is one ('tin')"),
        (9, "there is no category with the id 9; the file's are 0, 7"),
        (None, "there is no category_id"),
    ],
)
def test_an_unknown_category_is_told_with_what_there_is(why, category, reason):
    assert why(mark(1, category)) == reason


def test_a_number_is_told_of_a_category_that_is_a_text(take):
    _, reading = take(coco([image()], [mark(1, 4)], categories=[{"id": "4", "name": "tin"}]))
    assert reading.refused[0].reason.endswith("there is no category with the id 4; the text '4' is one ('tin')")
    _, reading = take({"images": [image()], "annotations": [mark()]})
    assert reading.refused[0].reason.endswith("there is no category with the id 0: the file has no categories")


def test_a_file_name_that_is_no_text_is_told(take):
    _, reading = take(coco([image(1, 17), image(2, ["x"]), image(3, "", coco_url=5), image(4, "d.jpg")]))
    needs = "an image needs a file_name to be recognised by; "
    assert [refused.reason for refused in reading.refused] == [
        f"{needs}its file_name is 17, which is no text",
        f"{needs}its file_name is ['x'], which is no text",
        f"{needs}its coco_url is 5, which is no text",
    ]


# --- values of an annotation -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("crowd", "kept"), [(0, 0), (1, 1), (True, 1), (False, 0), (0.0, 0), (1.0, 1), (None, 0)])
def test_iscrowd_is_kept_as_0_or_1(take, crowd, kept):
    rows, reading = take(coco([image()], [mark(iscrowd=crowd), mark(id=11)]))
    (found, _) = rows[0].labels[0].objects
    assert (found["source_extra"]["coco"]["iscrowd"], type(found["source_extra"]["coco"]["iscrowd"])) == (kept, int)
    told = [text for text in notes(reading) if "iscrowd" in text]
    if type(crowd) is int:
        assert told == []
    else:
        assert told == [f"1 values of iscrowd, which is 0 or 1; the first: annotation 1 (line 1, byte 87): {crowd!r}"]


@pytest.mark.parametrize("crowd", ["0", "1", "false", [0], {}, 2, -1, 0.5, 2.0])
def test_any_other_iscrowd_refuses_the_image(why, crowd):
    assert why(mark(iscrowd=crowd)) == f"iscrowd is {crowd!r}; expected 0 or 1"


@pytest.mark.parametrize("area", [-5, -1, -0.25])
def test_a_negative_area_refuses_the_image_as_a_negative_box_does(why, area):
    for shape in (mark(area=area), polygon([0, 0, 4, 0, 4, 3], area=area), rle(area=area)):
        assert why(shape) == f"the area {area} is negative"


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_named(tmp_path, text):
    path = write(tmp_path, coco([image(1), image(2, "b.jpg")], [mark(1, bbox=[1, 2, float(text), 4]), mark(2)]))
    rows, reading = read("coco_json", path)
    assert [row.key for row in rows] == ["b.jpg"]
    assert f"it holds {text}, which is no number in JSON; write null, or leave the key out" in reading.refused[0].reason


@pytest.mark.parametrize("number", [2**64, 2**64 + 1, -(2**63) - 1, 10**40])
def test_a_whole_number_beyond_64_bits_refuses_its_image(why, number):
    reason = f"the whole number {number} is beyond 64 bits and would lose digits; write it as a text"
    assert why(first=image(1, phash=number)) == reason
    assert why(mark(1, track={"uid": number})) == reason


@pytest.mark.parametrize("number", [2**64 - 1, -(2**63), 2**53 + 1])
def test_a_whole_number_of_64_bits_keeps_its_digits(take, number):
    (row,), _ = take(coco([image(1, phash=number)], [mark(track_id=number)]))
    assert row.source_extra["coco"]["phash"] == row.labels[0].objects[0]["source_extra"]["coco"]["track_id"] == number


# --- sizes -----------------------------------------------------------------------------------------------------------


def test_one_side_of_a_size_is_kept_and_told(take):
    rows, reading = take(coco([image(1, height=None), image(2, "b.jpg", width=None), image(3, "c.jpg")], [mark()]))
    assert rows[0].media_attributes["width"] == 5
    assert "height" not in rows[0].media_attributes
    assert rows[1].media_attributes["height"] == 4
    assert "width" not in rows[1].media_attributes
    text = "images without width, height or both, which readers of COCO need; they can have no PNG mask"
    assert notes(reading) == [
        f"2 {text}; the first: row 1 (line 1, byte 12): 'a.jpg'",
    ]


def test_boxes_that_all_lie_within_one_pixel_are_told(take):
    tiny = [mark(bbox=[0.1, 0.2, 0.5, 0.5]), mark(id=11, bbox=[0, 0, 1, 1])]
    _, reading = take(coco([image()], tiny))
    assert notes(reading)[-1].startswith("2 boxes, all of which lie within one pixel: they look like fractions")
    _, reading = take(coco([image()], [*tiny, mark(id=12, bbox=[0.5, 0.5, 1, 1])]))
    assert notes(reading) == []


# --- files of COCO that hold no objects ------------------------------------------------------------------------------


CAPTION = {"id": 1, "image_id": 1, "caption": "A boat."}
PANOPTIC = {"image_id": 1, "file_name": "a.png", "segments_info": [{"id": 255, "category_id": 0}]}


@pytest.mark.parametrize(
    ("annotation", "reason"),
    [
        (CAPTION, "is a COCO file of captions: its annotations have a caption and no category_id. Captions are not"),
        (PANOPTIC, "is a COCO file of panoptic segments: its annotations have segments_info, and the segments are in"),
    ],
)
def test_captions_and_panoptic_segments_are_recognised_before_anything_goes_in(tmp_path, annotation, reason):
    path = write(tmp_path, {"annotations": [annotation], "images": [image()], "info": {}, "licenses": []})
    for look in (lambda: importer("coco_json", path).survey(), lambda: next(importer("coco_json", path).rows())):
        with pytest.raises(UserError, match=reason):
            look()


def test_captions_among_objects_are_told_too_and_objects_may_have_a_caption(why, take):
    assert why(mark(1), CAPTION) == "captions are not imported"
    (row,), _ = take(coco([image()], [mark(caption="A cup.")]))
    assert row.labels[0].objects[0]["source_extra"]["coco"]["caption"] == "A cup."


def test_a_file_of_videos_is_recognised(tmp_path):
    path = write(tmp_path, {"videos": [{"id": 1, "file_names": ["a.jpg"]}], "annotations": [], "categories": []})
    with pytest.raises(UserError, match=r"is a COCO file of videos: it has no images, and videos are not read"):
        importer("coco_json", path).survey()
