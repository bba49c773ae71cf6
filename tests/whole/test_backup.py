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
from connections.store.models import ImportRun
from exportadmin.lib.actor import Actor
from exportadmin.lib.ids import derived_id
from exports import actions
from exports.spec.spec import ExportSpec
from tests.support.deliveries import delivery_folder
from tests.support.imports import import_file

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


def everything(project: Project) -> dict[str, bytes]:
    return {format: plain(project, format) for format in FORMATS}


def imported(path: Path, name: str) -> ImportRun:
    run = import_file(path, name)
    assert run.status == "completed", run.error
    return run


COCO = {
    "images": [
        {"id": 391895, "file_name": "a.jpg", "width": 64, "height": 48},
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


def test_the_part_can_be_left_out_and_then_rows_are_as_labelbox_has_them(tmp_path):
    first = from_coco(tmp_path)
    rows = json.loads(delivered(first, "json").read_text())
    bare = json.loads(delivered(first, "json", include=["project_details"]).read_text())
    assert [set(row) for row in bare] == [{"data_row", "media_attributes", "projects", "source_extra"}] * 3
    assert ["project" in row["export_admin"] for row in rows] == [True, False, False]
    assert [row["export_admin"]["image_id"] for row in rows] == [0, 391895, 522418]
    assert rows[1]["export_admin"]["category_ids"] == {"person": 17}


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
