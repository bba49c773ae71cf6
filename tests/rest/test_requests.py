"""What holds for every call: throttling, CSRF, the request id, refusals on the trail, faults in the one shape."""

from __future__ import annotations

import json
import logging

import pytest
from django.test import Client
from rest_framework.throttling import SimpleRateThrottle

from connections.access.tokens import issue_token
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.rest import WrongKeyThrottle
from exports.dialects.label_studio.tokens import refresh_jwt
from exports.models import ExportReport
from tests.rest.world import OWN, SHELL, Rest, World

BODY = {"project": OWN, "format": "csv"}


def refused() -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(event="request.refused").order_by("sequence"))


# --- too many --------------------------------------------------------------------------------------------------------


def test_too_many_requests_are_told_how_long_to_wait_and_are_on_the_trail_once(world: World, monkeypatch):
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": "2/min", "user": "2/min"})
    script = world.script("oscar")
    answers = [script.get("projects/") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 429, 429, 429]
    assert answers[-1].headers["Content-Type"] == "application/problem+json"
    assert answers[-1].json()["code"] == "throttled"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    (entry,) = AuditEntry.objects.filter(event="request.throttled")
    assert (entry.outcome, entry.actor_user_id) == ("refused", world.people["oscar"].pk)


def test_who_is_not_signed_in_is_throttled_too_before_it_is_asked_who_they_are(world: World, monkeypatch):
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": "2/min", "user": "100/min"})
    answers = [Rest().get("projects/") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [401, 401, 429, 429, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 60
    assert Rest().get("projects/", REMOTE_ADDR="203.0.113.9").status_code == 401, "another address has its own share"
    assert world.script("oscar").get("projects/").status_code == 200, "who is known has their own share"


def test_a_request_counts_once(world: World, monkeypatch):
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": "1/min", "user": "3/min"})
    script = world.script("oscar")
    assert [script.get("projects/").status_code for _ in range(4)] == [200, 200, 200, 429]


def test_one_persons_haste_is_nobody_elses_wait(world: World, monkeypatch):
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": "1/min", "user": "1/min"})
    assert world.script("oscar").get("projects/").status_code == 200
    assert world.script("oscar").get("projects/").status_code == 429, "another token of the same person"
    assert world.script("alice").get("projects/").status_code == 200


def test_an_address_that_is_no_address_is_throttled_whatever_it_says_of_itself(world: World, monkeypatch):
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": "2/min", "user": "2/min"})
    statuses = [
        Rest().get("nothing/", headers={"X-Forwarded-For": f"198.51.100.{number}"}).status_code for number in range(3)
    ]
    assert statuses == [404, 404, 429]


@pytest.mark.parametrize("dialect", ["label_studio", "labellerr"])
def test_an_address_that_a_dialect_does_not_have_is_throttled_too(world: World, monkeypatch, dialect: str):
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": "2/min", "user": "9/min"})
    statuses = [Client().get(f"/dialects/{dialect}/nothing/{number}").status_code for number in range(4)]
    assert statuses == [404, 404, 429, 429]


def test_what_is_refused_for_want_of_a_token_takes_nothing_from_what_is_open(world: World, monkeypatch):
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": "2/min", "user": "99/min"})
    token, _ = issue_token(user=world.people["oscar"], name="sdk", scopes=("exports:read",), actor=SHELL)
    right, wrong = json.dumps({"refresh": refresh_jwt(token)}), json.dumps({"refresh": "a.b.c"})
    assert [Rest().get("projects/").status_code for _ in range(3)] == [401, 401, 429]
    assert Rest().get("nothing/").status_code == 404, "what is open has its own share"
    there = "/dialects/label_studio/api"
    sent = {"path": f"{there}/token/refresh/", "content_type": "application/json"}
    for _ in range(4):
        assert Client().get(f"{there}/version").status_code == 200
        assert Client().post(**sent, data=right).status_code == 200, "a right token is not counted"
    monkeypatch.setattr(WrongKeyThrottle, "rate", "1/min")
    assert [Client().post(**sent, data=wrong).status_code for _ in range(2)] == [401, 429]


# --- sessions and CSRF -----------------------------------------------------------------------------------------------


def test_a_session_without_the_csrf_token_changes_nothing(world: World):
    browser = world.browser("oscar", enforce_csrf_checks=True)
    before = ExportReport.objects.count()
    for method, path, body in [
        ("POST", "reports/", BODY),
        ("POST", "reports/plan/", BODY),
        ("POST", f"reports/{world.own.waiting.report_id}/cancel/", None),
        ("PUT", f"configs/{world.own.config.public_id}/", {**BODY, "name": "x"}),
        ("DELETE", f"configs/{world.own.config.public_id}/", None),
        ("POST", "tokens/", {"name": "x", "scopes": ["admin"]}),
    ]:
        answer = browser.generic(method, f"/api/v1/{path}", str(body).replace("'", '"'), "application/json")
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied"), path
        assert "CSRF" in answer.json()["detail"]
    assert ExportReport.objects.count() == before
    world.own.waiting.refresh_from_db()
    assert not world.own.waiting.cancel_requested
    assert len(refused()) == 6
    assert browser.get("/api/v1/reports/").status_code == 200, "looking changes nothing"


def test_a_session_with_the_csrf_token_may(world: World):
    browser = world.browser("oscar", enforce_csrf_checks=True)
    browser.get("/api/v1/explorer/")
    token = browser.cookies["csrftoken"].value
    answer = browser.post("/api/v1/reports/", BODY, "application/json", headers={"X-CSRFToken": token})
    assert answer.status_code == 202


def test_a_token_needs_none(world: World):
    _, key = world.token("oscar")
    assert Rest(key, enforce_csrf_checks=True).post("reports/", BODY).status_code == 202


# --- who asked, and what became of it --------------------------------------------------------------------------------


def test_the_request_id_comes_back_and_stands_in_the_trail(world: World):
    answer = world.script("oscar").post("reports/", BODY)
    (entry,) = AuditEntry.objects.filter(request_id=answer.headers["X-Request-ID"])
    assert (entry.event, entry.object_id) == ("export.requested", answer.json()["report_id"])
    assert (entry.actor_kind, entry.actor_name, entry.channel) == ("token", "script of oscar", "rest")


def test_nobody_puts_a_line_beside_those_of_somebody_elses_request(world: World):
    answer = world.script("oscar").post("reports/", BODY)
    asked = answer.headers["X-Request-ID"]
    again = world.script("mallory").get(f"reports/{world.own.done.report_id}/", headers={"X-Request-ID": asked})
    assert again.headers["X-Request-ID"] == again.json()["request_id"] != asked
    assert AuditEntry.objects.filter(request_id=asked).count() == 1
    (entry,) = refused()
    assert entry.details["caller_request_id"] == asked


def test_a_stranger_who_looks_is_on_the_trail_with_what_was_looked_for(world: World):
    answer = world.script("mallory").get(f"reports/{world.own.done.report_id}/")
    assert answer.status_code == 404
    (entry,) = refused()
    assert (entry.actor_user_id, entry.outcome) == (world.people["mallory"].pk, "refused")
    assert (entry.project_id, entry.object_id) == (world.own.project.public_id, world.own.done.report_id)
    assert entry.details["path"] == f"/api/v1/reports/{world.own.done.report_id}/"
    rita = world.script("rita").get("audit/", {"event": "request.refused"}).json()["results"]
    assert [each["sequence"] for each in rita] == [entry.sequence], "the project's reviewer sees it"


@pytest.mark.parametrize(
    "path", ["projects/{project}/", "artifacts/{artifact}/", "configs/{config}/", "artifacts/{artifact}/download/"]
)
def test_whatever_a_stranger_looks_for(world: World, path: str):
    place = world.foreign
    named = path.format(
        project=place.project.public_id, artifact=place.artifact.public_id, config=place.config.public_id
    )
    assert world.script("oscar").get(named).status_code == 404
    assert [entry.project_id for entry in refused()] == [place.project.public_id]


def test_an_address_of_nothing_is_no_refusal(world: World):
    world.script("mallory").get("reports/nothing/")
    world.script("mallory").get("nothing/")
    assert refused() == []


def test_a_reviewer_who_would_run_something_is_on_the_trail_once(world: World):
    script = world.script("rita")
    assert script.post("reports/", BODY).status_code == 403
    assert script.get(f"artifacts/{world.own.artifact.public_id}/download/").status_code == 403
    assert script.post(f"reports/{world.own.waiting.report_id}/cancel/").status_code == 403
    told = AuditEntry.objects.filter(outcome="refused").order_by("sequence").values_list("event", flat=True)
    assert list(told) == ["export.requested", "artifact.downloaded", "export.cancel_requested"]


def test_a_refusal_that_cannot_be_recorded_is_no_answer_with_data(world: World, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no trail")

    script = world.script("mallory")
    monkeypatch.setattr("exportadmin.audit.noise.record", broken)
    script.client.raise_request_exception = False
    answer = script.get(f"reports/{world.own.done.report_id}/")
    assert answer.status_code == 500
    assert world.own.done.name.encode() not in answer.content


# --- faults ----------------------------------------------------------------------------------------------------------


def test_a_fault_is_a_problem_without_a_traceback_and_the_log_has_it(world: World, monkeypatch, caplog):
    def broken(*_):
        raise ZeroDivisionError("password=hunter2")

    script = world.script("oscar")
    monkeypatch.setattr("exports.api.views.report_answer", broken)
    script.client.raise_request_exception = False
    answer = script.get(f"reports/{world.own.done.report_id}/")
    assert (answer.status_code, answer.json()["code"]) == (500, "fault")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "hunter2" not in answer.content.decode()
    assert "ZeroDivision" not in answer.content.decode()
    (line,) = [record for record in caplog.records if record.levelno == logging.ERROR and record.exc_info]
    assert isinstance(line.exc_info[1], ZeroDivisionError)


def test_a_host_that_is_not_ours_gets_nothing(world: World):
    answer = world.script("oscar").get("reports/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert b"Street" not in answer.content
