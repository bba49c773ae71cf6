"""One line a record; what opens something is never in it; tracebacks are a field."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from urllib.parse import quote

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path, reverse
from django.utils.functional import SimpleLazyObject
from hypothesis import example, given
from hypothesis import strategies as st

from connections.access import invitations
from connections.access.tokens import issue_token
from exportadmin.audit.middleware import current_request_id
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import Actor
from exportadmin.operations import logs
from exportadmin.operations.gunicorn_logs import GunicornLogger
from exportadmin.urls import urlpatterns as product_patterns
from exports.links import actions as link_actions
from tests.pages.reports import deliver
from tests.support.paths import ROOT
from tests.support.shell import plain_environment

SHELL = Actor(kind="user", name="root (shell)", channel="shell")


def _fault(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError("an internal detail")


urlpatterns = [path("exports/l/<str:token>/fault", lambda request, token: _fault(request)), *product_patterns]


@pytest.fixture
def lines():
    """What the product writes to its log from here on: JSON, at every level."""
    written: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    handler = Keep()
    handler.setFormatter(logs.formatter(logs.JSON))
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lambda: [json.loads(line) for line in written]
    root.removeHandler(handler)
    root.setLevel(level)


def format_one(form: str = logs.JSON, message: str = "event", *args: object, **more: object) -> str:
    record = logging.getLogger("some.where").makeRecord(
        "some.where", logging.WARNING, __file__, 1, message, args, more.pop("exc_info", None), extra=more or None
    )
    return logs.formatter(form).format(record)


def of_requests(written: list[dict]) -> list[dict]:
    return [line for line in written if line["logger"] == "exportadmin.request"]


def test_each_request_is_one_line_with_who_what_and_how_long(visitor: Client, alice, lines):
    answer = visitor.get("/exports/?page=1", headers={"X-Request-ID": "from-the-proxy.1"})
    assert answer.status_code == 200
    (line,) = of_requests(lines())
    assert line.pop("duration_ms") >= 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("timestamp"))
    assert line.pop("pid") > 0
    assert line == {
        "level": "info",
        "logger": "exportadmin.request",
        "event": "request",
        "request_id": answer.headers["X-Request-ID"],
        "caller_request_id": "from-the-proxy.1",
        "method": "GET",
        "path": "/exports/",
        "status": 200,
        "user_id": alice.pk,
    }


def test_a_script_is_known_by_its_tokens_user_and_its_key_is_in_no_line(client: Client, oscar, lines):
    _, key = issue_token(user=oscar, name="script", scopes=["exports:read"], actor=SHELL)
    client.get("/api/v1/reports/", headers={"Authorization": f"Bearer {key}"})
    client.get(f"/nowhere/{key}/")
    first, second = of_requests(lines())
    assert (first["user_id"], first["status"]) == (oscar.pk, 200)
    assert (second["user_id"], second["status"]) == (None, 404)
    assert key not in json.dumps(lines())


def test_a_line_in_the_log_is_no_reason_to_ask_the_database(rf, lines):
    def ask() -> None:
        raise AssertionError("the log asked who it is")

    request = rf.get("/healthz")
    request.user = SimpleLazyObject(ask)
    assert logs.RequestLogMiddleware(lambda _: HttpResponse())(request).status_code == 200
    (line,) = of_requests(lines())
    assert (line["user_id"], line["level"]) == (None, "debug")


def test_the_secret_of_a_link_and_its_query_are_in_no_line(client: Client, project, tmp_path, lines):
    artifact = deliver(project, tmp_path / "delivery")
    _, token = link_actions.issue_link(artifact=artifact, actor=SHELL)
    address = reverse("exports:link", args=[token])
    assert address.startswith("/exports/l/"), "the masking in exportadmin/lib/masking.py goes by this"
    client.get(f"{address}?from=chat-4711")
    client.get(reverse("exports:link_file", args=[token]))
    client.get(f"{address[:-3]}/")
    client.post(address)
    written = json.dumps(lines())
    assert [line["path"] for line in of_requests(lines())] == ["/exports/l/***"] * 4
    assert token not in written
    assert token.partition(".")[2] not in written
    assert "4711" not in written


def test_the_secret_of_an_invitation_is_in_no_line_and_in_no_entry_of_the_trail(client: Client, oscar: User, lines):
    invitation = invitations.invite(username="newcomer", actor=SHELL)[1]
    address = invitations.path_for(invitation)
    client.get(address)
    client.get(f"{address}?from=chat")
    client.get("/sign-in/", headers={"Referer": f"http://testserver/?next={quote(address, safe='')}"})
    logging.getLogger("exportadmin").warning("sent to /sign-in/?next=%s", quote(address, safe=""))
    refused = Client(enforce_csrf_checks=True)
    refused.force_login(oscar)
    assert refused.post(address, {"password": "x"}).status_code == 403
    written = json.dumps(lines())
    assert "%2Faccount%2Finvitation%2F***" in written
    assert [line["path"] for line in of_requests(lines())].count("/account/invitation/***") == 3
    assert [entry.details["path"] for entry in AuditEntry.objects.filter(event="request.refused")] == [
        "/account/invitation/***"
    ]
    kept = "".join(f"{entry.details_json}{entry.reason}" for entry in AuditEntry.objects.all())
    for secret in (invitation, invitation.partition(".")[2]):
        assert secret not in written + kept


@pytest.mark.urls(__name__)
def test_a_fault_is_a_line_with_its_traceback_and_users_see_none(visitor: Client, lines):
    answer = visitor.get("/exports/l/abc.verysecret/fault?key=4711")
    assert answer.status_code == 500
    assert "Traceback" not in answer.content.decode()
    (fault,) = [line for line in lines() if "traceback" in line]
    assert fault["level"] == "error"
    assert fault["traceback"].startswith("Traceback (most recent call last)")
    assert "ZeroDivisionError: an internal detail" in fault["traceback"]
    assert fault["request_id"] == answer.headers["X-Request-ID"]
    written = json.dumps(lines())
    assert "verysecret" not in written
    assert "4711" not in written
    (line,) = of_requests(lines())
    assert (line["status"], line["level"], line["request_id"]) == (500, "warning", fault["request_id"])


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("GET /exports/l/id.SECRET/file HTTP/1.1", "SECRET"),
        ("Error handling request /exports/l/id.SECRET", "SECRET"),
        ("GET /dialects/labelbox/chunks/abc:SECRET HTTP/1.1", "SECRET"),
        ("to /sign-in/?next=%2Fexports%2Fl%2Fid.SECRET%2F", "SECRET"),
        ("Referer https://exports.example.org/exports/l/id.SECRET/?a=b", "SECRET"),
        ("key ea_0123456789abcdefSECRETSECRETSECRET was given", "SECRET"),
        ("postgresql://user:SECRET@host/name does not answer", "SECRET"),
        ("https://bucket/x?X-Amz-Signature=SECRET&b=1", "SECRET"),
        ("Authorization: Bearer SECRET1SECRET2SECRET3", "SECRET"),
        ("password=SECRET", "SECRET"),
    ],
)
@pytest.mark.parametrize("form", [logs.JSON, logs.PLAIN])
def test_what_opens_something_is_masked_wherever_it_stands(form, text, secret):
    assert secret not in format_one(form, text)
    assert secret not in format_one(form, "%s", text)
    assert secret not in format_one(form, "event", note=text)
    try:
        raise ValueError(text)
    except ValueError:
        assert secret not in format_one(form, "event", exc_info=sys.exc_info())


def test_a_value_under_a_secret_name_is_masked():
    line = json.loads(format_one(extra_password="hunter2", api_key="hunter2", token_id=7))
    assert (line["extra_password"], line["api_key"], line["token_id"]) == ("***", "***", 7)


def test_objects_do_not_reach_a_line(rf):
    line = json.loads(format_one(request=rf.get("/exports/?q=4711"), count=3))
    assert "request" not in line
    assert line["count"] == 3


def test_a_line_outside_of_a_request_has_no_request_id():
    assert "request_id" not in json.loads(format_one())
    token = current_request_id.set("abc")
    try:
        assert json.loads(format_one())["request_id"] == "abc"
    finally:
        current_request_id.reset(token)


@given(st.text(max_size=60))
@example("half \ud800 a pair")
@example("a\nb\r\x1b[31m\u2028c")
def test_any_text_is_one_json_line(text):
    line = format_one(logs.JSON, "%s", text)
    assert not set(line) & {"\n", "\r"}
    assert isinstance(json.loads(line)["event"], str)


@given(st.text(max_size=60))
@example("half \ud800 a pair")
@example("a\nb\r\x1b[31m\u2028c")
def test_nobody_fakes_a_plain_line(text):
    line = format_one(logs.PLAIN, "%s", text, path=text)
    assert len(line.splitlines()) == 1
    assert "\x1b" not in line
    line.encode("utf-8")


def test_plain_text_is_for_people():
    line = format_one(logs.PLAIN, "report %s failed", "abc", status=500)
    assert re.fullmatch(r"\S+Z WARNING some\.where: report abc failed status=500", line)
    try:
        raise ValueError("why")
    except ValueError:
        several = format_one(logs.PLAIN, "event", exc_info=sys.exc_info())
    assert several.splitlines()[1] == "Traceback (most recent call last):"


@pytest.mark.parametrize(("level", "form"), [("LOUD", ""), ("", ""), ("INFO", "yaml")])
def test_a_level_or_form_that_there_is_not_stops_the_start(level, form):
    with pytest.raises(ImproperlyConfigured, match=r"EXPORTADMIN_LOG_.*expected"):
        logs.configuration(level, form)


@pytest.mark.parametrize(("asked", "lowest"), [("DEBUG", "INFO"), ("info", "INFO"), ("ERROR", "ERROR")])
def test_what_libraries_send_for_us_is_never_written_whole(asked, lowest):
    configuration = logs.configuration(asked, logs.JSON)
    assert configuration["root"]["level"] == asked.upper()
    assert {configuration["loggers"][name]["level"] for name in ("botocore", "urllib3", "boto3")} == {lowest}


def test_it_is_plain_on_a_terminal_and_json_elsewhere_unless_told(monkeypatch):
    def chosen(form: str, *, terminal: bool) -> str:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal)
        return logs.configuration("info", form)["formatters"]["lines"]["form"]

    assert [chosen("", terminal=True), chosen("", terminal=False)] == ["plain", "json"]
    assert [chosen("json", terminal=True), chosen("plain", terminal=False)] == ["json", "plain"]


def test_gunicorns_messages_go_the_same_way(lines, capfd):
    from gunicorn.config import Config

    before = {name: list(logging.getLogger(name).handlers) for name in ("gunicorn.error", "gunicorn.access")}
    try:
        GunicornLogger(Config()).error("Error handling request %s", "/exports/l/id.SECRET/file")
        assert [line["event"] for line in lines()] == ["Error handling request /exports/l/***"]
        assert "SECRET" not in capfd.readouterr().err
    finally:
        for name, handlers in before.items():
            logging.getLogger(name).handlers[:] = handlers


@pytest.mark.one_database
@pytest.mark.parametrize("form", ["json", "plain"])
def test_the_program_writes_them_on_stderr(tmp_path, form):
    code = "import django, logging; django.setup(); logging.getLogger('django.request').error('first\\nsecond')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **plain_environment(),
            "DJANGO_SETTINGS_MODULE": "exportadmin.settings",
            "EXPORTADMIN_HOME": str(tmp_path),
            "EXPORTADMIN_LOG_FORMAT": form,
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, "")
    (line,) = done.stderr.splitlines()
    if form == "json":
        assert json.loads(line)["event"] == "first\nsecond"
    else:
        assert line.endswith(r"ERROR django.request: first\x0asecond")
