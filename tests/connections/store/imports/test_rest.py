"""Imports through REST: whole, in parts, carried out by a worker, cancelled, with every refused row to fetch."""

from __future__ import annotations

import json
import shutil

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import override_settings

from connections.access.models import Membership
from connections.access.tokens import issue_token
from connections.artifact_store import SharedFolder
from connections.store import upsert
from connections.store.imports import files
from connections.store.models import ImportRun, StoreRow
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.uploads import content_range
from exportadmin.runs.execute import execute
from tests.rest.world import SHELL, Rest
from tests.support.s3_store import keep_artifacts_in

pytestmark = pytest.mark.django_db(transaction=True)


def row(key: str) -> dict:
    return {"data_row": {"global_key": key, "row_data": f"https://img.example.test/{key}.jpg"}}


LINES = "\n".join(json.dumps(each) for each in (row("a"), row("b"), 7, row("a"))).encode()


@pytest.fixture(autouse=True, params=["in a folder", "in a store"])
def own_home(request, tmp_path, settings, monkeypatch):
    """Of the machine that takes files. With a store, the worker's is another one."""
    settings.EXPORTADMIN_HOME = tmp_path / "web"
    settings.UPLOADS_DIR = tmp_path / "web" / "uploads"
    settings.EXPORTADMIN_HOME.mkdir()
    if request.param == "in a store":
        keep_artifacts_in(request.getfixturevalue("s3_folder"), settings, monkeypatch)
    yield settings.EXPORTADMIN_HOME
    if settings.ARTIFACTS_STORE:
        left = [path for path in tmp_path.rglob("*") if path.is_file() and path.parent.name != "cache"]
        assert left == [], "kept on one machine"


@pytest.fixture
def script(members, alice):
    """Alice's, who manages the project of ``members``."""
    Membership.objects.update_or_create(project=members, user=alice, defaults={"role": "admin"})
    return Rest(issue_token(user=alice, name="script", scopes=["admin"], actor=SHELL)[1])


def send(script, body: bytes = LINES, name: str = "rows.ndjson", **fields):
    file = SimpleUploadedFile(name, body, "application/x-ndjson")
    return script.client.post("/api/v1/imports/", {**fields, "file": file})


def work(import_id: str) -> None:
    """What a worker does with a task."""
    home = settings.EXPORTADMIN_HOME
    workers = home.with_name("worker") if settings.ARTIFACTS_STORE else home
    workers.mkdir(exist_ok=True)
    with override_settings(EXPORTADMIN_HOME=workers):
        execute("import", ImportRun.objects.get(public_id=import_id).pk)


def in_the_store() -> list[str]:
    """What is kept of imports there: ``upload`` and ``refused``; nothing without a store."""
    return [name.split("/")[1] for name in SharedFolder("imports/").names()] if settings.ARTIFACTS_STORE else []


def staged(home) -> list:
    folder = home / "uploads"
    return list(folder.iterdir()) if folder.exists() else []


def test_a_file_is_accepted_and_a_worker_imports_it(script, members, own_home):
    answer = send(script, project=members.public_id, status="accepted")
    assert answer.status_code == 202, answer.content
    made = answer.json()
    assert answer.headers["Location"] == f"http://testserver/api/v1/imports/{made['import_id']}/"
    assert (made["status"], made["format"], made["bytes_total"]) == ("queued", "auto", len(LINES))
    work(made["import_id"])
    done = script.get(f"imports/{made['import_id']}/").json()
    assert (done["status"], done["format"], done["progress"]["percent"]) == ("partial", "ndjson", 100)
    summary = done["summary"]
    assert (summary["rows"], summary["created"], summary["refused_count"]) == (4, 2, 2)
    assert [refused["position"] for refused in done["refused"]] == [
        f"row 3 (line 3, byte {LINES.index(b'7')})",
        f"row 4 (line 4, byte {LINES.index(b'7') + 2})",
    ]
    lines = b"".join(script.get(f"imports/{made['import_id']}/refused/").streaming_content).splitlines()
    assert [json.loads(line)["value"] for line in lines] == [7, row("a")]
    assert AuditEntry.objects.filter(event="import.refused_read").count() == 1
    assert StoreRow.objects.filter(project=members, status="accepted").count() == 2
    assert not files.source_of(ImportRun.objects.get()).exists(), "the file goes when the import has ended"
    assert staged(own_home) == []
    assert set(in_the_store()) <= {"refused"}


