"""COCO results come in as the predictions of a named model run, by the ids of the project's own COCO exports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from connections.models import Project
from connections.store.importers.detect import detect
from connections.store.imports.actions import ImportSpec, import_here
from connections.store.models import ImportRun, StoreModelRun, StorePredictions, StoreProject, StoreRow
from connections.store.removal import Removal
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
    def take(results: Any, *, name: str = "v7", format: str = "auto", dataset: str = "") -> ImportRun:
        path = tmp_path / "results.json"
        path.write_text(json.dumps(results))
        spec = ImportSpec(filled.public_id, path.name, format, model_run=name, dataset=dataset)
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
        (
            {"segmentation": mask(height=60, width=80)["mask"]},
            "the mask's size [60, 80] is not the picture's [height, width] = [120, 160]",
        ),
    ],
)
def test_what_is_wrong_refuses_its_image_and_the_others_go_in(take, change, why):
    run = take([{**BOX, **change}, {**BOX, "image_id": 2}])
    assert (run.status, run.summary["refused_count"], run.summary["updated"]) == ("partial", 1, 1)
    from connections.store.imports import files

    (refused,) = files.first_refused(run, 5)
    assert why in refused["reason"]
    assert list(found()) == ["b"]


def test_masks_of_a_picture_of_unknown_size_agree_among_themselves(take, filled):
    unknown = row("c")
    unknown.media_attributes = {}
    write_rows(filled, [unknown])
    results = [{**BOX, "image_id": 3, "segmentation": mask(height=high, width=90)["mask"]} for high in (60, 61)]
    assert take(results[:1]).summary["updated"] == 1
    assert take(results).summary["refused_count"] == 1


def test_rows_of_another_data_set_are_none_of_the_files(take, filled):
    write_rows(filled, [row("north/a", box("car"))])
    run = take([BOX, {**BOX, "image_id": 3}], dataset="north")
    assert (run.summary["updated"], run.summary["refused_count"]) == (1, 1)
    assert list(found()) == ["north/a"]


def test_a_row_that_is_deleted_while_its_results_come_in_is_refused_and_not_made_anew(take, filled, monkeypatch):
    from connections.store.imports import files
    from connections.store.known_project import KnownProject

    keys_of = KnownProject.keys_of

    def and_then_it_is_deleted(self, numbers):
        found = keys_of(self, numbers)
        removal = Removal(filled, seen=StoreProject.objects.get().revision, reason="x", deleted_by="alice")
        removal.remove([StoreRow.objects.get(global_key="a").pk])
        return found

    monkeypatch.setattr(KnownProject, "keys_of", and_then_it_is_deleted)
    run = take([BOX, {**BOX, "image_id": 2}])
    assert (run.summary["created"], run.summary["updated"], run.summary["refused_count"]) == (0, 1, 1)
    (refused,) = files.first_refused(run, 5)
    assert refused["reason"] == "the row with the key 'a' was deleted meanwhile"
    assert [each.global_key for each in StoreRow.objects.all()] == ["b"]


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
