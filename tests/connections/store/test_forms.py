"""What the help says of files that come in, form by form: each is imported, and becomes what is said."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from connections.rows.frames import objects_of
from connections.rows.kinds import CLASSIFICATION, KINDS
from connections.rows.kinds.base import Kind
from connections.store.import_row import IncomingRow
from connections.store.importers import IMPORTERS
from connections.store.importers.forms import BECOMES, CARRIED, READ, REFUSED, Form
from connections.store.known_project import EmptyProject
from exportadmin.lib.errors import UserError
from tests.support.media import IN_FRAMES, OBJECTS

RED = "a mark of this test 7"
SIZE = {"original_width": 100, "original_height": 50}
PLACE = {"x": 10, "y": 20, "width": 30, "height": 40}
POINTS = [[10, 10], [50, 10], [50, 50]]
RECTANGLE = {"id": "r", "type": "rectanglelabels", "from_name": "label", "to_name": "image", **SIZE}
BOX = {**RECTANGLE, "value": {**PLACE, "rectanglelabels": ["car"]}}


# --- Label Studio ----------------------------------------------------------------------------------------------------


def task(*results: dict[str, Any], **more: Any) -> dict[str, Any]:
    annotation = {"id": 5, "result": list(results), **more.pop("annotation", {})}
    return {"id": 1, "data": {"image": "/data/1.jpg"}, "annotations": [annotation], **more}


def region(kind: str, key: str = "", **value: Any) -> dict[str, Any]:
    return {**RECTANGLE, "type": kind, "value": {**value, key or kind: ["car"]}}


SHAPES: dict[str, dict[str, Any]] = {
    "rectangle": PLACE,
    "polygon": {"points": POINTS},
    "keypoint": {"x": 1, "y": 2},
}
ANSWERS: dict[str, Any] = {
    "choices": ["x"],
    "textarea": ["x"],
    "rating": 4,
    "number": 7,
    "datetime": "2026-01-01",
    "taxonomy": [["a", "b"]],
    "pairwise": "left",
    "ranker": {"a": ["x"]},
}


def label_studio(form: Form, name: str) -> Iterator[Any]:
    """Tasks that say it."""
    about, becomes = form.title, form.becomes
    base = name.removesuffix("labels")
    if becomes == READ and base in SHAPES:
        value = dict(SHAPES[base])
        if about == "Polygon" and base == "rectangle":
            value["rotation"] = 30
        if about == "Polyline":
            value["closed"] = False
        yield task(region(name, f"{base}labels", **value))
    elif becomes == READ and base == "brush":
        yield task(region(name, "brushlabels", rle=painted(100, 50)))
    elif base == "brush":
        yield task(region("brushlabels", rle=painted(100, 50)[:6]))
        yield task(region("brushlabels", rle=painted(10, 5)))
    elif name in ANSWERS:
        key = "text" if name == "textarea" else "selected" if name == "pairwise" else name
        yield task({"id": "a", "type": name, "from_name": "q", "to_name": "image", "value": {key: ANSWERS[name]}})
    elif name == "any other type that lies nowhere":
        yield task({"id": "a", "type": "mood", "from_name": "q", "to_name": "image", "value": {"mood": RED}})
    elif name == "any other type that lies somewhere":
        yield task({**RECTANGLE, "type": "star", "value": {"x": 1, "y": 1, "star": RED}})
    elif name in ("labels", "any other type in …labels") and about == "Other":
        yield task(
            {
                **RECTANGLE,
                "type": name.replace("any other type in …", "star"),
                "value": {"start": RED, "labels": ["car"]},
            }
        )
    elif about == "Other":
        yield task({**RECTANGLE, "type": name, "value": {"start": RED, name: ["car"]}})
    else:
        yield from LABEL_STUDIO[about, becomes, name]


def painted(width: int, height: int) -> list[int]:
    """All pixels, as Label Studio's brush has them: one run a length."""
    bits = f"{width * height * 4:032b}" + f"{7:05b}" + "1111" * 4
    left = width * height * 4
    while left:
        run = min(left, 65_536)
        bits += "1" + "11" + f"{run - 1:016b}" + f"{255:08b}"
        left -= run
    bits += "0" * (-len(bits) % 8)
    return [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]


def _two_pictures(**region: Any) -> dict[str, Any]:
    lies = {key: value for key, value in BOX.items() if key != "to_name"}
    return {**task({**lies, **region}), "data": {"pages": ["/data/1.jpg", "/data/2.jpg"]}}


