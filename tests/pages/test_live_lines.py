"""Lines of the list that renew themselves while an export runs."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connections.models import Connection, Project
from exports.models import ExportReport
from tests.pages.reports import make_report
from tests.pages.squeezed import page_html


@pytest.mark.parametrize("ids", ["", ",", "a,", "a b", "<b>", "a\x00", "x" * 65, ",".join(["a"] * 51), "ä"])
def test_ids_that_are_none_are_refused(visitor: Client, ids: str):
    assert visitor.get("/exports/active/", {"ids": ids}).status_code == 400
    assert visitor.get("/exports/active/", {"ids": "a", "page": "1"}).status_code == 400


def test_what_may_not_be_seen_is_left_out_and_not_asked_for_again(
    members: Project, connection: Connection, oscar: User
):
    other = Project.objects.create(connection=connection, name="Harbour")
    ours, theirs = make_report(members, status="running"), make_report(other, status="running")
    client = Client()
    client.force_login(oscar)
    said = page_html(client.get("/exports/active/", {"ids": f"{theirs.report_id},{ours.report_id},nosuch"}))
    assert theirs.report_id not in said
    assert f'hx-get="/exports/active/?ids={ours.report_id}"' in said


def test_the_list_asks_for_what_runs_and_stops_when_nothing_does(project: Project, visitor: Client):
    running, queued = make_report(project, status="running", rows_done=1, rows_expected=4), make_report(project)
    ended = make_report(project, status="failed")
    page = page_html(visitor.get("/exports/"))
    (address,) = re.findall(r'hx-get="([^"]*)" hx-trigger="every 2s"', page)
    assert set(address.partition("=")[2].split(",")) == {running.report_id, queued.report_id}
    ExportReport.objects.filter(pk=running.pk).update(status="completed", rows_done=4, bytes_done=2_000)
    said = page_html(visitor.get(address))
    assert f'hx-get="/exports/active/?ids={queued.report_id}"' in said
    for part in (f'<div id="state-{running.report_id}" hx-swap-oob="true">', ">Completed<", ">4<", ">2.0 kB<"):
        assert part in said
    assert ended.report_id not in said
    # each part that comes has its place in the page
    places = re.findall(r'id="((?:state|rows|size|took)-[^"]+)"', said)
    assert len(places) == 8 and all(f'id="{place}"' in page for place in places)
    ExportReport.objects.update(status="cancelled")
    assert "hx-get" not in page_html(visitor.get(address))


def test_four_queries_at_most_however_many_run(members: Project, oscar: User):
    client = Client()
    client.force_login(oscar)
    reports = [make_report(members, status="running") for _ in range(50)]
    for some in (reports[:1], reports):
        with CaptureQueriesContext(database) as queries:
            said = client.get("/exports/active/", {"ids": ",".join(report.report_id for report in some)})
        assert page_html(said).count('id="state-') == len(some)
        assert len(queries) == 4