def test_a_file_that_comes_in_parts_can_be_gone_on_with(script, members):
    body = {"project": members.name, "file_name": "rows.ndjson", "bytes": len(LINES)}
    answer = script.post("imports/", body)
    assert (answer.status_code, answer.json()["status"]) == (201, "uploading")
    path = f"imports/{answer.json()['import_id']}/content/"

    def part(first: int, last: int, body: bytes | None = None):
        body = LINES[first : last + 1] if body is None else body
        return script.put(
            path,
            body,
            content_type="application/octet-stream",
            headers={"Content-Range": f"bytes {first}-{last}/{len(LINES)}"},
        )

    assert part(0, 99).status_code == 200
    again = part(0, 99)
    assert (again.status_code, again.json()["detail"]) == (409, "expected the part that begins at byte 100")
    short = part(100, 149, b"too short")
    assert (short.status_code, short.json()["detail"][:25]) == (400, "the part ended after 9 of")
    assert script.get(path.removesuffix("content/")).json()["bytes_received"] == 100
    last = part(100, len(LINES) - 1)
    assert (last.status_code, last.json()["status"]) == (202, "queued")
    assert part(0, 99).status_code == 409
    work(last.json()["import_id"])
    assert ImportRun.objects.get().summary["created"] == 2


@pytest.mark.parametrize(
    "header", ["", "bytes 0-9", "bytes 0-9/x", "bytes 9-0/1000", "bytes 0-1000/1000", "bytes 0-9/99", "rows 0-9/1000"]
)
def test_a_part_that_is_none_is_refused_in_words(script, members, header):
    made = script.post("imports/", {"project": members.name, "file_name": "x.json", "bytes": 1000}).json()
    answer = script.put(
        f"imports/{made['import_id']}/content/",
        b"0123456789",
        content_type="application/octet-stream",
        headers={"Content-Range": header} if header else {},
    )
    assert (answer.status_code, answer.json()["field"]) == (400, "Content-Range")


def test_a_content_range_is_read_exactly():
    assert content_range("bytes 0-9/10") == (0, 9, 10)


def test_a_file_that_is_too_large_is_refused_and_kept_nowhere(script, members, settings, own_home):
    settings.IMPORT_MAX_BYTES = 100
    answer = send(script, project=members.name)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert "EXPORTADMIN_IMPORT_MAX_BYTES" in answer.json()["detail"]
    answer = script.post("imports/", {"project": members.name, "file_name": "x", "bytes": 101})
    assert (answer.status_code, answer.json()["field"]) == (400, "bytes")
    assert staged(own_home) == []
    assert not ImportRun.objects.exists()


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "project"),
        ({"project": "x", "colour": "red"}, "colour"),
        ({"project": "x", "format": "excel"}, "format"),
        ({"project": "x", "status": "fine"}, "status"),
        ({"project": ["x", "y"]}, "project"),
    ],
)
def test_wrong_fields_are_refused_by_name_and_the_file_is_not_kept(script, fields, field, own_home):
    answer = send(script, **fields)
    assert (answer.status_code, answer.json()["field"]) == (400, field), answer.content
    assert staged(own_home) == []


@pytest.mark.parametrize(("body", "message"), [(b"hello", "no JSON that can be imported"), (b"", "empty")])
def test_a_file_of_no_known_kind_is_refused_at_once(script, members, body, message, own_home):
    answer = send(script, body, project=members.name)
    assert answer.status_code == 400
    assert message in answer.json()["detail"]
    assert staged(own_home) == []
    assert list((own_home / "imports").glob("*")) == []


def test_a_file_sent_to_another_address_is_kept_nowhere(script, members, own_home):
    file = SimpleUploadedFile("rows.ndjson", LINES)
    assert script.client.post("/api/v1/reports/", {"project": members.name, "file": file}).status_code == 415
    assert staged(own_home) == []


