"""The list of exports."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections.models import Connection, Project
from exports.display.report_states import REPORT_STATES
from exports.models import ExportReport
from tests.pages.reports import deliver, make_report
from tests.pages.squeezed import page_html

HOSTILE = """<script>alert(1)</script>"><img src=x onerror=alert(1)> & 'quoted'"""


def names(page: str) -> list[str]:
    """The names in the list, from the top."""
    return re.findall(r'<div class="ea-name-line"><a [^>]*>([^<]*)</a>', page)


def test_a_stranger_sees_no_exports_and_no_commands(project: Project, stranger: Client):
    make_report(project, name="Secret plan")
    page = page_html(stranger.get("/exports/"))
    assert "Secret plan" not in page
    assert "No exports to see" in page
    assert "import_rows" not in page


def test_an_empty_installation_shows_the_three_steps(visitor: Client):
    page = page_html(visitor.get("/exports/"))
    assert "Three steps to the first export" in page
    assert [word for word in ("import_rows", "run_export", "verify") if f"exportadmin {word}" in page] == [
        "import_rows",
        "run_export",
        "verify",
    ]


def test_names_made_of_markup_are_shown_as_text(connection: Connection, visitor: Client):
    project = Project.objects.create(connection=connection, name=HOSTILE)
    make_report(project, name=HOSTILE, created_by_name=HOSTILE)
    page = page_html(visitor.get("/exports/"))
    # name, project and who, each with a title; the line's box and menu, and the project among the filters
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 9
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_an_unknown_state_shows_as_it_is(project: Project, visitor: Client):
    make_report(project, status="melting")
    assert "melting" in page_html(visitor.get("/exports/"))


@pytest.mark.parametrize("page", ["0", "-1", "99", "x", "", "1e9", "٣"])
def test_a_page_that_is_not_there_shows_the_nearest(project: Project, visitor: Client, page: str):
    make_report(project, name="Only one")
    assert names(page_html(visitor.get("/exports/", {"page": page}))) == ["Only one"]


def test_only_reading_is_allowed(visitor: Client):
    assert visitor.post("/exports/").status_code == 405


@pytest.mark.parametrize("status", list(REPORT_STATES))
def test_every_state_has_its_word_and_colour(project: Project, visitor: Client, status: str):
    make_report(project, status=status)
    word, colour, sentence = REPORT_STATES[status]
    page = page_html(visitor.get("/exports/"))
    assert f'<span class="ea-state ea-state-{colour}" title="{sentence}">{word}</span>' in page


def test_a_line_tells_project_format_rows_size_time_and_person(project: Project, tmp_path: Path, visitor: Client):
    artifact = deliver(project, tmp_path / "d", body=b"x" * 12_345, rows_done=1_234_567, format="coco_json")
    page = page_html(visitor.get("/exports/"))
    for part in (
        ">Street scenes<",
        ">coco_json<",
        ">1,234,567<",
        ">12.3 kB<",
        ">just now</time>",
        ">alice<",
        f'href="/exports/{artifact.report.report_id}/"',
    ):
        assert part in page, part


def test_the_newest_comes_first(project: Project, visitor: Client):
    for age, name in enumerate(["new", "older", "oldest"]):
        report = make_report(project, name=name)
        ExportReport.objects.filter(pk=report.pk).update(created_at=timezone.now() - timedelta(days=age))
    assert names(page_html(visitor.get("/exports/"))) == ["new", "older", "oldest"]


def test_fifty_to_a_page_and_all_of_them_once(project: Project, visitor: Client):
    for number in range(120):
        make_report(project, name=f"Run {number}")
    pages = [page_html(visitor.get("/exports/", {"page": page})) for page in (1, 2, 3)]
    assert [len(names(page)) for page in pages] == [50, 50, 20]
    assert [name for page in pages for name in names(page)] == [f"Run {number}" for number in reversed(range(120))]
    assert "Newer" not in pages[0]
    assert 'rel="next" href="?page=2"' in pages[0]
    assert "Older" not in pages[2]
    assert "101–120 of 120 exports" in pages[2]


def test_the_number_of_queries_does_not_grow_with_the_list(
    project: Project, connection: Connection, tmp_path: Path, visitor: Client
):
    deliver(project, tmp_path / "first")
    with CaptureQueriesContext(
        database,
    ) as few:
        visitor.get("/exports/")
    for number in range(30):
        other = Project.objects.create(connection=connection, name=f"Project {number}")
        deliver(other, tmp_path / str(number))
    with CaptureQueriesContext(database) as many:
        assert len(names(page_html(visitor.get("/exports/")))) == 31
    # session, user, projects to filter by, counts of the tabs, page (running, waiting, the others), files, retries
    assert (len(few), len(many)) == (9, 9)


def test_the_list_does_not_read_the_big_columns(project: Project, visitor: Client, alice: User):
    make_report(project)
    make_report(project, name="By keys", config={"filter": {"global_keys": [f"key-{n:06}" for n in range(2000)]}})
    with CaptureQueriesContext(database) as queries:
        page = page_html(visitor.get("/exports/"))
    page_queries = [
        query["sql"] for query in queries if "ORDER BY" in query["sql"] and "exports_exportreport" in query["sql"]
    ]
    assert len(page_queries) == 2  # what runs, what waits: no others are there
    for sql in page_queries:
        for column in ("check_values", "description"):
            assert f'"{column}"' not in sql
        assert sql.count('"error"') == 1 and 'SUBSTR("exports_exportreport"."error", 1, 240)' in sql.replace(
            "LEFT(", "SUBSTR("
        ).replace('"error", 240)', '"error", 1, 240)')
    assert "a long selection" in page, "read for one line, a config of thousands of ids would be too much"
    assert "global keys" not in page
