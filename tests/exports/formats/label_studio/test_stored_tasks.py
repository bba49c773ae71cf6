"""Tasks that the store keeps beside rows from Label Studio: what an export makes of the row, or not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from connections.models import Project
from connections.rows.body import read_bodies
from connections.rows.label_studio.tasks import FULL, ONLY_ID, Serialization, written_task
from connections.store.models import StoreLabelStudio, StoreRow
from connections.store.removal import Removal
from exportadmin.lib.actor import Actor
from exports import actions
from exports.spec.spec import ExportSpec
from tests.connections.store.importing import write
from tests.exports.formats.label_studio.test_json import HEAD, RESULTS, task
from tests.support.deliveries import delivery_folder
from tests.support.imports import import_file

pytestmark = pytest.mark.django_db(transaction=True)
SHELL = Actor(kind="user", name="tester", channel="shell")
KNOWN = {**HEAD, "completed_by": 3}
# what a task says beside its results, by what it is to show; those that depend on what is asked are not kept
KEPT = {"plain": {}, "ids": {"drafts": [5], "predictions": [6]}, "unlabelled": {"annotations": []}}
NOT_KEPT = {"predictions": {"predictions": [{"id": 6, "result": []}]}, "drafts": {"drafts": [{"id": 5, "result": []}]}}
ASKED: tuple[tuple[str, dict[str, str], dict[str, Any]], ...] = (
    ("label_studio_json", {}, {}),
    ("label_studio_json", {}, {"labels": "all"}),
    ("label_studio_json", {}, {"include": ["label_details"]}),
    ("label_studio_json", {"completed_by": ONLY_ID, "drafts": ONLY_ID, "annotation_history": "no"}, {}),
    ("label_studio_json", {"completed_by": FULL}, {}),
    ("label_studio_json", {"annotations": "usual"}, {"labels": "all"}),
    ("label_studio_json", {"interpolate_key_frames": "yes"}, {}),
    ("label_studio_csv", {}, {"labels": "all"}),
)


def tasks() -> list[dict[str, Any]]:
    """One of each form of result with an annotator's number, and those of the two tables."""
    found = [task(*results) for results in RESULTS.values()]
    found += [task(**more) for more in (*KEPT.values(), *NOT_KEPT.values())]
    for one in found:
        for annotation in one["annotations"]:
            annotation |= KNOWN
    found.append(task())  # whose annotator is an object
    found.append(task() | {"annotations": [{"id": 8, **KNOWN, "result": [], "history": [{"action": "submitted"}]}]})
    two = [{"id": 1, **KNOWN, "result": []}, {"id": 2, **KNOWN, "result": [], "was_cancelled": True}]
    found.append(task() | {"annotations": two})
    return [{**one, "id": number} for number, one in enumerate(found, 1)]


@pytest.fixture
def project(tmp_path: Path, settings) -> Project:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    run = import_file(write(tmp_path, tasks(), "tasks.json"), "Tasks")
    assert run.summary["refused_count"] == 0
    return run.project


def kept() -> dict[int, dict[str, Any]]:
    return {one.row.number: orjson.loads(one.task) for one in StoreLabelStudio.objects.select_related("row")}


def delivered(project: Project, format: str, options: dict[str, str], **more: Any) -> bytes:
    spec = ExportSpec.parse({"format": format, "options": options, **more}, project)
    report = actions.run_now(project=project, spec=spec, actor=SHELL)
    assert report.is_delivered, report.error
    return b"".join((delivery_folder(report) / one.name).read_bytes() for one in report.artifacts.order_by("name"))


def test_a_stored_task_is_what_an_export_makes_of_its_row(project):
    stored = dict(StoreLabelStudio.objects.values_list("row__number", "task"))
    assert len(stored) > len(RESULTS)
    for number, body in StoreRow.objects.values_list("number", "body"):
        (document,) = read_bodies([body.encode()], [])
        for how in (Serialization(), Serialization(completed_by=ONLY_ID, drafts=ONLY_ID, predictions=ONLY_ID)):
            made = written_task(document, number, how)
            if number in stored:
                assert not made.left_out
                assert orjson.dumps(made.task).decode() == stored[number]


def test_it_is_kept_only_where_it_is_the_same_whatever_is_asked(project):
    alone = len(RESULTS) + len(KEPT)
    without = {number for number in range(len(RESULTS) + 1, StoreRow.objects.count() + 1) if number not in kept()}
    # predictions and drafts with more than a number, an annotator that is an object, a history
    assert without == set(range(alone + 1, alone + 5))


@pytest.mark.parametrize(("format", "options", "more"), ASKED)
def test_exports_are_the_same_without_them(project, format, options, more):
    before = delivered(project, format, options, **more)
    StoreLabelStudio.objects.all().delete()
    assert delivered(project, format, options, **more) == before


def test_it_goes_with_what_it_was_made_of(project, tmp_path: Path):
    (first, *rest) = tasks()
    changed = {**first, "drafts": [{"id": 5, "result": []}]}
    moved = {**rest[0], "data": {**rest[0]["data"], "camera": "left"}}
    import_file(write(tmp_path, [changed, moved], "again.json"), "Tasks")
    assert 1 not in kept()
    assert kept()[2]["data"]["camera"] == "left"
    Removal(project, seen=9, reason="test", deleted_by="").remove([StoreRow.objects.get(number=2).pk])
    assert 2 not in kept()
