"""What an admin compares before relying on an export: our counts beside what the platform said, in words."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from connections.models import Connection, Project
from connections.sync.models import FULL, INCREMENTAL, SyncRun
from exportadmin.runs import statuses
from exports.display.compared import ALONE, DIFFERENT, EQUAL, LOOSE, Compared, compared
from exports.models import ExportReport
from tests.pages.reports import CHECK_VALUES, CONFIG, make_report

pytestmark = pytest.mark.django_db
TOLD = {
    "File Count (file_list_length)": 20,
    "files of the directory": 30,
    "files of the directory that are marked complete": 20,
}
OF_A_JOB = {
    "File Count (file_list_length), which counts a job's tasks": 21,
    "complete tasks of the job (stat_count_complete)": 22,
}
THEIRS: dict[str, Any] = {
    "made_by": "diffgram",
    "rows_read": 20,
    "rows_kept": 20,
    "rows_by_status": {"complete": 20},
    "annotations": None,
    "files": 1,
    "bytes": 9,
    "told": TOLD,
}


@pytest.fixture
def mirrored(db: None) -> Project:
    there = Connection.objects.create(name="Orchard there", kind="diffgram")
    return Project.objects.create(connection=there, name="Orchard", external_id="job:42")


def synced(project: Project, ago: int, mode: str = FULL, **summary: Any) -> SyncRun:
    at = timezone.now() - timedelta(minutes=ago)
    return SyncRun.objects.create(
        project=project, status=statuses.COMPLETED, mode=mode, asked_at=at, finished_at=at, summary=summary
    )


def made_here(project: Project, **values: Any) -> ExportReport:
    now = timezone.now()
    given = {"status": statuses.COMPLETED, "started_at": now, "finished_at": now, "check_values": CHECK_VALUES}
    return make_report(project, **given | values)


def found(report: ExportReport) -> Compared:
    answer = compared(report)
    assert answer is not None
    return answer


def verdicts(report: ExportReport) -> dict[str, str]:
    return {line.key: line.verdict for line in found(report).lines}


def test_a_platforms_own_export_is_compared_with_what_it_said_of_it(mirrored: Project):
    report = made_here(mirrored, made_by="diffgram", check_values=THEIRS)
    assert verdicts(report) == {"in": ALONE, "files": EQUAL, "complete": LOOSE, "out": ALONE, "removed": ALONE}
    assert found(report).is_as_told
    fewer = THEIRS | {"rows_kept": 19, "rows_by_status": {"complete": 18, "not complete": 1}}
    report = made_here(mirrored, made_by="diffgram", check_values=fewer)
    assert verdicts(report)["files"] == DIFFERENT
    assert not found(report).is_as_told


def test_what_the_platform_counts_otherwise_is_told_without_a_verdict(mirrored: Project, alice: User):
    client = Client()
    client.force_login(alice)
    report = made_here(mirrored, made_by="diffgram", check_values=THEIRS | {"told": OF_A_JOB})
    assert verdicts(report)["files"] == verdicts(report)["complete"] == LOOSE
    page = client.get(f"/exports/{report.report_id}/").content.decode()
    section = page.split('id="compared-title"')[1].split("</table>")[0]
    assert "it does not have to be equal" in section
    assert section.count("The platform counts another thing, or at another moment") == 2
    told = client.get(f"/api/v1/reports/{report.report_id}/check-values/").json()
    assert told["compared"]["as_told"] is None


def test_an_export_of_a_mirror_is_compared_with_the_last_full_sync(mirrored: Project):
    synced(mirrored, 90, told=TOLD | {"rows in its file": 99})
    synced(mirrored, 60, told=TOLD | {"rows in its file": 10})
    synced(mirrored, 30, INCREMENTAL, created=0, updated=0, gone=0)
    values = CHECK_VALUES | {"rows_dropped": {}, "rows_kept": 10, "rows_by_status": {"accepted": 20, "review": 3}}
    report = made_here(mirrored, check_values=values)
    assert verdicts(report) == {"in": EQUAL, "files": ALONE, "complete": LOOSE, "out": ALONE, "removed": ALONE}
    assert (found(report).platform, found(report).source[:20]) == ("Diffgram", "in the full sync of ")
    synced(mirrored, -5, told=TOLD | {"rows in its file": 77})
    assert verdicts(report)["in"] == EQUAL, "what came after the export is none of its business"


def test_what_a_filter_left_out_is_not_missed(mirrored: Project):
    synced(mirrored, 60, told=TOLD | {"rows in its file": 10})
    by_time = CHECK_VALUES | {"rows_dropped": {"updated_after": 3}}
    assert verdicts(made_here(mirrored, check_values=by_time))["complete"] == ALONE
    done = CHECK_VALUES | {"rows_dropped": {"workflow_status": 3}, "rows_by_status": {"accepted": 7}}
    config = CONFIG | {"filter": {"workflow_status": ["Done"]}}
    assert verdicts(made_here(mirrored, config=config, check_values=done))["complete"] == LOOSE
    config = CONFIG | {"filter": {"workflow_status": ["InReview"]}}
    assert verdicts(made_here(mirrored, config=config, check_values=done))["complete"] == ALONE


def test_where_rows_came_in_part_since_nothing_is_compared(mirrored: Project):
    synced(mirrored, 60, told=TOLD | {"rows in its file": 10})
    synced(mirrored, 30, INCREMENTAL, created=1, updated=0, gone=0)
    report = made_here(mirrored)
    assert set(verdicts(report).values()) == {ALONE}
    assert not found(report).is_told


def test_however_many_syncs_without_a_change_came_since_the_full_one_is_found(mirrored: Project):
    synced(mirrored, 60, told=TOLD | {"rows in its file": 10})
    for _ in range(25):
        synced(mirrored, 30, INCREMENTAL, created=0, updated=0, gone=0)
    values = CHECK_VALUES | {"rows_dropped": {}}
    assert verdicts(made_here(mirrored, check_values=values))["in"] == EQUAL
    synced(mirrored, 20, INCREMENTAL, created=0, updated=0, gone=2)
    assert verdicts(made_here(mirrored, check_values=values))["in"] == ALONE


def test_page_and_rest_say_the_same_in_words(mirrored: Project, project: Project, alice: User):
    client = Client()
    client.force_login(alice)
    report = made_here(mirrored, made_by="diffgram", check_values=THEIRS | {"rows_kept": 19})
    page = client.get(f"/exports/{report.report_id}/").content.decode()
    section = page.split('id="compared-title"')[1].split("</table>")[0]
    assert "Diffgram said something else of this very export" in section
    assert re.search(r"<td>19</td>\s*<td>20</td>\s*<td>.{0,99}Not what the platform said", section, re.S)
    assert "The platform counts another thing" in section
    told = client.get(f"/api/v1/reports/{report.report_id}/check-values/").json()
    assert told["check_values"]["rows_kept"] == 19
    assert told["compared"]["as_told"] is False
    (files,) = (line for line in told["compared"]["lines"] if line["key"] == "files")
    assert (files["here"], files["there"], files["verdict"]) == (19, 20, "different")
    assert files["called"] == "File Count (file_list_length)"


def test_where_no_platform_is_the_counts_stand_alone(project: Project, alice: User):
    client = Client()
    client.force_login(alice)
    report = made_here(project)
    page = client.get(f"/exports/{report.report_id}/").content.decode()
    section = page.split('id="compared-title"')[1].split("</table>")[0]
    assert "Verdict" not in section
    assert "In: rows that were read" in section
    waiting = make_report(project)
    answer = client.get(f"/api/v1/reports/{waiting.report_id}/check-values/")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
