"""What a page refuses it refuses with the right status and words, and the trail is told."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from connections.models import Project
from exportadmin.audit.models import AuditEntry
from exportadmin.lib import pages
from exportadmin.lib.errors import ConflictError, GoneError, UserError
from tests.pages.reports import make_report

HOSTILE = "<script>alert(1)</script>"


def last() -> AuditEntry:
    return AuditEntry.objects.order_by("-sequence")[0]


def test_a_strangers_export_is_not_there_and_the_trail_knows_who_tried(members: Project, stranger: Client):
    report = make_report(members)
    answer = stranger.get(f"/exports/{report.report_id}/")
    assert answer.status_code == 404
    assert report.name not in answer.content.decode()
    entry = last()
    assert (entry.event, entry.outcome, entry.actor_name, entry.channel) == (
        "request.refused", "refused", "mallory", "web",
    )  # fmt: skip
    assert (entry.object_id, entry.project_id) == (report.report_id, members.public_id)


def test_what_is_not_there_for_anybody_is_no_line_in_the_trail(stranger: Client):
    before = AuditEntry.objects.count()
    assert stranger.get("/exports/nosuch/").status_code == 404
    assert stranger.get("/nowhere/").status_code == 404
    assert AuditEntry.objects.count() == before


def test_who_may_see_but_not_do_is_told_no_and_the_trail_is_told(members: Project, rita: User):
    client = Client()
    client.force_login(rita)
    report = make_report(members, status="completed")
    answer = client.get(f"/exports/{report.report_id}/files/rows.json/")
    assert answer.status_code == 403
    assert (last().event, last().actor_name) == ("request.refused", "rita")
    assert "may not download" in last().reason


@pytest.mark.parametrize(
    ("error", "status"),
    [(ConflictError(HOSTILE), 409), (GoneError(HOSTILE), 410), (UserError(HOSTILE), 400), (ValueError(HOSTILE), None)],
)
def test_an_error_of_an_action_becomes_a_page_with_its_words(error: Exception, status: int | None):
    request = RequestFactory().get("/")
    answer = pages.RefusalsMiddleware(lambda _: HttpResponse()).process_exception(request, error)
    if status is None:
        assert answer is None
        return
    assert answer is not None and answer.status_code == status
    assert "&lt;script&gt;" in answer.content.decode() and HOSTILE not in answer.content.decode()


def test_a_form_leads_back_to_where_it_stood_but_to_no_other_site():
    def came_from(to: str) -> str:
        return pages.came_from(RequestFactory().post("/", {"next": to}))

    assert came_from("/exports/?page=2") == "/exports/?page=2"
    for elsewhere in ("https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:alert(1)", "x", ""):
        assert came_from(elsewhere) == "", elsewhere


def test_an_unknown_parameter_is_named_with_those_that_there_are():
    with pytest.raises(UserError, match="unknown parameter 'colour'; known: page, q"):
        pages.only(RequestFactory().get("/?page=2&colour=red"), ("page", "q"))


@pytest.mark.parametrize(
    ("decorate", "method", "status"),
    [
        (pages.get_view, "get", 200),
        (pages.get_view, "head", 200),
        (pages.get_view, "post", 405),
        (pages.post_view, "get", 405),
        (pages.post_view, "post", 200),
        (pages.form_view, "post", 200),
        (pages.form_view, "delete", 405),
    ],
)
def test_a_view_answers_the_methods_that_it_names(decorate, method: str, status: int):
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    assert decorate(view)(getattr(RequestFactory(), method)("/")).status_code == status
