"""What goes out as json or ndjson comes in again as the same project: every format then has the same bytes."""

from __future__ import annotations

import io
import json
import random
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest

from connections.models import Project
from connections.store.import_row import IncomingLabel
from connections.store.models import ImportRun
from connections.store.upsert import write_rows
from exportadmin.lib.actor import Actor
from exportadmin.lib.ids import derived_id
from exports import actions
from exports.spec.conversion import conversion_spec
from exports.spec.spec import ExportSpec
from tests.support.deliveries import delivery_folder
from tests.support.imports import import_file
from tests.support.rows import box, polygon, row

pytestmark = pytest.mark.django_db(transaction=True)

SHELL = Actor(kind="user", name="tester", channel="shell")
FORMATS = ("json", "ndjson", "coco_json", "csv", "png")
ROW_FORMATS = ("json", "ndjson")


@pytest.fixture(autouse=True)
def artifacts(tmp_path: Path, settings: Any) -> None:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"


def delivered(project: Project, format: str, **body: Any) -> Path:
    report = actions.run_now(project=project, spec=ExportSpec.parse({"format": format, **body}, project), actor=SHELL)
    assert report.is_delivered, report.error
    (artifact,) = [one for one in report.artifacts.all() if not one.name.endswith("errors.ndjson")]
    return delivery_folder(report) / artifact.name


def plain(project: Project, format: str, **body: Any) -> bytes:
    """The file without what tells one project from another; a zip as its entries, one after the other."""
    content = delivered(project, format, **body).read_bytes()
    if format == "png":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            content = b"\n".join(name.encode() + b":" + archive.read(name) for name in archive.namelist())
    ours = [f'"{text}"' for text in (project.public_id, derived_id(project.public_id, "ontology"), project.name)]
    return re.sub("|".join(map(re.escape, ours)).encode(), b'"OURS"', content)


def everything(project: Project, **body: Any) -> dict[str, bytes]:
    return {format: plain(project, format, **body) for format in FORMATS}


def imported(path: Path, name: str) -> ImportRun:
    run = import_file(path, name)
    assert run.status == "completed", run.error
    return run


COCO = {
    "info": {"version": "2.0", "contributor": "Lena"},
    "licenses": [{"id": 3, "name": "CC0", "url": "https://e.test/cc0"}, {"id": 4, "name": "unused"}],
    "videos": [{"id": 7, "name": "clip.mp4"}],
    "scenes": [{"id": 1, "image_id": 0, "name": "harbour"}, {"id": 2, "name": "of no picture"}],
    "images": [
        {"id": 391895, "file_name": "a.jpg", "width": 64, "height": 48, "license": 3, "video_id": 7},
        {"id": 0, "file_name": "b.jpg", "width": 64, "height": 48},
        {"id": 522418, "file_name": "c.jpg", "width": 64, "height": 48},
    ],
    "annotations": [
        {
            "id": 9,
            "image_id": 522418,
            "category_id": 44,
            "segmentation": [[1, 1, 20, 1, 20, 20, 1, 20, 1, 1]],
            "bbox": [1, 1, 19, 19],
            "area": 361,
            "iscrowd": 0,
        },
        {
            "id": 8,
            "image_id": 391895,
            "category_id": 17,
            "bbox": [10, 2, 30, 40],
            "area": 1200,
            "iscrowd": 0,
            "keypoints": [1, 1, 2],
            "num_keypoints": 1,
        },
    ],
    "categories": [
        {"id": 90, "name": "unused", "supercategory": "thing", "synset": "unused.n.01", "frequency": "r"},
        {"id": 44, "name": "bottle"},
        {"id": 17, "name": "person", "supercategory": "animate", "keypoints": ["nose"], "skeleton": [[1, 1]]},
    ],
}


def from_coco(tmp_path: Path, content: Any = None) -> Project:
    path = tmp_path / "first.json"
    path.write_text(json.dumps(content or COCO))
    return imported(path, "First").project


