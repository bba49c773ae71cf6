"""Labellerr's own shapes: ids from 0, its words for statuses, its keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connections.models import Project
from connections.store.upsert import write_rows
from exports import actions
from exports.spec.spec import ExportSpec
from tests.rest.world import SHELL
from tests.support.deliveries import delivery_folder
from tests.support.imports import import_file
from tests.support.rows import box, mask, point, polygon, row

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def filled(project: Any, tmp_path: Path, settings: Any) -> Any:
    settings.EXPORTADMIN_HOME = tmp_path
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    rows = [
        row("one.jpg", box("car"), polygon("road"), point("nose"), status="to_label"),
        row("two.jpg", status="accepted"),
        row("three.jpg", mask("sky"), box("car"), status="cr_skipped"),
    ]
    write_rows(project, rows, now_ms=1_700_000_000_000)
    return project


def exported(project: Any, format_key: str, **more: Any) -> tuple[Any, Any]:
    report = actions.run_now(
        project=project,
        spec=ExportSpec.parse({"format": format_key, **more}, project),
        actor=SHELL,
        name="Weekly",
    )
    assert report.status == "completed", report.error
    return report, json.loads((delivery_folder(report) / report.artifacts.get().name).read_bytes())


def test_coco_counts_everything_from_zero(filled: Any):
    report, document = exported(filled, "labellerr_coco")
    assert document["info"]["description"] == "Weekly"
    assert document["info"]["version"] == report.report_id
    assert document["info"]["date_created"] == int(report.created_at.timestamp() * 1000)
    assert [one["id"] for one in document["images"]] == [0, 1, 2]
    assert [one["id"] for one in document["annotations"]] == [0, 1, 2, 3]
    assert [one["id"] for one in document["categories"]] == list(range(len(document["categories"])))
    assert [one["labellerr_file_status"] for one in document["images"]] == ["None", "accepted", "cr_skipped"]
    names = {one["id"]: one["name"] for one in document["categories"]}
    files = {one["id"]: one["file_name"] for one in document["images"]}
    placed = [(files[one["image_id"]], names[one["category_id"]]) for one in document["annotations"]]
    assert placed == [("one.jpg", "car"), ("one.jpg", "road"), ("three.jpg", "sky"), ("three.jpg", "car")]


def test_coco_has_the_places_of_our_own_coco(filled: Any):
    _, theirs = exported(filled, "labellerr_coco")
    _, ours = exported(filled, "coco_json")
    for mark, own in zip(theirs["annotations"], ours["annotations"], strict=True):
        assert (mark["bbox"], mark["area"], mark["iscrowd"]) == (own["bbox"], own["area"], own["iscrowd"])
        assert mark["segmentation"] == (own["segmentation"] or [[]])  # a box has an empty ring there


def test_each_annotation_names_the_object_that_it_is(filled: Any):
    _, coco = exported(filled, "labellerr_coco")
    _, rows = exported(filled, "labellerr_json")
    (first,) = (one for one in rows if one["file_name"] == "one.jpg")
    answers = {one["answer_id"]: one["question_name"] for one in first["latest_answer"]}
    names = {one["id"]: one["name"] for one in coco["categories"]}
    questions = {one["id"]: one["labellerr_question_id"] for one in coco["categories"]}
    for mark in coco["annotations"][:2]:
        assert answers[mark["labellerr_answer_id"]] == names[mark["category_id"]]
    asked = {one["question_name"]: one["question_id"] for one in first["latest_answer"]}
    assert asked["car"] == questions[next(key for key, name in names.items() if name == "car")]


def test_json_has_an_object_a_file_with_all_that_it_holds(filled: Any):
    _, rows = exported(filled, "labellerr_json")
    assert [one["file_status"] for one in rows] == ["None", "accepted", "cr_skipped"]
    assert [len(one["latest_answer"]) for one in rows] == [3, 0, 2]
    assert [one["question_type"] for one in rows[0]["latest_answer"]] == ["box", "polygon", "point"]
    assert rows[0]["latest_answer"][0]["answer"][0]["bounding_box"]["left"] == 10.0
    carried = rows[0]["file_metadata"].pop("additional_metadata")["export_admin"]
    assert carried["data_row"]["global_key"] == "one.jpg"
    assert "bounding_box" not in json.dumps(carried), "what stands under latest_answer is not said twice"
    assert rows[0]["file_metadata"] == {
        "image_width": 160,
        "image_height": 120,
        "file_size": None,
        "file_format": "jpg",
    }


def test_parts_that_were_not_asked_for_are_null(filled: Any):
    for format_key, list_key, status_key in (("labellerr_coco", "images", "labellerr_file_status"),):
        _, document = exported(filled, format_key, include=[])
        assert {one[status_key] for one in document[list_key]} == {None}
        assert {one["date_created"] for one in document[list_key]} == {None}
    _, rows = exported(filled, "labellerr_json", include=[])
    assert {(one["file_status"], one["created_at"]) for one in rows} == {(None, None)}


def test_a_project_comes_back_from_their_json(filled: Any, tmp_path: Path):
    """Every shape at its place, with its class; statuses and ids are the same."""
    report, _ = exported(filled, "labellerr_json")
    path = delivery_folder(report) / report.artifacts.get().name
    copy = Project.objects.create(connection=filled.connection, name="Copy")
    run = import_file(path, copy.name)
    assert (run.format, run.status) == ("labellerr_json", "completed")
    for again in ("labellerr_coco", "coco_json"):
        before, after = exported(filled, again)[1], exported(copy, again)[1]
        assert [_mark(one) for one in after["annotations"]] == [_mark(one) for one in before["annotations"]]
        assert [one["file_name"] for one in after["images"]] == [one["file_name"] for one in before["images"]]
    rows = [exported(project, "labellerr_json")[1] for project in (filled, copy)]
    for mine, theirs in zip(*rows, strict=True):
        assert (mine["file_id"], mine["file_status"]) == (theirs["file_id"], theirs["file_status"])
        assert [one["answer"] for one in mine["latest_answer"]] == [one["answer"] for one in theirs["latest_answer"]]


def _mark(annotation: dict[str, Any]) -> Any:
    return [annotation[key] for key in ("bbox", "area", "segmentation", "iscrowd")]