LABEL_STUDIO: dict[tuple[str, str, str], list[Any]] = {
    ("Classes", READ, "the type's key"): [task(BOX)],
    ("Classes", READ, "…labels"): [task(region("rectangle", "rectanglelabels", **PLACE))],
    ("Classes", READ, "labels"): [
        task(region("rectanglelabels", "labels", **PLACE)),
        task(
            {**BOX, "type": "rectangle", "value": PLACE}, {**RECTANGLE, "type": "labels", "value": {"labels": ["car"]}}
        ),
    ],
    ("Classes", READ, "no label"): [task({**BOX, "value": PLACE})],
    ("Relations", READ, "relation"): [
        task(BOX, {**BOX, "id": "s"}, {"type": "relation", "from_id": "r", "to_id": "s"})
    ],
    ("Labels", READ, "was_cancelled"): [task(BOX, annotation={"was_cancelled": True})],
    ("Labels", READ, "skipped"): [task(BOX, annotation={"skipped": True})],
    ("Labels", READ, "ground_truth"): [task(BOX, annotation={"ground_truth": True})],
    ("Labels", READ, "completed_by"): [
        task(BOX, annotation={"completed_by": {"id": 3, "email": "a@example.com"}}),
        task(BOX, annotation={"completed_by": 3}),
    ],
    ("Labels", READ, "completions"): [
        {"id": 1, "data": {"image": "/1.jpg"}, "completions": [{"created_at": 1599661431, "result": [BOX]}]}
    ],
    ("Labels", CARRIED, "predictions"): [{**task(), "annotations": [], "predictions": [{"result": [], "model": RED}]}],
    ("Labels", CARRIED, "drafts"): [{**task(), "annotations": [], "drafts": [{"result": [], "model": RED}]}],
    ("Pictures", READ, "item_index"): [_two_pictures(to_name="image", item_index=1)],
    ("Pictures", READ, "to_name"): [
        {**task({**BOX, "to_name": "a"}, {**BOX, "id": "s", "to_name": "b"}), "data": {"a": "/1.jpg", "b": "/2.jpg"}}
    ],
    ("Pictures", READ, "original_width"): [task({**RECTANGLE, "type": "choices", "value": {"choices": ["x"]}})],
    ("Pictures", READ, "original_height"): [task({**RECTANGLE, "type": "choices", "value": {"choices": ["x"]}})],
    ("Pictures", REFUSED, "to_name"): [_two_pictures()],
    ("Regions", CARRIED, "score"): [task({**BOX, "score": RED})],
    ("Regions", CARRIED, "meta"): [task({**BOX, "meta": {"text": [RED]}})],
    ("Regions", CARRIED, "any further key"): [task({**BOX, "locked": RED})],
    ("Regions", REFUSED, "a shape"): [
        task({**BOX, "original_width": None}),
        task({**BOX, "value": {**PLACE, "width": -1}}),
        task({**BOX, "value": {**PLACE, "x": "left"}}),
    ],
    ("Files", REFUSED, "JSON_MIN"): [{"id": 1, "image": "/1.jpg", "label": [], "annotator": 1, "annotation_id": 5}],
}


# --- COCO ------------------------------------------------------------------------------------------------------------


