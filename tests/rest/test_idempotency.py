"""A key makes many equal requests one run; the same key with another request is refused."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.utils import timezone

from exports.idempotency import forget_keys
from exports.models import ExportReport
from tests.rest.world import API, FOREIGN, OWN, Rest, World
from tests.support.cast import PASSWORD
from tests.support.shell import PLAIN_STATIC_FILES, PROGRAMS, Installation

BODY = {"project": OWN, "format": "ndjson", "statuses": ["accepted"], "name": "Nightly"}
MANY = 100


@pytest.fixture
def served(installation: Installation) -> Iterator[tuple[int, str]]:
    """The product's own web server (two processes of four threads) on a port, and a token for it."""
    rows = installation.home / "rows.ndjson"
    labels = [{"data_row": {"id": f"d{n}", "global_key": f"k{n}", "row_data": "x"}, "projects": {}} for n in range(3)]
    rows.write_text("".join(json.dumps(label) + "\n" for label in labels))
    assert installation.run("import_rows", str(rows), "--project", OWN).returncode == 0
    installation.extra["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
    made = installation.run("createsuperuser", "--noinput", "--username", "sue", "--email", "sue@example.test")
    assert made.returncode == 0, made.stderr
    token = installation.run("issue_token", "sue", "--scope", "exports:run").stdout.strip()
    with socket.create_server(("127.0.0.1", 0), backlog=2 * MANY) as listening:
        server = subprocess.Popen(
            [PROGRAMS / "exportadmin", "web", "--bind", f"fd://{listening.fileno()}"],
            env={**installation.environment, **PLAIN_STATIC_FILES},
            cwd=installation.home,
            pass_fds=[listening.fileno()],
            stderr=subprocess.DEVNULL,
        )
        try:
            yield listening.getsockname()[1], token
        finally:
            server.terminate()
            server.wait(timeout=60)


def test_a_hundred_equal_requests_at_the_same_time_are_one_report_and_get_one_answer(
    served: tuple[int, str], installation: Installation
):
    port, token = served
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Idempotency-Key": "night-1"}
    start = threading.Barrier(MANY)
    answers: list[tuple[int, str | None, str]] = []

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        start.wait()
        connection.request("POST", f"{API}reports/", json.dumps(BODY), {**headers, "Connection": "close"})
        answer = connection.getresponse()
        answers.append((answer.status, answer.getheader("Location"), answer.read().decode()))
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(MANY)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == MANY
    assert {status for status, _, _ in answers} == {202}, answers[0]
    assert set(answers) == {answers[0]}
    (report,) = json.loads(installation.run("list_exports", "--json").stdout)
    assert report["report_id"] == json.loads(answers[0][2])["report_id"]
    assert answers[0][1] == f"http://127.0.0.1:{port}{API}reports/{report['report_id']}/"


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


def test_a_token_knows_nothing_of_what_its_person_does_otherwise(world: World):
    """Also not by a key that the person has used elsewhere: a token that is bound to a project learns no report."""
    elsewhere = world.script("sue").post("reports/", {**BODY, "project": FOREIGN}, headers={"Idempotency-Key": "k"})
    _, key = world.token("sue", "exports:run", project=world.own.project)
    answer = Rest(key).post("reports/", BODY, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 202
    assert answer.json()["report_id"] != elsewhere.json()["report_id"]


def test_a_report_of_another_project_is_not_named(world: World):
    script = world.script("sue")
    elsewhere = script.post("reports/", {**BODY, "project": FOREIGN}, headers={"Idempotency-Key": "k"})
    answer = script.post("reports/", BODY, headers={"Idempotency-Key": "k"})
    assert (elsewhere.status_code, answer.status_code) == (202, 409)
    assert elsewhere.json()["report_id"] not in answer.json()["detail"]


def test_a_key_gives_nothing_to_someone_who_may_no_more(world: World):
    script = world.script("oscar")
    script.post("reports/", BODY, headers={"Idempotency-Key": "k"})
    world.own.project.memberships.filter(user=world.people["oscar"]).delete()
    assert script.post("reports/", BODY, headers={"Idempotency-Key": "k"}).status_code == 404


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "\x7f", "\xa0", "\xe9", "a b"])
def test_a_key_that_is_none_is_said(world: World, key: str):
    answer = world.script("oscar").post("reports/", BODY, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["field"]) == (400, "Idempotency-Key")


def test_without_a_key_each_request_is_a_report(world: World):
    script: Rest = world.script("oscar")
    ids = {script.post("reports/", BODY).json()["report_id"] for _ in range(2)}
    assert len(ids) == 2


def test_a_key_is_found_for_thirty_days_and_then_forgotten(world: World, monkeypatch: pytest.MonkeyPatch):
    script: Rest = world.script("oscar")

    def ask() -> str:
        return str(script.post("reports/", BODY, headers={"Idempotency-Key": "k"}).json()["report_id"])

    first = ask()
    made = ExportReport.objects.filter(report_id=first)
    made.update(created_at=timezone.now() - timedelta(days=29, hours=23))
    assert (forget_keys(), ask()) == (0, first)
    made.update(created_at=timezone.now() - timedelta(days=30, hours=1))
    assert (forget_keys(), forget_keys()) == (1, 0)
    second = ask()
    assert second != first
    monkeypatch.setenv("EXPORTADMIN_IDEMPOTENCY_DAYS", "1")
    ExportReport.objects.filter(report_id=second).update(created_at=timezone.now() - timedelta(days=2))
    assert forget_keys() == 1
