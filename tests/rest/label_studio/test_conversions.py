"""What is made of a snapshot, and who may have it."""

from __future__ import annotations

import json

import pytest
from django.db.models import Prefetch
from django.test import Client

from exportadmin.runs import statuses
from exports.models import ExportReport
from tests.rest.label_studio.asking import BASE, at, create, faults, post, report_of
from tests.rest.world import World

pytestmark = pytest.mark.django_db


def test_a_conversion_is_made_once_and_again_only_where_it_failed(world: World, completed: ExportReport):
    client = world.dialect_client("oscar")
    there = at(world.own, f"exports/{completed.pk}")
    first = post(client, f"{there}/convert", {"export_type": "VOC"}).json()
    assert first["export_type"] == "VOC"
    report = ExportReport.objects.get(pk=first["converted_format"])
    assert (report.converted_from, report.format, report.name) == (completed, "voc", "Made as VOC")
    (told,) = client.get(there).json()["converted_formats"]
    assert (told["id"], told["status"], told["export_type"], told["traceback"]) == (report.pk, "created", "VOC", None)
    again = post(client, f"{there}/convert", {"export_type": "VOC"})
    assert faults(again) == {"non_field_errors": ["Conversion to VOC already started"]}
    ExportReport.objects.filter(pk=report.pk).update(status=statuses.FAILED, error="no row has a size")
    (told,) = client.get(there).json()["converted_formats"]
    assert (told["status"], told["error"], told["traceback"]) == ("failed", "no row has a size", "no row has a size")
    answer = client.get(f"{there}/download", {"exportType": "VOC"})
    assert answer.status_code == 404
    assert "no row has a size" in answer.json()["detail"]
    second = post(client, f"{there}/convert", {"export_type": "VOC"}).json()
    assert second["converted_format"] != report.pk
    ExportReport.objects.filter(pk=second["converted_format"]).update(status=statuses.COMPLETED)
    assert "already started" in json.dumps(faults(post(client, f"{there}/convert", {"export_type": "VOC"})))


@pytest.mark.parametrize(
    ("export_type", "format", "options"),
    [
        ("COCO", "label_studio_coco", {"images": "none"}),
        ("COCO_WITH_IMAGES", "label_studio_coco", {"images": "with"}),
        ("YOLO", "yolo", {"shapes": "mixed", "classes": "alphabetical", "images": "none"}),
        ("YOLO_OBB_WITH_IMAGES", "yolo_obb", {"classes": "alphabetical", "images": "with"}),
        ("CSV", "label_studio_csv", {}),
        ("BRUSH_TO_PNG", "brush_to_png", {}),
    ],
)
def test_types_are_formats_of_ours(
    world: World, completed: ExportReport, export_type: str, format: str, options: dict[str, str]
):
    client = world.dialect_client("oscar")
    there = at(world.own, f"exports/{completed.pk}")
    made = post(client, f"{there}/convert", {"export_type": export_type})
    report = ExportReport.objects.get(pk=made.json()["converted_format"])
    assert report.format == format
    assert options.items() <= report.config["options"].items()
    (told,) = client.get(there).json()["converted_formats"]
    assert told["export_type"] == export_type


def test_a_type_with_its_pictures_has_one_name_and_is_downloaded_under_both(world: World, completed: ExportReport):
    client = world.dialect_client("oscar")
    there = at(world.own, f"exports/{completed.pk}")
    body = {"export_type": "COCO", "download_resources": True}
    answer = post(client, f"{there}/convert", body).json()
    assert answer["export_type"] == "COCO_WITH_IMAGES"
    (told,) = client.get(there).json()["converted_formats"]
    assert (told["id"], told["export_type"]) == (answer["converted_format"], "COCO_WITH_IMAGES")
    for asked in (body, {"export_type": "COCO_WITH_IMAGES"}):
        assert "COCO_WITH_IMAGES already started" in json.dumps(faults(post(client, f"{there}/convert", asked)))
    for name in ("COCO", "COCO_WITH_IMAGES"):
        assert client.head(f"{there}/download", {"exportType": name}).status_code == 503  # to be made yet
    assert client.head(f"{there}/download", {"exportType": "YOLO"}).status_code == 404
    bare = post(client, f"{there}/convert", {"export_type": "COCO"}).json()
    ExportReport.objects.filter(pk=bare["converted_format"]).update(status=statuses.FAILED, error="of the bare one")
    assert client.head(f"{there}/download", {"exportType": "COCO"}).status_code == 503
    ExportReport.objects.filter(pk=told["id"]).update(status=statuses.FAILED)
    answer = client.get(f"{there}/download", {"exportType": "COCO"})
    assert "of the bare one" in answer.json()["detail"]


