"""A file that a platform makes itself, delivered by us: asked for once, fetched, checked, byte for byte."""

from __future__ import annotations

import json

import orjson
import pytest

from connections.platforms.base import Failed, LostAnswerError, Ready, Waiting
from connections.sync.models import SyncRun
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.errors import PermanentError
from exportadmin.runs import statuses
from exports import actions
from exports.delivery.verify import verify_report
from exports.display.representation import report_json
from exports.models import ExportReport
from tests.exports.platform_export.conftest import SHELL, delivered, row, step

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_is_delivered_byte_for_byte_and_counted_from_the_file(server, ask):
    report = step(ask(statuses=["review"]))
    assert (report.status, report.error) == (statuses.COMPLETED, "")
    (artifact,) = report.artifacts.all()
    content = server.exports["remote-1"][2]
    assert delivered(report)[artifact.name] == content
    assert artifact.name.startswith("harbour_") and artifact.name.endswith(f"{report.report_id}.json")
    values = report.check_values
    assert (values["rows_kept"], values["rows_by_status"], values["bytes"]) == (2, {"review": 2}, len(content))


def test_what_the_file_does_not_tell_is_unknown_and_not_none_of_it(server, ask):
    values = step(ask()).check_values
    assert (values["annotations"], values["annotations_by_class"], values["annotations_by_kind"]) == (None, None, None)


def test_the_manifest_says_who_made_it_and_what_was_asked(server, ask):
    report = step(ask(statuses=["review"], options={"questions": ["q1"]}))
    told = json.loads(delivered(report)["manifest.json"])
    assert told["made_there"] == {
        "platform": "toy",
        "remote_id": "remote-1",
        "remote_name": f"Harbour toy:json {report.report_id}",
    }
    assert told["config"]["platform_export"] == {
        "format": "json",
        "where": "here",
        "statuses": ["review"],
        "options": {"questions": ["q1"]},
    }


def test_its_name_there_is_its_alone(server, ask):
    reports = [step(ask(name="Weekly")) for _ in range(2)]
    names = [wanted.name for _, wanted, _ in server.exports.values()]
    assert names == [f"Weekly {report.report_id}" for report in reports]


def test_a_report_says_plainly_who_made_it(server, ask):
    told = report_json(step(ask()))
    assert told["format"] == "toy:json"
    assert told["made_by"] == {
        "platform": "toy",
        "remote_id": "remote-1",
        "remote_name": ExportReport.objects.get().remote_name,
        "where": "here",
        "proved": True,
    }


def test_it_is_verified_as_any_delivery(server, ask):
    report = step(ask())
    assert verify_report(report).as_delivered
    artifact = report.artifacts.get()
    path = next(path for path in _folder(report).iterdir() if path.name == artifact.name)
    path.chmod(0o600)
    path.write_bytes(b"[]")
    assert not verify_report(report).ok


def _folder(report):
    from django.conf import settings

    return settings.ARTIFACTS_DIR / report.location


def test_while_the_platform_works_nothing_is_counted_as_an_attempt_and_the_trail_is_told_once(server, ask):
    server.looks = [Waiting("Processing"), Waiting("Processing"), Ready("Created")]
    report = ask()
    for _ in range(2):
        step(report)
        assert (report.status, report.remote_id, report.attempts) == (statuses.QUEUED, "remote-1", 0)
    step(report)
    assert report.status == statuses.COMPLETED
    events = AuditEntry.objects.filter(object_id=report.report_id).values_list("event", flat=True)
    assert sorted(events) == ["export.completed", "export.requested", "export.started"]


def test_a_lost_answer_makes_no_second_export(server, ask):
    lost = [LostAnswerError("no answer in 60 s")]

    def after(name):
        if name == "ask" and lost:
            raise lost.pop()

    server.after = after
    report = step(ask())
    assert (report.status, report.remote_id, len(server.exports)) == (statuses.COMPLETED, "remote-1", 1)


