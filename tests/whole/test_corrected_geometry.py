"""Rows that came from COCO go out, are corrected by somebody's script and come in again: every format follows."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from connections.models import Project
from connections.store.models import ImportRun
from exportadmin.lib.actor import Actor
from exports import actions
from exports.spec.spec import ExportSpec
from tests.support.deliveries import delivery_folder
from tests.support.imports import import_file

pytestmark = pytest.mark.django_db(transaction=True)
SHELL = Actor(kind="user", name="tester", channel="shell")
COCO = {
    "images": [{"id": 4, "file_name": "yard.jpg", "width": 64, "height": 48}],
    "categories": [{"id": 1, "name": "tree"}, {"id": 2, "name": "pond"}, {"id": 3, "name": "lawn"}],
    "annotations": [
        {"id": 1, "image_id": 4, "category_id": 1, "bbox": [2, 3, 4, 5], "area": 20, "iscrowd": 0},
        {
            "id": 2,
            "image_id": 4,
            "category_id": 2,
            "segmentation": [[30, 10, 40, 10, 40, 20, 30, 20]],
            "bbox": [30, 10, 10, 10],
            "area": 100,
            "iscrowd": 0,
        },
        {
            "id": 3,
            "image_id": 4,
            "category_id": 3,
            # columns 50 and 51 from row 30 on, of 48
            "segmentation": {"size": [48, 64], "counts": [50 * 48 + 30, 10, 38, 10, 64 * 48 - 51 * 48 - 40]},
            "bbox": [50, 30, 2, 10],
            "area": 20,
            "iscrowd": 1,
        },
    ],
}


def delivered(project: Project, format: str) -> bytes:
    report = actions.run_now(project=project, spec=ExportSpec.parse({"format": format}, project), actor=SHELL)
    assert report.is_delivered, report.error
    (artifact,) = report.artifacts.all()
    return (delivery_folder(report) / artifact.name).read_bytes()


def places(project: Project) -> dict[str, tuple[list[float], float]]:
    """Class → bbox and area as COCO has them, after a look that CSV and the painted pixels have the same."""
    coco = json.loads(delivered(project, "coco_json"))
    names = {each["id"]: each["name"] for each in coco["categories"]}
    found = {names[each["category_id"]]: (each["bbox"], each["area"]) for each in coco["annotations"]}
    lines = csv.DictReader(io.StringIO(delivered(project, "csv").decode(), newline=""))
    sides = ("left", "top", "box_width", "box_height")
    assert {line["class"]: [float(line[side]) for side in sides] for line in lines} == {
        name: box for name, (box, _) in found.items()
    }
    with zipfile.ZipFile(io.BytesIO(delivered(project, "png"))) as archive:
        (mask,) = (name for name in archive.namelist() if name.startswith("masks/"))
        pixels = np.asarray(Image.open(io.BytesIO(archive.read(mask))))
        for each in json.loads(archive.read("classes.json"))["classes"]:
            ys, xs = np.nonzero(pixels == each["value"])
            box, area = found[each["name"]]
            assert [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1] == box
            assert len(xs) == area
    return found


@pytest.fixture
def yard(tmp_path: Path, settings: Any) -> Project:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    (tmp_path / "yard.json").write_text(json.dumps(COCO))
    return import_file(tmp_path / "yard.json", "Yard").project


def test_a_corrected_geometry_is_in_every_format(yard: Project, tmp_path: Path):
    assert places(yard) == {
        "tree": ([2, 3, 4, 5], 20),
        "pond": ([30, 10, 10, 10], 100),
        "lawn": ([50, 30, 2, 10], 20),
    }
    row = json.loads(delivered(yard, "ndjson"))
    tree, pond, lawn = row["projects"][yard.public_id]["labels"][0]["annotations"]["objects"]
    tree["bounding_box"] |= {"left": 3, "height": 6}
    pond["polygon"] = [{"x": x, "y": y} for x, y in ((30, 10), (33, 10), (33, 30), (30, 30))]
    lawn["mask"]["counts"] = [51 * 48 + 30, 10, 64 * 48 - 51 * 48 - 40]
    (tmp_path / "corrected.ndjson").write_text(json.dumps(row))
    assert ImportRun.objects.get().summary["notes"] == []
    summary = import_file(tmp_path / "corrected.ndjson", "Yard").summary
    assert (summary["updated"], summary["refused_count"]) == (1, 0)
    (note,) = (note for note in summary["notes"] if note["kind"] == "changed")
    assert note["count"] == 3
    assert note["example"].endswith(": bbox [2, 3, 4, 5] is [3.0,3.0,4.0,6.0] (annotation 1)")
    assert places(yard) == {
        "tree": ([3, 3, 4, 6], 24),
        "pond": ([30, 10, 3, 20], 60),
        "lawn": ([51, 30, 1, 10], 10),
    }


def test_a_polygon_that_was_corrected_in_one_of_two_places_is_refused(yard: Project, tmp_path: Path):
    """With several rings the first one stands twice in a row: which of two different ones is right nobody can tell."""
    row = json.loads(delivered(yard, "ndjson"))
    pond = row["projects"][yard.public_id]["labels"][0]["annotations"]["objects"][1]
    far = [{"x": x, "y": y} for x, y in ((50, 10), (60, 10), (60, 20))]
    pond["polygons"] = [pond["polygon"], far]
    (tmp_path / "rows.ndjson").write_text(json.dumps(row))
    assert import_file(tmp_path / "rows.ndjson", "Yard").summary["updated"] == 1
    pond["polygon"] = far
    (tmp_path / "rows.ndjson").write_text(json.dumps(row))
    run = import_file(tmp_path / "rows.ndjson", "Yard")
    assert (run.summary["refused_count"], run.summary["rows"]) == (1, 1)
    assert "polygon is not the first ring of polygons" in delivered_refusal(run)


def delivered_refusal(run: Any) -> str:
    from connections.store.imports import files

    return str(files.first_refused(run, 1))
