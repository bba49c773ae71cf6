"""The list of exports as a CSV file."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connections.models import Connection, Project
from exports.models import ExportReport
from tests.pages.reports import deliver, make_report


def lines(client: Client, **query: str) -> list[dict[str, str]]:
    response = client.get("/exports/list.csv", query)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="exports-2')
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    assert text.count("\r\n") >= 1
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("query", ["page=2", "colour=red", "sort=secret", "status=melting", "created_after=x"])
def test_what_the_list_refuses_the_file_refuses_too(project: Project, visitor: Client, query: str):
    make_report(project)
    assert visitor.get(f"/exports/list.csv?{query}").status_code == 400


def test_nothing_of_a_strangers_project(members: Project, connection: Connection, oscar: User, stranger: Client):
    other = Project.objects.create(connection=connection, name="Harbour")
    make_report(members, name="Ours")
    make_report(other, name="Secret plan")
    client = Client()
    client.force_login(oscar)
    assert [line["name"] for line in lines(client)] == ["Ours"]
    assert lines(stranger) == []
    assert client.get("/exports/list.csv", {"project": other.public_id}).status_code == 404


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_cell_is_run_by_a_spreadsheet(connection: Connection, visitor: Client, start: str):
    text = f'{start}cmd|" /C calc"!A0, "x"'
    project = Project.objects.create(connection=connection, name=text)
    make_report(project, name=text, created_by_name=text, config={"filter": {}, "statuses": [text]})
    (line,) = lines(visitor)
    assert {line[cell] for cell in ("name", "project", "created_by", "selects")} == {f"'{text}"}


def test_a_line_tells_what_the_list_tells(project: Project, tmp_path: Path, visitor: Client):
    report = deliver(project, tmp_path / "d", rows_done=1_234).report
    failed = make_report(project, name="Broken", status="failed", bytes_done=99, config={"filter": {"x": "y" * 30_000}})
    broken, done = lines(visitor)
    assert done == {
        "report_id": report.report_id,
        "name": "Nightly",
        "project": "Street scenes",
        "state": "completed",
        "format": "json",
        "selects": "accepted",
        "rows": "1234",
        "bytes": "12",
        "created_at": report.created_at.isoformat(timespec="milliseconds"),
        "created_by": "alice",
        "started_at": report.started_at.isoformat(timespec="milliseconds"),
        "finished_at": report.finished_at.isoformat(timespec="milliseconds"),
        "files_removed_at": "",
    }
    assert (broken["report_id"], broken["bytes"], broken["started_at"]) == (failed.report_id, "", "")
    assert broken["selects"].startswith("a long selection")


def test_all_pages_filtered_and_in_order_with_the_queries_of_one(project: Project, visitor: Client):
    ExportReport.objects.bulk_create(
        ExportReport(project=project, name=f"Run {n:03}", format="json", config={}, status=("failed", "partial")[n % 2])
        for n in range(240)
    )
    with CaptureQueriesContext(database) as queries:
        names = [line["name"] for line in lines(visitor, status="failed", sort="name")]
    assert names == [f"Run {n:03}" for n in range(0, 240, 2)]
    # session, user, projects to filter by, how many and the trail's head for the line about it, and the list, which
    # PostgreSQL reads by a cursor that is not counted
    assert len([query for query in queries if query["sql"].startswith("SELECT")]) <= 6
    page = visitor.get("/exports/?status=failed&sort=name&page=2").content.decode()
    assert 'href="/exports/list.csv?status=failed&amp;sort=name"' in page
