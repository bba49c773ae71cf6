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


def digest() -> str:
    everything = Project.objects.all()
    groups = failures(everything, everything).groups
    return groups[0].digest if groups else "none"


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
    confirmed = {"digest": digest()}
    assert confirmed["digest"] in page
    answer = operator.post(address, confirmed, follow=True)
    page = page_html(answer)
    assert "2 requested again" in page and "Nothing failed for this reason any more" in page
    queued = ExportReport.objects.filter(status="queued")
    assert {report.name for report in queued} == {"North", "South"}
    assert all(report.report_id in page for report in queued)
    assert "requested again" in page_html(operator.get(answer.redirect_chain[-1][0])), "looked at again"
    assert "requested again" not in page_html(operator.get(address)), "another day"
    page = page_html(operator.post(address, confirmed, follow=True))  # pressed again, in another window
    assert "nothing that failed for this reason is left to retry" in page
    assert queued.count() == 2


def test_others_by_now_show_the_page_again_with_the_new_number(operator: Client, members: Project, address: str):
    confirmed = {"digest": digest()}
    make_report(members, status="failed", error="row 'West' has no width")
    page = page_html(operator.post(address, confirmed, follow=True))
    assert "others than were confirmed failed for this reason by now; 3 can be retried" in page
    assert "Retry these 3" in page
    assert not ExportReport.objects.filter(status="queued").exists()


def test_who_may_see_but_not_start_is_refused_and_the_trail_hears_of_it(members: Project, rita: User, address: str):
    client = Client()
    client.force_login(rita)
    page = page_html(client.get(address))
    assert "You may not start exports in their projects" in page and "Retry" not in page
    assert client.post(address, {"digest": digest()}).status_code == 403
    assert AuditEntry.objects.filter(outcome=REFUSED, actor_name="rita").count() == 1


def test_a_stranger_sees_nothing_of_it(address: str, stranger: Client):
    page = page_html(stranger.get(address))
    assert "has no width" not in page and "North" not in page and "Nothing failed for this reason" in page


@pytest.mark.parametrize("sent", [{}, {"digest": ""}, {"count": "2"}, {"digest": "2", "x": "1"}])
def test_no_digest_and_unknown_fields_are_refused(operator: Client, address: str, sent: dict[str, str]):
    assert operator.post(address, sent).status_code == 400
    assert not ExportReport.objects.filter(status="queued").exists()