def test_two_that_ask_for_a_conversion_at_once_get_the_same(
    world: World, completed: ExportReport, monkeypatch: pytest.MonkeyPatch
):
    """Neither saw the other's when it looked."""
    from exports.dialects.label_studio import views

    client = world.dialect_client("oscar")
    without = Prefetch("conversions", ExportReport.objects.none())
    seen = ExportReport.objects.select_related("project").prefetch_related(without).get(pk=completed.pk)
    monkeypatch.setattr(views.SnapshotView, "snapshot", lambda *_: seen)
    there = at(world.own, f"exports/{completed.pk}/convert")
    answers = [post(client, there, {"export_type": "VOC"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert completed.conversions.count() == 1


def test_what_a_snapshot_tells_of_people_its_table_tells(world: World):
    client = world.dialect_client("oscar")
    report = report_of(create(client, world, {"serialization_options": {"annotations__completed_by": {}}}))
    ExportReport.objects.filter(pk=report.pk).update(status=statuses.COMPLETED)
    made = post(client, at(world.own, f"exports/{report.pk}/convert"), {"export_type": "JSON_MIN"}).json()
    options = ExportReport.objects.get(pk=made["converted_format"]).config["options"]
    shared = options.keys() & report.config["options"].keys()
    assert {key: options[key] for key in shared} == {key: report.config["options"][key] for key in shared}


def test_what_is_not_made_yet_and_json_itself_are_not_converted(world: World, completed: ExportReport):
    client = world.dialect_client("oscar")
    waiting = report_of(create(client, world, {"title": "Waiting"}))
    for report, export_type, words in (
        (waiting, "VOC", "is created: convert it when it is completed"),
        (completed, "JSON", "the snapshot itself is JSON"),
        (completed, "NOPE", "NOPE is not supported export format"),
    ):
        answer = post(client, at(world.own, f"exports/{report.pk}/convert"), {"export_type": export_type})
        assert words in json.dumps(faults(answer))


def test_nothing_is_deleted_without_the_right_to(world: World, completed: ExportReport):
    """Files are removed by who manages the project."""
    assert world.dialect_client("oscar").delete(at(world.own, f"exports/{completed.pk}")).status_code == 403
    failed = report_of(create(world.dialect_client("alice"), world, {"title": "Failed"}))
    ExportReport.objects.filter(pk=failed.pk).update(status=statuses.FAILED)
    answer = world.dialect_client("alice").delete(at(world.own, f"exports/{failed.pk}"))
    assert "has no files that could be deleted" in json.dumps(faults(answer))
    answer = post(world.dialect_client("oscar"), at(world.own, f"exports/{failed.pk}/convert"), {"export_type": "VOC"})
    assert "holds nothing that could be converted" in json.dumps(faults(answer))  # 409 the SDK would send again


def test_whether_all_may_be_deleted_is_asked_before_any_is(world: World, completed: ExportReport):
    client = world.dialect_client("oscar")
    there = at(world.own, f"exports/{completed.pk}")
    made = post(client, f"{there}/convert", {"export_type": "VOC"}).json()["converted_format"]
    assert client.delete(there).status_code == 403
    assert ExportReport.objects.get(pk=made).status == statuses.QUEUED


def test_formats_are_those_that_the_projects_config_can_fill(world: World):
    listed = world.dialect_client("oscar").get(at(world.own, "export/formats")).json()
    usable = [one["name"] for one in listed if "disabled" not in one]
    assert usable[:4] == ["JSON", "JSON_MIN", "CSV", "TSV"]
    assert {"COCO", "VOC", "YOLO", "BRUSH_TO_PNG"} <= set(usable)
    assert [one["name"] for one in listed if one.get("disabled")][-1] == "DOCLANG"


def test_an_export_of_another_project_is_not_to_be_had_through_this_one(world: World):
    """Convert too: the original takes any project's number there."""
    sue, oscar = world.dialect_client("sue"), world.dialect_client("oscar")
    report = report_of(post(sue, at(world.foreign, "exports/")))
    for client in (sue, oscar):
        mine = at(world.own, f"exports/{report.pk}")
        assert client.get(mine).status_code == 404
        assert client.get(f"{mine}/download").status_code == 404
        assert client.delete(mine).status_code == 404
        assert post(client, f"{mine}/convert", {"export_type": "YOLO"}).status_code == 404
    assert post(oscar, at(world.foreign, f"exports/{report.pk}/convert"), {"export_type": "YOLO"}).status_code == 404
    report.refresh_from_db()
    assert report.status == statuses.QUEUED
    assert not report.conversions.exists()


def test_an_export_in_another_format_is_none_of_these(world: World):
    client = world.dialect_client("oscar")
    assert client.get(at(world.own, f"exports/{world.own.done.pk}")).status_code == 404
    assert client.get(at(world.own, "exports/")).json() == []


def test_a_token_of_one_project_sees_nothing_of_another(world: World):
    token, key = world.token("sue", "admin", project=world.own.project)
    client = Client(HTTP_AUTHORIZATION=f"Token {key}")
    listed = client.get(f"{BASE}/projects/").json()
    assert [one["id"] for one in listed["results"]] == [world.own.project.pk]
    assert client.get(at(world.foreign)).status_code == 404
    assert client.get(f"{BASE}/dm/views/", {"project": world.foreign.project.pk}).status_code == 404
    assert token.project == world.own.project
