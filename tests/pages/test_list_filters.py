"""The list of exports: what its address asks for, and what is refused."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connections.access.models import Membership, Preference
from connections.models import Connection, Project
from exportadmin.audit.models import AuditEntry
from exports.models import ExportReport
from tests.pages.reports import make_report
from tests.pages.squeezed import page_html

NAMES = re.compile(r'<div class="ea-name-line"><a [^>]*>([^<]*)</a>')


@pytest.fixture
def other(connection: Connection) -> Project:
    return Project.objects.create(connection=connection, name="Harbour")


@pytest.fixture
def reports(project: Project, other: Project) -> dict[str, ExportReport]:
    """One a day from 1 June 2026, all different."""
    made = [
        make_report(project, name="Alpha", status="completed", rows_done=30, bytes_done=100, format="json"),
        make_report(other, name="Bravo 100%", status="failed", rows_done=5, bytes_done=999, format="csv"),
        make_report(project, name="charlie", status="running", rows_done=20, created_by_name="oscar"),
        make_report(other, name="Delta", status="partial", rows_done=10, bytes_done=300, created_by_name="Oscar B."),
    ]
    for day, report in enumerate(made, start=1):
        at = datetime(2026, 6, day, 12, tzinfo=UTC)
        end = None if report.status == "running" else at + timedelta(seconds=10 - day)
        ExportReport.objects.filter(pk=report.pk).update(created_at=at, started_at=at, finished_at=end)
    return {report.name: report for report in made}


def ask(client: Client, **query: str) -> list[str]:
    response = client.get("/exports/", query)
    assert response.status_code == 200, response.content
    return NAMES.findall(page_html(response))


# --- bad days --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "colour=red",
        "Status=failed",
        "status=failed&status=partial",
        "sort=created_by",
        "sort=--name",
        "sort=pk",
        "sort=name,rows",
        "sort=name&sort=rows",
        "page_size=9",
        "project__name=x",
        "q__regex=.*",
    ],
)
def test_what_the_list_does_not_know_is_refused(reports, visitor: Client, query: str):
    response = visitor.get(f"/exports/?{query}")
    assert response.status_code == 400
    assert "This cannot be done as asked" in page_html(response)
    assert NAMES.findall(page_html(response)) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "melting"),
        ("group", "both"),
        ("format", "exe"),
        ("created_after", "yesterday"),
        ("created_before", "2026-02-30"),
        ("created_after", "99999-01-01"),
        ("q", "x\x00y"),
        ("q", "x" * 201),
        ("who", "\x00"),
    ],
)
def test_a_value_without_a_meaning_is_said_beside_its_field_and_nothing_is_listed(
    reports, visitor: Client, name: str, value: str
):
    response = visitor.get("/exports/", {name: value})
    page = page_html(response)
    assert response.status_code == 400
    assert 'class="ea-filter-error"' in page or name == "group"
    assert "Nothing is listed" in page
    assert NAMES.findall(page) == []


@pytest.mark.parametrize("value", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "' OR 1=1 --"])
def test_a_hostile_value_is_text(reports, visitor: Client, value: str):
    for name in ("q", "who", "status", "created_after", "sort", value):
        page = page_html(visitor.get("/exports/", {name: value}))
        assert "<script>alert" not in page
        assert "<img src=x" not in page


def test_percent_and_underscore_stand_for_themselves(reports, visitor: Client):
    assert ask(visitor, q="%") == ["Bravo 100%"]
    assert ask(visitor, q="_") == []


def test_a_strangers_project_is_not_there_and_the_trail_hears_of_it(reports, project, other, oscar: User):
    Membership.objects.create(project=project, user=oscar, role="operator")
    client = Client()
    client.force_login(oscar)
    assert client.get("/exports/", {"project": other.public_id}).status_code == 404
    entry = AuditEntry.objects.get(event="request.refused")
    assert (entry.actor_name, entry.project_name) == ("oscar", "Harbour")
    assert client.get("/exports/", {"project": "nosuch"}).status_code == 404
    assert AuditEntry.objects.filter(event="request.refused").count() == 1
    page = page_html(client.get("/exports/"))
    assert "Harbour" not in page, "not even among the filters"
    assert NAMES.findall(page) == ["charlie", "Alpha"]


def test_nobody_finds_by_a_filter_what_they_may_not_see(reports, stranger: Client):
    for query in ({"q": "Alpha"}, {"status": "completed"}, {"who": "alice"}, {"sort": "name"}):
        assert ask(stranger, **query) == []


# --- what is found ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"q": "ALPHA"}, ["Alpha"]),
        ({"status": "failed"}, ["Bravo 100%"]),
        ({"group": "in_progress"}, ["charlie"]),
        ({"group": "completed"}, ["Delta", "Bravo 100%", "Alpha"]),
        ({"format": "csv"}, ["Bravo 100%"]),
        ({"who": "oscar"}, ["charlie", "Delta"]),
        ({"created_after": "2026-06-03"}, ["charlie", "Delta"]),
        ({"created_before": "2026-06-02 12:00:00"}, ["Bravo 100%", "Alpha"]),
        ({"created_after": "2026-06-02T14:00:00+02:00", "group": "completed"}, ["Delta", "Bravo 100%"]),
        ({"created_after": "2026-06-02T14:00:01+02:00", "created_before": "2026-06-03T12:00:00Z"}, ["charlie"]),
        ({"who": "oscar", "group": "completed"}, ["Delta"]),
        ({"status": "running", "group": "completed"}, []),
    ],
)
def test_filters_find_what_they_say_and_all_of_them_hold(reports, visitor: Client, query, found):
    assert ask(visitor, **query) == found


def test_a_project_is_named_by_its_id(reports, visitor: Client, other: Project):
    assert ask(visitor, project=other.public_id) == ["Delta", "Bravo 100%"]


def test_a_time_without_a_zone_is_read_in_the_persons_zone(reports, visitor: Client, alice: User):
    Preference.objects.create(user=alice, time_zone="America/New_York")  # noon UTC is eight in the morning there
    assert ask(visitor, created_after="2026-06-03 08:00:01") == ["Delta"]
    assert ask(visitor, created_after="2026-06-03 08:00:00") == ["charlie", "Delta"]
    Preference.objects.update(time_zone="Etc/GMT+5")  # noon UTC is seven there
    assert ask(visitor, created_after="2026-06-03 07:00:01") == ["Delta"]
    assert ask(visitor, created_after="2026-06-03 07:00:00") == ["charlie", "Delta"]


@pytest.mark.parametrize(
    ("sort", "found"),
    [
        ("created", ["Alpha", "Bravo 100%", "charlie", "Delta"]),
        ("-created", ["Delta", "charlie", "Bravo 100%", "Alpha"]),
        ("rows", ["Bravo 100%", "Delta", "charlie", "Alpha"]),
        ("-rows", ["Alpha", "charlie", "Delta", "Bravo 100%"]),
        ("size", ["Alpha", "Delta", "charlie", "Bravo 100%"]),  # not delivered: no size, last both ways
        ("-size", ["Delta", "Alpha", "charlie", "Bravo 100%"]),
        ("took", ["Delta", "Bravo 100%", "Alpha", "charlie"]),
        ("-took", ["Alpha", "Bravo 100%", "Delta", "charlie"]),
        ("project", ["Delta", "Bravo 100%", "charlie", "Alpha"]),
    ],
)
def test_sorting(reports, visitor: Client, sort: str, found: list[str]):
    assert ask(visitor, sort=sort) == found


def test_names_sort_whatever_the_database_thinks_of_capitals(reports, visitor: Client):
    assert ask(visitor, sort="name")[0] == "Alpha"
    assert ask(visitor, sort="-name") == list(reversed(ask(visitor, sort="name")))


def test_equal_ones_keep_an_order_over_pages(project: Project, visitor: Client):
    for number in range(70):
        make_report(project, name="Same", rows_done=1, created_by_name=f"who-{number}")
    pages = [page_html(visitor.get("/exports/", {"sort": "rows", "page": n})) for n in (1, 2)]
    seen = [who for page in pages for who in re.findall(r">(who-\d+)<", page)]
    assert len(seen) == len(set(seen)) == 70


def test_links_to_pages_and_sorting_keep_the_filters(project: Project, visitor: Client):
    for number in range(60):
        make_report(project, name=f"Run {number}", status="failed")
    page = page_html(visitor.get("/exports/?status=failed&sort=-rows"))
    assert 'rel="next" href="?status=failed&amp;sort=-rows&amp;page=2"' in page
    assert 'href="?status=failed&amp;sort=rows"' in page, "the other way round"
    assert 'aria-sort="descending"' in page
    assert page.count("aria-sort=") == 1


def test_a_form_without_wishes_leads_to_a_clean_address(reports, visitor: Client):
    response = visitor.get("/exports/?q=&project=&status=failed&format=&who=&created_after=&created_before=")
    assert (response.status_code, response.headers["Location"]) == (302, "/exports/?status=failed")
    assert visitor.get("/exports/?q=&status=").headers["Location"] == "/exports/"


# --- nothing there ---------------------------------------------------------------------------------------------------


def test_nothing_matches_is_another_page_than_no_exports_at_all(project: Project, visitor: Client):
    assert "Three steps to the first export" in page_html(visitor.get("/exports/"))
    make_report(project)
    page = page_html(visitor.get("/exports/?q=nosuch"))
    assert "Nothing matches these filters" in page
    assert 'href="/exports/">Clear' in page
    assert "Three steps" not in page


def test_an_operator_gets_the_steps_and_a_reviewer_does_not(members: Project, oscar: User, rita: User):
    for person, words in ((oscar, "Three steps to the first export"), (rita, "No exports to see")):
        client = Client()
        client.force_login(person)
        assert words in page_html(client.get("/exports/"))


# --- figures ---------------------------------------------------------------------------------------------------------


QUERIES = ["", "?q=run&status=failed&who=al&created_after=2020-01-01&sort=-took", "?sort=size&group=completed"]


def test_the_number_of_queries_and_lines_is_the_same_for_ten_thousand(members, oscar: User):
    client = Client()
    client.force_login(oscar)
    counts, lines = [], []
    for more in (60, 9_940):
        ExportReport.objects.bulk_create(
            ExportReport(
                project=members, name=f"Run {n}", format="json", config={}, status="failed", created_by_name="al"
            )
            for n in range(more)
        )
        for query in QUERIES:
            with CaptureQueriesContext(database) as queries:
                page = page_html(client.get(f"/exports/{query}"))
            counts.append(len(queries))
            lines.append(len(NAMES.findall(page)))
    assert lines == [50] * 6
    # session, user, projects to filter by, their keys, counts of the tabs, page (three where what is in progress comes
    # first), what one may do, retries, menu
    assert counts == [11, 9, 9] * 2
