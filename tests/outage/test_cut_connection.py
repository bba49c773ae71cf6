"""A run that loses its connection to the rows half way is put off, not given up."""

from __future__ import annotations

import pytest
from django.db import InterfaceError, connection

from connections.store.upsert import write_rows
from exportadmin.lib.actor import Actor
from exportadmin.runs import lease as lease_module
from exportadmin.runs import statuses
from exportadmin.runs.ends import end
from exportadmin.runs.execute import execute
from exportadmin.runs.lease import RunLease, claim
from exportadmin.runs.reaper import reap
from exports import actions
from exports.models import ExportReport
from exports.sources import store
from exports.spec.spec import ExportSpec
from tests.support.rows import mixed

pytestmark = pytest.mark.django_db(transaction=True)
SHELL = Actor(kind="user", name="tester", channel="shell")


@pytest.fixture(autouse=True)
def own_folders(tmp_path, settings):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    settings.EXPORTADMIN_HOME = tmp_path / "home"
    settings.EXPORTADMIN_HOME.mkdir()


@pytest.fixture
def report(project, monkeypatch):
    """Of more rows than the reader holds at a time, waiting for a worker."""
    monkeypatch.setattr(store, "BATCH_ROWS", 50)
    write_rows(project, mixed(600), now_ms=1_000)
    return actions.request_export(project=project, spec=ExportSpec.parse({"format": "ndjson"}, project), actor=SHELL)


@pytest.fixture
def cut_once(monkeypatch):
    """The first run's connection to the rows is cut after a batch: by the server, or by SQLite's own interrupt."""
    opened, cut = [], []
    snapshot_init, check = store.StoreReader.__init__, RunLease.check

    def remember(reader, database, *arguments):
        opened.append(database)
        snapshot_init(reader, database, *arguments)

    def check_and_cut(lease, *, now=False):
        check(lease, now=now)
        if cut or not opened:
            return
        cut.append(True)
        driver = opened[0].connection
        if connection.vendor == "sqlite":
            driver.interrupt()
        else:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [driver.info.backend_pid])
                assert cursor.fetchone() == (True,)

    monkeypatch.setattr(store.StoreReader, "__init__", remember)
    monkeypatch.setattr(RunLease, "check", check_and_cut)
    return cut


def test_rows_that_stop_coming_are_read_again_by_another_attempt(report, cut_once):
    execute("export", report.pk)
    assert cut_once
    report.refresh_from_db()
    assert (report.status, report.attempts) == (statuses.RUNNING, 1), "free for the reaper, and not errored"
    assert "the database failed it" in report.error
    assert reap().requeued == 1
    execute("export", report.pk)
    report.refresh_from_db()
    assert (report.status, report.attempts, report.rows_done) == (statuses.COMPLETED, 2, 600)


def test_a_lease_forgives_whatever_a_database_that_is_away_raises(report, monkeypatch):
    def away(execute, sql, params, many, context):
        raise InterfaceError("connection already closed")

    monkeypatch.setattr(lease_module, "CHECK_SECONDS", 0.0)
    lease = claim(ExportReport, report.pk)
    with connection.execute_wrapper(away):
        lease.check()
        with pytest.raises(InterfaceError):
            lease.check(now=True)  # about to publish: nobody knows whether it still may
        lease.progress(phase="reading")
        lease.record_error("words")
    lease.check(now=True)
    assert end(report, lease, statuses.FAILED, error="as asked")
