"""The import as a whole: a broken file leaves nothing behind, what happened adds up and stands in the trail."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from connections import actions
from connections.access.models import Membership
from connections.models import Project
from connections.store.models import StoreRow
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import DeniedError, UserError

pytestmark = pytest.mark.django_db
SHELL = Actor(kind="user", name="tester", channel="shell")


def coco(*images: dict, annotations: tuple = ()) -> str:
    return json.dumps(
        {"images": list(images), "annotations": list(annotations), "categories": [{"id": 0, "name": "can"}]}
    )


PICTURE = {"id": 7, "file_name": "a.jpg", "width": 10, "height": 10}


@pytest.fixture
def file(tmp_path):
    def write(text: str):
        path = tmp_path / "in.json"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"images": [', coco(PICTURE)[:-1], coco(PICTURE) + "x", "[1, 2", "hello", '{"a": 1}', "[" * 100_000],
)
def test_a_file_that_is_not_whole_leaves_nothing_not_even_a_project(file, text):
    with pytest.raises(UserError) as caught:
        actions.import_rows(project_name="New", path=file(text), actor=SHELL)
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 400
    assert not Project.objects.exists()


@pytest.mark.parametrize("name", ["", " ", "a\r\nX: y", "x" * 201, "a\x00b"])
def test_a_name_that_cannot_be_a_project_is_refused(file, name):
    with pytest.raises(UserError, match="cannot be a project name"):
        actions.import_rows(project_name=name, path=file(coco(PICTURE)), actor=SHELL)


def test_an_unknown_status_is_wrong_use(file):
    with pytest.raises(CommandError, match="unknown review status 'fine'; known: to_label") as caught:
        call_command("import_rows", str(file(coco(PICTURE))), project="New", status="fine")
    assert caught.value.returncode == 2
    assert not Project.objects.exists()


def test_the_summary_adds_up_and_names_each_refused_row(file, capsys):
    bad = {"id": 1, "image_id": 8, "category_id": 0, "bbox": [1, 1, -5, 2], "segmentation": []}
    path = file(coco(PICTURE, {**PICTURE, "id": 8, "file_name": "b.jpg"}, annotations=(bad,)))
    call_command("import_rows", str(path), project="New", json=True)
    said = json.loads(capsys.readouterr().out)
    assert said["rows"] == said["created"] + said["updated"] + said["unchanged"] + said["refused_count"] == 2
    assert said["created"] == 1
    assert "-5" in said["refused"][0]["reason"]
    assert said["refused"][0]["position"]
    assert StoreRow.objects.get().global_key == "a.jpg"
    assert StoreRow.objects.get().number == 7


def test_an_import_stands_in_the_trail_from_its_beginning_to_its_end(file):
    actions.import_rows(project_name="New", path=file(coco(PICTURE)), actor=SHELL)
    events = list(AuditEntry.objects.order_by("sequence").values_list("event", flat=True))
    assert events == ["project.created", "import.started", "import.completed"]
    assert AuditEntry.objects.order_by("-sequence")[0].details["created"] == 1


def test_an_import_that_dies_is_recorded_and_running_it_again_completes_it(file, monkeypatch):
    from connections.store.importers import CocoJsonImporter

    pictures = [{**PICTURE, "id": n, "file_name": f"{n}.jpg"} for n in range(1200)]
    path = file(coco(*pictures))
    real = CocoJsonImporter.rows

    def dying(self):
        for count, row in enumerate(real(self)):
            if count == 700:
                raise MemoryError
            yield row

    with monkeypatch.context() as broken:
        broken.setattr(CocoJsonImporter, "rows", dying)
        with pytest.raises(MemoryError):
            actions.import_rows(project_name="New", path=path, actor=SHELL)
    assert AuditEntry.objects.order_by("-sequence")[0].event == "import.failed"
    done = StoreRow.objects.count()
    assert 0 < done < 700, "whole batches only"
    again = actions.import_rows(project_name="New", path=path, actor=SHELL)
    assert (again.summary.created, again.summary.unchanged) == (1200 - done, done)


def test_rows_go_only_into_projects_that_one_manages(file, members, oscar):
    actor = Actor(kind="user", name=oscar.username, channel="rest", user_id=oscar.pk)
    with pytest.raises(DeniedError):
        actions.import_rows(project_name=members.name, path=file(coco(PICTURE)), actor=actor)
    Membership.objects.filter(user=oscar).update(role="admin")
    assert actions.import_rows(project_name=members.name, path=file(coco(PICTURE)), actor=actor).summary.created == 1
