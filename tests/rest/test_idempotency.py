"""A key makes many equal requests one run; the same key with another request is refused."""

from __future__ import annotations

import http.client
import json
import threading
from urllib.parse import urlsplit

import pytest

from exports.models import ExportReport
from tests.rest.world import API, OWN, Rest, World

BODY = {"project": OWN, "format": "ndjson", "statuses": ["accepted"], "name": "Nightly"}
MANY = 100


def test_a_hundred_equal_requests_at_the_same_time_are_one_report_and_get_one_answer(world: World, live_server):
    """Over a real server, each on a connection of its own."""
    _, key = world.token("oscar", "exports:run")
    before = ExportReport.objects.count()
    to = urlsplit(live_server.url)
    start = threading.Barrier(MANY)
    answers: list[tuple[int, str | None, dict]] = []

    def ask() -> None:
        connection = http.client.HTTPConnection(to.hostname or "", to.port, timeout=120)
        start.wait()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Idempotency-Key": "night-1"}
        connection.request("POST", f"{API}reports/", json.dumps(BODY), {**headers, "Connection": "close"})
        answer = connection.getresponse()
        answers.append((answer.status, answer.getheader("Location"), json.loads(answer.read())))
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(MANY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == MANY
    assert {status for status, _, _ in answers} == {202}
    assert all(answer == answers[0] for answer in answers)
    assert ExportReport.objects.count() == before + 1
    report = ExportReport.objects.get(report_id=answers[0][2]["report_id"])
    assert answers[0][1] == f"{live_server.url}{API}reports/{report.report_id}/"


@pytest.mark.parametrize(
    "change",
    [
        {"format": "csv"},
        {"statuses": ["review"]},
        {"name": "Other"},
        {"description": "more"},
        {"filter": {"with_annotations": True}},
        {"include": ["attachments"]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_same_key_with_another_request_is_refused_and_makes_nothing(world: World, change):
    script = world.script("oscar")
    first = script.post("reports/", BODY, headers={"Idempotency-Key": "k"})
    count = ExportReport.objects.count()
    other = script.post("reports/", {**BODY, **change}, headers={"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["code"], other.json()["field"]) == (409, "conflict", "Idempotency-Key")
    assert first.json()["report_id"] in other.json()["detail"]
    assert ExportReport.objects.count() == count


def test_the_same_request_written_in_another_order_is_the_same_request(world: World):
    script = world.script("oscar")
    first = script.post("reports/", BODY, headers={"Idempotency-Key": "k"})
    again = script.post("reports/", dict(reversed(BODY.items())), headers={"Idempotency-Key": "k"})
    assert first.json() == again.json()
    assert first.headers["Location"] == again.headers["Location"]


def test_keys_belong_to_the_one_who_uses_them(world: World):
    mine = world.script("oscar").post("reports/", BODY, headers={"Idempotency-Key": "k"})
    hers = world.script("alice").post("reports/", BODY, headers={"Idempotency-Key": "k"})
    assert (mine.status_code, hers.status_code) == (202, 202)
    assert mine.json()["report_id"] != hers.json()["report_id"]


def test_a_key_gives_nothing_to_someone_who_may_no_more(world: World):
    script = world.script("oscar")
    script.post("reports/", BODY, headers={"Idempotency-Key": "k"})
    world.own.project.memberships.filter(user=world.people["oscar"]).delete()
    assert script.post("reports/", BODY, headers={"Idempotency-Key": "k"}).status_code == 404


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "\x7f", "\xa0"])
def test_a_key_that_is_none_is_said(world: World, key: str):
    answer = world.script("oscar").post("reports/", BODY, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["field"]) == (400, "Idempotency-Key")


def test_without_a_key_each_request_is_a_report(world: World):
    script: Rest = world.script("oscar")
    ids = {script.post("reports/", BODY).json()["report_id"] for _ in range(2)}
    assert len(ids) == 2
