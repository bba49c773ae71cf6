"""What becomes of one request of Label Studio's SDK here: reports, keys, permissions, the trail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jwt
import pytest
from django.db import transaction
from django.db.models import F, Prefetch
from django.test import Client
from django.utils import timezone

from connections.access.models import ApiToken
from connections.access.roles import SCOPES
from connections.models import Project
from connections.store.models import StoreClass, StoreProject, StoreRow
from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.errors import UserError
from exportadmin.runs import statuses
from exports import actions
from exports.dialects.label_studio import tokens
from exports.models import ExportConfig, ExportReport
from exports.spec.spec import ExportSpec
from tests.rest.world import SHELL, Place, World
from tests.support.label_studio import rows_of

pytestmark = pytest.mark.django_db
BASE = "/dialects/label_studio/api"
JSON = "application/json"


@pytest.fixture
def world(standing_world: World) -> Iterator[World]:
    with transaction.atomic():
        yield standing_world
        transaction.set_rollback(True)


def at(place: Place, rest: str = "") -> str:
    return f"{BASE}/projects/{place.project.pk}/{rest}"


def post(client: Client, address: str, body: Any = None) -> Any:
    return client.post(address, json.dumps(body or {}), content_type=JSON)


def create(client: Client, world: World, body: Any = None) -> Any:
    return post(client, at(world.own, "exports/"), body)


def report_of(answer: Any) -> ExportReport:
    assert answer.status_code == 201, answer.content
    return ExportReport.objects.get(pk=answer.json()["id"])


def faults(answer: Any) -> Any:
    assert answer.status_code == 400, answer.content
    assert answer.json()["detail"] == "Validation error"
    return answer.json()["validation_errors"]


# --- snapshots -----------------------------------------------------------------------------------------------------


def test_it_becomes_a_report_like_any_other_and_says_created(world: World):
    answer = create(world.dialect_client("oscar"), world, {"title": "Weekly"})
    report = report_of(answer)
    assert (report.status, report.name, report.format) == (statuses.QUEUED, "Weekly", "label_studio_json")
    assert report.config["labels"] == "all"
    assert report.config["options"] == {
        "annotations": "all",
        "completed_by": "only_id",
        "drafts": "only_id",
        "predictions": "only_id",
        "annotation_history": "no",
        "interpolate_key_frames": "no",
    }
    said = answer.json()
    assert (said["status"], said["md5"], said["counters"], said["finished_at"]) == ("created", "", {}, None)
    assert said["converted_formats"] == []
    assert said["created_by"]["email"] == "oscar@example.test"
    options = ("task_filter_options", "annotation_filter_options", "serialization_options")
    assert [said[name] for name in options] == [None] * 3
    entry = AuditEntry.objects.filter(event="export.requested").order_by("-sequence")[0]
    assert (entry.channel, entry.actor_name) == ("dialect:label_studio", "script of oscar")


def test_a_body_is_not_needed_and_a_title_is_made(world: World):
    answer = world.dialect_client("oscar").generic("POST", at(world.own, "exports"))
    assert report_of(answer).name.startswith("Street-scenes-at-20")


def test_a_request_sent_again_is_the_same_export_for_two_minutes(world: World):
    """The SDK sends it up to three times when an answer is late."""
    client = world.dialect_client("oscar")
    first = report_of(create(client, world))
    assert report_of(create(client, world)) == first
    assert report_of(create(client, world, {"title": "Other"})) != first
    late = timezone.now() - timedelta(seconds=121)
    ExportReport.objects.filter(pk=first.pk).update(created_at=late)
    assert report_of(create(client, world)) == first  # it is still to be made
    ExportReport.objects.filter(pk=first.pk).update(status=statuses.COMPLETED)
    second = report_of(create(client, world))
    assert second != first
    ExportReport.objects.filter(pk=second.pk).update(status=statuses.FAILED)
    assert report_of(create(client, world)) not in (first, second)


def test_what_was_deleted_or_is_about_to_be_is_no_answer_to_the_same_request(world: World):
    """At once, too: nothing hangs on the clock."""
    client = world.dialect_client("oscar")
    waiting = report_of(create(client, world))
    assert client.delete(at(world.own, f"exports/{waiting.pk}")).status_code == 204
    running = report_of(create(client, world))
    assert running != waiting
    ExportReport.objects.filter(pk=running.pk).update(status=statuses.RUNNING)
    assert client.delete(at(world.own, f"exports/{running.pk}")).status_code == 204
    running.refresh_from_db()
    assert (running.status, running.cancel_requested) == (statuses.RUNNING, True)
    assert report_of(create(client, world)) not in (waiting, running)


def test_once_a_row_has_changed_the_same_request_is_another_export(world: World):
    client = world.dialect_client("oscar")
    first = report_of(create(client, world))
    StoreProject.objects.filter(project=world.own.project).update(revision=F("revision") + 1)
    assert report_of(create(client, world)) != first


def test_two_tokens_have_exports_of_their_own(world: World):
    one, other = world.dialect_client("oscar"), world.dialect_client("oscar")
    assert report_of(create(one, world)) != report_of(create(other, world))


def test_what_is_asked_of_tasks_and_annotations_is_asked_of_our_rows(world: World):
    client = world.dialect_client("oscar")
    body = {
        "task_filter_options": {"skipped": "exclude", "annotated": "only", "finished": None},
        "annotation_filter_options": {"ground_truth": True},
        "serialization_options": {"drafts": {}, "annotations__completed_by": {"only_id": False}},
    }
    config = report_of(create(client, world, body)).config
    assert config["filter"] == {"labelling": ["labelled"]}
    assert config["options"]["annotations"] == "usual+ground_truth"  # usual is on where the object is there
    assert (config["options"]["drafts"], config["options"]["predictions"]) == ("full", "only_id")
    assert config["options"]["completed_by"] == "full"


@pytest.mark.parametrize(
    ("options", "states"),
    [
        ({"skipped": "only"}, ["skipped", "labelled_and_skipped"]),
        ({"skipped": "exclude"}, ["unlabelled", "labelled"]),
        ({"finished": "only"}, ["labelled", "skipped", "labelled_and_skipped"]),
        ({"finished": "exclude"}, ["unlabelled"]),
        ({"annotated": "only"}, ["labelled", "labelled_and_skipped"]),
        ({"annotated": "exclude"}, ["unlabelled", "skipped"]),
        ({"only_with_annotations": True}, ["labelled", "skipped", "labelled_and_skipped"]),
        ({"skipped": "only", "annotated": "exclude"}, ["skipped"]),
    ],
)
def test_every_filter_of_tasks_is_a_state_of_their_labels(world: World, options: Any, states: list[str]):
    report = report_of(create(world.dialect_client("oscar"), world, {"task_filter_options": options}))
    assert report.config["filter"] == {"labelling": states}


@pytest.mark.parametrize(
    ("body", "where", "words"),
    [
        ({"priority": 5}, ["priority"], "unknown key; known: title"),
        ({"converted_formats": []}, ["converted_formats"], "unknown key"),
        ({"status": "completed"}, ["status"], "unknown key"),
        ({"title": "x" * 201}, ["title"], "no more than 200"),
        ({"title": "a\nb"}, ["name"], "control character"),
        ({"task_filter_options": None}, ["task_filter_options"], "may not be null"),
        ({"task_filter_options": {"reviewed": "only"}}, ["task_filter_options", "reviewed"], "unknown key"),
        ({"task_filter_options": {"skipped": "include"}}, ["task_filter_options", "skipped"], "known: only, exclude"),
        ({"task_filter_options": {"view": "1; DROP"}}, ["task_filter_options", "view"], "no whole number"),
        ({"task_filter_options": {"view": 10**18}}, ["task_filter_options", "view"], "there is no view"),
        (
            {"task_filter_options": {"finished": "exclude", "annotated": "only"}},
            ["task_filter_options"],
            "exclude each other",
        ),
        (
            {"task_filter_options": {"only_with_annotations": True}, "annotation_filter_options": {}},
            ["task_filter_options", "only_with_annotations"],
            "does not go with",
        ),
        ({"annotation_filter_options": {"usual": False}}, ["annotation_filter_options"], "no sort of annotations"),
        (
            {"serialization_options": {"drafts": {"only_ids": True}}},
            ["serialization_options", "drafts", "only_ids"],
            "unknown key",
        ),
    ],
)
def test_what_it_does_not_know_or_would_select_nothing_is_refused(
    world: World, body: Any, where: list[str], words: str
):
    before = ExportReport.objects.count()
    found = faults(create(world.dialect_client("oscar"), world, body))
    for part in where:
        assert part in found, found
        found = found[part]
    assert words in found[0]
    assert ExportReport.objects.count() == before


@pytest.mark.parametrize("body", ["[]", "0", '""', "null", "false"])
def test_only_a_body_without_a_byte_is_none_at_all(world: World, body: str):
    client = world.dialect_client("oscar")
    before = ExportReport.objects.count()
    answer = client.post(at(world.own, "exports/"), body, content_type=JSON)
    assert faults(answer) == {"non_field_errors": ["a JSON object is expected"]}
    assert ExportReport.objects.count() == before


def test_a_failed_snapshot_says_why_and_has_no_file(world: World):
    client = world.dialect_client("oscar")
    report = report_of(create(client, world))
    ExportReport.objects.filter(pk=report.pk).update(status=statuses.FAILED, error="the disk is full")
    said = client.get(at(world.own, f"exports/{report.pk}")).json()
    assert (said["status"], said["error"], said["md5"], said["counters"]) == ("failed", "the disk is full", "", {})
    answer = client.get(at(world.own, f"exports/{report.pk}/download"), {"exportType": "JSON"})
    assert answer.status_code == 404
    assert "the disk is full" in answer.json()["detail"]


def test_a_snapshot_that_is_being_made_tells_how_far_it_is(world: World):
    client = world.dialect_client("oscar")
    report = report_of(create(client, world))
    ExportReport.objects.filter(pk=report.pk).update(status=statuses.RUNNING, rows_done=250, rows_expected=1000)
    said = client.get(at(world.own, f"exports/{report.pk}")).json()
    assert (said["status"], said["progress"]) == ("in_progress", 0.25)


def test_one_that_waits_is_deleted_by_being_cancelled_and_is_seen_no_more(world: World):
    client = world.dialect_client("oscar")
    report = report_of(create(client, world))
    answer = client.delete(at(world.own, f"exports/{report.pk}"))
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get(at(world.own, f"exports/{report.pk}")).status_code == 404
    assert report.pk not in [one["id"] for one in client.get(at(world.own, "exports/")).json()]
    report.refresh_from_db()
    assert report.status == statuses.CANCELLED


def test_quotas_bound_what_one_can_ask_for(world: World, settings: Any):
    settings.QUOTA_QUEUED_PERSON = 2
    client = world.dialect_client("oscar")
    answers = [create(client, world, {"title": f"Again {n}"}) for n in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert int(answers[2]["Retry-After"]) > 0


@pytest.mark.parametrize("scope", SCOPES)
def test_a_token_can_do_here_what_its_scopes_say(world: World, scope: str):
    client = world.dialect_client("alice", scope, project=world.own.project)
    assert create(client, world).status_code == (201 if "start" in SCOPES[scope][0] else 403)


@pytest.fixture
def completed(world: World) -> ExportReport:
    """A snapshot as its end leaves it; nothing is read of it here."""
    report = report_of(create(world.dialect_client("oscar"), world, {"title": "Made"}))
    made = {"status": statuses.COMPLETED, "rows_done": 40, "check_values": {"md5": "0" * 32, "rows_refused": {}}}
    ExportReport.objects.filter(pk=report.pk).update(**made)
    report.refresh_from_db()
    return report


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


# --- what others have ----------------------------------------------------------------------------------------------


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


# --- sign-in -------------------------------------------------------------------------------------------------------


@pytest.fixture
def token(world: World) -> tuple[ApiToken, str]:
    return world.token("oscar", "exports:read", "exports:run")


def whoami(**headers: str) -> Any:
    return Client(**headers).get(f"{BASE}/current-user/whoami")


def refreshed(refresh: str) -> Any:
    return post(Client(), f"{BASE}/token/refresh/", {"refresh": refresh})


def test_a_key_opens_it_as_a_legacy_token_and_as_an_api_key(token: tuple[ApiToken, str]):
    for headers in ({"HTTP_AUTHORIZATION": f"Token {token[1]}"}, {"HTTP_X_API_KEY": token[1]}):
        assert whoami(**headers).json()["username"] == "oscar"


def test_a_key_is_exchanged_for_a_refresh_token_and_that_for_access(token: tuple[ApiToken, str]):
    made = post(Client(HTTP_AUTHORIZATION=f"Token {token[1]}"), f"{BASE}/token/")
    assert made.status_code == 201
    refresh = made.json()["token"]
    claims = jwt.decode(refresh, options={"verify_signature": False})
    assert claims["token_type"] == "refresh"
    assert token[1] not in refresh
    access = refreshed(refresh).json()["access"]
    claims = jwt.decode(access, options={"verify_signature": False})
    assert 295 <= claims["exp"] - timezone.now().timestamp() <= 300
    assert whoami(HTTP_AUTHORIZATION=f"Bearer {access}").json()["username"] == "oscar"


def test_no_token_is_taken_for_another(token: tuple[ApiToken, str]):
    key, refresh, access = token[1], tokens.refresh_jwt(token[0]), tokens.access_jwt(token[0])
    for header in (f"Bearer {key}", f"Bearer {refresh}", f"Token {access}", f"Token {refresh}", "Token", "Bearer"):
        answer = whoami(HTTP_AUTHORIZATION=header)
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Token"), header
    assert whoami(HTTP_X_API_KEY=access).status_code == 401
    assert refreshed(access).status_code == refreshed(key).status_code == 401
    # an access token would outlive itself
    assert post(Client(HTTP_AUTHORIZATION=f"Bearer {access}"), f"{BASE}/token/").status_code == 401


def test_a_token_that_was_signed_by_others_or_by_nobody_is_refused(token: tuple[ApiToken, str]):
    claims = jwt.decode(tokens.access_jwt(token[0]), options={"verify_signature": False})
    forged = [
        jwt.encode(claims, None, algorithm="none"),
        jwt.encode(claims, "x" * 32, algorithm="HS256"),
        jwt.encode(claims, token[0].digest, algorithm="HS256"),
        tokens.access_jwt(token[0])[:-4] + "AAAA",
    ]
    for text in forged:
        assert whoami(HTTP_AUTHORIZATION=f"Bearer {text}").status_code == 401
        assert refreshed(text).status_code == 401


def test_a_token_of_one_is_not_signed_with_what_another_is(world: World, token: tuple[ApiToken, str]):
    claims = jwt.decode(tokens.access_jwt(token[0]), options={"verify_signature": False})
    other = world.token("sue", "admin")[0]
    theirs = jwt.encode(claims | {"jti": other.public_id}, tokens._key(token[0], "secret"), algorithm="HS256")
    assert whoami(HTTP_AUTHORIZATION=f"Bearer {theirs}").status_code == 401


def test_it_ends_at_once_with_the_token_and_when_its_time_is_over(token: tuple[ApiToken, str], time_machine: Any):
    refresh, access = tokens.refresh_jwt(token[0]), tokens.access_jwt(token[0])
    time_machine.move_to(timezone.now() + timedelta(seconds=301))
    assert whoami(HTTP_AUTHORIZATION=f"Bearer {access}").status_code == 401
    access = refreshed(refresh).json()["access"]
    assert whoami(HTTP_AUTHORIZATION=f"Bearer {access}").status_code == 200
    ApiToken.objects.filter(pk=token[0].pk).update(revoked_at=timezone.now())
    assert whoami(HTTP_AUTHORIZATION=f"Bearer {access}").status_code == 401
    assert refreshed(refresh).status_code == 401


def test_it_stays_known_while_the_secret_key_is_changed(token: tuple[ApiToken, str], settings: Any):
    refresh = tokens.refresh_jwt(token[0])
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another" * 8, [settings.SECRET_KEY]
    assert refreshed(refresh).status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    assert refreshed(refresh).status_code == 401


def test_a_browsers_session_opens_nothing(world: World):
    assert create(world.browser("alice"), world).status_code == 401


def test_a_foreign_host_is_not_repeated_to_anybody(world: World):
    answer = world.dialect_client("oscar").get(f"{BASE}/projects/", {"page_size": 1}, HTTP_HOST="evil.example")
    assert answer.status_code == 400
    assert b"evil.example/" not in answer.content


# --- errors --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["nowhere", "projects/1/nowhere", "projects/x/", "projects/1/exports/1/../../2"])
def test_what_is_not_there_is_told_in_json(world: World, address: str):
    answer = world.dialect_client("oscar").get(f"{BASE}/{address}")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == JSON
    assert set(answer.json()) == {"id", "status_code", "version", "detail", "exc_info"}


def test_both_forms_of_an_address_are_known_and_others_are_not(world: World):
    client = world.dialect_client("oscar")
    for end in ("", "/"):
        assert client.get(f"{BASE}/version{end}").json()["edition"] == "Enterprise"
        assert client.get(f"{BASE}/projects{end}").status_code == 200
        assert client.get(f"{at(world.own)[:-1]}{end}").json()["title"] == world.own.project.name
        assert client.get(f"{at(world.own, 'exports')}{end}").status_code == 200
    assert client.get(f"{at(world.own, 'exports')}//").status_code == 404
    assert client.get(f"{BASE}/projects/{10**17}/").status_code == 404
    assert client.get(f"{BASE}/projects/{10**18}/").status_code == 404
    assert client.patch(at(world.own, "exports/")).status_code == 405


def test_projects_come_in_pages_and_end_as_there(world: World):
    client = world.dialect_client("sue")
    first = client.get(f"{BASE}/projects/", {"page_size": 1}).json()
    assert (first["count"], first["previous"], len(first["results"])) == (2, None, 1)
    again = client.get(f"{BASE}/projects/", {"page_size": 1, "title": "s"}).json()
    assert "title=s" in again["next"]
    assert "page_size=1" in again["next"]
    assert client.get(again["next"]).json()["previous"].count("page=") == 1
    second = client.get(first["next"]).json()
    assert (second["next"], second["results"][0]["id"]) == (None, world.foreign.project.pk)
    assert client.get(f"{BASE}/projects/", {"page": 3, "page_size": 1}).status_code == 404
    assert [one["title"] for one in client.get(f"{BASE}/projects/", {"title": "HARBOUR"}).json()["results"]] == [
        world.foreign.project.name
    ]


def test_a_project_tells_its_figures_and_a_config_made_of_its_ontology(world: World):
    said = world.dialect_client("oscar").get(at(world.own)).json()
    assert said["task_number"] == 40
    assert said["finished_task_number"] >= said["num_tasks_with_annotations"] > 0
    view = ElementTree.fromstring(said["label_config"])
    assert view[0].attrib == {"name": "image", "value": "$image"}
    classes = StoreClass.objects.filter(project=world.own.project, is_question=False)
    (boxes,) = view.findall("RectangleLabels")
    assert boxes.attrib == {"name": "rectangle", "toName": "image"}
    assert [one.get("value") for one in boxes] == list(classes.order_by("number").values_list("name", flat=True))


def test_names_of_classes_are_no_tags(world: World):
    bad = '"/></View><script>'
    StoreClass.objects.create(project=world.own.project, number=99, name=bad)
    said = world.dialect_client("oscar").get(at(world.own)).json()["label_config"]
    assert "<script>" not in said
    assert bad in [one.get("value") for one in ElementTree.fromstring(said).iter("Label")]


# --- views ---------------------------------------------------------------------------------------------------------


def view(**item: Any) -> dict[str, Any]:
    return {"title": "Some", "filters": {"conjunction": "and", "items": [item]}}


def made(client: Client, place: Place, data: Any) -> Any:
    return post(client, f"{BASE}/dm/views/", {"project": place.project.pk, "data": data})


def test_a_view_is_a_saved_config_that_a_snapshot_is_made_with(world: World):
    client = world.dialect_client("oscar")
    data = view(filter="filter:tasks:id", operator="less", type="Number", value=11)
    answer = made(client, world.own, data | {"ordering": [], "type": "list", "hiddenColumns": {"explore": []}})
    assert answer.status_code == 201
    said = answer.json()
    assert said["project"] == world.own.project.pk
    assert said["data"]["filters"]["items"] == [
        {"filter": "filter:tasks:id", "operator": "less_or_equal", "type": "Number", "value": 10}
    ]
    assert client.get(f"{BASE}/dm/views/", {"project": world.own.project.pk}).json() == [said]
    config = ExportConfig.objects.get(pk=said["id"])
    assert (config.name, config.body["filter"]) == ("Some", {"row_numbers": [0, 10]})
    wanted = {"task_filter_options": {"view": said["id"], "annotated": "only"}}
    report = report_of(create(client, world, wanted))
    assert report.config["filter"] == {"row_numbers": [0, 10], "labelling": ["labelled", "labelled_and_skipped"]}


def test_a_view_is_changed_and_deleted(world: World):
    client = world.dialect_client("oscar")
    first = made(client, world.own, {"title": "All"}).json()
    assert [made(client, world.own, {}).json()["data"]["title"] for _ in range(2)] == ["View 3", "View 4"]
    assert "already" in json.dumps(faults(made(client, world.own, {"title": "All"})))
    there = f"{BASE}/dm/views/{first['id']}"
    data = view(filter="filter:tasks:updated_at", operator="greater", type="Datetime", value="2026-01-31T09:30:00.5Z")
    body = json.dumps({"data": data})
    query = {"interaction": "filter", "project": world.own.project.pk}
    changed = client.patch(f"{there}/", body, content_type=JSON, query_params=query)
    assert changed.status_code == 200, changed.content
    (item,) = changed.json()["data"]["filters"]["items"]
    assert (item["operator"], item["value"]) == ("greater", "2026-01-31T09:30:00.500+00:00")
    assert client.get(there).json() == changed.json()
    renamed = client.patch(there, json.dumps({"data": {"title": "Recent"}}), content_type=JSON).json()["data"]
    assert renamed == changed.json()["data"] | {"title": "Recent"}
    assert client.delete(f"{there}/").status_code == 204
    assert client.get(there).status_code == 404


@pytest.mark.parametrize(
    "item",
    [
        {"filter": "filter:tasks:id", "operator": "equal", "type": "Number", "value": 5},
        {"filter": "filter:tasks:id", "operator": "greater_or_equal", "type": "Number", "value": 5},
        {"filter": "filter:tasks:total_annotations", "operator": "equal", "type": "Number", "value": 0},
        {"filter": "filter:tasks:cancelled_annotations", "operator": "greater", "type": "Number", "value": 0},
    ],
)
def test_what_a_view_says_it_says_again(world: World, item: Any):
    said = made(world.dialect_client("oscar"), world.own, view(**item)).json()
    assert said["data"]["filters"]["items"] == [item]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        # what leaked hashes of passwords from the original, bit by bit
        (
            view(
                filter="filter:tasks:updated_by__active_organization__active_users__password",
                operator="regex",
                type="String",
                value=r"^pbkdf2_sha256\$260000\$A",
            ),
            "unknown filter",
        ),
        (view(filter="filter:tasks:auth_token__key", operator="contains", type="String", value="a"), "unknown filter"),
        (view(filter="filter:tasks:id__gte", operator="equal", type="Number", value=1), "unknown filter"),
        (view(filter="filter:tasks:id", operator="regex", type="Number", value="1"), "unknown operator"),
        (view(filter="filter:tasks:id", operator="equal", type="String", value="1"), "is a Number"),
        (view(filter="filter:tasks:id", operator="equal", type="Number", value="1 OR 1"), "no whole number"),
        (view(filter="filter:tasks:id", operator="less", type="Number", value=0), "no task has such an id"),
        (view(filter="filter:tasks:id", operator="in", type="Number", value={"min": 3, "max": 1}), "min is more"),
        (view(filter="filter:tasks:updated_at", operator="greater", type="Datetime", value="soon"), "is not a time"),
        (view(filter="filter:tasks:total_annotations", operator="greater", type="Number", value=2), "only 0"),
        (view(filter=["filter:tasks:id"], operator="equal", type="Number", value=1), "unknown filter"),
        ({"ordering": ["tasks:updated_by__password"]}, "no ordering"),
        ({"selectedItems": {"all": False, "included": [1]}}, "filter by tasks:id"),
        ({"search": "a"}, "unknown key"),
        ({"filters": {"conjunction": "or", "items": [{}, {}]}}, "joined by and"),
        ({"filters": []}, "is an object"),
        ({"title": 7}, "no text"),
    ],
)
def test_no_name_of_a_column_and_nothing_that_is_not_honoured_gets_into_a_view(world: World, data: Any, words: str):
    found = faults(made(world.dialect_client("oscar"), world.own, data))
    assert words in json.dumps(found, ensure_ascii=False)
    assert not ExportConfig.objects.filter(project=world.own.project, body__format="label_studio_json").exists()


def test_a_view_that_is_somebody_elses_is_refused_rather_than_everything_exported(world: World):
    sue, oscar = world.dialect_client("sue"), world.dialect_client("oscar")
    theirs = made(sue, world.foreign, {"title": "Theirs"}).json()["id"]
    for client in (sue, oscar):  # not through this project, whoever may see both
        found = faults(create(client, world, {"task_filter_options": {"view": theirs}}))
        assert found["task_filter_options"]["view"] == [f"there is no view {theirs} of project {world.own.project.pk}"]
    assert oscar.get(f"{BASE}/dm/views/{theirs}").status_code == 404
    assert oscar.delete(f"{BASE}/dm/views/{theirs}/").status_code == 404
    assert made(oscar, world.foreign, {}).status_code == 404


def test_a_config_that_says_more_than_a_view_can_is_no_view_and_stays_whole(world: World):
    """What a view cannot say, a change of its title would take away, and a snapshot made with it not have."""
    client = world.dialect_client("oscar")
    plain = {"format": "label_studio_json", "labels": "all"}
    mine = made(client, world.own, {"title": "Plain"}).json()["id"]
    for number, more in enumerate(
        (
            {"labels": "latest"},
            {"options": {"drafts": "only_id"}},
            {"include": []},
            {"max_refused": 0.5},
            {"statuses": ["accepted"]},
        )
    ):
        spec = ExportSpec.parse(plain | more, world.own.project)
        config = actions.save_config(project=world.own.project, name=f"Config {number}", spec=spec, actor=SHELL)
        there = f"{BASE}/dm/views/{config.pk}"
        body = json.dumps({"data": {"title": "Renamed"}})
        assert client.get(there).status_code == 404, more
        assert client.patch(there, body, content_type=JSON).status_code == 404, more
        assert "there is no view" in json.dumps(
            faults(create(client, world, {"task_filter_options": {"view": config.pk}}))
        )
        before = config.body
        config.refresh_from_db()
        assert (config.name, config.body) == (f"Config {number}", before)
    listed = client.get(f"{BASE}/dm/views/", {"project": world.own.project.pk}).json()
    assert [one["id"] for one in listed] == [mine]


def test_a_time_without_a_zone_is_of_the_projects(world: World):
    client, project = world.dialect_client("oscar"), world.own.project
    Project.objects.filter(pk=project.pk).update(time_zone="Europe/Warsaw")
    body = {"format": "label_studio_json", "labels": "all", "filter": {"updated_after": "2026-01-31 09:30:00"}}
    config = actions.save_config(
        project=project, name="Recent", spec=ExportSpec.parse(body, project), actor=SHELL, description="as it is"
    )
    there = f"{BASE}/dm/views/{config.pk}"
    (item,) = client.get(there).json()["data"]["filters"]["items"]
    assert item["value"] == "2026-01-31T08:30:00.000+00:00"
    report = report_of(create(client, world, {"task_filter_options": {"view": config.pk}}))
    assert report.config["resolved"] == {"updated_after": item["value"]}
    renamed = client.patch(there, json.dumps({"data": {"title": "Renamed"}}), content_type=JSON).json()
    assert renamed["data"]["filters"]["items"] == [item]
    before = config.body
    config.refresh_from_db()
    assert (config.name, config.body, config.description) == ("Renamed", before, "as it is")


def test_configs_that_no_view_can_say_are_none(world: World):
    for body in (
        {
            "format": "label_studio_json",
            "labels": "all",
            "filter": {"labelling": ["unlabelled", "labelled_and_skipped"]},
        },
        {"format": "label_studio_json", "labels": "all", "filter": {"global_keys": ["a"]}},
        {"format": "label_studio_json", "statuses": ["accepted"]},
        {"format": "csv"},
    ):
        spec = ExportSpec.parse(body, world.own.project)
        actions.save_config(project=world.own.project, name=f"A config {body}"[:200], spec=spec, actor=SHELL)
    client = world.dialect_client("oscar")
    assert client.get(f"{BASE}/dm/views/", {"project": world.own.project.pk}).json() == []


# --- exports without a snapshot ------------------------------------------------------------------------------------


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