def coco(mark: dict[str, Any] | None = None, image: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    picture = {"id": 1, "file_name": "1.jpg", "width": 4, "height": 2, **(image or {})}
    given = {"id": 9, "image_id": 1, "category_id": 3, "bbox": [0, 0, 2, 2], **(mark or {})}
    annotations = [{key: value for key, value in given.items() if value is not ...}]
    categories = [{"id": 3, "name": "car"}]
    picture = {key: value for key, value in picture.items() if value is not ...}
    return {"images": [picture], "annotations": annotations, "categories": categories, **more}


SQUARE = [0, 0, 2, 0, 2, 2, 0, 2]
COCO: dict[tuple[str, str, str], list[Any]] = {
    ("Box", READ, "bbox"): [coco()],
    ("Box", REFUSED, "bbox"): [coco({"bbox": [0, 0, -1, 2]}), coco({"bbox": [0, 0, 2]})],
    ("Polygon", READ, "segmentation: a list"): [
        coco({"segmentation": [SQUARE]}),
        coco({"segmentation": [SQUARE, SQUARE]}),
    ],
    ("Polygon", REFUSED, "segmentation: a list"): [
        coco({"segmentation": [SQUARE[:4]]}),
        coco({"segmentation": [SQUARE[:7]]}),
    ],
    ("Mask", READ, "segmentation: counts and size"): [
        coco({"segmentation": {"size": [2, 4], "counts": [1, 7]}}),
        coco({"segmentation": {"size": [2, 4], "counts": "17"}}),
    ],
    ("Mask", REFUSED, "segmentation: counts and size"): [coco({"segmentation": {"size": [4, 4], "counts": [1, 15]}})],
    ("Annotations", READ, "bbox"): [coco({"segmentation": [SQUARE]})],
    ("Annotations", READ, "area"): [coco({"segmentation": [SQUARE], "area": 4})],
    ("Annotations", READ, "iscrowd"): [coco({"iscrowd": crowd}) for crowd in (False, None, 0.0, True, 0, 1)],
    ("Annotations", CARRIED, "keypoints"): [coco({"keypoints": [1, 1, 2], "remark": RED})],
    ("Annotations", CARRIED, "any further key"): [coco({"remark": RED})],
    ("Annotations", REFUSED, "area"): [coco({"area": -1})],
    ("Annotations", REFUSED, "iscrowd"): [coco({"iscrowd": 2}), coco({"iscrowd": "0"})],
    ("Annotations", REFUSED, "category_id"): [coco({"category_id": 4}), coco({"category_id": ...})],
    ("Annotations", REFUSED, "image_id"): [coco({"image_id": 2}), coco({"image_id": ...})],
    ("Ids", READ, "id"): [coco(image={"id": 2**63 - 1}, mark={"image_id": 2**63 - 1}), coco({"id": 1.0})],
    ("Ids", READ, "image_id"): [coco({"image_id": "1"}), coco({"image_id": 1.0})],
    ("Ids", READ, "category_id"): [coco({"category_id": 3.0})],
    ("Ids", CARRIED, "id"): [coco(image={"id": RED}, mark={"image_id": RED})],
    ("Pictures", READ, "file_name"): [coco()],
    ("Pictures", READ, "coco_url"): [coco(image={"file_name": ..., "coco_url": "https://h.example/1.jpg"})],
    ("Pictures", READ, "path"): [coco(image={"file_name": ..., "path": "/d/1.jpg"})],
    ("Pictures", REFUSED, "file_name"): [coco(image={"file_name": ...}), coco(image={"file_name": 17})],
    ("Files", CARRIED, "info"): [coco(info={"version": RED})],
    ("Files", CARRIED, "licenses"): [coco(licenses=[{"id": 1, "name": RED}])],
    ("Files", CARRIED, "any further list"): [coco(scenes=[{"name": RED}]), coco(scenes=[{"image_id": 1, "name": RED}])],
    ("Files", REFUSED, "caption"): [coco({"caption": "A boat", "category_id": ..., "bbox": ...})],
    ("Files", REFUSED, "segments_info"): [coco({"segments_info": [], "category_id": ..., "bbox": ...})],
    ("Files", REFUSED, "videos"): [{"videos": [], "annotations": [], "categories": []}],
}


# --- COCO results -----------------------------------------------------------------------------------------------------


class Knowing(EmptyProject):
    """A project with one row and one class."""

    def keys_of(self, numbers: Sequence[int]) -> dict[int, str]:
        return {1: "k"} if 1 in numbers else {}

    def class_numbers(self) -> dict[str, int]:
        return {"car": 3}


def result(**more: Any) -> list[Any]:
    given = {"image_id": 1, "category_id": 3, "bbox": [0, 0, 2, 2], "score": 0.5, **more}
    return [{key: value for key, value in given.items() if value is not ...}]


RESULTS: dict[tuple[str, str, str], list[Any]] = {
    ("Box", READ, "bbox"): [result()],
    ("Polygon", READ, "segmentation: a list"): [
        result(segmentation=[SQUARE]),
        result(segmentation=[SQUARE, SQUARE], bbox=...),
    ],
    ("Mask", READ, "segmentation: counts and size"): [
        result(segmentation={"size": [2, 4], "counts": [1, 7]}),
        result(segmentation={"size": [2, 4], "counts": "17"}, bbox=...),
    ],
    ("Annotations", READ, "score"): [result(score=score) for score in (0, 0.5, 1)],
    ("Annotations", REFUSED, "score"): [result(score=score) for score in (..., None, -0.1, 1.1, "0.5")],
    ("Annotations", REFUSED, "image_id"): [result(image_id=image) for image in (..., 2, "1")],
    ("Annotations", REFUSED, "category_id"): [result(category_id=category) for category in (..., 4, "3")],
}


# --- rows ------------------------------------------------------------------------------------------------------------

GEOMETRIES: dict[str, Any] = {
    "box": {"bounding_box": {"top": 1, "left": 1, "height": 1, "width": 1}},
    "polygon": {"polygon": [{"x": x, "y": y} for x, y in POINTS]},
    "mask": {"mask": {"size": [2, 4], "counts": "17"}},
    **{key: {"source_extra": {"diffgram": {"width": 3}}} for key in ("ellipse", "cuboid", "curve", "keypoints")},
    "polyline": {"line": [{"x": x, "y": y} for x, y in POINTS]},
    "point": {"point": {"x": 1, "y": 1}},
}
for mark in (*OBJECTS, *IN_FRAMES):
    shape = {key: value for key, value in mark.items() if key != "annotation_kind"}
    GEOMETRIES.setdefault(KINDS.of(mark["annotation_kind"]).key, {}).update(shape)
GEOMETRIES["video_mask"] = GEOMETRIES["mask"] = {"mask": {"size": [2, 4], "counts": "17"}}


def row(*objects: Any, answers: Any = (), label: Any = None, **more: Any) -> dict[str, Any]:
    annotations = {"objects": list(objects), "classifications": list(answers), **more.pop("annotations", {})}
    project = {"labels": [{"annotations": annotations, **(label or {})}], **more.pop("project", {})}
    return {
        "data_row": {"global_key": "k"},
        "media_attributes": {"width": 4, "height": 2},
        "projects": {"p": project},
    } | more


def rows(form: Form, name: str) -> Iterator[Any]:
    if isinstance(form.subject, Kind) and form.becomes == READ and form.subject is not CLASSIFICATION:
        yield row({"name": "car", "annotation_kind": name, **GEOMETRIES[form.subject.key]})
    else:
        yield from ROWS[form.title, form.becomes, name]


NAMED = {"name": "q"}
ADDRESS = {"annotation_kind": "ImageSegmentationMask"}
FRAMED = {"name": "car", "annotation_kind": "VideoBoundingBox", **GEOMETRIES["box"]}
ROWS: dict[tuple[str, str, str], list[Any]] = {
    ("Classification", READ, "radio_answer"): [row(answers=[{**NAMED, "radio_answer": {"name": "x"}}])],
    ("Classification", READ, "checklist_answers"): [row(answers=[{**NAMED, "checklist_answers": [{"name": "x"}]}])],
    ("Classification", READ, "text_answer"): [row(answers=[{**NAMED, "text_answer": {"content": "x"}}])],
    ("Other", CARRIED, "any other annotation_kind"): [row({"name": "car", "annotation_kind": "Cuboid", "corner": RED})],
    ("Classification", READ, "conversational_radio_answer"): [
        row(answers=[{**NAMED, "message_id": "0", "conversational_radio_answer": {"name": "x"}}])
    ],
    ("Classification", READ, "conversational_checklist_answers"): [
        row(answers=[{**NAMED, "message_id": "0", "conversational_checklist_answers": [{"name": "x"}]}])
    ],
    ("Classification", READ, "conversational_text_answer"): [
        row(answers=[{**NAMED, "message_id": "0", "conversational_text_answer": {"content": "x"}}])
    ],
    ("Address of a mask", CARRIED, "composite_mask"): [row({"name": "car", **ADDRESS, "composite_mask": {"url": RED}})],
    ("Address of a mask", CARRIED, "mask.url"): [row({"name": "car", **ADDRESS, "mask": {"url": RED}})],
    ("Annotations", READ, "frames"): [row(annotations={"frames": {"1": {"objects": {"o": FRAMED}}}})],
    ("Annotations", READ, "groups"): [
        row(annotations={"groups": {"a": {"frames": {"1": {"objects": {"o": FRAMED}}}}}})
    ],
    ("Annotations", READ, "timestamp"): [row(annotations={"timestamp": {"5": [{**NAMED, "text_answer": {}}]}})],
    ("Segment", CARRIED, "segments"): [row(annotations={"segments": {RED: [[1, 2]]}})],
    ("Annotations", READ, "key_frame_feature_map"): [row(annotations={"key_frame_feature_map": {"o": {"13": True}}})],
    ("Annotations", CARRIED, "any further key"): [row(annotations={"remark": RED})],
    ("Annotations", REFUSED, "annotation_kind"): [row({"name": "car"})],
    ("Annotations", REFUSED, "name"): [row({"annotation_kind": "ImageBoundingBox", **GEOMETRIES["box"]})],
    ("Labels", READ, "performance_details.skipped"): [row(label={"performance_details": {"skipped": True}})],
    ("Rows", READ, "workflow_status"): [
        row(project={"project_details": {"workflow_status": "DONE"}}),
        row(project={"project_details": {"workflow_status": "accepted"}}),
    ],
    ("Rows", REFUSED, "workflow_status"): [row(project={"project_details": {"workflow_status": "lost"}})],
    ("Ids", READ, "id"): [row(data_row={"id": 7})],
    ("Ids", READ, "feature_id"): [
        row({"name": "car", "feature_id": 7, "annotation_kind": "ImageBoundingBox", **GEOMETRIES["box"]})
    ],
    ("Ids", READ, "global_key"): [row(data_row={"global_key": 7})],
}


# --- Labellerr -------------------------------------------------------------------------------------------------------


def labellerr(form: Form, name: str) -> list[Any]:
    def file(*answers: Any, **more: Any) -> dict[str, Any]:
        return {"file_id": "f", "file_name": "a.jpg", "file_status": "review", "latest_answer": answers, **more}

    def entry(kind: str, *answer: Any) -> dict[str, Any]:
        return {"question_type": kind, "question_name": "car", "answer": answer}

    if form.title == "Rows":
        other = {"file_status": "lost"} if form.becomes == REFUSED else {name: {"a": RED} if "_" in name else RED}
        return [file(**{"file_status": "None"} if name == "file_status" and form.becomes == READ else other)]
    if form.becomes == CARRIED:
        return [
            file({"question_type": "polygon", "answer": [{"startFrame": RED}]}),
            file(entry("select", RED)),
            file(RED),
        ]
    if name.startswith('"answer"'):
        return [file(entry("polygon", *GEOMETRIES["polygon"]["polygon"]))]
    if name == "classification":
        return [file(entry(name, {"text_answer": {"content": "wet"}}))]
    return [file(entry(name, GEOMETRIES[name]))]


# --- Diffgram --------------------------------------------------------------------------------------------------------


def diffgram(form: Form, name: str) -> Any:
    """A file with one image, or with a video."""
    base = {"id": 5, "attribute_groups": None, "label_file_id": 901}
    box = {**base, "type": "box", "x_min": 1, "y_min": 2, "x_max": 3, "y_max": 4}
    shapes: dict[str, dict[str, Any]] = {
        "box": box,
        "polygon": {**base, "type": "polygon", "points": [{"x": x, "y": y} for x, y in POINTS]},
        "line": {**base, "type": "line", "points": [{"x": x, "y": y} for x, y in POINTS]},
        "point": {**base, "type": "point", "points": [{"x": 1, "y": 2}]},
        "tag": {**base, "type": "tag"},
        "relation": {"type": "relation", "label_file_id": 901, "from_instance_id": 5, "to_instance_id": 6},
        "attribute_groups": {**base, "type": "global", "label_file_id": None, "attribute_groups": {"31": "wet"}},
        "any other type": {**base, "type": "cuboid_3d", "position_3d": {"x": RED, "y": 1}},
        **{one: {**base, "type": one, "width": 3} for one in ("ellipse", "cuboid", "curve", "keypoints")},
        "box without sides": {**base, "type": "box", "remark": RED},
    }
    file = {"id": 7, "original_filename": "a.jpg", "blob_url": "https://host/a.jpg", "ann_is_complete": True}
    packet: Any = {"file": file | {"type": "image"}, "image": {"width": 100, "height": 50}}
    packet["instance_list"] = [shapes[name]] if name in shapes else []
    if name == "sequence_list":
        at = {"frame_number": 0, "global_frame_number": 0}
        packet = {
            "file": file | {"type": "video"},
            name: [{"id": 70, "label_file_id": 901, "instance_list": [box | at]}],
        }
    return {"label_map": {"901": "car"}, "7": None if form.becomes == REFUSED else packet}


# --- the tests -------------------------------------------------------------------------------------------------------


def examples(importer: str, form: Form, name: str) -> Iterator[Any]:
    if importer == "label_studio_json":
        yield from ([one] for one in label_studio(form, name))
    elif importer == "labellerr_json":
        yield from ([one] for one in labellerr(form, name))
    elif importer == "diffgram_json":
        yield diffgram(form, name)
    elif importer == "coco_results":
        yield from RESULTS[form.title, form.becomes, name]
    elif importer == "coco_json":
        yield from COCO[form.title, form.becomes, name]
    else:
        yield from ([one] for one in rows(form, name))


def cases() -> Iterator[Any]:
    for key, importer in IMPORTERS.items():
        for form in importer.forms():
            for name in form.written:
                yield pytest.param(key, form, name, id=f"{key}-{form.title}-{form.becomes}-{name}")


def read(importer: str, path: Path, content: Any) -> tuple[list[IncomingRow], int, str]:
    """Rows; how many were refused; all that is kept."""
    path.write_text(json.dumps(content), "utf-8")
    project, model_run = (Knowing(), "v7") if IMPORTERS[importer].needs_model_run else (None, "")
    reader = IMPORTERS[importer](path, default_status=None, project_key="p", project=project, model_run=model_run)
    try:
        reader.survey()
        found = list(reader.rows_with_notes())
    except UserError:
        return [], 1, ""
    kept = json.dumps([reader.project_extra, [vars_of(one) for one in found]], default=str)
    return found, reader.refused_count, kept


def vars_of(row: IncomingRow) -> Any:
    return [row.source_extra, [[label.objects, label.more_annotations, label.extra] for label in row.labels]]


@pytest.mark.parametrize("importer, form, name", list(cases()))
def test_a_form_becomes_what_the_help_says(importer, form, name, tmp_path):
    said = list(examples(importer, form, name))
    assert said
    for content in said:
        found, refused, kept = read(importer, tmp_path / "file.json", content)
        if form.becomes == REFUSED:
            assert refused and not found
            continue
        assert not refused and found
        if form.becomes == CARRIED:
            assert RED in kept
        predicted = [label for row in found for each in row.predictions for label in each.labels or ()]
        labels = [*predicted, *(label for row in found for label in row.labels)]
        if form.subject is CLASSIFICATION:
            assert any(label.classifications for label in labels) and not any(label.objects for label in labels)
        elif isinstance(form.subject, Kind):
            marks = [mark for label in labels for mark in (*label.objects, *objects_of(label.more_annotations))]
            assert {KINDS.of_mark(mark) for mark in marks} == {form.subject}


def test_what_is_read_is_read_with_its_meaning(tmp_path):
    def first(content: Any, importer: str = "label_studio_json") -> IncomingRow:
        return read(importer, tmp_path / "file.json", content)[0][0]

    def tasks(name: str, about: str = "Labels") -> list[Any]:
        return [[one] for one in LABEL_STUDIO[about, READ, name]]

    for name in ("was_cancelled", "skipped"):
        assert first(tasks(name)[0]).labels[0].performance["skipped"] is True
    assert first(tasks("ground_truth")[0]).status == "accepted"
    assert [first(one).labels[0].created_by for one in tasks("completed_by")] == ["a@example.com", "3"]
    assert first(tasks("completions")[0]).labels[0].created_ms == 1599661431000
    for name in ("the type's key", "…labels", "labels"):
        assert {first(one).labels[0].objects[0]["name"] for one in tasks(name, "Classes")} == {"car"}
    assert first(tasks("no label", "Classes")[0]).labels[0].objects[0]["name"] == ""
    assert len(first(tasks("relation", "Relations")[0]).labels[0].relationships) == 1
    for name in ("item_index", "to_name"):
        assert len(read("label_studio_json", tmp_path / "file.json", tasks(name, "Pictures")[0])[0]) == 2
    for name in ("original_width", "original_height"):
        media = first(tasks(name, "Pictures")[0]).media_attributes
        assert (media["width"], media["height"]) == (100, 50)
    for one in COCO["Annotations", READ, "iscrowd"]:
        crowd = first(one, "coco_json").labels[0].objects[0]["source_extra"]["coco"].get("iscrowd", 0)
        assert crowd == (1 if one["annotations"][0]["iscrowd"] else 0) and type(crowd) is int
    assert first([ROWS["Labels", READ, "performance_details.skipped"][0]], "ndjson").labels[0].performance["skipped"]
    assert {first([one], "ndjson").status for one in ROWS["Rows", READ, "workflow_status"]} == {"accepted"}


def test_every_way_to_end_is_explained_and_used():
    used = {form.becomes for importer in IMPORTERS.values() for form in importer.forms()}
    assert used == set(BECOMES)
