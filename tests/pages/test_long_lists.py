"""Lists of exports stay quick when there are very many: what is counted, and how the database goes about it."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections.access.models import Membership
from connections.access.permissions import projects_for
from connections.models import Connection, Project
from exports.lists import active_first, capped_paginator
from exports.lists.listing import ended, in_progress, within
from exports.models import ExportReport
from tests.pages.reports import make_report
from tests.pages.squeezed import page_html

NAMES = re.compile(r'<div class="ea-name-line"><a [^>]*>([^<]*)</a>')
PEOPLE = {"superuser": None, "member of all": 4, "member of two": 2, "member of one": 1, "stranger": 0}
LISTS = [
    "/exports/",
    "/exports/?page=2",
    "/api/v1/reports/",
    "/api/v1/reports/?status=completed",
    "/api/v1/reports/?group=completed",
]


@pytest.fixture
def projects(connection: Connection) -> list[Project]:
    """Four, with thirty reports each, one a minute in turns, one of three failed."""
    made = [Project.objects.create(connection=connection, name=f"Project {number}") for number in range(4)]
    reports = ExportReport.objects.bulk_create(
        ExportReport(
            project=made[number % 4],
            name=f"Run {number}",
            format="json",
            config={},
            status="completed" if number % 3 else "failed",
        )
        for number in range(120)
    )
    now = timezone.now()
    for number, report in enumerate(reports):
        report.created_at = now - timedelta(minutes=120 - number)
    ExportReport.objects.bulk_update(reports, ["created_at"])
    return made


def someone(name: str, projects: list[Project]) -> Client:
    """Signed in."""
    count = PEOPLE[name]
    user = get_user_model().objects.create_user(name.replace(" ", "-"), is_superuser=count is None)
    for project in projects[: count or 0]:
        Membership.objects.create(project=project, user=user, role="reviewer")
    client = Client()
    client.force_login(user)
    client.user = user
    return client


def names(client: Client, page: int | str = 1) -> list[str]:
    """The names on a page, from the top."""
    return NAMES.findall(page_html(client.get("/exports/", {"page": page})))


def foot(client: Client, page: int | str = 1) -> str:
    """What stands below the list, in words."""
    page_of = page_html(client.get("/exports/", {"page": page}))
    return " ".join(re.sub(r"<[^>]*>", " ", page_of[page_of.index('class="ea-foot"') :]).split()[1:])


def test_a_list_that_is_too_long_to_count_says_so_and_shows_all_of_it(projects, monkeypatch):
    monkeypatch.setattr(capped_paginator, "COUNTED", 100)
    monkeypatch.setattr(capped_paginator.LongPaginator, "counted", 100)
    alice = someone("superuser", projects)
    assert foot(alice).startswith("1–50 of more than 100 exports Page 1 Older")
    assert foot(alice, 2).startswith("51–100 of more than 100 exports Newer Page 2 Older")
    assert foot(alice, 3).startswith("101–120 of 120 exports Newer Page 3 of 3")
    assert foot(alice, 99) == foot(alice, 3), "the nearest page that is there"
    every = [name for page in (1, 2, 3) for name in names(alice, page)]
    assert every == [f"Run {number}" for number in reversed(range(120))]


def test_a_list_that_just_fits_is_counted(projects, monkeypatch):
    monkeypatch.setattr(capped_paginator, "COUNTED", 120)
    assert foot(someone("superuser", projects)).startswith("1–50 of 120 exports Page 1 of 3 Older")


def test_the_count_of_a_long_list_looks_at_a_bounded_number_of_rows(projects, monkeypatch):
    monkeypatch.setattr(capped_paginator, "COUNTED", 100)
    alice = someone("superuser", projects)
    for page, whole in ((2, 0), (3, 1)):
        with CaptureQueriesContext(database) as queries:
            names(alice, page)
        counts = [query["sql"] for query in queries if "COUNT(" in query["sql"] and "artifact" not in query["sql"]]
        assert [sql for sql in counts if "LIMIT 101" in sql], counts
        assert len([sql for sql in counts if "LIMIT 101" not in sql]) == whole


@pytest.mark.parametrize("person", PEOPLE)
def test_everyone_sees_their_projects_reports_and_no_others(projects, person):
    client = someone(person, projects)
    seen = projects_for(client.user, "view")
    expected = list(ExportReport.objects.filter(project__in=seen).order_by("-created_at", "-pk"))
    assert len(expected) == 30 * {None: 4}.get(PEOPLE[person], PEOPLE[person])
    assert list(within(ExportReport.objects.all(), seen)) == expected
    assert [name for page in (1, 2, 3) for name in names(client, page)][: len(expected)] == [
        report.name for report in expected
    ]
    rest = client.get("/api/v1/reports/", {"page_size": 200}).json()["results"]
    assert [report["report_id"] for report in rest] == [report.report_id for report in expected]


def test_a_report_has_ended_or_is_in_progress_and_never_both(projects):
    for status in ("queued", "running", "partial", "errored", "cancelled"):
        make_report(projects[0], status=status)
    every = ExportReport.objects.all()
    assert {report.status for report in in_progress(every)} == {"queued", "running"}
    assert set(ended(every)) == set(every) - set(in_progress(every))


@pytest.mark.parametrize("person", ["superuser", "member of two", "member of one"])
@pytest.mark.parametrize("address", LISTS)
def test_a_page_is_read_from_an_index_by_time_and_nothing_is_sorted(projects, person, address):
    client = someone(person, projects)
    with CaptureQueriesContext(database) as queries:
        assert client.get(address).status_code == 200
    lists = [query["sql"] for query in queries if 'ORDER BY "exports_exportreport"."created_at" DESC' in query["sql"]]
    # what stands first: few, found by their keys
    lists = [sql for sql in lists if f"LIMIT {active_first.MOST_LOOKED_AT}" not in sql]
    assert len(lists) == 1
    with database.cursor() as cursor:
        if database.vendor == "sqlite":
            cursor.execute(f"EXPLAIN QUERY PLAN {lists[0]}")
            sorts = "TEMP B-TREE"
        else:
            # tables as small as these are read whole and sorted; here the question is whether there is another way
            cursor.execute("SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off")
            cursor.execute("SET enable_incremental_sort = off")
            cursor.execute(f"EXPLAIN {lists[0]}")
            sorts = "Sort"
        plan = "\n".join(str(row[-1]) for row in cursor.fetchall())
        if database.vendor == "postgresql":
            cursor.execute("RESET ALL")
    assert sorts not in plan, plan
    assert "report_newest" in plan, plan


@pytest.mark.parametrize("person", ["superuser", "member of all", "member of one"])
@pytest.mark.parametrize("address", ["/exports/", "/api/v1/reports/", "/api/v1/reports/?status=completed"])
def test_the_number_of_queries_is_the_same_for_one_report_and_for_many(projects, person, address):
    client = someone(person, projects)
    with CaptureQueriesContext(database) as many:
        client.get(address)
    kept = ExportReport.objects.filter(project=projects[0], status="completed").first()
    ExportReport.objects.exclude(pk=kept.pk).delete()
    with CaptureQueriesContext(database) as one:
        assert client.get(address).status_code == 200
    assert len(one) == len(many)
