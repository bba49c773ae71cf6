"""Home: what runs and waits, what failed and why, how much went out, where the rows stand."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections.access.models import Membership
from connections.models import Connection, Project
from connections.store.upsert import write_rows
from exports.lists.per_day import per_day
from exports.models import ExportReport, Proof, ProofNight
from exports.views.home import MOST_ACTIVE, MOST_FAILED, MOST_PROJECTS, chart_of
from tests.pages.reports import make_report
from tests.pages.squeezed import page_html
from tests.support.rows import mixed

HOSTILE = """<script>alert(1)</script>"><img src=x onerror=alert(1)>"""


@pytest.fixture
def operator(members: Project, oscar: User) -> Client:
    client = Client()
    client.force_login(oscar)
    return client


@pytest.fixture
def foreign(connection: Connection) -> Project:
    """Not Oscar's, with something of everything."""
    project = Project.objects.create(connection=connection, name="Secret harbour")
    write_rows(project, mixed(12))
    for status in ("running", "queued", "failed", "errored", "completed"):
        make_report(project, name=f"Secret {status}", status=status, error="secret reason", bytes_done=1_000_000)
    return project


def words(client: Client, address: str = "/") -> str:
    response = client.get(address)
    assert response.status_code == 200
    page = page_html(response)
    page = page[page.index("<main") :] if "<main" in page else page
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def made_at(at: datetime, project: Project, **values: Any) -> ExportReport:
    report = make_report(project, **values)
    ExportReport.objects.filter(pk=report.pk).update(created_at=at)
    return report


# --- bad days --------------------------------------------------------------------------------------------------------


def test_a_stranger_sees_nothing_of_anybody(foreign: Project, stranger: Client):
    for address in ("/", "/now/"):
        assert "ecret" not in words(stranger, address)
    assert "No exports to see" in words(stranger)


def test_only_what_is_in_ones_own_projects(operator: Client, members: Project, foreign: Project):
    make_report(members, name="Ours", status="completed", bytes_done=2_500)
    said = words(operator)
    assert "ecret" not in said
    assert "Nothing runs and nothing waits." in said
    assert "None in the last 14 days." in said
    assert "1 export requested, 2.5 kB delivered." in said
    assert "ecret" not in words(operator, "/now/")


def test_hostile_names_and_reasons_are_text(connection: Connection, visitor: Client):
    project = Project.objects.create(connection=connection, name=HOSTILE)
    for status in ("running", "queued", "failed"):
        make_report(project, name=HOSTILE, status=status, error=HOSTILE, phase=HOSTILE[:40], created_by_name=HOSTILE)
    for address in ("/", "/now/"):
        page = page_html(visitor.get(address))
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page and "<img src=x" not in page


@pytest.mark.parametrize("address", ["/?x=1", "/now/?x=1"])
def test_unknown_parameters_are_refused(visitor: Client, address: str):
    assert visitor.get(address).status_code == 400


def test_without_any_export_the_way_to_the_first_is_shown(visitor: Client, project: Project):
    page = page_html(visitor.get("/"))
    assert "Three steps to the first export" in page
    for way in ("/projects/", "/exports/new/", "/help/"):
        assert f'href="{way}">' in page[page.index("<main") :]


def test_a_failure_without_a_reason_says_so(visitor: Client, project: Project):
    make_report(project, status="errored", error="")
    assert "No reason was kept." in words(visitor)


# --- now -------------------------------------------------------------------------------------------------------------


def test_what_runs_says_how_far_it_is_and_is_asked_for_again_until_nothing_runs(visitor: Client, project: Project):
    report = make_report(project, name="Big one", status="running", phase="reading", rows_done=250, rows_expected=1000)
    ExportReport.objects.filter(pk=report.pk).update(started_at=timezone.now() - timedelta(seconds=10))
    for address in ("/", "/now/"):
        page = page_html(visitor.get(address))
        assert 'hx-get="/now/" hx-trigger="every 3s"' in page
        assert '<progress class="ea-live-bar" max="100" value="25"' in page
        assert re.search(r"Reading, 25%, 2\d rows/s, about \d+ s left", page)
    ExportReport.objects.update(status="completed")
    for address in ("/", "/now/"):
        assert "hx-get" not in page_html(visitor.get(address))


