"""The page of what failed for one reason: the number is confirmed, and what came of each is told once."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from connections.models import Project
from exportadmin.audit.models import REFUSED, AuditEntry
from exports.failures import failures
from exports.models import ExportReport
from tests.pages.reports import make_report
from tests.pages.squeezed import page_html


@pytest.fixture
def address(members: Project) -> str:
    for name in ("North", "South"):
        make_report(members, name=name, status="failed", error=f"row '{name}' has no width")
    everything = Project.objects.all()
    (group,) = failures(everything, everything).groups
    return f"/exports/failures/{group.key}/"


@pytest.fixture
def operator(members: Project, oscar: User) -> Client:
    client = Client()
    client.force_login(oscar)
    return client


def test_home_leads_to_a_page_that_asks_with_the_number_and_retries_them(operator: Client, address: str):
    assert f'href="{address}"' in page_html(operator.get("/"))
    page = page_html(operator.get(address))
    assert "2 exports failed for this reason" in page and "row … has no width" in page
    assert "row &#x27;North&#x27; has no width" in page and "Retry these 2" in page
    assert not ExportReport.objects.filter(status="queued").exists()  # nothing happens by looking
    page = page_html(operator.post(address, {"count": "2"}, follow=True))
    assert "2 requested again" in page and "Nothing failed for this reason any more" in page
    queued = ExportReport.objects.filter(status="queued")
    assert {report.name for report in queued} == {"North", "South"}
    assert all(report.report_id in page for report in queued)
    page = page_html(operator.post(address, {"count": "2"}, follow=True))  # pressed again, in another window
    assert "nothing that failed for this reason is left to retry" in page
    assert queued.count() == 2


def test_another_number_by_now_shows_the_page_again_with_the_new_one(operator: Client, members: Project, address: str):
    make_report(members, status="failed", error="row 'West' has no width")
    page = page_html(operator.post(address, {"count": "2"}, follow=True))
    assert "3 that failed for this reason can be retried now, not 2" in page and "Retry these 3" in page
    assert not ExportReport.objects.filter(status="queued").exists()


def test_who_may_see_but_not_start_is_refused_and_the_trail_hears_of_it(members: Project, rita: User, address: str):
    client = Client()
    client.force_login(rita)
    page = page_html(client.get(address))
    assert "You may not start exports in their projects" in page and "Retry" not in page
    assert client.post(address, {"count": "2"}).status_code == 403
    assert AuditEntry.objects.filter(outcome=REFUSED, actor_name="rita").count() == 1


def test_a_stranger_sees_nothing_of_it(address: str, stranger: Client):
    page = page_html(stranger.get(address))
    assert "has no width" not in page and "North" not in page and "Nothing failed for this reason" in page


@pytest.mark.parametrize(
    "sent", [{}, {"count": ""}, {"count": "two"}, {"count": "-1"}, {"count": "²"}, {"count": "2", "x": "1"}]
)
def test_a_count_that_is_none_and_unknown_fields_are_refused(operator: Client, address: str, sent: dict[str, str]):
    assert operator.post(address, sent).status_code == 400
    assert not ExportReport.objects.filter(status="queued").exists()
