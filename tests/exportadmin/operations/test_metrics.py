"""``/metrics``: the figures are the database's, the cost is constant, and strangers are told that there is nothing."""

from __future__ import annotations

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from connections.access.tokens import issue_token, revoke_token
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.record import head
from exportadmin.lib.actor import Actor
from exportadmin.lib.rest import WrongKeyThrottle
from exportadmin.operations import metrics
from exportadmin.runs import statuses
from exports.models import Artifact, Download
from tests.pages.reports import make_report
from tests.support.workers import worker_was_seen

KEY = "a-long-random-metrics-token-0123456789"
SHELL = Actor(kind="user", name="root (shell)", channel="shell")
ELSEWHERE = "203.0.113.9"


def scrape(client: Client) -> dict[str, float]:
    metrics.kept.forget()
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return {
        sample.name + "".join(f"/{value}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def ask(client: Client, key: str | None, address: str = ELSEWHERE) -> int:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return client.get("/metrics", headers=headers, REMOTE_ADDR=address).status_code


def test_the_figures_are_those_of_the_database(client: Client, project):
    make_report(project, status=statuses.COMPLETED, rows_done=10, bytes_done=1000)
    make_report(project, status=statuses.PARTIAL, rows_done=5, bytes_done=500)
    delivered = make_report(project, status=statuses.COMPLETED, rows_done=1, bytes_done=2)
    make_report(project, status=statuses.FAILED, rows_done=77, bytes_done=7777)
    make_report(project)
    artifact = Artifact.objects.create(report=delivered, name="a", media_type="x/y", bytes=9, sha256="0" * 64)
    for sent, ending in ((9, "complete"), (9, "complete"), (4, "broken off"), (0, "")):
        Download.objects.create(
            artifact=artifact, actor_name="alice", channel="web", bytes_requested=9, bytes_sent=sent, ending=ending
        )
    worker_was_seen()
    found = scrape(client)
    assert {name: found[f"exportadmin_reports/{name}"] for name in statuses.TITLES} == {
        "queued": 1,
        "running": 0,
        "completed": 2,
        "partial": 1,
        "skipped": 0,
        "failed": 1,
        "errored": 0,
        "cancelled": 0,
    }
    assert found["exportadmin_delivered_rows_total"] == 16
    assert found["exportadmin_delivered_bytes_total"] == 1502
    assert found["exportadmin_downloads_total/complete"] == 2
    assert found["exportadmin_downloads_total/broken off"] == 1
    assert found["exportadmin_downloads_total/running"] == 1
    assert found["exportadmin_download_bytes_total"] == 22
    assert found["exportadmin_audit_head_sequence"] == head()[0]
    assert found["exportadmin_database_up"] == 1
    assert found["exportadmin_worker_up"] == 1
    assert 0 <= found["exportadmin_worker_seen_seconds"] < 60


def test_without_anything_every_figure_is_there_and_zero(client: Client, db):
    found = scrape(client)
    assert found["exportadmin_delivered_rows_total"] == found["exportadmin_queue_tasks"] == 0
    assert found["exportadmin_worker_up"] == 0
    assert "exportadmin_worker_seen_seconds" not in found


def test_without_the_database_the_figures_say_so(client: Client, transactional_db, database_gone):
    database_gone()
    found = scrape(client)
    assert found["exportadmin_database_up"] == 0
    assert "exportadmin_reports/queued" not in found


def test_the_number_of_queries_does_not_grow(client: Client, project, django_assert_num_queries):
    for count in (1, 40):
        for _ in range(count):
            report = make_report(project, status=statuses.COMPLETED)
            Artifact.objects.create(report=report, name="a", media_type="x/y", bytes=9, sha256="0" * 64)
        with django_assert_num_queries(11):
            scrape(client)


def test_it_is_computed_once_for_some_seconds(client: Client, db, django_assert_num_queries):
    scrape(client)
    with django_assert_num_queries(0):
        assert client.get("/metrics").status_code == 200


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.2.1", "::1"])
def test_this_machine_may_see_them(client: Client, db, address):
    assert ask(client, None, address) == 200


@pytest.mark.parametrize("address", [ELSEWHERE, "10.0.0.1", "", "unix:"])
def test_for_everybody_else_there_is_nothing_there(client: Client, db, address):
    assert ask(client, None, address) == 404


def test_a_session_opens_nothing(visitor: Client):
    assert ask(visitor, None) == 404


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_what_came_through_a_proxy_on_this_machine_is_not_this_machine(client: Client, db, header):
    assert client.get("/metrics", headers={header: ELSEWHERE}, REMOTE_ADDR="127.0.0.1").status_code == 404


def test_the_metrics_token_opens_them_from_anywhere(client: Client, db, settings):
    assert ask(client, KEY) == 404
    settings.METRICS_TOKEN = KEY
    assert ask(client, KEY) == 200
    assert ask(client, KEY[:-1]) == 404
    assert ask(client, "") == 404


def test_an_empty_setting_is_no_token(client: Client, db, settings):
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}, REMOTE_ADDR=ELSEWHERE).status_code == 404


def test_a_superusers_token_of_scope_admin_opens_them_until_it_is_revoked(client: Client, alice):
    token, key = issue_token(user=alice, name="prometheus", scopes=["admin"], actor=SHELL)
    assert ask(client, key) == 200
    revoke_token(token=token, actor=SHELL)
    assert ask(client, key) == 404


def test_a_lesser_token_opens_nothing(client: Client, alice, oscar, project):
    lesser = [
        issue_token(user=alice, name="reads", scopes=["exports:read", "audit:read"], actor=SHELL)[1],
        issue_token(user=alice, name="bound", scopes=["admin"], project=project, actor=SHELL)[1],
        issue_token(user=oscar, name="no superuser", scopes=["admin"], actor=SHELL)[1],
        "ea_" + "x" * 43,
    ]
    assert [ask(client, key) for key in lesser] == [404] * 4


def test_who_guesses_the_token_has_to_wait_and_whoever_has_it_has_not(client: Client, db, settings, monkeypatch):
    settings.METRICS_TOKEN = KEY
    monkeypatch.setattr(WrongKeyThrottle, "rate", "3/min")
    assert [ask(client, f"guess-{number}") for number in range(6)] == [404, 404, 404, 429, 429, 429]
    answer = client.get("/metrics", headers={"Authorization": "Bearer x"}, REMOTE_ADDR=ELSEWHERE)
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    rest = client.get("/api/v1/projects/", headers={"Authorization": "Bearer ea_x"}, REMOTE_ADDR=ELSEWHERE)
    assert rest.status_code == 429, "wrong tokens are counted together, wherever they are tried"
    assert ask(client, "guess", "203.0.113.77") == 404, "another address has its own share"
    assert ask(client, KEY) == 200
    assert AuditEntry.objects.filter(event="token.refused").count() == 4
    assert AuditEntry.objects.filter(event="request.throttled").count() == 1


def test_a_wrong_token_is_not_better_than_none_on_this_machine(client: Client, db):
    assert ask(client, "ea_wrong", "127.0.0.1") == 404
