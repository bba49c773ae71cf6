"""Objects without a class, and shapes with several: said by every format that can, counted by those that cannot."""

from __future__ import annotations

import csv
import json
import zipfile
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from connections.models import Project
from connections.store.models import StoreClass
from connections.store.overview import overview
from connections.store.upsert import write_rows
from exportadmin.lib.actor import Actor
from exports import actions
from exports.spec.spec import ExportSpec
from tests.support.deliveries import delivery_folder
from tests.support.imports import import_file
from tests.support.rows import box, point, row

pytestmark = pytest.mark.django_db(transaction=True)
SHELL = Actor(kind="user", name="tester", channel="shell")


def further(name: str, shape: dict[str, Any]) -> dict[str, Any]:
    return {**shape, "name": name, "is_further_label": True}


CAR = box("car", left=10.0, top=20.0, width=30.0, height=40.0)
ROW = row("photo", further("red", CAR), CAR, box("", left=100.0, top=50.0), {**point(), "name": ""})


@pytest.fixture
def cars(project: Project, settings, tmp_path: Path) -> Project:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    write_rows(project, [ROW])
    return project


def delivered(project: Project, key: str) -> tuple[bytes, dict[str, Any]]:
    report = actions.run_now(project=project, spec=ExportSpec.parse({"format": key}, project), actor=SHELL)
    assert report.is_delivered, report.error
    (artifact,) = report.artifacts.all()
    return (delivery_folder(report) / artifact.name).read_bytes(), report.check_values


def test_coco_has_an_annotation_a_label_and_none_without_a_category(cars: Project):
    data, values = delivered(cars, "coco_json")
    coco = json.loads(data)
    names = {one["id"]: one["name"] for one in coco["categories"]}
    assert sorted(names.values()) == ["car", "red"]
    assert [(names[one["category_id"]], one["bbox"]) for one in coco["annotations"]] == [
        ("red", [10, 20, 30, 40]),
        ("car", [10, 20, 30, 40]),
    ]
    assert values["annotations_by_class"] == {"car": 1, "red": 1}
    assert values["left_out_by_format"] == {"point": 1, "unlabelled": 1}


def test_a_pixel_has_the_first_label_of_its_shape(cars: Project):
    data, values = delivered(cars, "png")
    with zipfile.ZipFile(BytesIO(data)) as archive:
        legend = {one["name"]: one["value"] for one in json.loads(archive.read("classes.json"))["classes"]}
        pixels = np.asarray(Image.open(BytesIO(archive.read("masks/000000000001.png"))))
    assert set(legend) == {"car", "red"}
    assert set(np.unique(pixels)) == {0, legend["car"]}
    assert int((pixels == legend["car"]).sum()) == 30 * 40
    assert values["annotations_by_class"] == {"car": 1}
    assert values["left_out_by_format"] == {"further_labels": 1, "point": 1, "unlabelled": 1}


def test_csv_has_a_line_a_label_and_an_empty_class_where_there_is_none(cars: Project):
    data, values = delivered(cars, "csv")
    lines = list(csv.DictReader(StringIO(data.decode(), newline="")))
    assert [(line["kind"], line["class"], line["left"]) for line in lines] == [
        ("box", "red", "10.0"),
        ("box", "car", "10.0"),
        ("box", "", "100.0"),
        ("point", "", "3.0"),
    ]
    assert values["annotations_by_class"] == {"car": 1, "red": 1, "unlabelled": 2}
    assert values["annotations_by_kind"] == {"box": 3, "point": 1}
    assert values["left_out_by_format"] == {}


def test_what_has_no_class_is_no_class_of_the_project(cars: Project):
    assert list(StoreClass.objects.order_by("number").values_list("name", flat=True)) == ["car", "red"]
    counted = overview(cars.public_id)
    assert counted.by_class == {"unlabelled": 2, "car": 1, "red": 1}
    assert counted.annotations == 4


def test_the_rows_come_back_from_ndjson_as_they_left(cars: Project, tmp_path: Path):
    data, _ = delivered(cars, "ndjson")
    path = tmp_path / "rows.ndjson"
    path.write_bytes(data)
    run = import_file(path, "Again")
    assert run.summary["refused_count"] == 0
    for key in ("coco_json", "csv"):
        assert delivered(run.project, key)[1]["annotations_by_class"] == delivered(cars, key)[1]["annotations_by_class"]
    (label,) = next(iter(json.loads(delivered(run.project, "ndjson")[0])["projects"].values()))["labels"]
    assert [
        (one["name"], one["feature_schema_id"] is None, one.get("is_further_label"))
        for one in label["annotations"]["objects"]
    ] == [
        ("red", False, True),
        ("car", False, None),
        ("", True, None),
        ("", True, None),
    ]
