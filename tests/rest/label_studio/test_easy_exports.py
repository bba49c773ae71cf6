"""Exports without a snapshot."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from connections.store.models import StoreClass, StoreRow
from connections.store.upsert import write_rows
from exportadmin.lib.errors import UserError
from exportadmin.runs import statuses
from exports.models import ExportReport
from tests.rest.label_studio.asking import at, create, faults, report_of
from tests.rest.world import World
from tests.support.label_studio import rows_of

pytestmark = pytest.mark.django_db


def test_tasks_are_named_by_both_ways_of_writing_ids(world: World, monkeypatch: pytest.MonkeyPatch):
    from exports.dialects.label_studio import views

    monkeypatch.setattr(views, "WAIT_SECONDS", 0.0)
    rows = list(StoreRow.objects.filter(project=world.own.project).order_by("number")[:3])
    numbers = [row.number for row in rows]
    client = world.dialect_client("oscar")
    query = f"ids={numbers[0]}&ids={numbers[1]}&ids[]={numbers[2]}&download_all_tasks=True"
    answer = client.get(f"{at(world.own, 'export')}?{query}")
    assert answer.status_code == 503  # nobody makes it here
    report = ExportReport.objects.get(pk=int(answer.json()["detail"].split()[1]))
    assert report.config["filter"] == {"data_row_ids": [row.row_id for row in rows]}
    client.get(at(world.own, "export"))
    newest = ExportReport.objects.order_by("-pk")[0]
    assert newest.config["filter"] == {"labelling": ["labelled", "labelled_and_skipped", "skipped"]}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("ids=999999999", "there is no task 999999999"),
        ("ids=-1", "a whole number"),
        ("ids[]=1e3", "a whole number"),
        ("export_type=NOPE", "NOPE is not supported export format"),
        ("export_type=JSON&exportType=CSV", "are the same"),
        ("download_all_tasks=perhaps", "true or false"),
        ("page=2", "unknown query parameter"),
        ("export_type=YOLO&interpolate_key_frames=true", "goes with JSON alone"),
    ],
)
def test_what_is_asked_wrongly_is_refused_there_too(world: World, query: str, words: str):
    answer = world.dialect_client("oscar").get(f"{at(world.own, 'export')}?{query}")
    assert words in json.dumps(faults(answer))


def test_a_task_with_several_pictures_is_asked_for_by_its_id_and_comes_with_all(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from exports.dialects.label_studio import task_ids

    pictures = [f"https://img.example.test/{n}.png" for n in (1, 2)]
    regions = [
        {
            "id": f"r{n}",
            "type": "rectanglelabels",
            "from_name": "box",
            "to_name": "image",
            "item_index": n,
            "original_width": 100,
            "original_height": 100,
            "value": {"x": 1, "y": 1, "width": 5, "height": 5, "rectanglelabels": ["car"]},
        }
        for n in (0, 1)
    ]
    project = world.own.project
    # a number that a row has: that of its picture, not of this task
    rows = rows_of(
        [
            {"id": number, "data": {"pages": pictures}, "annotations": [{"id": number, "result": regions}]}
            for number in (900_001, 900_002)
        ],
        tmp_path,
    )
    write_rows(project, rows, now_ms=5_000)
    taken = StoreRow.objects.get(project=project, row_id="900002/page-1").number
    assert task_ids.row_ids_of(project, [900_001]) == ["900001/page-1", "900001/page-2"]
    with pytest.raises(UserError, match=f"no task {taken} "):  # a row's number, and no task's id
        task_ids.row_ids_of(project, [taken])
    monkeypatch.setattr(task_ids, "MOST_WITH_SEVERAL", 1)
    with pytest.raises(UserError, match="2 of these tasks have several pictures or are not there; at most 1"):
        task_ids.row_ids_of(project, [900_001, 900_002])


@pytest.mark.parametrize(("media", "tracks"), [("text", []), ("video", ["videorectangle"])])
def test_a_made_config_has_the_controls_of_its_media(world: World, media: str, tracks: list[str]):
    from connections.store.overview import overview
    from exports.dialects.label_studio.labeling_config import labeling_config

    project = world.own.project
    StoreRow.objects.filter(project=project).update(media_type=media)
    figures = overview(project.public_id)
    view = ElementTree.fromstring(labeling_config(project, replace(figures, by_kind={"other": 3, "box": 1})))
    assert {one.get("toName") for one in view if one.get("toName")} == {media}
    assert [one.get("name") for one in view.findall("VideoRectangle")] == tracks
    (control,) = view.findall("Labels")
    assert control.get("name") == "label"
    assert len(control) == StoreClass.objects.filter(project=project, is_question=False).count() > 0


def test_a_task_of_another_project_is_no_task_of_this_one(world: World):
    number = StoreRow.objects.filter(project=world.foreign.project).order_by("-number")[0].number
    StoreRow.objects.filter(project=world.own.project, number=number).delete()
    answer = world.dialect_client("oscar").get(at(world.own, "export"), {"ids": number})
    assert faults(answer) == {"ids": [f"there is no task {number} in this project"]}


def test_it_takes_a_right_to_start_exports_and_one_to_download(world: World):
    assert world.dialect_client("rita").get(at(world.own, "export")).status_code == 403
    assert world.dialect_client("mallory").get(at(world.own, "export")).status_code == 404
    client = world.dialect_client("oscar", "exports:run")
    ExportReport.objects.filter(pk=report_of(create(client, world)).pk).update(status=statuses.COMPLETED)
    report = ExportReport.objects.order_by("-pk")[0]
    ExportReport.objects.filter(pk=world.own.done.pk).update(format="label_studio_json")
    assert client.get(at(world.own, f"exports/{world.own.done.pk}/download")).status_code == 403
    assert report.format == "label_studio_json"


def test_whoever_may_not_download_does_not_wait_and_has_nothing_made(world: World, monkeypatch: pytest.MonkeyPatch):
    from exports.dialects.label_studio import views

    def wait(*_: Any) -> bool:
        raise AssertionError("waits")

    monkeypatch.setattr(views, "wait_for_end", wait)
    client = world.dialect_client("oscar", "exports:run")
    waiting = report_of(create(client, world))
    before = ExportReport.objects.count()
    assert client.get(at(world.own, f"exports/{waiting.pk}/download")).status_code == 403
    assert client.get(at(world.own, "export")).status_code == 403
    assert ExportReport.objects.count() == before
    # nor does whoever asks for the headers alone
    assert world.dialect_client("oscar").head(at(world.own, f"exports/{waiting.pk}/download")).status_code == 503


def test_one_who_waits_takes_one_place(world: World, monkeypatch: pytest.MonkeyPatch):
    from exports.run import waiting

    report = report_of(create(world.dialect_client("oscar"), world))
    answers: list[bool] = []

    def sleep(_: float) -> None:
        """Meanwhile the same one comes again, and another."""
        if not answers:
            answers.append(waiting.wait_for_end(report, 0.0, "user:1"))
            answers.append(waiting.wait_for_end(report, 0.0, "user:2"))
        ExportReport.objects.filter(pk=report.pk).update(status=statuses.COMPLETED)

    monkeypatch.setattr(waiting.time, "sleep", sleep)
    assert waiting.wait_for_end(report, 60.0, "user:1")
    assert answers == [False, True]
    assert waiting.wait_for_end(report, 0.0, "user:1")
