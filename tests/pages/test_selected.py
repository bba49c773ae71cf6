"""One thing done with several exports of the list, and what is said of each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext

from connections.models import Connection, Project
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.errors import TransientError
from exports import actions
from exports.models import ExportReport
from tests.pages.reports import deliver, make_report


@pytest.fixture
def operator(members: Project, oscar: User) -> Client:
    client = Client()
    client.force_login(oscar)
    return client


@pytest.fixture
def foreign(connection: Connection) -> ExportReport:
    return make_report(Project.objects.create(connection=connection, name="Harbour"), name="Secret plan")


def ids_of(reports: Iterable[ExportReport | str]) -> list[str]:
    return [report if isinstance(report, str) else report.report_id for report in reports]


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", page[page.index("<main") :]).split())


def confirm(client: Client, do: str, *reports: ExportReport | str, **more: str) -> tuple[str, list[str]]:
    """What the page says that asks for a confirmation, in words, and the exports that it would send."""
    response = client.post("/exports/selected/", {"do": do, "report": ids_of(reports), **more})
    assert response.status_code == 200
    page = response.content.decode()
    kept = re.findall(r'name="reports" value="([^"]*)"', page)
    return words(page), kept[0].split(",") if kept else []


def send(client: Client, do: str, *reports: ExportReport | str, **more: str) -> str:
    """What the page says that comes after the confirmation, in words."""
    response = client.post("/exports/selected/", {"do": do, "reports": ",".join(ids_of(reports)), **more})
    assert response.status_code == 302
    assert re.fullmatch(r"/exports/selected/\?came=\d+", response.headers["Location"])
    return words(client.get(response.headers["Location"]).content.decode())


def events(name: str) -> list[tuple[str, str]]:
    return [(entry.object_name, entry.outcome) for entry in AuditEntry.objects.filter(event=name).order_by("sequence")]


# --- bad days --------------------------------------------------------------------------------------------------------


def test_one_that_has_ended_among_several_has_its_reason_and_no_line_and_the_others_are_done(operator, members):
    waiting, ended, other = (make_report(members, name=name) for name in ("Waiting", "Ended", "Other"))
    ExportReport.objects.filter(pk=ended.pk).update(status="completed")
    said = send(operator, "cancel", waiting, ended, other)
    assert "Cancel: 2 done, 1 not" in said
    assert f"Ended report {ended.report_id} is completed already: there is nothing to cancel" in said
    assert sorted(ExportReport.objects.values_list("name", "status")) == [
        ("Ended", "completed"),
        ("Other", "cancelled"),
        ("Waiting", "cancelled"),
    ]
    assert events("export.cancel_requested") == [("Waiting", "done"), ("Other", "done")]


@pytest.mark.parametrize("do", ["cancel", "retry", "delete"])
def test_a_strangers_export_is_not_there_and_the_trail_hears_of_it(operator, members, foreign, do: str):
    said = send(operator, do, foreign, "nosuch", "x\x00y", "y" * 300)
    assert "0 done, 4 not" in said
    assert said.count("There is no such export.") == 4
    assert "Secret plan" not in said
    foreign.refresh_from_db()
    assert foreign.status == "queued"
    assert events("request.refused") == [("Secret plan", "refused")], "and not of what there never was"


def test_mallory_can_do_nothing_and_learns_nothing(stranger: Client, foreign: ExportReport):
    assert "0 done, 1 not" in send(stranger, "cancel", foreign)
    assert 'name="report"' not in stranger.get("/exports/").content.decode()


def test_a_reviewer_is_refused_each_and_sees_no_boxes(members: Project, rita: User):
    report = make_report(members, name="Waiting")
    client = Client()
    client.force_login(rita)
    said = send(client, "cancel", report)
    assert "0 done, 1 not" in said and "rita may not start in project" in said
    page = client.get("/exports/").content.decode()
    assert ('name="report"' in page, 'id="selected"' in page) == (False, False)


def test_an_operator_may_not_delete_files(operator, members: Project, tmp_path: Path):
    report = deliver(members, tmp_path / "d").report
    assert "oscar may not manage" in send(operator, "delete", report)
    assert (tmp_path / "d").exists()
    assert "Delete files" not in operator.get("/exports/").content.decode()


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"do": "burn", "report": "x"},
        {"do": ["Cancel"]},
        {"do": "cancel", "report": "x", "why": "y"},
        {"do": "cancel", "all": "1", "query": "colour=red"},
        {"do": "cancel", "all": "1", "query": "status=melting"},
    ],
)
def test_what_the_form_does_not_know_is_refused(operator, sent):
    assert operator.post("/exports/selected/", sent).status_code == 400


def test_nothing_selected_is_said_on_the_list(operator, members: Project):
    make_report(members)
    response = operator.post("/exports/selected/", {"do": "retry", "next": "/exports/?status=queued"}, follow=True)
    assert response.redirect_chain == [("/exports/?status=queued", 302)]
    assert "No export is selected" in response.content.decode()
    assert ExportReport.objects.count() == 1


def test_more_than_five_hundred_at_once_are_refused_before_anything_is_done(operator, members: Project):
    report = make_report(members)
    ids = [report.report_id, *(f"id{number}" for number in range(500))]
    assert operator.post("/exports/selected/", {"do": "cancel", "report": ids}).status_code == 400
    assert operator.post("/exports/selected/", {"do": "cancel", "reports": ",".join(ids)}).status_code == 400
    report.refresh_from_db()
    assert report.status == "queued"


def test_the_way_back_leads_to_no_other_site(operator, members: Project):
    make_report(members)
    said, _ = confirm(operator, "cancel", "x", next="https://evil.example/")
    assert "evil.example" not in said
    sent = {"do": "cancel", "reports": "x", "next": "https://evil.example/"}
    answer = operator.post("/exports/selected/", sent, follow=True)
    assert "0 done, 1 not" in answer.content.decode() and "evil.example" not in answer.content.decode()


def test_without_a_token_of_the_form_nothing_is_done(members: Project, oscar: User):
    report = make_report(members)
    client = Client(enforce_csrf_checks=True)
    client.force_login(oscar)
    assert client.post("/exports/selected/", {"do": "cancel", "report": report.report_id}).status_code == 403
    report.refresh_from_db()
    assert report.status == "queued"


# --- done ------------------------------------------------------------------------------------------------------------


def test_retry_makes_a_new_export_of_each_once_however_often_the_answer_is_looked_at(operator, members: Project):
    failed, active = make_report(members, name="Failed", status="failed"), make_report(members, name="Active")
    said = send(operator, "retry", failed, active, failed)
    assert "Run again: 1 done, 1 not" in said
    assert "is still queued: cancel it first" in said
    again = ExportReport.objects.get(retry_of=failed)
    bare = operator.get("/exports/selected/").content.decode()
    assert f'href="/exports/{again.report_id}/"' not in bare, "what is old is not shown as if it were new"
    (address,) = re.findall(r'href="([^"]*came=[^"]*)"', bare)
    assert f'href="/exports/{again.report_id}/"' in operator.get(address).content.decode()
    assert ExportReport.objects.count() == 3


def test_a_confirmation_that_comes_twice_runs_nothing_twice(operator, members: Project, tmp_path: Path):
    failed, there = make_report(members, name="Failed", status="failed"), deliver(members, tmp_path / "d").report
    page = operator.post("/exports/selected/", {"do": "retry", "report": ids_of([failed, there])}).content.decode()
    (planned,) = re.findall(r'name="planned" value="(\d+)"', page)
    assert "2 done, 0 not" in send(operator, "retry", failed, there, planned=planned)
    assert "0 done, 2 not" in send(operator, "retry", failed, there, planned=planned)
    ExportReport.objects.filter(status="queued").update(status="completed")
    said = send(operator, "retry", failed, there, planned=planned)
    assert "0 done, 2 not" in said
    assert "Retried already, with success." in said and "Run again since this was confirmed." in said
    assert ExportReport.objects.count() == 4
    page = operator.post("/exports/selected/", {"do": "retry", "report": ids_of([there])}).content.decode()
    (planned,) = re.findall(r'name="planned" value="(\d+)"', page)
    assert "1 done, 0 not" in send(operator, "retry", there, planned=planned), "who means it anew may"


def test_a_fault_with_one_is_said_and_the_others_are_done(operator, members: Project, monkeypatch):
    reports = [make_report(members, name=name, status="failed") for name in ("One", "Two", "Three")]
    real = actions.retry

    def retry(*, report: ExportReport, **more: Any) -> ExportReport:
        if report.name == "Two":
            raise ValueError("secret words")
        if report.name == "One":
            raise TransientError("the store is away")
        return real(report=report, **more)

    monkeypatch.setattr(actions, "retry", retry)
    said = send(operator, "retry", *reports)
    assert "Run again: 1 done, 2 not" in said
    assert "One the store is away" in said and "Two Stopped by a fault in Export Admin" in said
    assert "secret words" not in said


def test_what_a_quota_refuses_is_not_tried_again_and_is_one_line(operator, members: Project, settings, monkeypatch):
    settings.QUOTA_QUEUED_PROJECT = 1
    reports = [make_report(members, status="failed") for _ in range(4)]
    tried: list[ExportReport] = []
    real = actions.retry

    def retry(*, report: ExportReport, **more: Any) -> ExportReport:
        tried.append(report)
        return real(report=report, **more)

    monkeypatch.setattr(actions, "retry", retry)
    said = send(operator, "retry", *reports)
    assert "Run again: 1 done, 3 not" in said and said.count("exports waiting") == 3
    assert len(tried) == 2
    assert AuditEntry.objects.filter(event="request.throttled").count() == 1


def test_files_are_deleted_where_there_are_any(visitor: Client, project: Project, tmp_path: Path, settings):
    settings.ARTIFACTS_DIR = tmp_path
    there, none = deliver(project, tmp_path / "d").report, make_report(project, name="None", status="failed")
    again = there.report_id
    said = send(visitor, "delete", there, none, again)
    assert "Delete files: 1 done, 1 not" in said
    assert f"report {none.report_id} has no files to remove" in said
    there.refresh_from_db()
    assert there.files_removed_at is not None
    assert there.files_removed_why == "deleted by hand"


def test_every_box_has_a_name(visitor: Client, project: Project):
    make_report(project, name='"><b>Bold')
    page = visitor.get("/exports/").content.decode()
    assert 'aria-label="Select &quot;&gt;&lt;b&gt;Bold"' in page


def test_without_a_script_the_bar_says_what_its_buttons_are_about(visitor: Client, project: Project):
    make_report(project)
    said = words(visitor.get("/exports/").content.decode())
    assert "With those that are ticked: Run again …" in said


def test_the_answer_page_before_anything_was_done(visitor: Client):
    assert "Nothing was done" in visitor.get("/exports/selected/").content.decode()
    assert visitor.get("/exports/selected/?x=1").status_code == 400


# --- confirmed first -------------------------------------------------------------------------------------------------


def test_nothing_is_done_before_it_is_confirmed_and_what_is_left_out_is_told_with_why(
    operator, members: Project, foreign: ExportReport
):
    waiting, ended = make_report(members, name="Waiting"), make_report(members, name="Ended", status="completed")
    stopping = make_report(members, name="Stopping", status="running", cancel_requested=True)
    said, kept = confirm(operator, "cancel", waiting, ended, stopping, foreign)
    assert "Cancel: 1 export" in said and kept == [waiting.report_id]
    assert "Left out: 3 exports" in said
    for part in ("1 ended already Ended", "1 asked to stop already Stopping", "1 there is no such export"):
        assert part in said, part
    assert "Secret plan" not in said
    waiting.refresh_from_db()
    assert waiting.status == "queued"
    assert events("export.cancel_requested") == []
    assert events("request.refused") == [("Secret plan", "refused")]
    assert "Cancel: 1 done, 0 not" in send(operator, "cancel", *kept)


def test_what_was_retried_with_success_or_is_being_retried_is_left_out(operator, members: Project):
    failed = {
        name: make_report(members, name=name, status="failed") for name in ("alone", "again", "in vain", "waiting")
    }
    make_report(members, status="completed", retry_of=failed["again"])
    make_report(members, status="failed", retry_of=failed["in vain"])
    make_report(members, status="queued", retry_of=failed["waiting"])
    said, kept = confirm(operator, "retry", *failed.values())
    assert kept == [failed["alone"].report_id]
    assert "1 retried already, with success again" in said and "1 being retried already waiting" in said
    assert "1 retried already, in vain: select the retry in vain" in said


def test_what_one_may_not_is_left_out_by_project(
    operator, members: Project, connection: Connection, oscar: User, tmp_path: Path
):
    other = Project.objects.create(connection=connection, name="Harbour")
    other.memberships.create(user=oscar, role="admin")
    ours, theirs = deliver(other, tmp_path / "ours").report, deliver(members, tmp_path / "theirs").report
    gone = deliver(other, tmp_path / "gone", is_ours=False).report
    said, kept = confirm(operator, "delete", ours, theirs, gone)
    assert kept == [ours.report_id]
    assert "The files go for good." in said
    assert "1 you may not delete files of its project" in said
    assert "1 delivered into a folder that is not ours to empty" in said


def test_all_that_match_are_those_of_every_page_and_of_no_other_filter(operator, members: Project):
    for number in range(70):
        make_report(members, name=f"Nightly {number}", status="failed")
    make_report(members, name="Other", status="failed")
    make_report(members, name="Nightly of today", status="running")
    page = operator.get("/exports/?q=nightly&status=failed").content.decode()
    assert "70 that match" in " ".join(page.split())
    (query,) = re.findall(r'name="query" value="([^"]*)"', page)
    said, kept = confirm(operator, "retry", all="1", query=query.replace("&amp;", "&"))
    assert "Run again: 70 exports" in said and len(set(kept)) == 70
    assert set(kept) == set(
        ExportReport.objects.filter(name__startswith="Nightly", status="failed").values_list("report_id", flat=True)
    )


def test_more_that_match_than_can_be_done_at_once_are_refused(operator, members: Project):
    ExportReport.objects.bulk_create(
        ExportReport(project=members, name=str(number), format="json", config={}, status="failed")
        for number in range(501)
    )
    answer = operator.post("/exports/selected/", {"do": "retry", "all": "1", "query": ""})
    assert answer.status_code == 400
    assert "at most 500 at once: filter the list" in answer.content.decode()


def test_a_confirmation_asks_as_many_questions_for_many_as_for_two(operator, members: Project):
    reports = [make_report(members, status="failed") for _ in range(40)]
    counts = []
    for some in (reports[:2], reports):
        with CaptureQueriesContext(database) as queries:
            confirm(operator, "retry", *some)
        counts.append(len(queries))
    assert counts[0] == counts[1]