@pytest.mark.parametrize("format", ROW_FORMATS)
def test_a_coco_project_comes_back_with_every_id_and_every_class(tmp_path, format):
    first = from_coco(tmp_path)
    again = imported(delivered(first, format), "Again").project
    assert everything(again) == everything(first)
    coco = json.loads(plain(again, "coco_json"))
    assert [one["id"] for one in coco["images"]] == [0, 391895, 522418]
    assert {one["id"]: one["name"] for one in coco["categories"]} == {17: "person", 44: "bottle", 90: "unused"}
    assert coco["licenses"] == COCO["licenses"]
    assert (coco["videos"], coco["info"]["contributor"]) == (COCO["videos"], "Lena")
    assert sorted(coco["scenes"], key=lambda one: one["id"]) == COCO["scenes"]
    by_id = {one["id"]: one for one in coco["categories"]}
    assert (by_id[17]["keypoints"], by_id[17]["supercategory"]) == (["nose"], "animate")
    assert by_id[90]["synset"] == "unused.n.01"
    (ring,) = [one["segmentation"] for one in coco["annotations"] if one["category_id"] == 44]
    assert ring == [[1, 1, 20, 1, 20, 20, 1, 20, 1, 1]]


def test_rows_in_another_order_and_without_the_first_keep_their_ids(tmp_path):
    first = from_coco(tmp_path)
    lines = delivered(first, "ndjson").read_text().splitlines(keepends=True)
    random.Random(1).shuffle(lines)
    path = tmp_path / "shuffled.ndjson"
    path.write_text("".join(lines))
    assert everything(imported(path, "Shuffled").project) == everything(first)
    path.write_text("".join(line for line in lines if '"project":{"categories"' not in line))
    coco = json.loads(plain(imported(path, "Without").project, "coco_json"))
    assert [one["id"] for one in coco["images"]] == [391895, 522418]
    assert {one["name"]: one["id"] for one in coco["categories"]} == {"person": 17, "bottle": 44}


def test_a_filtered_export_brings_its_rows_and_all_classes(tmp_path):
    first = from_coco(tmp_path)
    again = imported(delivered(first, "ndjson", filter={"global_keys": ["c.jpg"]}), "Again").project
    coco = json.loads(plain(again, "coco_json"))
    assert [one["id"] for one in coco["images"]] == [522418]
    assert [one["name"] for one in coco["categories"]] == ["person", "bottle", "unused"]


def test_ids_that_are_taken_are_given_anew_and_that_is_said(tmp_path):
    first = from_coco(tmp_path)
    other = {
        "images": [{"id": 391895, "file_name": "z.jpg", "width": 64, "height": 48}],
        "annotations": [],
        "categories": [{"id": 17, "name": "boat"}, {"id": 5, "name": "bottle"}],
    }
    path = tmp_path / "other.json"
    path.write_text(json.dumps(other))
    second = imported(path, "Second").project
    run = imported(delivered(first, "ndjson"), "Second")
    coco = json.loads(plain(second, "coco_json"))
    assert {one["file_name"]: one["id"] for one in coco["images"]} == {
        "z.jpg": 391895,
        "a.jpg": 522419,
        "b.jpg": 0,
        "c.jpg": 522418,
    }
    numbers = {one["name"]: one["id"] for one in coco["categories"]}
    assert (numbers["boat"], numbers["bottle"], numbers["unused"]) == (17, 5, 90)
    notes = {note["text"]: note for note in run.summary["notes"]}
    classes = notes["numbers of classes, other than the file says"]
    assert (classes["count"], classes["example"]) == (
        2,
        f"class 'person' gets the number {numbers['person']}: 17 is taken in this project",
    )


def annotation_ids(project: Project) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for one in json.loads(plain(project, "coco_json"))["annotations"]:
        found.setdefault(one["image_id"], []).append(one["id"])
    return found


def test_annotations_keep_ids_that_the_store_gave_them_also_where_a_label_between_stays_out(project, tmp_path):
    three = [IncomingLabel(objects=[box(), box()], performance={"skipped": place == 1}) for place in range(3)]
    write_rows(project, [row("a", box()), row("b", labels=three), row("c", box())])
    write_rows(project, [row("a", box(), box(), box())])  # it needs more ids now, behind those of the others
    assert annotation_ids(project) == {1: [9, 10, 11], 2: [2, 3, 6, 7], 3: [8]}
    again = imported(delivered(project, "ndjson"), "Again").project
    assert annotation_ids(again) == annotation_ids(project)
    path = tmp_path / "one.ndjson"
    path.write_text(delivered(project, "ndjson").read_text().splitlines()[1])
    assert annotation_ids(imported(path, "One").project) == {2: [2, 3, 6, 7]}


