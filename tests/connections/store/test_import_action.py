"""The import as a whole: a broken file leaves nothing behind, what happened adds up and stands in the trail."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from connections.access.models import Membership
from connections.models import Project
from connections.store.imports import files
from connections.store.models import ImportRun, StoreRow
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import DeniedError, NotFoundError, UserError
from exportadmin.runs import statuses
from tests.support.imports import import_file

pytestmark = pytest.mark.django_db(transaction=True)


def coco(*images: dict, annotations: tuple = ()) -> str:
    return json.dumps(
        {"images": list(images), "annotations": list(annotations), "categories": [{"id": 0, "name": "can"}]}
    )


PICTURE = {"id": 7, "file_name": "a.jpg", "width": 10, "height": 10}
BAD = {"id": 1, "image_id": 8, "category_id": 0, "bbox": [1, 1, -5, 2], "segmentation": []}


@pytest.fixture(autouse=True)
def own_home(tmp_path, settings):
    settings.EXPORTADMIN_HOME = tmp_path


@pytest.fixture
def file(tmp_path):
    def write(text: str):
        path = tmp_path / "in.json"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize("text", ["", "[1, 2", "hello", '{"a": 1}', "[" * 100_000])
def test_a_file_of_no_known_kind_leaves_nothing_not_even_a_project(file, text):
    with pytest.raises(UserError) as caught:
        import_file(file(text), "New")
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 400
    assert not Project.objects.exists()
    assert not ImportRun.objects.exists()


@pytest.mark.parametrize("text", ['{"images": [', coco(PICTURE)[:-1], coco(PICTURE) + "x"])
def test_a_file_that_is_not_whole_fails_in_words_and_writes_no_row(file, text):
    run = import_file(file(text), "New")
    assert (run.status, run.summary) == (statuses.FAILED, None)
    assert run.error and "\n" not in run.error
    assert not StoreRow.objects.exists()


@pytest.mark.parametrize("name", ["", " ", "a\r\nX: y", "x" * 201, "a\x00b"])
def test_a_name_that_cannot_be_a_project_is_refused(file, name):
    with pytest.raises(UserError, match="cannot be a project name"):
        import_file(file(coco(PICTURE)), project=name)
    assert not ImportRun.objects.exists()


def test_an_unknown_status_is_wrong_use(file):
    with pytest.raises(CommandError, match="unknown review status 'fine'; known: to_label") as caught:
        call_command("import_rows", str(file(coco(PICTURE))), project="New", status="fine")
    assert caught.value.returncode == 2
    assert not Project.objects.exists()


def test_the_summary_adds_up_and_names_each_refused_row(file, capsys):
    path = file(coco(PICTURE, {**PICTURE, "id": 8, "file_name": "b.jpg"}, annotations=(BAD,)))
    with pytest.raises(CommandError, match="import partial: all refused rows are in") as caught:
        call_command("import_rows", str(path), project="New", json=True)
    assert caught.value.returncode == 1
    shown = json.loads(capsys.readouterr().out)
    summary = shown["summary"]
    assert summary["rows"] == summary["created"] + summary["updated"] + summary["unchanged"] + 1 == 2
    assert (summary["created"], summary["refused_count"], shown["status"]) == (1, 1, "partial")
    assert "-5" in shown["refused"][0]["reason"]
    assert shown["refused"][0]["position"]
    assert StoreRow.objects.get().global_key == "a.jpg"
    assert StoreRow.objects.get().number == 7


def test_a_file_of_refused_rows_only_is_a_failure(file):
    path = file(coco({**PICTURE, "id": 8}, annotations=(BAD,)))
    with pytest.raises(CommandError, match=r"every row was refused \(1\); the first: row 1 .*-5") as caught:
        call_command("import_rows", str(path), project="New")
    assert caught.value.returncode == 1
    run = ImportRun.objects.get()
    assert (run.status, run.summary["refused_count"]) == (statuses.FAILED, 1)
    assert len(files.refused_of(run).read_text().splitlines()) == 1


def test_every_refused_row_is_kept_with_what_it_was(file):
    good = {"data_row": {"global_key": "g", "row_data": "https://x/g.jpg"}}
    bad = [{"data_row": {"global_key": "g", "row_data": f"https://x/{number}.jpg"}} for number in range(2500)]
    run = import_file(file("\n".join(map(json.dumps, [good, *bad, 7]))), "New", format="ndjson")
    lines = [json.loads(line) for line in files.refused_of(run).read_text().splitlines()]
    assert (run.status, run.summary["refused_count"], len(lines)) == (statuses.PARTIAL, 2501, 2501)
    assert [line["value"] for line in lines] == [*bad, 7]
    assert all("already used" in line["reason"] and "line" in line["position"] for line in lines[:-1])


def test_an_import_stands_in_the_trail_from_its_beginning_to_its_end(file):
    import_file(file(coco(PICTURE)), "New")
    events = list(AuditEntry.objects.order_by("sequence").values_list("event", flat=True))
    assert events == ["project.created", "import.requested", "import.started", "import.completed"]
    assert AuditEntry.objects.order_by("-sequence")[0].details["created"] == 1


def test_an_import_that_a_fault_stops_is_recorded_and_running_it_again_completes_it(file, monkeypatch):
    from connections.store.importers.coco_json import CocoJsonImporter

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
        stopped = import_file(path, "New")
    assert stopped.status == statuses.ERRORED
    assert AuditEntry.objects.order_by("-sequence")[0].event == "import.errored"
    done = StoreRow.objects.count()
    assert 0 < done < 700, "whole batches only"
    assert stopped.summary["created"] == done
    again = import_file(path, "New")
    assert (again.summary["created"], again.summary["unchanged"]) == (1200 - done, done)


def test_rows_go_only_into_projects_that_one_manages(file, members, oscar):
    actor = Actor(kind="user", name=oscar.username, channel="rest", user_id=oscar.pk)
    with pytest.raises(DeniedError):
        import_file(file(coco(PICTURE)), project=members.name, actor=actor)
    Membership.objects.filter(user=oscar).update(role="admin")
    assert import_file(file(coco(PICTURE)), project=members.public_id, actor=actor).summary["created"] == 1


def test_a_project_is_made_by_who_may_make_one_and_others_learn_nothing(file, members, mallory, alice):
    for name in (members.name, "No such project"):
        with pytest.raises(NotFoundError, match=f"no project {name!r}"):
            import_file(file(coco(PICTURE)), project=name, actor=Actor("user", "mallory", "web", user_id=mallory.pk))
    alice.is_superuser = True
    alice.save()
    run = import_file(file(coco(PICTURE)), project="Brand new", actor=Actor("user", "alice", "web", user_id=alice.pk))
    assert run.project.name == "Brand new"
