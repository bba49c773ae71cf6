"""What Label Studio says of a region comes out again: read back from the files of an export."""

from __future__ import annotations

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from connections.models import Project
from exportadmin.lib.actor import Actor
from exports import actions
from exports.spec.spec import ExportSpec
from tests.connections.store.importing import write
from tests.support.deliveries import delivery_folder
from tests.support.imports import import_file

pytestmark = pytest.mark.django_db(transaction=True)
SHELL = Actor(kind="user", name="tester", channel="shell")
BOX = {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0}
ELLIPSE = {"x": 50, "y": 50, "radiusX": 10, "radiusY": 20, "rotation": 30, "ellipselabels": ["cell"]}
SPAN = {"start": 0, "end": 6, "text": "Dallas", "labels": ["Team"]}
TRACK = {"framesCount": 100, "sequence": [{"frame": 1, "x": 10, "y": 10, "width": 5, "height": 5}], "labels": ["Car"]}
RUN = {"start": 1592250751951, "end": 1592250759000, "timeserieslabels": ["Run"]}


def result(kind: str, value: dict[str, Any], *, id: str = "a", name: str = "tool") -> dict[str, Any]:
    sizes = {"original_width": 1000, "original_height": 500}
    return {"id": id, "type": kind, "from_name": name, "to_name": "image", **sizes, "value": value}


ANSWERS = [
    result("rating", {"rating": 4}, name="quality"),
    result("number", {"number": 7}, name="leaves"),
    result("taxonomy", {"taxonomy": [["Plant", "Fern"]]}, name="species"),
    result("datetime", {"datetime": "2024-05-01"}, name="when"),
    result("choices", {"choices": ["wet"]}, name="state"),
    result("choices", {"choices": ["old"]}, name="state"),
    result("textarea", {"text": ["AB 1", "CD"]}, name="text"),
]


@pytest.fixture
def deliver(settings, tmp_path: Path):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"

    def deliver(*results: dict[str, Any], format: str) -> tuple[Any, dict[str, Any]]:
        tasks = [{"id": 1, "data": {"image": "a.jpg"}, "annotations": [{"id": 5, "result": list(results)}]}]
        run = import_file(write(tmp_path, tasks, "tasks.json"), "Regions")
        assert run.summary["refused_count"] == 0
        spec = ExportSpec.parse({"format": format}, run.project)
        report = actions.run_now(project=run.project, spec=spec, actor=SHELL)
        assert report.is_delivered, report.error
        (artifact,) = report.artifacts.all()
        text = (delivery_folder(report) / artifact.name).read_bytes().decode()
        read = list(csv.DictReader(StringIO(text, newline=""))) if format == "csv" else json.loads(text)
        return read, report.check_values

    return deliver


def names(coco: dict[str, Any]) -> list[str]:
    by_id = {one["id"]: one["name"] for one in coco["categories"]}
    return [by_id[one["category_id"]] for one in coco["annotations"]]


def test_answers_of_a_region_are_its_value_in_csv_and_no_categories(deliver):
    results = [*ANSWERS, result("rectangle", BOX), result("labels", {**BOX, "labels": ["pot"]})]
    (line,), values = deliver(*results, format="csv")
    assert (line["kind"], line["class"], line["annotation_id"]) == ("box", "pot", "a")
    assert json.loads(line["value"]) == {
        "quality": 4,
        "leaves": 7,
        "species": [["Plant", "Fern"]],
        "when": "2024-05-01",
        "state": ["wet", "old"],
        "text": ["AB 1", "CD"],
    }
    assert values["annotations_by_class"] == {"pot": 1}
    coco, values = deliver(*results, format="coco_json")
    assert [one["name"] for one in coco["categories"]] == names(coco) == ["pot"]
    assert coco["annotations"][0]["bbox"] == [100, 100, 300, 200]
    assert (coco["images"][0]["width"], coco["images"][0]["height"]) == (1000, 500)


def test_answers_about_a_task_are_lines_of_their_own_with_their_value(deliver):
    lines, values = deliver(*ANSWERS, format="csv")
    assert [(line["kind"], line["class"], line["value"]) for line in lines] == [
        ("classification", "quality", "4"),
        ("classification", "leaves", "7"),
        ("classification", "species", '[["Plant","Fern"]]'),
        ("classification", "when", "2024-05-01"),
        ("classification", "state", "wet"),
        ("classification", "state", "old"),
        ("classification", "text", "AB 1"),
        ("classification", "text", "CD"),
    ]
    coco, values = deliver(*ANSWERS, format="coco_json")
    assert coco["categories"] == coco["annotations"] == []
    assert values["left_out_by_format"] == {"classification": 8}