def test_an_export_of_what_came_back_converts_to_what_an_export_of_that_moment_gives(project):
    three = [IncomingLabel(objects=[box(), box()], performance={"skipped": place == 1}) for place in range(3)]
    write_rows(project, [row("a", box()), row("b", labels=three), row("c", box())])
    write_rows(project, [row("a", box(), box(), box())])
    again = imported(delivered(project, "ndjson"), "Again").project
    report = actions.run_now(project=again, spec=ExportSpec.parse({"format": "json"}, again), actor=SHELL)
    for format in FORMATS:
        spec = conversion_spec(report, {"format": format})
        made = actions.convert_report(report=report, spec=spec, actor=SHELL, now=True)
        (artifact,) = made.artifacts.all()
        converted = (delivery_folder(made) / artifact.name).read_bytes()
        assert converted == delivered(again, format).read_bytes(), format


def test_annotation_ids_that_are_taken_are_given_anew_and_that_is_said(project):
    write_rows(project, [row("a", box(), box())])
    other = Project.objects.create(connection=project.connection, name="Other")
    write_rows(other, [row("z", box())])
    run = imported(delivered(project, "ndjson"), "Other")
    assert annotation_ids(other) == {1: [1], 2: [3, 2]}
    notes = {note["text"]: (note["count"], note["example"]) for note in run.summary["notes"]}
    assert notes == {
        "ids of annotations that others of the project have, given anew": (1, "row 1 (line 1, byte 0): 1 is 3"),
        "ids of images, other than the file says": (1, "row 1 (line 1, byte 0): 1 is 2"),
    }


def test_ids_of_other_objects_than_the_label_has_are_nobody_s(project, tmp_path):
    write_rows(project, [row("a", box(), box("dog"))])
    (given,) = json.loads(delivered(project, "json").read_text())
    ((_, inside),) = given["projects"].items()
    del inside["labels"][0]["annotations"]["objects"][0]
    path = tmp_path / "edited.json"
    path.write_text(json.dumps([given]))
    assert annotation_ids(imported(path, "Edited").project) == {1: [1]}


def test_licenses_of_another_id_in_the_project_are_followed_by_the_rows(tmp_path):
    first = from_coco(tmp_path)
    path = tmp_path / "other.json"
    image = {"id": 1, "file_name": "z.jpg", "width": 64, "height": 48, "license": 3}
    path.write_text(json.dumps({"images": [image], "annotations": [], "licenses": [{"id": 3, "name": "mine"}]}))
    second = imported(path, "Second").project
    run = imported(delivered(first, "ndjson"), "Second")
    coco = json.loads(plain(second, "coco_json"))
    names = {one["id"]: one["name"] for one in coco["licenses"]}
    assert {one["file_name"]: names[one["license"]] for one in coco["images"] if "license" in one} == {
        "z.jpg": "mine",
        "a.jpg": "CC0",
    }
    notes = {note["text"]: note["count"] for note in run.summary["notes"]}
    assert notes["entries of 'licenses' whose id another has in this project, given another"] == 1


def test_what_a_picture_says_of_classes_by_number_follows_where_the_numbers_are_others(tmp_path):
    images = [{"id": 1, "file_name": "a.jpg", "width": 9, "height": 9, "neg_category_ids": [17, 44]}]
    lvis = {"images": images, "annotations": [], "categories": COCO["categories"]}
    first = from_coco(tmp_path, lvis)
    path = tmp_path / "other.json"
    path.write_text(json.dumps({"images": [], "annotations": [], "categories": [{"id": 17, "name": "boat"}]}))
    import_file(path, "Second")
    second = Project.objects.get(name="Second")
    imported(delivered(first, "ndjson"), "Second")
    coco = json.loads(plain(second, "coco_json"))
    names = {one["id"]: one["name"] for one in coco["categories"]}
    assert names[17] == "boat"
    assert [names[number] for number in coco["images"][0]["neg_category_ids"]] == ["person", "bottle"]
    again = imported(delivered(first, "json"), "Again").project
    assert json.loads(plain(again, "coco_json"))["images"][0]["neg_category_ids"] == [17, 44]