def test_more_than_fit_are_named_as_more(visitor: Client, project: Project):
    for number in range(MOST_ACTIVE + 1):
        make_report(project, name=f"Waiting {number}", status="queued")
    said = words(visitor)
    assert said.count("Queued") == MOST_ACTIVE
    assert "All that are in progress" in said


def test_the_latest_failures_of_both_kinds_come_with_their_reasons(visitor: Client, project: Project):
    now = timezone.now()
    for age in range(MOST_FAILED + 1):
        status = "failed" if age % 2 else "errored"
        made_at(now - timedelta(hours=age), project, name=f"Bad {age}", status=status, error=f"reason {age}")
    made_at(now - timedelta(days=15), project, name="Long ago", status="failed", error="forgotten")
    said = words(visitor)
    assert re.findall(r"reason \d", said) == [f"reason {age}" for age in range(MOST_FAILED)]
    assert "forgotten" not in said


# --- days ------------------------------------------------------------------------------------------------------------


def test_days_are_those_of_the_persons_zone_and_all_of_them_are_there(project: Project, monkeypatch):
    noon = datetime(2026, 3, 29, 12, tzinfo=UTC)  # the day on which Berlin's clocks go forward
    monkeypatch.setattr(timezone, "now", lambda: noon)
    for at, bytes_done, status in (
        (datetime(2026, 3, 28, 22, 59, tzinfo=UTC), 1, "completed"),  # 23:59 in Berlin
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), 10, "partial"),  # midnight there: the next day
        (datetime(2026, 3, 29, 11, 0, tzinfo=UTC), 100, "failed"),  # not delivered: counted without its bytes
        (datetime(2026, 3, 15, 22, 59, tzinfo=UTC), 1000, "completed"),  # a minute too old
        (datetime(2026, 3, 15, 23, 0, tzinfo=UTC), 10_000, "completed"),
    ):
        made_at(at, project, bytes_done=bytes_done, status=status)
    with timezone.override("Europe/Berlin"):
        days = per_day(ExportReport.objects.all())
    assert len(days) == 14
    assert [str(day.date) for day in (days[0], days[-1])] == ["2026-03-16", "2026-03-29"]
    assert [(day.exports, day.bytes) for day in days if day.exports] == [(1, 10_000), (1, 1), (2, 10)]
    with timezone.override("UTC"):
        days = per_day(ExportReport.objects.all())
    assert [(day.date.day, day.exports, day.bytes) for day in days if day.exports] == [(28, 2, 11), (29, 1, 0)]


def test_bars_have_the_heights_of_their_counts_and_words_beside_them(visitor: Client, project: Project):
    for _ in range(3):
        make_report(project, status="completed", bytes_done=1_000_000)
    page = page_html(visitor.get("/"))
    assert page.count("<svg viewBox") >= 2
    assert 'aria-hidden="true"' in page
    table = page[page.index('class="table ea-days"') :]
    assert table.count('<th scope="row">') == 14
    assert '<td class="ea-num">3</td><td class="ea-num">3.0 MB</td>' in table
    chart = chart_of(
        "Exports", [(day, count) for day, count in zip(per_day(ExportReport.objects.all()), range(14), strict=True)]
    )
    heights = [bar.height for bar in chart.bars]
    assert heights[0] == 0 and heights[-1] == 40 and heights == sorted(heights)
    assert all(bar.y + bar.height == pytest.approx(40) for bar in chart.bars)


def test_days_without_anything_are_no_division_by_nothing(visitor: Client, project: Project):
    made_at(timezone.now() - timedelta(days=40), project, status="completed")
    assert "0 exports requested, 0 bytes delivered." in words(visitor)


# --- rows ------------------------------------------------------------------------------------------------------------


