"""What a format cannot hold is counted by its name: in the plan, the report, the manifest, REST and the shell."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from connections.models import Project
from connections.rows.counts import BESIDE
from connections.store.import_row import IncomingLabel
from connections.store.upsert import write_rows
from exports.formats import FORMATS
from exports.models import ExportReport
from exports.spec.plan import plan
from exports.spec.spec import ExportSpec
from tests.support.rows import answer, box, point, row

pytestmark = pytest.mark.django_db(transaction=True)

OF_OBJECTS = {"region_answers": 3, "relationships": 2, "predictions": 2, "drafts": 1}
LEFT_OUT = {
    "json": {},
    "ndjson": {},
    "csv": {name: count for name, count in OF_OBJECTS.items() if name != "region_answers"},
    "coco_json": {**OF_OBJECTS, "classification": 1, "point": 1},
    "png": {**OF_OBJECTS, "classification": 1, "point": 1},
}


@pytest.fixture
def told(members: Project, tmp_path: Path, settings: Any) -> Project:
    """Two rows: boxes with answers and a relationship between them, and what Label Studio's model said."""
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    asked = {**box("car"), "classifications": [answer("damage", "dented"), answer("colour", "red")]}
    plate = {**box("plate"), "classifications": [answer("number", "AB 123")]}
    relation = {"name": "part of", "annotation_kind": "UnidirectionalRelationship"}
    labels = [
        IncomingLabel(objects=[asked, plate], classifications=[answer()], relationships=[relation]),
        IncomingLabel(objects=[point()], relationships=[relation]),
    ]
    said = {"label_studio": {"predictions": [{"result": []}, {"result": []}], "drafts": [{}]}}
    write_rows(members, [row("a", labels=labels), row("b", source_extra=said)])
    return members


@pytest.mark.parametrize("format", sorted(LEFT_OUT))
def test_it_is_counted_alike_wherever_check_values_are(format: str, told: Project, alice: Any, tmp_path: Path):
    expected = LEFT_OUT[format]
    assert plan(told, ExportSpec.parse({"format": format}, told))["left_out_by_format"] == expected
    out = io.StringIO()
    call_command("run_export", told.name, format=format, output=tmp_path / "out", stdout=out)
    report = ExportReport.objects.get()
    assert report.check_values is not None
    assert report.check_values["left_out_by_format"] == expected
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["check_values"]["left_out_by_format"] == expected
    assert ("region answers 3" in out.getvalue()) == ("region_answers" in expected)
    client = Client()
    client.force_login(alice)
    found = client.get(f"/api/v1/reports/{report.report_id}/").json()
    assert found["check_values"]["left_out_by_format"] == expected
    page = " ".join(client.get(f"/exports/{report.report_id}/").content.decode().split())
    assert ("Left out: relationships" in page) == bool(expected)
    assert "Every sum adds up." in page


def test_a_plan_says_it_in_words(told: Project):
    warnings = plan(told, ExportSpec.parse({"format": "coco_json"}, told))["warnings"]
    assert "COCO JSON cannot hold 3 answers about single objects: they stay out" in warnings
    assert "COCO JSON cannot hold 2 relationships: they stay out" in warnings
    assert "COCO JSON cannot hold 1 annotations of kind point: they stay out" in warnings


def test_a_format_says_of_all_that_is_beside_annotations_what_it_cannot_hold():
    for key, expected in LEFT_OUT.items():
        assert {name for name in BESIDE if name in FORMATS[key].cannot_hold} == set(expected) & set(BESIDE), key