def test_the_part_can_be_left_out_and_then_rows_are_as_labelbox_has_them(tmp_path):
    first = from_coco(tmp_path)
    rows = json.loads(delivered(first, "json").read_text())
    bare = json.loads(delivered(first, "json", include=["project_details"]).read_text())
    assert [set(row) for row in bare] == [{"data_row", "media_attributes", "projects", "source_extra"}] * 3
    assert ["project" in row["export_admin"] for row in rows] == [True, False, False]
    assert [row["export_admin"]["image_id"] for row in rows] == [0, 391895, 522418]
    assert rows[1]["export_admin"]["category_ids"] == {"person": 17}


def test_a_label_that_stays_out_leaves_no_trace_in_what_comes_back(project):
    first = project
    labels = [
        IncomingLabel(objects=[box("car"), box("ghost")], performance={"skipped": True}),
        IncomingLabel(objects=[box("car"), polygon("road")]),
    ]
    write_rows(first, [row("a", labels=labels), row("b", box("car"))])
    again = imported(delivered(first, "json"), "Again").project
    assert everything(again) == everything(first)
    rows = json.loads(plain(again, "json"))
    assert rows[0]["export_admin"]["category_ids"] == {"car": 1, "road": 3}
    assert [one["name"] for one in rows[0]["export_admin"]["project"]["categories"]] == ["car", "ghost", "road"]
    assert everything(imported(delivered(first, "json", labels="all"), "All").project) == everything(first)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (5, "export_admin is not an object"),
        ({"image_id": "7"}, "export_admin.image_id is '7'; expected a whole number from 0"),
        ({"image_id": -1}, "export_admin.image_id is -1; expected"),
        ({"category_ids": []}, "export_admin.category_ids is not an object"),
        ({"category_ids": {"": 1}}, "export_admin.category_ids is ''; a class has a name of 1 to 500 characters"),
        ({"question_ids": {"q": 1.5}}, "export_admin.question_ids['q'] is 1.5; expected a whole number from 0"),
        ({"project": []}, "export_admin.project is not an object"),
        ({"project": {"categories": {}}}, "export_admin.project.categories is not a list"),
        ({"project": {"questions": [{"id": 1}]}}, "export_admin.project.questions[0].name is None; a class has"),
        ({"annotation_range": 5}, "export_admin.annotation_range is 5; expected a list of whole numbers from 0"),
        ({"annotation_range": [1]}, "export_admin.annotation_range is [1]; expected the first and the last id"),
        ({"annotation_range": [2, 1]}, "export_admin.annotation_range is [2, 1]; expected the first and the last id"),
        ({"next": 5}, "export_admin has the unknown key 'next'"),
        ({"project": {"categories": [{"name": "a"}]}}, "export_admin.project.categories[0].id is None; expected"),
        (
            {"project": {"categories": [{"name": "a", "id": 1, "supercategory": 5}]}},
            "export_admin.project.categories[0].supercategory is not a text but 5",
        ),
    ],
)
def test_a_backup_that_is_none_refuses_its_row_in_words(tmp_path, wrong, reason):
    path = tmp_path / "rows.ndjson"
    path.write_text(json.dumps({"data_row": {"id": "a"}, "export_admin": wrong}) + '\n{"data_row": {"id": "b"}}\n')
    run = import_file(path, "P")
    assert (run.status, run.summary["created"]) == ("partial", 1)
    from connections.store.imports import files

    (refused,) = files.first_refused(run, 5)
    assert refused["reason"].startswith(reason)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ([], "label 1: export_admin is not an object"),
        ({"annotation_ids": 5}, "label 1: export_admin.annotation_ids is 5; expected a list of whole numbers from 0"),
        ({"annotation_ids": [1, -1]}, "label 1: export_admin.annotation_ids is [1, -1]; expected a list of whole"),
        ({"image_id": 5}, "label 1: export_admin has the unknown key 'image_id'"),
    ],
)
def test_a_label_s_backup_that_is_none_refuses_its_row_in_words(tmp_path, wrong, reason):
    path = tmp_path / "rows.json"
    path.write_text(json.dumps([{"data_row": {"id": "a"}, "projects": {"p": {"labels": [{"export_admin": wrong}]}}}]))
    run = import_file(path, "P")
    assert run.error.startswith(f"every row was refused (1); the first: row 1 (line 1, byte 1): {reason}")
