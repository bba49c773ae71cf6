"""Two projects that both have a task 1, two folders that both have a 0001.jpg: kept apart by a data set, or replaced
when that was asked for; on the page, through REST and in the shell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.test import Client

from connections.access.models import Membership
from connections.access.tokens import issue_token
from connections.store.models import ImportRun, StoreCoco, StoreRow
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.errors import UserError
from exportadmin.runs.execute import execute
from tests.rest.world import SHELL, Rest
from tests.support.imports import import_file

pytestmark = pytest.mark.django_db(transaction=True)


def tasks(*addresses: str) -> str:
    return json.dumps([{"id": n, "data": {"image": each}, "annotations": []} for n, each in enumerate(addresses, 1)])


def coco(**image: Any) -> str:
    one = {"id": 1, "file_name": "0001.jpg", "width": 10, "height": 10, **image}
    mark = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 2, 2]}
    return json.dumps({"images": [one], "annotations": [mark], "categories": [{"id": 1, "name": "can"}]})


ONE, TWO = tasks("/data/upload/1/a.jpg"), tasks("/data/upload/2/z.jpg", "/data/upload/2/y.jpg")


@pytest.fixture(autouse=True)
def own_home(tmp_path, settings):
    settings.EXPORTADMIN_HOME = tmp_path
    settings.UPLOADS_DIR = tmp_path / "uploads"


@pytest.fixture
def file(tmp_path):
    def write(text: str, name: str = "in.json") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


@pytest.fixture
def admin(members, alice):
    Membership.objects.update_or_create(project=members, user=alice, defaults={"role": "admin"})
    return alice


def addresses(project: Any) -> dict[str, str]:
    rows = StoreRow.objects.filter(project=project)
    return {row.global_key: orjson.loads(row.body.split("\x1e")[0] + "}}")["data_row"]["row_data"] for row in rows}


def rest_body(script: Rest, body: str, **fields: Any) -> dict[str, Any]:
    sent = {**fields, "file": SimpleUploadedFile("tasks.json", body.encode())}
    answer = script.client.post("/api/v1/imports/", sent)
    assert answer.status_code == 202, answer.content
    execute("import", ImportRun.objects.get(public_id=answer.json()["import_id"]).pk)
    return script.get(f"imports/{answer.json()['import_id']}/").json()


def test_rest_refuses_replaces_and_keeps_apart(members, admin):
    script = Rest(issue_token(user=admin, name="script", scopes=["admin"], actor=SHELL)[1])
    assert rest_body(script, ONE, project=members.public_id)["summary"]["created"] == 1
    plain = rest_body(script, TWO, project=members.public_id)
    assert (plain["status"], plain["summary"]["created"], plain["summary"]["refused_count"]) == ("partial", 1, 1)
    assert "/data/upload/1/a.jpg" in plain["refused"][0]["reason"]
    apart = rest_body(script, TWO, project=members.public_id, dataset="second")
    assert (apart["dataset"], apart["replace"], apart["summary"]["created"]) == ("second", False, 2)
    replaced = rest_body(script, TWO, project=members.public_id, replace="true")
    assert (replaced["replace"], replaced["summary"]["updated"], replaced["summary"]["unchanged"]) == (True, 1, 1)
    assert addresses(members) == {
        "task-1": "/data/upload/2/z.jpg",
        "task-2": "/data/upload/2/y.jpg",
        "second/task-1": "/data/upload/2/z.jpg",
        "second/task-2": "/data/upload/2/y.jpg",
    }


def test_rest_takes_both_for_a_file_in_parts_and_refuses_a_name_that_is_none(members, admin):
    script = Rest(issue_token(user=admin, name="script", scopes=["admin"], actor=SHELL)[1])
    begun = {"project": members.public_id, "file_name": "a.json", "bytes": 10}
    made = script.post("imports/", {**begun, "dataset": "north", "replace": True})
    assert (made.status_code, made.json()["dataset"], made.json()["replace"]) == (201, "north", True)
    for bad in ("../up", "a/b", "", "n" * 101, 5):
        answer = script.post("imports/", {**begun, "dataset": bad})
        assert (answer.status_code, answer.json()["field"]) == (400, "dataset"), bad
    assert script.post("imports/", {**begun, "replace": "yes"}).status_code == 400


def test_the_page_offers_both(members, admin):
    person = Client()
    person.force_login(admin)

    def send(body: str, **more: Any) -> ImportRun:
        sent = {"project": members.name, "format": "auto", "status": "", "dataset": "", **more}
        answer = person.post("/imports/new/", {**sent, "file": SimpleUploadedFile("t.json", body.encode())})
        assert answer.status_code == 302, answer.content
        run = ImportRun.objects.latest("pk")
        execute("import", run.pk)
        run.refresh_from_db()
        return run

    form = person.get("/imports/new/").content.decode()
    assert 'name="dataset"' in form and 'type="checkbox" name="replace"' in form
    assert send(ONE).summary["created"] == 1
    assert send(TWO).summary["refused_count"] == 1
    replaced = send(TWO, replace="on")
    assert (replaced.replace, replaced.summary["updated"]) == (True, 1)
    apart = send(ONE, dataset="first")
    assert (apart.dataset, apart.summary["created"]) == ("first", 1)
    assert "first" in person.get(f"/imports/{apart.public_id}/").content.decode()
    bad = person.post(
        "/imports/new/",
        {"project": members.name, "format": "auto", "dataset": "../x", "file": SimpleUploadedFile("t.json", b"[]")},
    )
    assert bad.status_code == 400 and "data set" in bad.content.decode()


def test_the_shell_refuses_with_exit_code_1_and_takes_both_options(file, capsys):
    one, two = str(file(ONE, "one.json")), str(file(TWO, "two.json"))
    call_command("import_rows", one, "--project", "P")
    with pytest.raises(CommandError) as caught:
        call_command("import_rows", two, "--project", "P")
    assert caught.value.returncode == 1
    said = capsys.readouterr().out
    assert "/data/upload/1/a.jpg" in said and "/data/upload/2/z.jpg" in said
    call_command("import_rows", two, "--project", "P", "--replace")
    call_command("import_rows", one, "--project", "P", "--dataset", "first")
    project = ImportRun.objects.latest("pk").project
    assert addresses(project) == {
        "task-1": "/data/upload/2/z.jpg",
        "task-2": "/data/upload/2/y.jpg",
        "first/task-1": "/data/upload/1/a.jpg",
    }
    assert {"first", ""} == set(ImportRun.objects.values_list("dataset", flat=True))
    details = AuditEntry.objects.filter(event="import.requested").latest("pk").details
    assert (details["dataset"], details["replace"]) == ("first", False)


def test_a_data_set_imported_again_finds_its_own_rows(file):
    for created, unchanged in ((1, 0), (0, 1)):
        run = import_file(file(ONE), "P", dataset="north")
        assert (run.summary["created"], run.summary["unchanged"]) == (created, unchanged)
    row = StoreRow.objects.get()
    assert (row.global_key, row.row_id) == ("north/task-1", "north/1")
    assert '"dataset_name":"north"' in row.body


def test_two_folders_of_coco_stay_two_pictures_with_two_names(file):
    for folder in ("north", "south"):
        assert import_file(file(coco()), "P", dataset=folder).summary["created"] == 1
    images = [orjson.loads(one.image) for one in StoreCoco.objects.order_by("pk")]
    assert [image["file_name"] for image in images] == ["north/0001.jpg", "south/0001.jpg"]


def test_coco_images_of_one_name_and_other_addresses_are_not_mixed(file):
    import_file(file(coco(coco_url="https://h.test/north/0001.jpg")), "P")
    run = import_file(file(coco(coco_url="https://h.test/south/0001.jpg")), "P")
    assert (run.status, run.summary["refused_count"], run.summary["updated"]) == ("failed", 1, 0)


@pytest.mark.parametrize("name", ["../x", "a/b", " a", ".a", "a\nb", "n" * 101, "a."])
def test_a_data_set_is_a_plain_name(file, name):
    with pytest.raises(UserError) as caught:
        import_file(file(ONE), "P", dataset=name)
    assert caught.value.field == "dataset"
