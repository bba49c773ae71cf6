"""Lines of the list: why nothing came of an export, what became of it, what one may do with it; and the tabs above."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from connections.models import Connection, Project
from exports.lists import active_first, capped_paginator
from exports.models import Artifact, ExportReport
from tests.pages.reports import deliver, make_report
from tests.pages.squeezed import page_html

TAB = re.compile(r'<li><a href="([^"]*)"( aria-current="true")?>(\w[\w ]*?) <span class="ea-tab-count">([^<]*)</span>')
NAMES = re.compile(r'<div class="ea-name-line"><a [^>]*>([^<]*)</a>')


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def line_of(client: Client, report: ExportReport, address: str = "/exports/") -> str:
    """The line of a report, from its box or state to its menu."""
    page = page_html(client.get(address))
    return next(row for row in page.split("<tr>") if f'id="state-{report.report_id}"' in row).partition("</tr>")[0]


def tabs(client: Client, address: str = "/exports/") -> dict[str, tuple[str, str]]:
    """Title → count and address; the current one has a star."""
    found = TAB.findall(page_html(client.get(address)))
    return {title + ("*" if current else ""): (count, address) for address, current, title, count in found}


def menu(line: str) -> list[str]:
    """What the menu of a line offers."""
    inside = line[line.index("<ul>") : line.index("</ul>")]
    return re.findall(r"<(?:a|button)[^>]*>([^<]*)<", inside)


# --- bad days --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["failed", "errored", "cancelled", "skipped"])
def test_why_nothing_came_of_it_stands_under_its_name(project: Project, visitor: Client, status: str):
    line = line_of(visitor, make_report(project, status=status, error="The disk <is> full."))
    assert '<span class="ea-reason" title="The disk &lt;is&gt; full.">The disk &lt;is&gt; full.</span>' in line


def test_a_reason_as_long_as_a_book_is_cut(project: Project, visitor: Client):
    line = line_of(visitor, make_report(project, status="failed", error="x" * 100_000))
    assert "x" * 240 in line and "x" * 241 not in line


def test_an_altered_delivery_says_what_was_found_and_offers_no_download(
    project: Project, tmp_path: Path, visitor: Client
):
    report = deliver(project, tmp_path / "d", altered_at=timezone.now(), altered_why="rows.json has changed").report
    line = line_of(visitor, report)
    assert "rows.json has changed" in line and "Not as delivered" in line
    assert "Download" not in line and "Share by link …" not in menu(line)


def test_files_that_are_gone_are_marked_and_not_offered(project: Project, tmp_path: Path, visitor: Client):
    report = deliver(project, tmp_path / "d", files_removed_at=timezone.now()).report
    line = line_of(visitor, report)
    assert "files gone" in line
    assert "/files/" not in line and {"Convert …", "Delete files …", "Share by link …"}.isdisjoint(menu(line))


def test_a_delivery_without_rows_is_marked_and_a_failure_is_not(project: Project, tmp_path: Path, visitor: Client):
    empty, full = (deliver(project, tmp_path / str(rows), rows_done=rows).report for rows in (0, 7))
    failed = make_report(project, status="failed")
    marked = ["0 rows" in line_of(visitor, report) for report in (empty, full, failed)]
    assert marked == [True, False, False]


def test_the_newest_retry_is_told_with_a_link(project: Project, visitor: Client):
    failed = make_report(project, status="failed", error="The disk is full.")
    retries = [make_report(project, status=status, retry_of=failed) for status in ("failed", "completed")]
    for age, retry in ((2, retries[0]), (1, retries[1])):
        ExportReport.objects.filter(pk=retry.pk).update(created_at=timezone.now() - timedelta(hours=age))
    line = line_of(visitor, failed)
    assert f'href="/exports/{retries[1].report_id}/">retried as {retries[1].report_id[:8]}' in line
    assert retries[0].report_id not in line and "(completed)" in line
    assert "retried as" not in line_of(visitor, retries[0])


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("alice", ["Details", "Run again", "Run again with changes", "Share by link …", "Compare", "Delete files …"]),
        ("oscar", ["Details", "Run again", "Run again with changes", "Share by link …", "Compare"]),
        ("rita", ["Details", "Compare"]),
    ],
)
def test_a_menu_offers_what_one_may(members: Project, request, tmp_path: Path, who: str, expected: list[str]):
    report = deliver(members, tmp_path / "d", format="csv").report
    line = line_of(client_of(request.getfixturevalue(who)), report)
    assert menu(line) == expected
    assert ("Download" in line) == (who != "rita")


def test_what_one_may_in_one_project_is_not_offered_in_another(
    members: Project, connection: Connection, oscar: User, tmp_path: Path
):
    other = Project.objects.create(connection=connection, name="Harbour")
    other.memberships.create(user=oscar, role="reviewer")
    ours, theirs = (deliver(each, tmp_path / each.name, format="csv").report for each in (members, other))
    client = client_of(oscar)
    assert "Run again" in menu(line_of(client, ours))
    assert menu(line_of(client, theirs)) == ["Details", "Compare"]


def test_what_runs_is_cancelled_and_what_failed_is_retried_from_its_menu(members: Project, oscar: User):
    waiting, failed = make_report(members), make_report(members, status="failed")
    client = client_of(oscar)
    assert menu(line_of(client, waiting)) == ["Details", "Cancel"]
    assert f'formaction="/exports/{waiting.report_id}/cancel/"' in line_of(client, waiting)
    assert menu(line_of(client, failed)) == ["Details", "Retry", "Run again with changes"]
    assert f'formaction="/exports/{failed.report_id}/retry/"' in line_of(client, failed)


def test_one_file_is_downloaded_from_the_line_and_several_are_looked_at(
    project: Project, tmp_path: Path, visitor: Client
):
    one = deliver(project, tmp_path / "one").report
    many = deliver(project, tmp_path / "many").report
    Artifact.objects.create(report=many, name="more.json", media_type="application/json", bytes=1, sha256="0" * 64)
    assert f'<a href="/exports/{one.report_id}/files/rows.json/" download>Download' in line_of(visitor, one)
    assert f'<a href="/exports/{many.report_id}/#files-title">2 files' in line_of(visitor, many)


@pytest.mark.parametrize(
    ("age", "text"), [(3, "just now"), (130, "2 min ago"), (3 * 3600 + 5, "3 h ago"), (400 * 86400, r"\d+ \w{3} \d{4}")]
)
def test_when_is_short_and_exact_for_who_asks(project: Project, visitor: Client, age: int, text: str):
    report = make_report(project)
    at = timezone.now() - timedelta(seconds=age)
    ExportReport.objects.filter(pk=report.pk).update(created_at=at)
    line = line_of(visitor, report)
    assert re.search(rf'title="{at.day} {at:%b %Y, %H:%M} UTC">{text}</time>', line)


# --- what is in progress first ---------------------------------------------------------------------------------------


def test_what_runs_comes_first_then_what_waits_then_the_newest(project: Project, visitor: Client):
    for name, status in (
        ("waits", "queued"),
        ("runs", "running"),
        ("older", "completed"),
        ("newer", "failed"),
    ):
        make_report(project, name=name, status=status)
    assert NAMES.findall(page_html(visitor.get("/exports/"))) == ["runs", "waits", "newer", "older"]
    assert NAMES.findall(page_html(visitor.get("/exports/?sort=-created"))) == ["newer", "older", "runs", "waits"]


@pytest.mark.parametrize("active", [0, 3, 50, 51, 120, 121])
def test_every_export_is_on_one_page_however_many_are_in_progress(project: Project, visitor: Client, active: int):
    for number in range(121):
        make_report(project, name=f"Run {number}", status="queued" if number < active else "completed")
    found = [NAMES.findall(page_html(visitor.get("/exports/", {"page": page}))) for page in (1, 2, 3)]
    first = list(range(active - 1, max(active - 1 - active_first.MOST_FIRST, -1), -1))
    expected = [*first, *(number for number in range(120, -1, -1) if number not in first)]
    assert [name for names in found for name in names] == [f"Run {number}" for number in expected]


def test_of_what_others_wait_for_only_the_newest_are_looked_at(members: Project, oscar: User, monkeypatch):
    monkeypatch.setattr(active_first, "MOST_LOOKED_AT", 3)
    other = Project.objects.create(connection=members.connection, name="Harbour")
    for name, project, status in (
        ("old", members, "queued"),
        ("done", members, "completed"),
        ("runs", members, "running"),
        ("new", members, "queued"),
        ("hidden", other, "queued"),
        ("hidden", other, "queued"),
        ("ended", members, "completed"),
    ):
        make_report(project, name=name, status=status)
    assert NAMES.findall(page_html(client_of(oscar).get("/exports/"))) == ["runs", "new", "ended", "done", "old"]


# --- tabs ------------------------------------------------------------------------------------------------------------


def test_tabs_count_by_state_with_the_filters_that_stay(members: Project, connection: Connection, oscar: User):
    other = Project.objects.create(connection=connection, name="Harbour")
    for status in ("queued", "running", "completed", "completed", "failed"):
        make_report(members, name="Nightly", status=status)
    make_report(members, name="Other", status="partial")
    make_report(other, name="Nightly", status="failed")  # not oscar's to see
    found = tabs(client_of(oscar), "/exports/?q=night&status=failed&page=2")
    assert {title: count for title, (count, _) in found.items()} == {
        "All": "5",
        "In progress": "2",
        "Completed": "2",
        "Failed*": "1",
    }
    assert found["Completed"][1] == "?q=night&amp;status=completed"
    assert found["In progress"][1] == "?q=night&amp;group=in_progress"
    assert found["All"][1] == "?q=night"
    assert "Partial" in tabs(client_of(oscar))


def test_a_tab_stops_counting_where_nobody_reads_the_figure(project: Project, visitor: Client, monkeypatch):
    monkeypatch.setattr(capped_paginator, "COUNTED", 3)
    for status in ["completed"] * 4 + ["failed"] * 3:
        make_report(project, status=status)
    assert {title: count for title, (count, _) in tabs(visitor).items()} == {
        "All*": "3+",
        "In progress": "0",
        "Completed": "3+",
        "Failed": "3",
    }


@pytest.mark.parametrize(
    ("query", "title", "count"),
    [
        ("group=completed", "Ended", "2"),
        ("status=queued", "Queued", ""),
        ("status=queued&group=in_progress", "In progress, Queued", ""),
        ("status=partial", "Partial", "0"),
    ],
)
def test_what_an_address_asks_for_has_a_tab(project: Project, visitor: Client, query: str, title: str, count: str):
    for status in ("queued", "completed", "failed"):
        make_report(project, status=status)
    page = page_html(visitor.get(f"/exports/?{query}"))
    current = re.findall(r'aria-current="true">([^<]*) <span class="ea-tab-count">([^<]*)</span>', page)
    assert current == [(title, count)]