def test_rows_by_review_status_of_ones_projects(operator: Client, members: Project, foreign: Project):
    make_report(members)
    write_rows(members, mixed(8))
    said = words(operator)
    assert "Street scenes 8 rows" in said
    for status in ("review 2", "accepted 2", "rejected 2", "client_review 2"):
        assert status in said


# --- figures ---------------------------------------------------------------------------------------------------------


def test_the_number_of_queries_depends_on_the_projects_shown_and_not_on_reports(
    members: Project, connection: Connection, oscar: User, operator: Client
):
    def asked(address: str) -> int:
        operator.get(address)  # figures of the projects are kept from now on
        with CaptureQueriesContext(database) as queries:
            assert operator.get(address).status_code == 200
        return len(queries)

    for status in ("running", "queued"):
        make_report(members, status=status)
    few = asked("/")
    for number in range(200):
        make_report(members, name=f"Run {number}", status=("running", "failed", "completed", "queued")[number % 4])
    # session, user, keys of projects, any?, days, active, two kinds of failures, altered, connections, projects,
    # one of each, menu, worker
    assert asked("/") == few == 15
    for number in range(30):
        other = Project.objects.create(connection=connection, name=f"Project {number:02}")
        Membership.objects.create(project=other, user=oscar, role="reviewer")
        make_report(other, status="queued")
    # one a project, of which no more than so many are shown; and whether the trail is whole, of which he reads some now
    assert asked("/") == few + MOST_PROJECTS
    assert asked("/now/") == 5


def test_deliveries_that_are_not_as_they_were_are_listed_as_a_sentence(operator: Client, members: Project):
    for name in ("First", "Second"):
        make_report(members, name=name, status="completed", altered_at=timezone.now())
    told = words(operator)
    assert "Their files are not handed out until a proof finds them as they were." in told
    note = operator.get("/").content.decode()
    listed = re.search(r"Not as delivered:(.*?)Their files", note, re.DOTALL)
    assert listed is not None
    text = " ".join(re.sub(r"<[^>]*>", "", listed[1]).split())
    assert text in ("First, Second.", "Second, First.")


# --- proofs -----------------------------------------------------------------------------------------------------------


def test_a_delivery_that_is_not_what_was_delivered_is_an_alert_until_it_is_right_or_its_files_are_gone(
    visitor: Client, project: Project
):
    now = timezone.now()
    bad = make_report(project, status="completed", name="Bad", altered_at=now, proof_result="gone", proved_at=now)
    page = page_html(visitor.get("/"))
    assert "Not as delivered:" in page and f"/exports/{bad.report_id}/#proof" in page and "(gone)" in page
    # found by a download after a proof that found nothing
    ExportReport.objects.filter(pk=bad.pk).update(proof_result="equal")
    assert "Not as delivered:" in page_html(visitor.get("/")) and "(as delivered)" not in page_html(visitor.get("/"))
    ExportReport.objects.filter(pk=bad.pk).update(files_removed_at=now)
    assert "Not as delivered:" not in page_html(visitor.get("/"))


def test_the_last_night_is_told_of_the_projects_that_one_sees(visitor: Client, members: Project, rita: User):
    assert "Nightly proof" not in page_html(visitor.get("/"))
    other = Project.objects.create(connection=members.connection, name="Another one")
    night = ProofNight.objects.create(began_at=timezone.now())
    for project, result in ((members, "equal"), (members, "equal"), (members, "changed"), (other, "gone")):
        report = make_report(project, status="completed")
        Proof.objects.create(
            report=report, project=project, night=night, how="sampled", status="completed", result=result
        )
    unreachable = make_report(members, status="completed")
    Proof.objects.create(report=unreachable, project=members, night=night, how="sampled", status="failed")
    page = page_html(visitor.get("/"))
    words = "5 deliveries looked at: 2 as delivered, 1 changed, 1 gone or in part, 1 could not be looked at"
    assert words in " ".join(page.split())
    client = Client()
    client.force_login(rita)
    words = "4 deliveries looked at: 2 as delivered, 1 changed, 1 could not be looked at"
    assert words in " ".join(page_html(client.get("/")).split())
