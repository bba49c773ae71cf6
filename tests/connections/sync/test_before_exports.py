"""An export of a mirrored project holds what the platform held when it was requested."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command

from connections.access.models import Membership
from connections.platforms.base import Ready, Waiting
from connections.store.models import StoreRow
from connections.sync.actions import change_mirror, mirror_project, request_sync
from connections.sync.models import SyncRun
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import PermanentError, UserError
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from exports import actions
from exports.models import ExportReport
from exports.spec.catalog import settle
from exports.spec.conversion import conversion_spec
from exports.spec.plan import plan
from exports.spec.spec import ExportSpec
from tests.connections.sync.conftest import ME, remote_row

pytestmark = pytest.mark.django_db(transaction=True)


def spec_of(project, **body):
    return ExportSpec.parse({"format": "ndjson", **body}, project)


def request(project, **body):
    return actions.request_export(project=project, spec=spec_of(project, **body), actor=ME)


def work(*runs):
    """As a worker does, until they have ended."""
    for _ in range(20):
        for model in (SyncRun, ExportReport):
            for pk in list(model.objects.filter(status=statuses.QUEUED).values_list("pk", flat=True)):
                model.objects.filter(pk=pk).update(not_before=None)
                execute(model.kind, pk)
    for run in runs:
        run.refresh_from_db()
        assert not run.is_active


def test_it_is_brought_up_to_date_before_it_is_read(server, mirrored):
    report = request(mirrored)
    assert report.config["sync_first"] is True
    execute("export", report.pk)
    report.refresh_from_db()
    sync = SyncRun.objects.get()
    assert (report.status, report.attempts) == ("queued", 0)
    assert report.error == f"waits for {sync.label} of project 'Project remote'"
    work(report)
    assert (report.status, report.check_values["rows_kept"]) == ("completed", 30)
    server.rows["remote"].append(remote_row(77, updated_at=server.now_ms + 1))
    second = request(mirrored)
    work(second)
    assert second.check_values["rows_kept"] == 31
    assert list(SyncRun.objects.order_by("pk").values_list("mode", "status")) == [
        ("full", "completed"),
        ("incremental", "completed"),
    ]


def test_one_that_began_before_is_awaited_and_another_follows_it(server, mirrored):
    """What changed between its asking and the request would be missing."""
    server.looks = [Waiting("Processing"), Ready("Created")]
    active = request_sync(project=mirrored, actor=ME)
    execute("sync", active.pk)
    server.rows["remote"].append(remote_row(77, updated_at=server.now_ms + 1))
    report = request(mirrored)
    execute("export", report.pk)
    report.refresh_from_db()
    assert report.state == {"sync": {mirrored.public_id: active.public_id}}
    work(report)
    assert (report.status, report.check_values["rows_kept"]) == ("completed", 31)
    assert SyncRun.objects.count() == 2


def test_one_that_was_asked_for_meanwhile_serves_it_too(server, mirrored):
    first, second = request(mirrored), request(mirrored)
    work(first, second)
    assert (first.status, second.status) == ("completed", "completed")
    assert SyncRun.objects.count() == 1


def test_a_sync_that_fails_fails_the_export_with_its_reason(server, mirrored):
    def refuse(step):
        raise PermanentError("the key is not known")

    server.before = refuse
    report = request(mirrored)
    work(report)
    assert report.status == "failed"
    sync = SyncRun.objects.get()
    assert report.error == f"the mirror could not be brought up to date ({sync.label} failed: {sync.error})"
    assert "the key is not known" in report.error


def test_whoever_says_no_reads_it_as_it_is(server, mirrored, sync):
    sync()
    server.rows["remote"].append(remote_row(77, updated_at=server.now_ms + 1))
    report = request(mirrored, sync_first=False)
    work(report)
    assert report.check_values["rows_kept"] == 30
    change_mirror(project=mirrored, actor=ME, sync_first=False)
    assert spec_of(mirrored).sync_first is False
    assert spec_of(mirrored, sync_first=True).sync_first is True


def test_a_project_of_the_built_in_store_has_nothing_to_say_of_it(project):
    assert "sync_first" not in spec_of(project).to_json()
    with pytest.raises(UserError, match="mirrors no project of a platform: leave sync_first out") as caught:
        spec_of(project, sync_first=False)
    assert caught.value.field == "sync_first"


def test_it_is_true_or_false(mirrored):
    with pytest.raises(UserError, match="sync_first is 'yes'; expected true or false"):
        spec_of(mirrored, sync_first="yes")


def test_the_plan_says_when_it_was_last_brought_up_to_date(mirrored, sync, project):
    assert plan(mirrored, spec_of(mirrored))["mirror"] == {"synced_at": None, "sync_first": True}
    run = sync()
    assert plan(mirrored, spec_of(mirrored))["mirror"]["synced_at"] == run.asked_at.isoformat()
    assert plan(project, spec_of(project))["mirror"] is None


def test_a_conversion_asks_nothing_of_the_platform(server, mirrored):
    report = request(mirrored)
    work(report)
    server.before = refuse_all
    made = actions.convert_report(report=report, spec=conversion_spec(report, {"format": "csv"}), actor=ME)
    work(made)
    assert made.status == "completed", made.error
    assert "sync_first" not in made.config


def refuse_all(step):
    raise PermanentError("the platform was asked")


def test_an_attempt_after_a_crash_does_not_sync_again(server, mirrored, monkeypatch):
    from exports.run import pipeline

    report = request(mirrored)
    opened = pipeline.source_for
    calls = []

    def dying(report):
        calls.append(report)
        if len(calls) == 1:
            from exportadmin.lib.errors import TransientError

            raise TransientError("the store is away")
        return opened(report)

    monkeypatch.setattr(pipeline, "source_for", dying)
    work(report)
    assert (report.status, len(calls), SyncRun.objects.count()) == ("completed", 2, 1)


def test_a_retry_is_as_of_the_first_request_and_what_came_out_is_run_again_anew(server, mirrored):
    server.before = refuse_all
    report = request(mirrored)
    work(report)
    assert report.status == "failed"
    server.before = lambda step: None
    second = actions.retry(report=report, actor=ME)
    work(second)
    assert (second.status, SyncRun.objects.count()) == ("completed", 2), "the first sync came to no good end"
    third = actions.retry(report=second, actor=ME)
    work(third)
    assert (third.status, SyncRun.objects.count()) == ("completed", 3)


def test_in_the_shell_the_sync_runs_in_the_shell_too(server, mirrored, tmp_path, capsys):
    call_command("run_export", mirrored.name, "--format", "ndjson", "--output", str(tmp_path / "out"), "--json")
    report = json.loads(capsys.readouterr().out)
    assert (report["status"], report["check_values"]["rows_kept"]) == ("completed", 30)
    assert SyncRun.objects.get().status == "completed"
    call_command("run_export", mirrored.name, "--format", "ndjson", "--no-sync-first", "--json")
    assert SyncRun.objects.count() == 1


def test_the_sync_is_that_of_whoever_requested_the_export(server, mirrored, oscar):
    Membership.objects.create(project=mirrored, user=oscar, role="operator")
    actor = Actor(kind="user", name="oscar", channel="rest", user_id=oscar.pk)
    report = actions.request_export(project=mirrored, spec=spec_of(mirrored), actor=actor)
    work(report)
    assert (SyncRun.objects.get().created_by_name, report.status) == ("oscar", "completed")
    assert StoreRow.objects.filter(project=mirrored).count() == 30


def test_an_export_of_a_catalog_brings_every_mirror_that_it_reads_up_to_date(server, mirrored, sync):
    server.rows["other"] = [remote_row(number) for number in range(40, 45)]
    other = mirror_project(connection=mirrored.connection, external_id="other", actor=ME)
    scope = {"scope": {"kind": "catalog"}, "all_projects": True}
    assert "2 projects of those that are read mirror" in str(
        plan(mirrored, settle(spec_of(mirrored, sync_first=False, **scope), mirrored, ME))["warnings"]
    )
    report = request(mirrored, **scope)
    execute("export", report.pk)
    report.refresh_from_db()
    assert {run.project_id for run in SyncRun.objects.all()} == {mirrored.pk, other.pk}  # at once
    work(report)
    assert (report.status, report.check_values["rows_kept"]) == ("completed", 35), report.error
    assert SyncRun.objects.count() == 2


def test_a_sync_of_another_project_that_fails_fails_it_too_and_names_no_project(server, mirrored, sync):
    server.rows["other"] = [remote_row(41)]
    mirror_project(connection=mirrored.connection, external_id="other", actor=ME)
    sync()
    report = request(mirrored, scope={"kind": "catalog"})
    del server.rows["other"]
    work(report)
    assert report.status == "failed"
    assert report.error == "the mirror of another project that it reads could not be brought up to date"
