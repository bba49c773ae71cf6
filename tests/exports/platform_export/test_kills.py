"""A worker that is killed anywhere in an export that Labellerr makes leaves one export there, and one delivery here.

The worker is a fork of this process that kills itself. The places are before and after each request that it sends, each
time that it keeps where it is, the checks, the copying, the publication, and around the end that it writes.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings

from connections.platforms import remote
from connections.platforms.labellerr import rows
from connections.s3.client import Bucket
from connections.sinks.local import LocalDraft
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.http import OutboundSession
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from exportadmin.runs.lease import RunLease
from exports.delivery.verify import verify_report
from exports.models import ExportReport
from exports.run import pipeline, platform_export
from tests.exports.platform_export.conftest import expire, step, to_the_end
from tests.support import kills
from tests.support.kills import Places
from tests.support.labellerr_server import CREATED, PROCESSING
from tests.support.s3_store import save_connection

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def in_no_hurry_to_ask_again(monkeypatch):
    """An export that is not in the list was not made: nobody has to wait for that."""
    monkeypatch.setattr(remote, "LOST_SECONDS", 0.0)


def places(patch: pytest.MonkeyPatch, deadly: int = 0) -> Places:
    """Those that the run of this process passes; it dies at ``deadly``."""
    found = Places(patch, deadly)
    found.watch(OutboundSession, "request", lambda session, method, url, **named: urlsplit(url).path)
    found.watch(RunLease, "save", lambda lease, **fields: f"saving {', '.join(sorted(fields))}")
    found.watch(rows, "checked", lambda *arguments: "checking the file")
    found.watch(platform_export, "check_rows", lambda *arguments: "checking the rows")
    found.watch(platform_export, "_copy", lambda *arguments: "copying")
    found.watch(Bucket, "try_once", lambda bucket, action, *rest: action)
    found.watch(LocalDraft, "commit", lambda *arguments: "the publication")
    found.watch(pipeline, "end", lambda *arguments, **named: "the end")
    return found


def dies(report: ExportReport, place: int) -> bool:
    """One turn of a worker that dies at that place, if it gets there; its lease is over then."""
    ExportReport.objects.filter(pk=report.pk).update(not_before=None)

    def act() -> None:
        places(pytest.MonkeyPatch(), place)
        execute("export", report.pk)

    if not kills.dies(act):
        return False
    expire(report)
    return True


def turns(ask) -> list[list[str]]:
    """The places of each turn of a run that nobody disturbs: the first asks, the second delivers."""
    found: list[list[str]] = []
    report = ask()
    while not found or report.status == statuses.QUEUED:
        with pytest.MonkeyPatch.context() as patch:
            undisturbed = places(patch)
            step(report)
        found.append(undisturbed.passed)
    assert report.status == statuses.COMPLETED, report.error
    return found


def killed_at_every_place(far_side, ask, turn: int, expected: set[str]) -> Iterator[ExportReport]:
    """A report each, which got to its end after that."""
    far_side.habits.looks = [PROCESSING, CREATED]
    places = turns(ask)
    assert len(places) == 2
    assert expected <= {*places[turn]}
    for place, died_at in enumerate(places[turn], 1):
        far_side.exports.clear()
        far_side.habits.looks = [PROCESSING, CREATED]
        report = ask()
        if turn:
            step(report)
        assert dies(report, place), died_at
        to_the_end(report)
        assert (report.status, report.error) == (statuses.COMPLETED, ""), died_at
        (made,) = far_side.exports.values()
        assert report.remote_id == made.report_id, died_at
        assert verify_report(report).as_delivered, died_at
        ended = AuditEntry.objects.filter(object_id=report.report_id, event="export.completed")
        assert ended.count() == 1, died_at
        yield report


EXPECTED = (
    {"after /sdk/export/files", "after saving state"},
    {"after /exports/download", "after checking the rows", "after the publication", "after the end"},
)


@pytest.mark.parametrize("turn", [0, 1])
def test_killed_anywhere_one_export_is_made_there_and_one_delivered_here(far_side, ask_labellerr, turn):
    for report in killed_at_every_place(far_side, lambda: ask_labellerr("coco_json"), turn, EXPECTED[turn]):
        lying = sorted(path.name for path in django_settings.ARTIFACTS_DIR.rglob("*") if report.report_id in path.name)
        assert lying == sorted([report.report_id, report.artifacts.get().name])


def test_killed_anywhere_one_without_a_name_is_made_once(diffgram_side, ask_diffgram):
    """Diffgram keeps none of ours: what it has is told by what it had before."""
    for place in itertools.count(1):
        before = set(diffgram_side.exports)
        report = ask_diffgram()
        has_died = dies(report, place)
        to_the_end(report)
        assert (report.status, report.error) == (statuses.COMPLETED, ""), place
        assert [str(one) for one in diffgram_side.exports if one not in before] == [report.remote_id], place
        assert verify_report(report).as_delivered, place
        if not has_died:  # it has no more places
            assert place > 20
            return


EXPECTED_THERE = (
    {"after list_objects_v2", "after /sdk/export/files"},
    {"after head_object", "after get_object", "after the publication", "after the end"},
)


@pytest.mark.parametrize("turn", [0, 1])
def test_killed_anywhere_what_labellerr_delivered_itself_is_proved_once(
    far_side, harbour, ask_labellerr, s3_store, s3_folder, turn
):
    save_connection(harbour, s3_store.endpoint, s3_folder, identity="read-only")
    client = s3_store.client()

    def put(export) -> None:
        bucket, _, path = export.body["export_folder_path"].partition("/")
        client.put_object(Bucket=bucket, Key=f"{path}{export.report_id}.json", Body=export.path.read_bytes())

    far_side.to_s3 = put
    far_side.connections["theirs"] = {"connection_id": "theirs"}
    names = itertools.count()

    def ask() -> ExportReport:
        options = {"destination": "s3", "connection_id": "theirs", "folder": f"{s3_folder}{next(names)}/"}
        return ask_labellerr("json", where="there", options=options)

    for report in killed_at_every_place(far_side, ask, turn, EXPECTED_THERE[turn]):
        assert [artifact.name for artifact in report.artifacts.all()] == [f"{report.remote_id}.json"]
        assert (report.is_proved, report.check_values["rows_kept"]) == (True, 30)
