"""The part of a running export's page that renews itself."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections.models import Project
from exportadmin.runs import statuses
from tests.pages.reports import make_report
from tests.pages.squeezed import page_html

HTMX = {"HX-Request": "true"}


@pytest.fixture
def operator(members: Project, oscar: User) -> Client:
    client = Client()
    client.force_login(oscar)
    return client


def test_a_poll_says_how_far_it_is_in_at_most_four_queries(members: Project, operator: Client):
    started = timezone.now() - timezone.timedelta(seconds=100)
    report = make_report(members, status=statuses.RUNNING, phase="reading", rows_done=1200, rows_expected=5000,
                         bytes_done=2_000_000, started_at=started)  # fmt: skip
    with CaptureQueriesContext(database) as queries:
        answer = operator.get(f"/exports/{report.report_id}/progress/", headers=HTMX)
    said = page_html(answer)
    assert len(queries) == 4
    assert answer.status_code == 200
    assert "Reading: 1,200 of 5,000 rows, 2.0 MB" in said
    for words in ("24%", " rows/s", " kB/s", "about 5 min "):
        assert words in said
    assert "<html" not in said and "<form" not in said
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("status", sorted(statuses.TERMINAL))
def test_the_end_stops_the_polling_and_loads_the_page_anew(members: Project, operator: Client, status: str):
    report = make_report(members, status=status)
    answer = operator.get(f"/exports/{report.report_id}/progress/", headers=HTMX)
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (286, "true")
    assert "The export has ended." in page_html(answer)


def test_whoever_comes_without_htmx_is_sent_to_the_page(members: Project, operator: Client):
    report = make_report(members, status=statuses.RUNNING)
    answer = operator.get(f"/exports/{report.report_id}/progress/")
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/exports/{report.report_id}/")


def test_a_stranger_and_an_unknown_parameter_are_refused(members: Project, stranger: Client, operator: Client):
    report = make_report(members, status=statuses.RUNNING)
    address = f"/exports/{report.report_id}/progress/"
    assert stranger.get(address, headers=HTMX).status_code == 404
    assert operator.get(f"{address}?since=3", headers=HTMX).status_code == 400
    assert operator.post(address).status_code == 405


def test_the_page_polls_only_while_there_is_something_to_wait_for(members: Project, operator: Client):
    for status in statuses.TITLES:
        report = make_report(members, status=status)
        page = page_html(operator.get(f"/exports/{report.report_id}/"))
        assert (f'hx-get="/exports/{report.report_id}/progress/"' in page) == (status in statuses.ACTIVE), status
        assert ("Look again" in page) == (status in statuses.ACTIVE)


def test_one_that_waits_says_so_and_one_that_was_asked_to_stop_says_that(members: Project, operator: Client):
    waiting = make_report(members, status=statuses.QUEUED, attempts=1)
    page = page_html(operator.get(f"/exports/{waiting.report_id}/"))
    assert "Waiting for a worker, after 1 attempt" in page
    assert "Cancel the export" in page
    stopping = make_report(members, status=statuses.RUNNING, cancel_requested=True)
    page = page_html(operator.get(f"/exports/{stopping.report_id}/"))
    assert "A stop was asked for." in page
    assert "Cancel the export" not in page
