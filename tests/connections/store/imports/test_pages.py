"""Imports as pages: chosen, sent, followed, cancelled, looked at."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from connections.access.models import Membership
from connections.models import Project
from connections.store.models import ImportRun
from exportadmin.runs.execute import execute

pytestmark = pytest.mark.django_db(transaction=True)
HTMX = {"HX-Request": "true"}


def row(key: str) -> dict:
    return {"data_row": {"global_key": key, "row_data": f"https://img.example.test/{key}.jpg"}}


def lines(*rows) -> bytes:
    return "\n".join(map(json.dumps, rows)).encode()


@pytest.fixture(autouse=True)
def own_home(tmp_path, settings):
    settings.EXPORTADMIN_HOME = tmp_path
    settings.UPLOADS_DIR = tmp_path / "uploads"


@pytest.fixture
def person(members, alice) -> Client:
    Membership.objects.update_or_create(project=members, user=alice, defaults={"role": "admin"})
    client = Client()
    client.force_login(alice)
    return client


def send(person: Client, body: bytes, project: str, **more):
    file = SimpleUploadedFile("rows.ndjson", body)
    return person.post("/imports/new/", {"project": project, "format": "auto", "status": "", **more, "file": file})


def test_a_file_goes_from_the_form_to_the_page_of_its_import(person, members):
    form = person.get(f"/imports/new/?project={members.public_id}").content.decode()
    assert f'value="{members.name}"' in form and 'enctype="multipart/form-data"' in form
    answer = send(person, lines(row("a"), *[7] * 25), members.name)
    run = ImportRun.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/imports/{run.public_id}/")
    waiting = person.get(answer.headers["Location"]).content.decode()
    assert "Waiting for a worker" in waiting and "Cancel the import" in waiting
    poll = person.get(f"/imports/{run.public_id}/progress/", headers=HTMX)
    assert (poll.status_code, poll.headers["Cache-Control"]) == (200, "no-store")
    execute("import", run.pk)
    ended = person.get(f"/imports/{run.public_id}/progress/", headers=HTMX)
    assert (ended.status_code, ended.headers["HX-Refresh"]) == (286, "true")
    page = person.get(answer.headers["Location"]).content.decode()
    assert (
        "25 rows refused" in page and page.count("a row is an object; this is a number") == 20 and "and 5 more" in page
    )
    refused = person.get(f"/imports/{run.public_id}/refused/")
    assert "attachment" in refused.headers["Content-Disposition"]
    assert len(b"".join(refused.streaming_content).splitlines()) == 25
    assert "rows.ndjson" in person.get(f"/projects/{members.public_id}/").content.decode()
    assert f'href="/imports/{run.public_id}/"' in person.get("/audit/").content.decode(), "the trail leads to it"


def test_the_page_says_what_is_of_note_beside_the_counts(person, members):
    send(person, lines({**row("a"), "of_theirs": "<b>"}, {**row("b"), "of_theirs": 1}), members.name)
    run = ImportRun.objects.get()
    execute("import", run.pk)
    page = " ".join(person.get(f"/imports/{run.public_id}/").content.decode().split())
    assert "<dt>Carried only</dt><dd>2</dd>" in page
    assert "2 rows with keys that a row does not have, kept under source_extra; the first: row 1 " in page
    assert "Without a class" not in page


def test_a_new_name_makes_a_project(person):
    answer = send(person, lines(row("a")), "Brand new")
    assert answer.status_code == 302
    assert ImportRun.objects.get().project == Project.objects.get(name="Brand new")


@pytest.mark.parametrize(
    ("name", "body", "more", "message"),
    [
        ("", b"[]", {}, "Which project do the rows go into?"),
        ("x", b"", {}, "The file is empty."),
        ("x", b"hello", {}, "is no JSON that can be imported"),
        ("a\u2028b", lines(row("a")), {}, "cannot be a project name"),
        ("x", lines(row("a")), {"format": "excel"}, "unknown format"),
    ],
)
def test_mistakes_stand_beside_their_field(person, name, body, more, message):
    answer = send(person, body, name, **more)
    assert answer.status_code == 400
    assert message in answer.content.decode().replace("&#x27;", "'")
    assert not ImportRun.objects.exists()


def test_a_file_that_is_too_large_is_said_so(person, members, settings, tmp_path):
    settings.IMPORT_MAX_BYTES = 10
    answer = send(person, lines(row("a")), members.name)
    assert answer.status_code == 400
    assert "the file has more than 10 bytes" in answer.content.decode()
    assert not list((tmp_path / "uploads").iterdir())


def test_an_import_is_cancelled_by_its_button(person, members):
    send(person, lines(row("a")), members.name)
    run = ImportRun.objects.get()
    assert person.post(f"/imports/{run.public_id}/cancel/").status_code == 302
    assert "Stopped on request" in person.get(f"/imports/{run.public_id}/").content.decode()


def test_a_file_from_somebody_who_is_not_signed_in_is_kept_nowhere(members, tmp_path):
    assert send(Client(), lines(row("a")), members.name).status_code == 302
    assert not (tmp_path / "uploads").exists()
