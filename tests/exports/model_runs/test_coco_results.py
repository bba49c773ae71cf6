"""COCO results: what a model run found, as COCO's evaluation reads it beside the labels of the same rows."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO

from connections.store.upsert import write_rows
from exportadmin.lib.errors import UserError
from exports import actions
from exports.spec.plan import plan
from exports.spec.spec import ExportSpec
from tests.exports.model_runs.runs import SCOPE, SHELL, delivered, export, predicted, scored
from tests.support.rows import answer, box, mask, point, polygon, row

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_folders(tmp_path, settings):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    settings.EXPORTADMIN_HOME = tmp_path / "home"
    settings.EXPORTADMIN_HOME.mkdir()


@pytest.fixture
def filled(project):
    rows = [
        predicted(row("a", box("car"), answer()), scored(box("car"), 0.25), scored(mask("sky"), 0.5)),
        predicted(row("b", polygon("road")), scored(polygon("road"), 0.75), scored(box("car"), None), scored(point())),
        predicted(row("c"), {**box("car"), "name": "", "confidence": 0.5}),
    ]
    assert not write_rows(project, rows, now_ms=1_000).refused
    return project


def loaded(labels: Path, results: Path) -> Any:
    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(labels)).loadRes(str(results))


@pytest.mark.parametrize("results", ["both", "bbox", "segm"])
def test_it_loads_beside_the_labels_of_the_same_rows(filled, results):
    report = export(filled, "coco_results", options={"results": results})
    found = loaded(delivered(export(filled, "coco_json")), delivered(report))
    anns = list(found.dataset["annotations"])
    assert [each["score"] for each in anns] == [0.25, 0.5, 0.75]
    names = {each["id"]: each["name"] for each in found.dataset["categories"]}
    assert [names[each["category_id"]] for each in anns] == ["car", "sky", "road"]
    assert [each["image_id"] for each in anns] == [1, 1, 2]
    assert [list(map(float, each["bbox"])) for each in anns] == [[10, 20, 30, 40], [20, 10, 70, 30], [0, 0, 50, 60]]
    if results != "bbox":
        pixels = [int(np.sum(found.annToMask(each))) for each in anns]
        assert pixels == [30 * 40, 70 * 30, 50 * 60]


def test_what_has_no_score_or_no_place_in_coco_is_left_out_and_counted(filled):
    report = export(filled, "coco_results")
    found = report.check_values
    assert found["predictions"] == {
        "total": 3,
        "by_class": {"car": 1, "road": 1, "sky": 1},
        "by_kind": {"box": 1, "mask": 1, "polygon": 1},
        "by_split": {"none": 3},
        "rows_by_split": {"none": 3},
        "left_out": {"point": 1, "unlabelled": 1, "without_confidence": 1},
    }
    # the labels are not in it either
    assert found["annotations"] == 0
    assert found["left_out_by_format"] == {"box": 1, "classification": 1, "polygon": 1}
    spec = ExportSpec.parse({"format": "coco_results", "scope": SCOPE}, filled)
    assert plan(filled, spec)["predictions"] == found["predictions"]


def test_a_file_without_predictions_is_an_empty_list(project):
    write_rows(project, [predicted(row("a", box()))])
    assert json.loads(delivered(export(project, "coco_results")).read_bytes()) == []


def test_an_outline_in_a_picture_of_unknown_size_is_refused(project):
    rows = [predicted(row(key, box()), scored(polygon("road"))) for key in ("a", "b", "c")]
    rows[1].media_attributes = {}
    write_rows(project, rows)
    report = export(project, "coco_results", max_refused=1)
    assert report.status == "partial"
    assert report.check_values["rows_refused"] == {"no_size": 1}
    assert report.check_values["predictions"]["total"] == 2
    assert export(project, "coco_results", options={"results": "bbox"}).check_values["predictions"]["total"] == 3


def test_an_outline_that_no_memory_holds_refuses_its_row(project):
    side = 1e7
    far = [(0.0, 0.0), (side, 0.0), (side, side), (0.0, side)]
    rows = [predicted(row("a", box()), scored(polygon("road", *far))), predicted(row("b", box()), scored(polygon()))]
    write_rows(project, rows)
    report = export(project, "coco_results", max_refused=1)
    assert report.check_values["rows_refused"] == {"unreadable": 1}
    assert report.check_values["predictions"]["total"] == 1


def test_a_mask_that_is_an_address_is_left_out_and_counted_and_its_row_is_not_refused(project):
    address = {**scored(mask("sky")), "mask": {"url": "https://e.test/1.png"}}
    write_rows(project, [predicted(row("a", box()), scored(box("car"), 0.5), address)])
    found = export(project, "coco_results").check_values["predictions"]
    assert (found["total"], found["left_out"]) == (1, {"mask_address": 1})


def test_a_writer_that_loses_a_prediction_fails_the_run(filled, monkeypatch):
    from exports.formats.coco_results import CocoResultsFormat

    monkeypatch.setattr(CocoResultsFormat, "predictions_written", lambda self: 2)
    spec = ExportSpec.parse({"format": "coco_results", "scope": SCOPE}, filled)
    report = actions.run_now(project=filled, spec=spec, actor=SHELL)
    assert report.status == "failed"
    assert "3 predictions that COCO results can hold, and it holds 2" in report.error


@pytest.mark.parametrize(
    ("body", "field", "why"),
    [
        ({}, "format", "it goes with the scope model_run"),
        ({"scope": {"kind": "catalog"}, "all_model_runs": True}, "format", "it goes with the scope model_run"),
        ({"scope": SCOPE, "include": []}, "include", "holds nothing without the part predictions"),
    ],
)
def test_it_is_of_a_model_run(filled, body, field, why):
    with pytest.raises(UserError, match=why) as error:
        ExportSpec.parse({"format": "coco_results", **body}, filled)
    assert error.value.field == field
