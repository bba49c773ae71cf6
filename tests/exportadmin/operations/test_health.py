"""``/healthz`` and ``/readyz``: what they say, to whom, and what they never do."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from django_q.models import OrmQ

from exportadmin.operations import health
from exportadmin.runs import statuses
from exportadmin.runs.worker_seen import WORKER_SECONDS, Workers, missing_worker_text, workers
from tests.pages.reports import make_report
from tests.support.workers import worker_was_seen


@pytest.fixture
def worker_seen(transactional_db):
    worker_was_seen()


def ready(client: Client, **headers: str):
    health.kept.forget()
    return client.get("/readyz", **headers)


def ring(seconds_ago: float) -> None:
    OrmQ.objects.create(key="exportadmin", payload="", lock=timezone.now() - timedelta(seconds=seconds_ago))


def test_healthz_says_ok_and_asks_no_database(client: Client):
    # no database mark on this test: any query would fail it
    client.cookies[settings.SESSION_COOKIE_NAME] = "x" * 32
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_a_probe_comes_by_address_and_in_plain_http(client: Client, transactional_db, worker_seen, settings, address):
    settings.ALLOWED_HOSTS = ["exports.example.org"]
    settings.SECURE_SSL_REDIRECT = True
    assert client.get(address, headers={"Host": "10.0.0.7:8000"}).status_code == 200
    assert client.get("/", headers={"Host": "10.0.0.7:8000"}).status_code == 400


@pytest.mark.parametrize("address", ["/healthz", "/readyz"])
def test_a_probe_changes_nothing_so_it_may_only_look(client: Client, address):
    assert client.post(address).status_code == 405


def test_readyz_is_200_with_every_check_when_all_is_well(client: Client, transactional_db, worker_seen):
    answer = ready(client)
    body = answer.json()
    assert answer.status_code == 200, body
    assert body["status"] == "ready"
    assert {name: check["ok"] for name, check in body["checks"].items()} == {
        "database": True,
        "worker": True,
        "queue": True,
        "artifacts": True,
    }
    assert body["checks"]["queue"]["oldest_run_seconds"] is None


def test_readyz_is_503_until_a_worker_was_seen(client: Client, transactional_db):
    answer = ready(client)
    assert answer.status_code == 503
    assert answer.json()["checks"]["worker"] == {
        "ok": False,
        "seen_seconds_ago": None,
        "reason": "no worker was ever seen",
    }


def test_readyz_is_503_when_the_worker_fell_silent(client: Client, transactional_db):
    worker_was_seen(WORKER_SECONDS + 1)
    assert ready(client).json()["checks"]["worker"]["reason"] == "the worker is silent"
    worker_was_seen(WORKER_SECONDS - 5)
    assert ready(client).status_code == 200


def test_readyz_tells_how_long_the_oldest_run_waits(client: Client, transactional_db, worker_seen, project):
    for age in (10, 400, 90):
        report = make_report(project)
        type(report).objects.filter(pk=report.pk).update(created_at=timezone.now() - timedelta(seconds=age))
    make_report(project, status=statuses.COMPLETED)
    queue = ready(client).json()["checks"]["queue"]
    assert queue["queued"] == 3
    assert 399 <= queue["oldest_run_seconds"] <= 430


def test_a_task_that_nobody_takes_although_a_worker_is_free_is_not_ready(client: Client, transactional_db, worker_seen):
    ring(health.TASK_SECONDS + 5)
    answer = ready(client)
    assert answer.status_code == 503
    assert answer.json()["checks"]["queue"]["reason"] == "no worker takes the tasks although one is free"


def test_tasks_may_wait_while_every_worker_is_at_work(client: Client, transactional_db, worker_seen, project):
    ring(health.TASK_SECONDS + 5)
    worker_was_seen(worker_id="w2", host="elsewhere", slots=1)
    for _ in range(3):
        make_report(project, status=statuses.RUNNING)
    answer = ready(client)
    assert answer.status_code == 200, answer.json()
    assert answer.json()["checks"]["queue"]["oldest_task_seconds"] > health.TASK_SECONDS


def test_a_task_that_was_taken_does_not_count(client: Client, transactional_db, worker_seen):
    ring(-3600)  # django-q2 moves the lock of a task that was taken into the future
    assert ready(client).json()["checks"]["queue"]["oldest_task_seconds"] is None


def test_without_the_database_readyz_is_503_and_tells_no_secret(client: Client, transactional_db, database_gone):
    database_gone()
    answer = ready(client)
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == {"ok": False, "reason": "it does not answer"}
    assert answer.json()["checks"]["queue"] == {"ok": False, "reason": "not known"}
    assert client.get("/healthz").status_code == 200


def test_a_database_that_hangs_costs_one_thread_and_a_bounded_wait(client: Client, monkeypatch):
    gate, lookups = threading.Event(), []

    def hang() -> health.Queue:
        lookups.append(threading.current_thread())
        gate.wait(60)
        return health.Queue(0, 0, None, 0, None, Workers(None, 0))

    monkeypatch.setattr(health, "look_at_queue", hang)
    monkeypatch.setattr(health, "DATABASE_SECONDS", 0.05)
    monkeypatch.setattr(health, "prober", health.Prober(health.look_at_queue))
    try:
        for _ in range(5):
            answer = ready(client)
            assert answer.status_code == 503
            assert answer.json()["checks"]["database"]["reason"] == "no answer within 0.05 s"
        assert len(lookups) == 1
        assert lookups[0].daemon, "it would keep the process from ending"
    finally:
        gate.set()
    lookups[0].join()
    assert health.prober.ask(0.0).queued == 0


def test_a_flood_of_requests_is_no_flood_of_queries(client: Client, monkeypatch):
    lookups = []

    def check_all() -> dict:
        lookups.append(1)
        return {"database": {"ok": True}}

    monkeypatch.setattr(health, "KEPT_SECONDS", 3600.0)
    monkeypatch.setattr(health, "check_all", check_all)
    assert [client.get("/readyz").status_code for _ in range(20)] == [200] * 20
    assert len(lookups) == 1


def test_workers_that_fell_silent_have_no_free_slots(client: Client, transactional_db, worker_seen, project):
    worker_was_seen(WORKER_SECONDS + 1, worker_id="w2", slots=8)
    ring(health.TASK_SECONDS + 5)
    for _ in range(2):
        make_report(project, status=statuses.RUNNING)
    assert ready(client).status_code == 200


def test_a_worker_that_a_clock_saw_in_the_future_is_not_believed_to_live(client: Client, transactional_db):
    worker_was_seen(-2 * WORKER_SECONDS)
    assert workers().slots == 0
    assert "silent" in missing_worker_text()
    assert ready(client).status_code == 503