def test_an_import_that_waits_is_cancelled_at_once_and_its_file_goes(script, members):
    made = send(script, project=members.name).json()
    for _ in range(2):
        answer = script.post(f"imports/{made['import_id']}/cancel/")
        assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")
    run = ImportRun.objects.get()
    assert not files.folder_of(run).exists()
    work(made["import_id"])
    assert not StoreRow.objects.filter(project=members).exists()
    assert script.get(f"imports/{made['import_id']}/refused/").status_code == 404


def test_who_may_not_any_more_imports_nothing(members, oscar):
    oscar.memberships.update(role="admin")
    made = send(Rest(issue_token(user=oscar, name="script", scopes=["admin"], actor=SHELL)[1]), project=members.name)
    oscar.memberships.all().delete()
    work(made.json()["import_id"])
    run = ImportRun.objects.get()
    assert (run.status, run.error) == (
        "failed",
        "script of oscar may no longer import rows into this project: nothing was done",
    )
    assert not StoreRow.objects.filter(project=members).exists()


def test_uploads_to_which_nothing_comes_end_after_a_day(script, members, own_home):
    from datetime import timedelta

    from django.utils import timezone

    from connections.store.imports.actions import end_abandoned_uploads

    made = script.post("imports/", {"project": members.name, "file_name": "x.json", "bytes": 1000}).json()
    end_abandoned_uploads()
    assert ImportRun.objects.get().status == "uploading"
    ImportRun.objects.update(received_at=timezone.now() - timedelta(hours=25))
    end_abandoned_uploads()
    found = script.get(f"imports/{made['import_id']}/").json()
    assert (found["status"], found["error"]) == ("cancelled", "nothing of its file came for a day")


def test_the_list_is_of_imports_that_one_may_see(script, members, oscar):
    made = send(script, project=members.name).json()
    assert [one["import_id"] for one in script.get("imports/").json()["results"]] == [made["import_id"]]
    assert script.get("imports/", {"status": "completed"}).json()["results"] == []
    assert script.get("imports/", {"project": members.name, "status": "queued"}).json()["results"] != []


def test_nothing_of_an_import_stays_on_disk_when_its_project_goes(script, members, own_home):
    from connections import deletion
    from connections.actions import delete_project

    made = send(script, project=members.name).json()
    work(made["import_id"])
    run = ImportRun.objects.get()
    assert files.first_refused(run, 1)
    delete_project(project=members, confirm=members.name, actor=SHELL)
    list(deletion.take_away(members))
    assert not ImportRun.objects.exists()
    assert list((own_home / "imports").iterdir()) == []
    assert in_the_store() == []


def test_what_another_machine_refused_before_it_died_is_not_lost(script, members, own_home, monkeypatch):
    """The first attempt dies after a batch; the second runs elsewhere, and reads the file again."""
    lines = b"\n".join(json.dumps(row(f"k{number}")).encode() if number % 3 else b"7" for number in range(1, 25))
    made = send(script, lines, project=members.name).json()
    run = ImportRun.objects.get()
    monkeypatch.setattr(upsert, "FIRST_BATCH", 5)
    monkeypatch.setattr(upsert, "BATCH", 5)
    commits = []
    flush = files.RefusedLog.flush

    def dying(log: files.RefusedLog) -> int:
        if len(commits) == 2:
            raise KeyboardInterrupt
        commits.append(size := flush(log))
        return size

    with monkeypatch.context() as patch:
        patch.setattr(files.RefusedLog, "flush", dying)
        with pytest.raises(KeyboardInterrupt):
            work(made["import_id"])
    run.refresh_from_db()
    assert run.state["refused_bytes"] == commits[-1] > 0
    ImportRun.objects.update(lease_until=None)
    if settings.ARTIFACTS_STORE:
        shutil.rmtree(own_home.with_name("worker"))
    work(made["import_id"])
    run.refresh_from_db()
    assert (run.status, run.attempts) == ("partial", 2)
    refused = b"".join(script.get(f"imports/{made['import_id']}/refused/").streaming_content).splitlines()
    assert len(refused) == run.summary["refused_count"] == 8
    assert len({json.loads(line)["position"] for line in refused}) == 8
