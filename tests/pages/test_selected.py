"""One thing done with several exports of the list, and what is said of each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from connections.models import Connection, Project
from exportadmin.audit.models import AuditEntry
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


def send(client: Client, do: str, *reports: ExportReport | str, **more: str) -> str:
    """What the page says that comes after it, in words."""
    ids = [report if isinstance(report, str) else report.report_id for report in reports]
    response = client.post("/exports/selected/", {"do": do, "report": ids, **more})
    assert (response.status_code, response.headers["Location"]) == (302, "/exports/selected/")
    page = client.get("/exports/selected/").content.decode()
    return " ".join(re.sub(r"<[^>]*>", " ", page[page.index("<main") :]).split())


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
    "sent", [{}, {"do": "burn", "report": "x"}, {"do": ["Cancel"]}, {"do": "cancel", "report": "x", "why": "y"}]
)
def test_what_the_form_does_not_know_is_refused(operator, sent):
    assert operator.post("/exports/selected/", sent).status_code == 400


def test_nothing_selected_is_said_on_the_list(operator, members: Project):
    make_report(members)
    response = operator.post("/exports/selected/", {"do": "retry", "next": "/exports/?status=queued"}, follow=True)
    assert response.redirect_chain == [("/exports/?status=queued", 302)]
    assert "No export is selected" in response.content.decode()
    assert ExportReport.objects.count() == 1


def test_more_than_a_page_at_once_is_refused_before_anything_is_done(operator, members: Project):
    report = make_report(members)
    ids = [report.report_id, *(f"id{number}" for number in range(50))]
    assert operator.post("/exports/selected/", {"do": "cancel", "report": ids}).status_code == 400
    report.refresh_from_db()
    assert report.status == "queued"


def test_the_way_back_leads_to_no_other_site(operator, members: Project):
    make_report(members)
    operator.post("/exports/selected/", {"do": "cancel", "report": "x", "next": "https://evil.example/"})
    assert "evil.example" not in operator.get("/exports/selected/").content.decode()


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
    assert "Retry: 1 done, 1 not" in said
    assert "is still queued: cancel it first" in said
    again = ExportReport.objects.get(retry_of=failed)
    page = operator.get("/exports/selected/").content.decode()
    assert f'href="/exports/{again.report_id}/"' in page
    assert ExportReport.objects.count() == 3


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


def test_deleting_takes_a_second_step_and_every_box_has_a_name(visitor: Client, project: Project):
    make_report(project, name='"><b>Bold')
    page = visitor.get("/exports/").content.decode()
    form = page[page.index('id="selected"') : page.index("</form>", page.index('id="selected"'))]
    assert form.index('<details class="ea-confirm">') < form.index('value="delete"') < form.index("</details>")
    assert 'aria-label="Select &quot;&gt;&lt;b&gt;Bold"' in page


def test_the_answer_page_before_anything_was_done(visitor: Client):
    assert "Nothing was done" in visitor.get("/exports/selected/").content.decode()
    assert visitor.get("/exports/selected/?x=1").status_code == 400
