"""What waits for a worker that does not run says so, on home, list and its own page."""

from __future__ import annotations

import pytest
from django.test import Client

from connections.models import Project
from exportadmin.runs import statuses
from tests.pages.reports import make_report
from tests.support.workers import worker_was_seen

NONE, SILENT = "No worker runs", "The worker has been silent for 2 minutes"


def pages(visitor: Client, report_id: str) -> list[str]:
    return [visitor.get(path).content.decode() for path in ("/", "/exports/", f"/exports/{report_id}/")]


@pytest.mark.django_db
def test_what_waits_says_that_nobody_will_take_it(visitor: Client, project: Project):
    report = make_report(project, status=statuses.QUEUED)
    assert all(NONE in page for page in pages(visitor, report.report_id))
    worker_was_seen(130)
    assert all(SILENT in page for page in pages(visitor, report.report_id))
    worker_was_seen()
    assert not any(text in page for page in pages(visitor, report.report_id) for text in (NONE, SILENT))


@pytest.mark.django_db
def test_where_nothing_waits_nobody_is_missed(visitor: Client, project: Project):
    report = make_report(project, status=statuses.COMPLETED)
    assert not any(NONE in page for page in pages(visitor, report.report_id))
