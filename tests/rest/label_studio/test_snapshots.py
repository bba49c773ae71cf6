"""What becomes of a snapshot that is asked for: a report, its options, its end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from connections.access.roles import SCOPES
from connections.store.models import StoreProject
from exportadmin.audit.models import AuditEntry
from exportadmin.runs import statuses
from exports.models import ExportReport
from tests.rest.label_studio.asking import JSON, at, create, faults, report_of
from tests.rest.world import World

pytestmark = pytest.mark.django_db


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
