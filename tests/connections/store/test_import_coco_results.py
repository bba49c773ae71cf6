"""COCO results come in as the predictions of a named model run, by the ids of the project's own COCO exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from connections.models import Project
from connections.store.importers import detect
from connections.store.imports.actions import ImportSpec, import_here
from connections.store.models import ImportRun, StoreModelRun, StorePredictions, StoreRow
from connections.store.upsert import write_rows
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import UserError
from tests.support.rows import box, mask, polygon, row

pytestmark = pytest.mark.django_db
SHELL = Actor(kind="user", name="tester", channel="shell")
BOX = {"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4.5], "score": 0.5}
RUNS = mask()["mask"]


@pytest.fixture
def filled(project: Project, settings: Any, tmp_path: Path) -> Project:
    settings.EXPORTADMIN_HOME = tmp_path / "home"
    settings.EXPORTADMIN_HOME.mkdir()
    write_rows(project, [row("a", box("car")), row("b", polygon("road"))], now_ms=1_000)
    return project


@pytest.fixture
def take(filled: Project, tmp_path: Path) -> Any:
    def take(results: Any, *, name: str = "v7", format: str = "auto") -> ImportRun:
        path = tmp_path / "results.json"
        path.write_text(json.dumps(results))
        spec = ImportSpec(filled.public_id, path.name, format, model_run=name)
        return import_here(spec=spec, path=path, actor=SHELL)

    return take


def found() -> dict[str, list[Any]]:
    return {
        key: [mark for label in orjson.loads(body.replace("\x1e", "")) for mark in label["annotations"]["objects"]]
        for key, body in StorePredictions.objects.values_list("row__global_key", "body")
    }


def test_boxes_rings_and_runs_become_predictions_with_their_scores(take):
    rings = {"image_id": 2, "category_id": 2, "segmentation": [[0, 0, 9, 0, 9, 9]], "score": 1}
    pixels = {"image_id": 1, "category_id": 2, "segmentation": RUNS, "score": 0.25}
    before = list(StoreRow.objects.values())
    run = take([BOX, rings, pixels])
    assert run.summary is not None
    assert (run.format, run.summary["updated"], run.summary["predictions"]) == ("coco_results", 2, 3)
    made = StoreModelRun.objects.get()
    assert (made.name, made.model_name) == ("v7", "COCO results")
    marks = found()
    assert [(mark["name"], mark["confidence"]) for mark in marks["a"]] == [("car", 0.5), ("road", 0.25)]
    assert marks["a"][0]["bounding_box"] == {"top": 2.0, "left": 1.0, "height": 4.5, "width": 3.0}
    assert marks["a"][1]["mask"] == RUNS
    assert marks["b"][0]["polygon"][1] == {"x": 9.0, "y": 0.0}
    assert list(StoreRow.objects.values()) == before


def test_the_same_file_again_changes_nothing_and_another_replaces_what_was_there(take):
    take([BOX])
    again = take([BOX])
    assert (again.summary["unchanged"], again.summary["predictions"]) == (1, 0)
    assert take([{**BOX, "score": 0.75}]).summary["updated"] == 1
    assert [mark["confidence"] for mark in found()["a"]] == [0.75]
    assert StoreModelRun.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"image_id": 99}, "image_id 99 is that of no row of this project"),
        ({"category_id": 7}, "category_id is 7, which is that of no class of this project"),
        ({"score": 12.5}, "score is 12.5; expected a number from 0 to 1"),
        ({"bbox": [1, 2, 3]}, "bbox is [1, 2, 3]; expected left, top, width and height"),
    ],
)
def test_what_is_wrong_refuses_its_image_and_the_others_go_in(take, change, why):
    run = take([{**BOX, **change}, {**BOX, "image_id": 2}])
    assert (run.status, run.summary["refused_count"], run.summary["updated"]) == ("partial", 1, 1)
    from connections.store.imports import files

    (refused,) = files.first_refused(run, 5)
    assert why in refused["reason"]
    assert list(found()) == ["b"]


def test_the_run_has_to_be_named_and_goes_with_this_format_alone(take, filled, tmp_path):
    with pytest.raises(UserError, match="name the model run that made these predictions") as error:
        take([BOX], name="")
    assert error.value.field == "model_run"
    with pytest.raises(UserError, match="leave model_run out"):
        take([], format="ndjson")


def test_results_are_told_by_their_scores(tmp_path):
    path = tmp_path / "r.json"
    path.write_text(json.dumps([BOX]))
    assert detect(path) == "coco_results"
