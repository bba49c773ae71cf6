"""A library fails with the secret in its words: run, trail, log and pages have them without it."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest
from django.test import Client

from connections.connection_actions import create_connection, grant_connection
from connections.models import Connection
from connections.sinks import SINKS
from connections.sinks.base import Draft, ReportKey
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import USER, Actor
from exportadmin.lib.errors import PermanentError, TransientError
from exportadmin.operations import logs
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from exports import actions
from exports.models import ExportReport
from exports.spec.spec import ExportSpec
from tests.connections.toy import Vault

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "Cn-5f0b/9e+71c4d2"


class Leaky(Vault):
    """Says what it should not."""

    key = "leaky"
    fault: type[Exception] = RuntimeError

    def begin(self, report: ReportKey) -> Draft:
        assert self.connection is not None
        phrase = self.connection.secrets()["phrase"]
        try:
            raise ValueError(f"invalid header value {phrase!r}")
        except ValueError as error:
            raise self.fault(f"it is shut: {phrase}") from error


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What the log says, as it is written."""
    written: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    handler = Keep()
    handler.setFormatter(logs.formatter(logs.JSON))
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


@pytest.fixture
def leaky(alice) -> Iterator[Connection]:
    SINKS.register(Leaky.key, Leaky)
    actor = Actor(kind=USER, name="alice", channel="web", user_id=alice.pk)
    yield create_connection(
        kind="leaky", name="Leaky", config={"room": "east"}, secrets={"phrase": SECRET}, actor=actor
    )
    SINKS.unregister(Leaky.key)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (RuntimeError, statuses.ERRORED),
        (OSError, statuses.FAILED),
        (PermanentError, statuses.FAILED),
        (TransientError, statuses.QUEUED),
    ],
)
def test_a_fault_with_a_secret_in_its_words_is_told_without_it(
    alice, home, filled, leaky, lines, monkeypatch, fault, status
):
    monkeypatch.setattr(Leaky, "fault", fault)
    actor = Actor(kind=USER, name="alice", channel="web", user_id=alice.pk)
    grant_connection(connection=leaky, project=filled, actor=actor)
    body = {"format": "ndjson", "destination": {"kind": "leaky", "connection": leaky.public_id}}
    report = actions.request_export(project=filled, spec=ExportSpec.parse(body, filled), actor=actor)
    execute("export", report.pk)
    report.refresh_from_db()
    assert (report.status, report.error != "") == (status, True)
    if fault in (PermanentError, TransientError):
        assert report.error == "it is shut: ***"
    browser = Client()
    browser.force_login(alice)
    told = [
        browser.get(f"/exports/{report.report_id}/").content.decode(),
        json.dumps(list(AuditEntry.objects.values()), default=str),
        json.dumps(list(ExportReport.objects.values()), default=str),
        *lines,
    ]
    assert all("5f0b" not in text for text in told)
    if fault in (RuntimeError, OSError):
        assert any("invalid header value '***'" in line for line in lines)  # the traceback is there, without it
