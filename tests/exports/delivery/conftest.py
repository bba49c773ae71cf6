"""A project whose exports may go to this machine or to a store of blobs, and somebody's scripts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from connections.models import Connection, ConnectionGrant, Project
from connections.sinks import SINKS
from connections.store.upsert import write_rows
from exportadmin.runs.execute import execute
from exports.models import ExportReport
from exports.run import pipeline
from tests.connections.sinks.blobs import BlobSink
from tests.rest.world import SHELL, Rest
from tests.support.rows import mixed

ROWS = 40


class PowerCutError(BaseException):
    """As good as a kill: nothing in the pipeline catches it."""


@pytest.fixture
def home(tmp_path: Path, settings) -> Path:
    settings.EXPORTADMIN_HOME = tmp_path
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    settings.RETENTION_DAYS = 30
    cache.clear()
    return tmp_path


@pytest.fixture
def archive(members: Project, home: Path) -> Iterator[Connection]:
    """A connection to the second sink, which is registered, for the project."""
    SINKS.register(BlobSink.key, BlobSink)
    connection = Connection.objects.create(name="Archive", kind=BlobSink.key)
    ConnectionGrant.objects.create(connection=connection, project=members, granted_by="alice")
    yield connection
    SINKS.unregister(BlobSink.key)


@pytest.fixture
def filled(members: Project) -> Project:
    write_rows(members, mixed(ROWS), now_ms=1_000)
    return members


@pytest.fixture
def script(filled: Project, alice) -> Rest:
    """Alice's."""
    from connections.access.tokens import issue_token

    return Rest(issue_token(user=alice, name="script", scopes=("admin",), actor=SHELL)[1])


@pytest.fixture
def deliver(script: Rest, filled: Project):
    """Request an export through REST, and carry it out as a worker does."""

    def make(destination: dict[str, str] | None = None, *, format: str = "ndjson", **body) -> ExportReport:
        body = {"project": filled.name, "format": format, **body}
        answer = script.post("reports/", body | ({"destination": destination} if destination else {}))
        assert answer.status_code == 202, answer.content
        report = ExportReport.objects.get(report_id=answer.json()["report_id"])
        execute("export", report.pk)
        report.refresh_from_db()
        return report

    return make


@pytest.fixture
def dies_before_its_end(script: Rest, filled: Project, monkeypatch: pytest.MonkeyPatch):
    """A run to a destination that died between publication and commit, its lease long over."""

    def die(destination: dict[str, str]) -> ExportReport:
        body = {"project": filled.name, "format": "ndjson", "destination": destination}
        report = ExportReport.objects.get(report_id=script.post("reports/", body).json()["report_id"])

        def dies(*args, **kwargs):
            raise PowerCutError

        with monkeypatch.context() as broken:
            broken.setattr(pipeline, "end", dies)
            with pytest.raises(PowerCutError):
                execute("export", report.pk)
        ExportReport.objects.filter(pk=report.pk).update(lease_until=timezone.now() - timedelta(minutes=1))
        report.refresh_from_db()
        return report

    return die


@pytest.fixture
def pages(filled: Project, alice) -> Client:
    """Alice's browser."""
    client = Client()
    client.force_login(alice)
    return client