@pytest.mark.parametrize(
    ("kind", "value", "name"),
    [
        ("ellipselabels", ELLIPSE, "cell"),
        ("vectorlabels", {"vertices": [{"x": 1, "y": 1}, {"x": 9, "y": 9}], "vectorlabels": ["lane"]}, "lane"),
        ("bitmasklabels", {"imageDataURL": "data:image/png;base64,AA==", "bitmasklabels": ["egg"]}, "egg"),
        ("labels", SPAN, "Team"),
        ("videorectangle", TRACK, "Car"),
        ("timeserieslabels", RUN, "Run"),
        ("hypertextlabels", {"start": "/p[1]/text()[1]", "startOffset": 1, "hypertextlabels": ["PER"]}, "PER"),
    ],
)
def test_the_geometry_of_a_region_that_is_carried_is_its_value_in_csv(deliver, kind, value, name):
    (line,), values = deliver(result(kind, value), format="csv")
    assert (line["kind"], line["class"]) == ("other", name)
    assert json.loads(line["geometry"]) == value
    coco, values = deliver(result(kind, value), format="coco_json")
    assert coco["annotations"] == []
    assert values["left_out_by_format"] == {"other": 1}


def test_two_labels_of_a_region_that_is_carried_are_two_lines_with_its_value(deliver):
    value = {**ELLIPSE, "ellipselabels": ["cell", "dead"]}
    lines, _ = deliver(result("ellipselabels", value), format="csv")
    assert [(line["class"], json.loads(line["geometry"])) for line in lines] == [("dead", value), ("cell", value)]


def test_two_label_controls_are_two_annotations_in_coco(deliver):
    results = [
        result("rectangle", BOX),
        result("labels", {**BOX, "labels": ["car"]}, name="kind"),
        result("labels", {**BOX, "labels": ["red"]}, name="colour"),
    ]
    coco, values = deliver(*results, format="coco_json")
    assert names(coco) == ["red", "car"]
    assert [one["bbox"] for one in coco["annotations"]] == [[100, 100, 300, 200]] * 2
    assert values["annotations_by_class"] == {"car": 1, "red": 1}


def test_a_region_without_a_label_is_counted_and_no_category(deliver):
    results = [result("rectanglelabels", BOX), result("rectanglelabels", {**BOX, "rectanglelabels": ["car"]}, id="b")]
    coco, values = deliver(*results, format="coco_json")
    assert names(coco) == [one["name"] for one in coco["categories"]] == ["car"]
    assert values["left_out_by_format"] == {"unlabelled": 1}
    lines, _ = deliver(*results, format="csv")
    assert [(line["class"], line["left"]) for line in lines] == [("", "100.0"), ("car", "100.0")]


def test_all_of_it_comes_back_from_ndjson(deliver, tmp_path: Path):
    results = [
        *ANSWERS,
        result("rectangle", BOX),
        result("labels", {**BOX, "labels": ["car", "red"]}),
        result("rectanglelabels", BOX, id="b"),
        result("ellipselabels", {**ELLIPSE, "ellipselabels": ["cell", "dead"]}, id="c"),
        result(
            "polygonlabels", {"points": [[1, 1], [5, 1], [5, 5]], "closed": False, "polygonlabels": ["road"]}, id="d"
        ),
        result("number", {"number": 3}, id="e", name="how many"),
        {"type": "relation", "from_id": "a", "to_id": "b", "labels": ["near"]},
    ]
    rows, _ = deliver(*results, format="json")
    run = import_file(write(tmp_path, rows, "rows.json"), "Again")
    assert run.summary["refused_count"] == 0
    for key in ("json", "csv", "coco_json", "png"):
        files: list[bytes] = []
        for project in (run.project, Project.objects.get(name="Regions")):
            report = actions.run_now(project=project, spec=ExportSpec.parse({"format": key}, project), actor=SHELL)
            (artifact,) = report.artifacts.all()
            data = (delivery_folder(report) / artifact.name).read_bytes()
            files.append(data.replace(project.public_id.encode(), b"ID").replace(project.name.encode(), b"NAME"))
        if key == "json":
            first, second = (json.loads(data)[0]["projects"]["ID"]["labels"][0]["annotations"] for data in files)
            assert without_schema_ids(first) == without_schema_ids(second)
        else:
            assert files[0] == files[1], key


def without_schema_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [without_schema_ids(one) for one in value]
    if isinstance(value, dict):
        return {key: without_schema_ids(one) for key, one in value.items() if key != "feature_schema_id"}
    return value
