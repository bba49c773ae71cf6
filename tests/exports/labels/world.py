"""A project whose rows have several labels: what each holds is told by its class and by its person."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from typing import Any

import numpy as np
from PIL import Image

from connections.models import Project
from connections.store.import_row import IncomingLabel
from connections.store.upsert import write_rows
from exportadmin.lib.actor import Actor
from exportadmin.runs import statuses
from exports import actions
from exports.models import ExportReport
from exports.spec.spec import ExportSpec
from tests.support.deliveries import delivery_folder
from tests.support.rows import answer, box, row

SHELL = Actor(kind="user", name="tester", channel="shell")
ANN, BO = "ann@example.test", "bo@example.test"
DAY = 86_400_000
FORMATS = ("json", "ndjson", "csv", "coco_json", "png")


def made(by: str | None, *objects: dict, day: int = 1, changed: int | None = None, **performance: Any) -> IncomingLabel:
    """A label of that day, changed on another; ``performance`` are its performance details."""
    return IncomingLabel(
        objects=[each for each in objects if "annotation_kind" in each],
        classifications=[each for each in objects if "annotation_kind" not in each],
        created_by=by,
        created_ms=day * DAY,
        updated_ms=None if changed is None else changed * DAY,
        performance=performance,
    )


def filled(project: Project) -> Project:
    """Six rows: nobody's; one label; two people's; one skipped beside a good one; all skipped; with a benchmark."""
    write_rows(
        project,
        [
            row("nobody", status="to_label"),
            row("plain", labels=[made(ANN, box("car", left=1))]),
            row(
                "two",
                labels=[
                    made(ANN, box("car", left=2), answer(), day=1, changed=9),
                    made(BO, box("van", left=4), box("van", left=6), day=2),
                ],
            ),
            row(
                "half",
                labels=[
                    made(ANN, box("wrong", left=8), answer("quality", "bad"), skipped=True),
                    made(BO, box("car", left=10), day=2),
                ],
            ),
            row("skipped", labels=[made(BO, box("wrong", left=12), skipped=True)], status="skipped"),
            row(
                "benchmark",
                labels=[
                    made(ANN, box("car", left=14), benchmark_reference_label=True),
                    made(BO, box("van", left=16), day=2, skipped=False),
                    made(BO, box("wrong", left=18), day=3, skipped=True, benchmark_reference_label=True),
                ],
            ),
        ],
    )
    return project


def export(project: Project, format: str, labels: str | None = None, **body: Any) -> ExportReport:
    chosen = {} if labels is None else {"labels": labels}
    spec = ExportSpec.parse({"format": format, **chosen, **body}, project)
    report = actions.run_now(project=project, spec=spec, actor=SHELL)
    assert report.status in (statuses.COMPLETED, statuses.PARTIAL), report.error
    return report


def content(report: ExportReport) -> bytes:
    return (delivery_folder(report) / report.artifacts.exclude(name__contains="errors").get().name).read_bytes()


def rows_of(report: ExportReport) -> dict[str, list[tuple[str, list[str]]]]:
    """Key of each row in a json or ndjson → its labels: whose, and the names of their objects."""
    raw = content(report)
    documents = json.loads(raw) if report.format == "json" else [json.loads(line) for line in raw.splitlines()]
    found = {}
    for document in documents:
        (project,) = document["projects"].values()
        found[document["data_row"]["global_key"]] = [
            (label["label_details"]["created_by"], [one["name"] for one in label["annotations"]["objects"]])
            for label in project["labels"]
        ]
    return found


def boxes_of(report: ExportReport) -> dict[str, list[tuple[str, float]]]:
    """Key of each row → class and left side of its boxes, whatever the format: in the order of the file."""
    raw = content(report)
    found: dict[str, list[tuple[str, float]]] = {}
    if report.format in ("json", "ndjson"):
        documents = json.loads(raw) if report.format == "json" else [json.loads(line) for line in raw.splitlines()]
        for document in documents:
            (project,) = document["projects"].values()
            boxes = found.setdefault(document["data_row"]["global_key"], [])
            for label in project["labels"]:
                for one in label["annotations"]["objects"]:
                    boxes.append((one["name"], one["bounding_box"]["left"]))
    elif report.format == "csv":
        for line in csv.DictReader(io.StringIO(raw.decode(), newline="")):
            boxes = found.setdefault(line["global_key"], [])
            if line["kind"] == "box":
                boxes.append((line["class"], float(line["left"])))
    elif report.format == "coco_json":
        document = json.loads(raw)
        classes = {one["id"]: one["name"] for one in document["categories"]}
        keys = {one["id"]: one["file_name"].split("-", 1)[-1].removesuffix(".png") for one in document["images"]}
        found = {key: [] for key in keys.values()}
        for one in document["annotations"]:
            found[keys[one["image_id"]]].append((classes[one["category_id"]], one["bbox"][0]))
    return found


def painted(report: ExportReport) -> dict[str, set[str]]:
    """Key of each row in a PNG export → the classes that its mask has."""
    found = {}
    with zipfile.ZipFile(io.BytesIO(content(report))) as archive:
        classes = {one["value"]: one["name"] for one in json.loads(archive.read("classes.json"))["classes"]}
        for line in csv.DictReader(io.StringIO(archive.read("index.csv").decode(), newline="")):
            values = np.unique(np.asarray(Image.open(io.BytesIO(archive.read(line["file"])))))
            found[line["global_key"]] = {classes[value] for value in values.tolist() if value}
    return found
