"""The life of a report, through REST: planned, requested, waited for, cancelled, run again, verified."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone

from exportadmin.audit.models import AuditEntry
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from exports.api import views
from exports.formats.ndjson import NdjsonFormat
from exports.models import ExportReport
from exports.run import waiting
from tests.rest.world import OWN, ROWS, World, folder_of, whole

BODY = {"project": OWN, "format": "ndjson"}


def run(report_id: str) -> None:
    """What a worker does with a task."""
    execute("export", ExportReport.objects.get(report_id=report_id).pk)


def in_thread(work) -> threading.Thread:
    def call() -> None:
        try:
            work()
        finally:
            connection.close()  # this thread's own

    thread = threading.Thread(target=call)
    thread.start()
    return thread


def visible_files() -> set[Path]:
    return {path for path in django_settings.ARTIFACTS_DIR.rglob("*") if path.is_file()}


# --- requested -------------------------------------------------------------------------------------------------------


def test_a_request_is_accepted_with_a_place_to_look_and_a_worker_delivers(own_world: World):
    script = own_world.script("oscar")
    body = {**BODY, "name": "Weekly", "description": "for the team", "statuses": ["accepted", "review"]}
    answer = script.post("reports/", body)
    assert answer.status_code == 202
    made = answer.json()
    assert (made["status"], made["group"], made["name"]) == ("queued", "in_progress", "Weekly")
    assert (made["created_by"], made["description"]) == ("script of oscar", "for the team")
    assert (made["check_values"], made["artifacts"], made["finished_at"]) == (None, [], None)
    assert made["config"]["statuses"] == ["accepted", "review"]
    assert answer.headers["Location"] == f"http://testserver/api/v1/reports/{made['report_id']}/"
    run(made["report_id"])
    done = script.get(answer.headers["Location"]).json()
    assert (done["status"], done["group"]) == ("completed", "completed")
    assert done["progress"]["rows_done"] == done["check_values"]["rows_kept"] == ROWS // 2
    (artifact,) = done["artifacts"]
    assert script.get(f"artifacts/{artifact['artifact_id']}/").json() == artifact
    assert script.get(f"reports/{made['report_id']}/artifacts/").json() == [artifact]
    delivered = b"".join(script.get(f"artifacts/{artifact['artifact_id']}/download/").streaming_content)
    assert len(delivered) == artifact["bytes"] == done["check_values"]["bytes"]


def test_a_saved_config_runs_as_it_was_then(own_world: World):
    script = own_world.script("oscar")
    body = {**BODY, "name": "Accepted", "description": "for the team", "statuses": ["accepted"]}
    config = script.post("configs/", body).json()
    made = script.post("reports/", {"project": OWN, "config_id": config["config_id"]}).json()
    assert (made["name"], made["description"]) == ("Accepted", "for the team")
    assert (made["config_id"], made["config"]["statuses"]) == (config["config_id"], ["accepted"])
    own = {"name": "Once", "description": ""}
    other = script.post("reports/", {"project": OWN, "config_id": config["config_id"], **own}).json()
    assert {key: other[key] for key in own} == own
    path = f"configs/{config['config_id']}/"
    changed = script.put(path, {**BODY, "format": "csv", "name": "Rejected", "statuses": ["rejected"]}).json()
    assert changed["config"]["format"] == "csv"
    assert script.get(f"reports/{made['report_id']}/").json()["config"]["statuses"] == ["accepted"]
    assert script.delete(path).status_code == 204
    assert script.get(path).status_code == 404
    assert script.get(f"reports/{made['report_id']}/").json()["config_id"] is None
    assert script.post("reports/", BODY).json()["config_id"] is None
    answer = script.post("reports/", {"project": OWN, "config_id": config["config_id"]})
    assert (answer.status_code, answer.json()["field"]) == (404, "config_id")


def test_a_config_of_another_project_is_no_config_here(own_world: World):
    answer = own_world.script("sue").post("reports/", {"project": OWN, "config_id": own_world.foreign.config.public_id})
    assert (answer.status_code, answer.json()["field"]) == (404, "config_id")
    stays = own_world.script("sue").put(
        f"configs/{own_world.own.config.public_id}/", {**BODY, "name": "x", "project": own_world.foreign.project.name}
    )
    assert (stays.status_code, stays.json()["field"]) == (400, "project")


def test_rows_of_a_json_result_are_read_one_a_line(own_world: World):
    script = own_world.script("oscar")
    made = script.post("reports/", {"project": OWN, "format": "json"}).json()
    run(made["report_id"])
    answer = script.get(f"reports/{made['report_id']}/rows/", {"line": 5, "limit": 2})
    (artifact,) = script.get(f"reports/{made['report_id']}/artifacts/").json()
    document = json.loads(whole(script.get(f"artifacts/{artifact['artifact_id']}/download/")))
    assert [json.loads(line) for line in whole(answer).splitlines()] == document[5:7]


# --- planned ---------------------------------------------------------------------------------------------------------

PLANS = {
    "everything": {"format": "json"},
    "by status": {"format": "ndjson", "statuses": ["accepted", "rejected"]},
    "with annotations": {"format": "coco_json", "filter": {"with_annotations": True}},
    "some keys": {"format": "csv", "filter": {"global_keys": ["row-00001", "row-00002", "nothing"]}},
    "a group and a time": {
        "format": "ndjson",
        "filter": {"workflow_status": ["InReview", "Done"], "updated_after": "1970-01-01"},
    },
    "nothing": {"format": "json", "statuses": ["accepted"], "filter": {"statuses": ["review"]}},
    "changed since": {"format": "json", "filter": {"updated_after": "2020-01-01"}},
    "masks": {"format": "png"},
}


@pytest.mark.parametrize("body", PLANS.values(), ids=PLANS)
def test_a_plan_says_what_the_run_will_count(own_world: World, body):
    script = own_world.script("oscar")
    before = (ExportReport.objects.count(), visible_files())
    answer = script.post("reports/plan/", {"project": OWN, **body})
    assert answer.status_code == 200, answer.content
    planned = answer.json()
    assert (ExportReport.objects.count(), visible_files()) == before, "nothing was run"
    assert planned["stops"] == []
    made = script.post("reports/", {"project": OWN, **body}).json()
    run(made["report_id"])
    counted = script.get(f"reports/{made['report_id']}/").json()["check_values"]
    for key, value in counted.items():
        if key not in ("files", "bytes", "rows_refused", "notes"):
            assert planned[key] == value, key
    assert (planned["rows_kept"] == 0) == any("empty" in words for words in planned["warnings"])
    if body["format"] != "png":  # compressed: the sample is too small to tell
        assert abs(planned["bytes_expected"] - counted["bytes"]) <= 0.3 * counted["bytes"] + 100
    assert AuditEntry.objects.filter(event="export.planned", outcome="done").count() == 1


def test_a_reviewer_plans_nothing_and_that_is_on_the_trail(own_world: World):
    assert own_world.script("rita").post("reports/plan/", BODY).status_code == 403
    (entry,) = AuditEntry.objects.filter(event="export.planned")
    assert (entry.outcome, entry.actor_user_id) == ("refused", own_world.people["rita"].pk)


# --- waited for ------------------------------------------------------------------------------------------------------


def test_waiting_ends_when_the_report_ends(own_world: World, monkeypatch):
    """The clock stands still, so nothing else can end it."""
    looked = threading.Event()

    def sleep(seconds: float) -> None:
        looked.set()
        time.sleep(0.01)

    monkeypatch.setattr(waiting, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=sleep))
    report = own_world.own.waiting

    def end() -> None:
        assert looked.wait(timeout=60)
        ExportReport.objects.filter(pk=report.pk).update(status=statuses.COMPLETED)

    thread = in_thread(end)
    answer = own_world.script("oscar").get(f"reports/{report.report_id}/wait/", {"seconds": 30})
    thread.join()
    assert answer.json()["status"] == "completed"


def test_waiting_ends_when_its_time_is_over(own_world: World, monkeypatch):
    clock = iter(range(100))
    slept: list[float] = []
    monkeypatch.setattr(waiting, "time", SimpleNamespace(monotonic=lambda: next(clock), sleep=slept.append))
    answer = own_world.script("oscar").get(f"reports/{own_world.own.waiting.report_id}/wait/", {"seconds": 3})
    assert (answer.status_code, answer.json()["status"]) == (200, "queued")
    assert slept == [waiting.LOOK_EVERY_SECONDS] * 2


def test_what_has_ended_is_not_waited_for_and_nobody_waits_in_a_full_house(own_world: World, monkeypatch):
    def sleep(seconds: float) -> None:
        raise AssertionError("it waits")

    monkeypatch.setattr(waiting, "time", SimpleNamespace(monotonic=lambda: 0.0, sleep=sleep))
    script = own_world.script("oscar")
    ended = script.get(f"reports/{own_world.own.done.report_id}/wait/")
    assert (ended.json()["status"], ended.get("Retry-After")) == ("completed", None)
    waited = script.get(f"reports/{own_world.own.waiting.report_id}/wait/", {"seconds": 0})
    assert (waited.json()["status"], waited.get("Retry-After")) == ("queued", None)
    monkeypatch.setattr(waiting, "PLACES", threading.BoundedSemaphore(1))
    assert waiting.PLACES.acquire()
    at_once = script.get(f"reports/{own_world.own.waiting.report_id}/wait/")
    # else a script that asks in a loop, as the help shows it, would ask a hundred times a second
    assert (at_once.json()["status"], at_once["Retry-After"]) == ("queued", str(views.ASK_AGAIN_SECONDS))


@pytest.mark.parametrize("seconds", ["-1", "31", "nan", "inf", "soon", "1e3", "1_0", ""])
def test_a_time_to_wait_that_is_none_is_refused(own_world: World, seconds: str):
    answer = own_world.script("oscar").get(f"reports/{own_world.own.waiting.report_id}/wait/", {"seconds": seconds})
    assert (answer.status_code, answer.json()["field"]) == (400, "seconds")


# --- cancelled -------------------------------------------------------------------------------------------------------


def test_what_waits_is_cancelled_at_once(own_world: World):
    script = own_world.script("oscar")
    path = f"reports/{own_world.own.waiting.report_id}/"
    for _ in range(2):  # twice is no error
        answer = script.post(f"{path}cancel/")
        assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")
    run(own_world.own.waiting.report_id)
    assert script.get(path).json()["status"] == "cancelled", "a task that comes late runs nothing"


def test_what_runs_is_cancelled_and_nothing_is_visible(own_world: World, monkeypatch):
    """The run stands in the middle of its rows while it is cancelled."""
    reading, go_on = threading.Event(), threading.Event()
    rows = NdjsonFormat.rows

    def slowly(writer, batch):
        yield from rows(writer, batch)
        reading.set()
        assert go_on.wait(timeout=60)

    monkeypatch.setattr(NdjsonFormat, "rows", slowly)
    script = own_world.script("oscar")
    before = visible_files()
    made = script.post("reports/", BODY).json()
    path = f"reports/{made['report_id']}/"
    thread = in_thread(lambda: run(made["report_id"]))
    assert reading.wait(timeout=60)
    answer = script.post(f"{path}cancel/")
    assert (answer.status_code, answer.json()["status"]) == (202, "running")
    go_on.set()
    thread.join()
    ended = script.get(path).json()
    assert (ended["status"], ended["artifacts"], ended["check_values"]) == ("cancelled", [], None)
    assert visible_files() == before
    assert script.post(f"{path}cancel/").status_code == 202
    events = AuditEntry.objects.filter(object_id=made["report_id"]).order_by("sequence").values_list("event", flat=True)
    assert [event for event in events if "cancel" in event] == [
        "export.cancel_requested",
        "export.cancelled",
        "export.cancel_requested",
    ]


@pytest.mark.parametrize("which", ["done", "failed"])
def test_what_has_ended_cannot_be_cancelled(own_world: World, which: str):
    report = getattr(own_world.own, which)
    answer = own_world.script("oscar").post(f"reports/{report.report_id}/cancel/")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert report.status in answer.json()["detail"]


# --- run again, verified ---------------------------------------------------------------------------------------------


def test_a_retry_is_a_new_report_with_the_same_description(own_world: World):
    script = own_world.script("oscar")
    answer = script.post(f"reports/{own_world.own.failed.report_id}/retry/")
    assert answer.status_code == 202
    again = answer.json()
    assert again["report_id"] != own_world.own.failed.report_id
    assert (again["retry_of"], again["status"]) == (own_world.own.failed.report_id, "queued")
    assert again["config"] == own_world.own.failed.config
    assert answer.headers["Location"].endswith(f"/reports/{again['report_id']}/")
    run(again["report_id"])
    assert script.get(f"reports/{again['report_id']}/").json()["status"] == "completed"
    assert script.get(f"reports/{own_world.own.failed.report_id}/").json()["status"] == "failed"


def test_what_is_still_under_way_is_not_retried(own_world: World):
    assert own_world.script("oscar").post(f"reports/{own_world.own.waiting.report_id}/retry/").status_code == 409


def test_files_are_deleted_once_and_for_good_with_why(own_world: World):
    script = own_world.script("alice")
    path = f"reports/{own_world.own.done.report_id}/delete-files/"
    folder = folder_of(own_world.own.done)
    assert script.post(path, {"why": "x" * 201}).status_code == 400
    assert script.post(path, {"because": "old"}).status_code == 400
    assert folder.exists()
    answer = script.post(path, {"why": "the vendor is done"})
    assert answer.status_code == 200 and answer.json()["files_removed_at"] is not None
    assert not folder.exists()
    own_world.own.done.refresh_from_db()
    assert own_world.own.done.files_removed_why == "the vendor is done"
    assert script.post(path).status_code == 409


def test_a_delivery_is_verified_by_whoever_may_see_it(own_world: World):
    script = own_world.script("rita")
    path = f"reports/{own_world.own.done.report_id}/verify/"
    good = script.post(path).json()
    assert (good["ok"], good["problems"], good["files"]) == (True, [], 1)
    file = folder_of(own_world.own.done) / own_world.own.artifact.name
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    bad = script.post(path)
    assert (bad.status_code, bad.json()["ok"]) == (200, False)
    assert own_world.own.artifact.name in bad.json()["problems"][0]
    assert str(django_settings.ARTIFACTS_DIR) not in bad.content.decode()
    outcomes = AuditEntry.objects.filter(event="export.verified").order_by("sequence").values_list("outcome", flat=True)
    assert list(outcomes) == ["done", "failed"]


def test_what_was_not_delivered_or_is_gone_is_not_verified(own_world: World):
    script = own_world.script("oscar")
    assert script.post(f"reports/{own_world.own.waiting.report_id}/verify/").status_code == 409
    ExportReport.objects.filter(pk=own_world.own.done.pk).update(
        files_removed_at=timezone.now(), files_removed_why="old"
    )
    assert script.post(f"reports/{own_world.own.done.report_id}/verify/").status_code == 410
    artifact = f"artifacts/{own_world.own.artifact.public_id}/"
    assert script.get(f"{artifact}download/").status_code == 410
    assert script.post(f"{artifact}links/", {}).status_code in (409, 410)
    assert script.get(f"reports/{own_world.own.done.report_id}/rows/").status_code == 410
    assert script.get(f"reports/{own_world.own.done.report_id}/").json()["files_removed_at"] is not None
