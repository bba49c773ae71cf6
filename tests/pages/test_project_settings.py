"""The pages that make, change and delete a project."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client

from connections.models import Project
from connections.store.upsert import write_rows
from exports.models import ExportReport
from tests.pages.people import make_admin, signed_in, trail
from tests.pages.reports import make_report
from tests.pages.squeezed import page_html
from tests.support.rows import row


def page(project: Project, tail: str = "") -> str:
    return f"/projects/{project.public_id}/{tail}"


# --- bad days --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["new/", ""])
@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\x7fb", "x" * 201, "Other"])
def test_a_name_that_cannot_be_or_is_taken_is_refused_beside_its_field(project, visitor: Client, path: str, name: str):
    Project.objects.create(connection=project.connection, name="Other")
    answer = visitor.post(f"/projects/{path}" if path else page(project), {"name": name, "description": "Kept"})
    assert answer.status_code == 400
    shown = page_html(answer)
    assert ("already" if name == "Other" else "cannot be a project name") in shown.partition('id="name_error"')[2]
    assert "Kept</textarea>" in shown
    assert sorted(Project.objects.values_list("name", flat=True)) == ["Other", "Street scenes"]


def test_an_input_that_the_form_does_not_have_is_refused(project, visitor: Client):
    assert visitor.post("/projects/new/", {"name": "New", "external_id": "7"}).status_code == 400
    assert visitor.get("/projects/new/", {"name": "New"}).status_code == 400
    assert Project.objects.count() == 1


def test_who_manages_nothing_sees_no_way_to_make_a_project(members: Project, oscar: User, mallory: User):
    for user in (oscar, mallory):
        assert "/projects/new/" not in page_html(signed_in(user).get("/projects/"))
    assert "/projects/new/" in page_html(make_admin(members, oscar).get("/projects/"))


def test_deleting_asks_for_the_exact_name_and_says_so(members: Project, visitor: Client):
    for name in ("", "street scenes"):
        answer = visitor.post(page(members, "delete/"), {"confirm": name})
        assert answer.status_code == 400
        assert "type the project" in page_html(answer).partition('id="confirm_error"')[2]
    assert Project.objects.exists()
    assert {line[:2] for line in trail("project.deleted")} == {("project.deleted", "refused")}


def test_while_an_export_runs_the_page_says_so_instead_of_asking(members: Project, visitor: Client):
    make_report(members, name="Now", status="running")
    shown = page_html(visitor.get(page(members, "delete/")))
    assert "It cannot be deleted now" in shown and "<strong>1 run</strong>" in shown
    assert "Delete this project" not in shown
    answer = visitor.post(page(members, "delete/"), {"confirm": members.name})
    assert answer.status_code == 409
    assert "is in use" in page_html(answer)


# --- made, changed, deleted ------------------------------------------------------------------------------------------


def test_a_project_is_made_and_leads_to_its_page(visitor: Client):
    assert "/projects/new/" in page_html(visitor.get("/projects/"))
    assert 'value="UTC"' in page_html(visitor.get("/projects/new/"))
    answer = visitor.post("/projects/new/", {"name": "Harbour", "description": "Boats\nand ships", "time_zone": "UTC"})
    made = Project.objects.get()
    assert answer.headers["Location"] == page(made)
    shown = page_html(visitor.get(page(made)))
    assert "Project “Harbour” is there; it has no rows yet." in shown
    assert "and ships</p>" in shown
    assert trail("project.created") == [("project.created", "done", "alice", "Harbour")]


def test_name_and_description_are_changed_beside_the_zone(members: Project, oscar: User):
    client = make_admin(members, oscar)
    settings = {"name": "Roads", "description": "Cars", "time_zone": "Asia/Tokyo"}
    assert client.post(page(members), settings).status_code == 302
    shown = page_html(client.get(page(members)))
    assert 'value="Roads"' in shown and "Cars</textarea>" in shown and 'value="Asia/Tokyo"' in shown
    assert "<h1" in shown and ">Roads</h1>" in shown


def test_the_page_says_what_goes_and_the_name_deletes_it(members: Project, oscar: User):
    client = make_admin(members, oscar)
    write_rows(members, [row("r1"), row("r2")])
    assert page(members, "delete/") in page_html(client.get(page(members)))
    shown = page_html(client.get(page(members, "delete/")))
    assert "<dt>Rows</dt><dd>2</dd>" in shown and "<dt>Members</dt><dd>2</dd>" in shown
    answer = client.post(page(members, "delete/"), {"confirm": members.name})
    assert answer.headers["Location"] == "/projects/"
    shown = page_html(client.get("/projects/"))
    assert "Project “Street scenes” is deleted." in shown and members.public_id not in shown
    assert client.get(page(members)).status_code == 404
    assert client.post(page(members, "delete/"), {"confirm": members.name}).status_code == 404


def test_files_that_are_not_ours_are_named_before_and_after(members: Project, visitor: Client):
    report = make_report(members, status="completed")
    ExportReport.objects.filter(pk=report.pk).update(is_ours=False, location="/data/theirs")
    assert "/data/theirs" in page_html(visitor.get(page(members, "delete/")))
    visitor.post(page(members, "delete/"), {"confirm": members.name})
    assert "stay: /data/theirs" in page_html(visitor.get("/projects/"))