def test_rows_that_were_not_asked_for_fail_it_with_five_of_them(server, ask):
    server.ignored = [row(number, "accepted") for number in range(10, 17)]
    report = step(ask(statuses=["review"]))
    assert report.status == statuses.FAILED
    assert "asked for statuses review alone, and 7 rows of what it made are others: " in report.error
    assert "f10 (status 'accepted'), f11" in report.error and "f14 (status 'accepted'), …; nothing" in report.error
    assert not report.location and not report.artifacts.exists()


def test_rows_that_were_updated_before_fail_it(server, ask):
    server.rows["one"] = [row(1, updated_at=1_764_000_000_001)]
    server.ignored = [row(7, shown_updated_at=1_000_000)]
    report = step(ask(updated_after=1_764_000_000_000))
    assert report.status == statuses.FAILED
    assert "f7 (updated 1970-01-01T00:16:40.000+00:00)" in report.error


def test_nothing_there_is_no_failure(server, ask):
    report = step(ask(statuses=["rejected"]))
    assert (report.status, report.error) == (statuses.SKIPPED, "nothing there: Toy says 'no rows'")
    assert AuditEntry.objects.filter(event="export.skipped", outcome="done", object_id=report.report_id).exists()
    assert server.exports == {}


def test_one_that_failed_there_fails_here_with_its_reason(server, ask):
    server.looks = [Failed("Failed", "no space")]
    report = step(ask())
    assert (report.status, report.remote_id) == (statuses.FAILED, "remote-1")
    assert "it says 'Failed': no space" in report.error


def test_a_file_that_is_cut_off_names_the_step(server, ask):
    def before(name):
        if name == "fetch":
            raise PermanentError("the file ends in the middle of row 3")

    server.before = before
    report = step(ask())
    assert report.error == "Toy, fetching the file: the file ends in the middle of row 3"
    assert report.status == statuses.FAILED


def test_it_can_be_cancelled_while_the_platform_works(server, ask):
    server.looks = [Waiting("Processing")]
    report = step(ask())
    actions.cancel(report=report, actor=SHELL)
    report.refresh_from_db()
    assert report.status == statuses.CANCELLED


def test_it_is_asked_for_again_by_a_retry(server, ask):
    report = step(ask(statuses=["review"]))
    again = step(actions.retry(report=report, actor=SHELL))
    assert (again.status, again.config, again.remote_id) == (statuses.COMPLETED, report.config, "remote-2")


# --- what others had made there --------------------------------------------------------------------------------------


@pytest.fixture
def theirs(server, mirrored):
    """One that somebody had made there: its id."""
    from connections.platforms.base import Wanted

    return toy_platform(mirrored).make("one", Wanted("Monday", "json"), [row(1), row(9, "accepted")])


def toy_platform(project):
    from exports.spec.platform_export import platform_of

    return platform_of(project)


def test_one_of_others_is_fetched_without_asking(server, mirrored, theirs):
    report = actions.fetch_remote_export(project=mirrored, remote_id=theirs, actor=SHELL, name="Monday's")
    step(report)
    assert (report.status, report.error, len(server.exports)) == (statuses.COMPLETED, "", 1)
    (artifact,) = report.artifacts.all()
    assert orjson.loads(delivered(report)[artifact.name]) == [row(1), row(9, "accepted")]
    assert report_json(report)["made_by"]["remote_id"] == theirs


def test_what_is_there_is_listed_with_who_had_it_made(server, mirrored, ask, theirs):
    ours = step(ask())
    fetched = actions.fetch_remote_export(project=mirrored, remote_id=theirs, actor=SHELL)
    found = {one.export.remote_id: one for one in actions.remote_exports(project=mirrored, actor=SHELL)}
    assert (found["remote-2"].asked_by, found["remote-2"].is_theirs) == (ours, False)
    assert (found[theirs].asked_by, found[theirs].is_theirs, found[theirs].fetched_by) == (None, True, fetched)


def test_what_a_sync_had_made_is_none_of_others(server, mirrored, theirs):
    SyncRun.objects.create(project=mirrored, remote_id=theirs)
    (found,) = actions.remote_exports(project=mirrored, actor=SHELL)
    assert (found.is_theirs, found.synced_by is None) == (False, False)
