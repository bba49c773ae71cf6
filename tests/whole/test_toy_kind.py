"""A kind of annotation is one class and one registry line: imported, counted, exported, planned, drawn, explained."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from PIL import Image

from connections.models import Project
from connections.rows.checks import BadMark, number
from connections.rows.kinds import KINDS
from connections.rows.kinds.base import Annotation, Kind, Outline
from connections.rows.svg import Drawn
from exports.formats import FORMATS
from exports.models import ExportReport

pytestmark = pytest.mark.django_db(transaction=True)
SIZE = (30, 20)


class Diamond(Kind):
    """``"diamond": {"x", "y", "radius"}``: all that is at most ``radius`` steps away."""

    key, letter, title = "diamond", "d", "Diamond"
    annotation_kinds = ("ImageDiamond",)
    geometry = "diamond"
    in_coco = is_painted = True
    layer = 2

    def outline(self, annotation: Annotation) -> Outline:
        x, y, radius = (annotation["diamond"][side] for side in ("x", "y", "radius"))
        around = [x - radius, y - radius, 2 * radius, 2 * radius]
        return self, json.dumps(around)[1:-1].replace(" ", ""), json.dumps(_corners(annotation)), radius

    def tidy(self, annotation: dict[str, Any], media: dict[str, Any]) -> None:
        sides = annotation["diamond"]
        annotation["diamond"] = {side: number(sides.get(side), f"diamond.{side}") for side in ("x", "y", "radius")}
        if annotation["diamond"]["radius"] <= 0:
            raise BadMark("the diamond has no inside")

    def segmentation(self, annotation: Annotation, geometry: str) -> str:
        return f"[{geometry}]"

    def area(self, shape: Any) -> float:
        return 2.0 * shape * shape

    def paint(self, canvas: Any, annotation: Annotation, value: int) -> None:
        x, y = np.indices(canvas.shape)
        diamond = annotation["diamond"]
        canvas[abs(x - diamond["x"]) + abs(y - diamond["y"]) <= diamond["radius"]] = value

    def draw(self, annotation: Annotation) -> Drawn:
        return Drawn("M1 2L3 4z", 4, (3.0, 4.0))


def _corners(annotation: Annotation) -> list[float]:
    x, y, radius = (annotation["diamond"][side] for side in ("x", "y", "radius"))
    return [x - radius, y, x, y - radius, x + radius, y, x, y + radius]


@pytest.fixture(autouse=True)
def _known() -> Iterator[None]:
    KINDS.register("diamond", Diamond())
    yield
    KINDS.unregister("diamond")


@pytest.fixture
def diamonds(members: Project, tmp_path: Path, settings: Any) -> Project:
    """Two rows with a diamond each; a third one was refused at import."""
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    file = tmp_path / "rows.ndjson"
    file.write_text("\n".join(_row(key, radius) for key, radius in (("a", 3), ("b", 5), ("c", -1))))
    out = io.StringIO()
    with pytest.raises(CommandError, match="import partial"):
        call_command("import_rows", file, project=members.name, format="ndjson", stdout=out)
    assert "2 created + 0 updated + 0 unchanged + 1 refused" in out.getvalue()
    assert "label 1, object 1: the diamond has no inside" in out.getvalue()
    return members


def _row(key: str, radius: int) -> str:
    mark = {"name": "sign", "annotation_kind": "ImageDiamond", "diamond": {"x": 10, "y": 8, "radius": radius}}
    return json.dumps(
        {
            "data_row": {"global_key": key, "row_data": f"https://pictures.test/{key}.jpg"},
            "media_attributes": {"width": SIZE[0], "height": SIZE[1]},
            "projects": {"p": {"labels": [{"annotations": {"objects": [mark]}}]}},
        }
    )


def run(project: Project, key: str, folder: Path) -> tuple[bytes, dict[str, Any]]:
    """The delivered file and the check values of a run in the shell."""
    call_command("run_export", project.name, format=key, output=folder / key, stdout=io.StringIO())
    report = ExportReport.objects.get(format=key)
    return (folder / key / report.artifacts.get().name).read_bytes(), report.check_values


def test_every_format_holds_it_as_it_offers(diamonds: Project, tmp_path: Path):
    coco, values = run(diamonds, "coco_json", tmp_path)
    first = json.loads(coco)["annotations"][0]
    assert (first["bbox"], first["area"]) == ([7.0, 5.0, 6.0, 6.0], 18.0)
    assert first["segmentation"] == [[7.0, 8.0, 10.0, 5.0, 13.0, 8.0, 10.0, 11.0]]
    assert (values["annotations_by_kind"], values["left_out_by_format"]) == ({"diamond": 2}, {})

    lines = list(csv.DictReader(io.StringIO(run(diamonds, "csv", tmp_path)[0].decode(), newline="")))
    assert [(line["kind"], line["class"], line["left"], line["box_width"]) for line in lines] == [
        ("diamond", "sign", "7.0", "6.0"),
        ("diamond", "sign", "5.0", "10.0"),
    ]
    assert json.loads(lines[0]["geometry"]) == first["segmentation"][0]

    with zipfile.ZipFile(io.BytesIO(run(diamonds, "png", tmp_path)[0])) as archive:
        pixels = np.asarray(Image.open(io.BytesIO(archive.read(archive.namelist()[1]))))
    assert (pixels.shape, int(pixels.sum()), pixels[8, 7:14].tolist()) == ((20, 30), 25, [1] * 7)

    rows = run(diamonds, "ndjson", tmp_path)[0].splitlines()
    assert [b'"annotation_kind":"ImageDiamond"' in row for row in rows] == [True, True]


def test_plan_project_preview_and_help_know_it(diamonds: Project, alice: Any, tmp_path: Path):
    client = Client()
    client.force_login(alice)
    plan = client.post(
        "/api/v1/reports/plan/",
        json.dumps({"project": diamonds.public_id, "format": "coco_json"}),
        content_type="application/json",
    ).json()
    assert (plan["annotations_by_kind"], plan["left_out_by_format"]) == ({"diamond": 2}, {})
    assert "diamond" in client.get(f"/projects/{diamonds.public_id}/").content.decode()
    run(diamonds, "ndjson", tmp_path)
    report = ExportReport.objects.get()
    preview = client.get(f"/exports/{report.report_id}/preview/").content.decode()
    drawn = re.findall(r'<path\s+class="(rp-diamond) [^>]* d="(M1 2L3 4z)"', preview)
    assert drawn == [("rp-diamond", "M1 2L3 4z")] * 2
    text = client.get("/help/formats/").content.decode()
    assert '<code class="ea-value">ImageDiamond</code>' in text
    kinds = [[kind.key for kind in each.supported_kinds()] for each in FORMATS.values()]
    holding = [held for held in kinds if "diamond" in held and len(held) < len(KINDS)]
    assert text.count(">diamond<") == len(holding) + 1 > 4  # formats that hold some kinds only, and the list of kinds
