"""Exports of what has changed since another one: by the revision that it saw, never by a clock."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection as database
from django.db import connections, transaction

from connections.models import Project
from connections.store.models import StoreProject
from connections.store.upsert import write_rows
from exportadmin.lib import times
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import PermanentError, UserError
from exportadmin.runs import statuses
from exports import actions
from exports.delivery import manifest
from exports.models import ExportReport
from exports.sources.store import StoreSource
from exports.spec.plan import plan
from exports.spec.selection import Selection
from exports.spec.spec import ExportSpec
from tests.pages.reports import make_report
from tests.support.deliveries import delivery_folder
from tests.support.rows import box, mixed, row

pytestmark = pytest.mark.django_db(transaction=True)
SHELL = Actor(kind="user", name="tester", channel="shell")


@pytest.fixture(autouse=True)
def own_folders(tmp_path, settings):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    settings.EXPORTADMIN_HOME = tmp_path / "home"
    settings.EXPORTADMIN_HOME.mkdir()


def spec_of(project: Project, **conditions: object) -> ExportSpec:
    return ExportSpec.parse({"format": "ndjson", "filter": conditions}, project)


def export(project: Project, **conditions: object) -> ExportReport:
    return actions.run_now(project=project, spec=spec_of(project, **conditions), actor=SHELL)


def keys(report: ExportReport) -> set[str]:
    assert report.status == statuses.COMPLETED, report.error
    (artifact,) = report.artifacts.all()
    lines = (delivery_folder(report) / artifact.name).read_text().splitlines()
    return {json.loads(line)["data_row"]["global_key"] for line in lines}


@contextmanager
def batch_being_written(project: Project, *rows: object) -> Iterator[None]:
    """Another connection has written the rows and has not committed; it commits when the block ends."""
    written, may_commit = threading.Event(), threading.Event()
    wrong: list[BaseException] = []

    def write() -> None:
        try:
            with transaction.atomic():
                write_rows(project, rows)  # type: ignore[arg-type]
                written.set()
                assert may_commit.wait(60)
        except BaseException as error:
            wrong.append(error)
        finally:
            written.set()
            connections.close_all()

    writer = threading.Thread(target=write)
    writer.start()
    assert written.wait(60)
    try:
        yield
    finally:
        may_commit.set()
        writer.join(60)
    assert not wrong


# --- bad days --------------------------------------------------------------------------------------------------------


def test_a_batch_that_was_open_when_a_snapshot_began_comes_with_the_next_one(project):
    """The batch was written before the snapshot and committed after it: its time is the earlier one."""
    write_rows(project, mixed(3))
    everything = Selection(project.public_id)
    with batch_being_written(project, row("late", box())):
        began = times.now_ms()
        with StoreSource(project).open(everything, frozenset()) as reader:
            first, seen = set(_keys(reader)), reader.revision
    assert "late" not in first
    assert seen == 1
    with StoreSource(project).open(Selection(project.public_id, {"since_revision": seen}), frozenset()) as reader:
        assert set(_keys(reader)) == {"late"}
        assert reader.revision == 2
    # what this replaces: by the clock the batch is in no increment at all
    with StoreSource(project).open(Selection(project.public_id, {"updated_after": began}), frozenset()) as reader:
        assert _keys(reader) == []


def _keys(reader) -> list[str]:
    return [key for batch in reader.batches() for key in batch.global_keys]


def test_exports_one_after_the_other_lose_no_batch_that_was_open_meanwhile(project):
    write_rows(project, mixed(3))
    if database.vendor == "postgresql":
        with batch_being_written(project, row("late", box())):
            first = export(project)
    else:  # SQLite has one writer: an export would wait for the batch
        first = export(project)
        write_rows(project, [row("late", box())])
    second = export(project, since_revision=first.report_id)
    assert keys(first) | keys(second) == keys(export(project))
    assert keys(second) == {"late"}
    if database.vendor == "postgresql":
        assert "late" not in keys(export(project, updated_after=times.from_datetime(first.started_at)))


def test_a_revision_that_is_still_to_come_fails_and_says_what_to_do(project):
    """A backup was put back, or the number is another project's: an empty increment would be a lie."""
    write_rows(project, mixed(3))
    report = export(project, since_revision=7)
    assert report.status == statuses.FAILED
    assert "since_revision is 7, but the project is at revision 1" in report.error
    assert "export every row once" in report.error
    with pytest.raises(PermanentError, match="at revision 1"):
        plan(project, spec_of(project, since_revision=7))
    assert export(project, since_revision=1).status == statuses.COMPLETED


@pytest.mark.parametrize("value", [-1, 1.5, True, "-1", "", " ", [], {}, 2**63, "9" * 30, "\x00", "nosuch"])
def test_what_is_no_revision_and_no_export_of_the_project_is_refused(project, value):
    with pytest.raises(UserError) as refused:
        spec_of(project, since_revision=value)
    assert refused.value.field == "filter.since_revision"


def test_an_export_of_another_project_or_without_a_delivery_is_nothing_to_go_on_from(project):
    other = Project.objects.create(connection=project.connection, name="Other")
    foreign = make_report(other, status=statuses.COMPLETED, revision=1)
    with pytest.raises(UserError, match="is no export of this project"):
        spec_of(project, since_revision=foreign.report_id)
    failed = make_report(project, status=statuses.FAILED, revision=1)
    with pytest.raises(UserError, match="is failed and has delivered nothing"):
        spec_of(project, since_revision=failed.report_id)


# --- good days -------------------------------------------------------------------------------------------------------


def test_an_increment_holds_what_came_or_changed_whatever_times_the_rows_say(project):
    write_rows(project, [row("old"), row("changed"), row("future", updated_ms=4_000_000_000_000)])
    first = export(project)
    write_rows(project, [row("changed", box(), updated_ms=1), row("came", updated_ms=1)])
    second = export(project, since_revision=first.report_id)
    assert keys(second) == {"changed", "came"}
    assert second.check_values["rows_dropped"] == {"since_revision": 2}
    assert (first.revision, second.revision) == (1, 2)
    assert keys(export(project, since_revision=second.revision)) == set()


def test_the_report_and_its_manifest_keep_the_revision_that_was_seen(project):
    write_rows(project, mixed(3))
    write_rows(project, [row("new")])
    report = export(project)
    document = manifest.read((delivery_folder(report) / "manifest.json").read_bytes())
    assert report.revision == document["revision"] == 2
    assert "removed_since" not in report.check_values


def test_what_is_frozen_is_the_number_so_that_a_run_again_means_the_same(project):
    write_rows(project, mixed(3))
    first = export(project)
    config = spec_of(project, since_revision=first.report_id).to_json()
    assert config["filter"] == {"since_revision": 1}
    first.delete()
    assert ExportSpec.from_json(config, project).selection.conditions == {"since_revision": 1}
    assert spec_of(project, since_revision=" 1 ").selection.conditions == {"since_revision": 1}


def test_a_project_without_rows_is_at_revision_0(project):
    assert not StoreProject.objects.exists()
    assert export(project).revision == 0
    assert keys(export(project, since_revision=0)) == set()
