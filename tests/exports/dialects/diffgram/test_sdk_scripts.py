"""The scripts of Diffgram's page, as its SDK carries them out, against us."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from connections.access.models import Membership
from connections.access.tokens import issue_token
from connections.models import Project as OurProject
from connections.rows.diffgram import PLACES
from connections.store.models import StoreRow
from exportadmin.audit.models import AuditEntry
from exports import actions
from exports.dialects.diffgram import views
from exports.models import ExportReport
from exports.spec.spec import ExportSpec
from tests.exports.dialects.diffgram.conftest import Site, make, too_slow
from tests.exports.dialects.diffgram.sdk import DiffgramError
from tests.rest.world import SHELL, whole
from tests.support.diffgram_rules import complaints

pytestmark = pytest.mark.django_db(transaction=True)


def names_in(document: dict[str, Any]) -> set[str]:
    return {one["file"]["original_filename"] for key, one in document.items() if key.isdecimal()}


def job_named(site: Site, name: str) -> dict[str, Any]:
    return next(one for one in site.client().jobs() if one["name"] == name)


def test_a_project_begins_with_its_directory_its_files_and_its_labels(site: Site):
    client = site.client()
    assert client.directory.nickname == site.project.name
    assert sorted(client.file_ids) == sorted(StoreRow.objects.values_list("number", flat=True))
    assert client.labels.keys() == {"car", "road"}
    assert [one["name"] for one in client.schemas] == ["Default Schema"]
    assert all(line.endswith(" 200") for line in client.log)
    assert len(client.log) == 5


def test_a_job_is_found_by_its_number_and_its_export_is_its_data(site: Site):
    client = site.client()
    job = client.job(job_named(site, "b1")["id"])
    assert (job.name, job.stat_count_tasks, job.stat_count_complete, job.status) == ("b1", 2, 1, "active")
    data = client.generate_export(job.id)
    assert complaints(data) == []
    assert names_in(data) == {"one.jpg", "two.jpg"}
    about = data["export_info"]
    assert (about["source"], about["job"]["id"], about["file_list_length"]) == ("job", job.id, 2)
    assert about["ann_is_complete"] is None
    (listed,) = client.exports()
    assert (listed.id, listed.status, listed.percent_complete) == (about["id"], "complete", 100.0)
    assert (listed.job["id"], listed.file_list_length, listed.status_text) == (job.id, 2, None)


@pytest.mark.parametrize(
    ("source", "complete", "expected"),
    [
        ("job", True, {"one.jpg"}),
        ("job", False, {"one.jpg", "two.jpg"}),
        ("directory", None, {"one.jpg", "two.jpg", "three.jpg", "four.jpg"}),
        ("directory", True, {"one.jpg", "three.jpg"}),
        ("directory", False, {"two.jpg", "four.jpg"}),
    ],
)
def test_complete_only_means_what_it_means_there(site: Site, source: str, complete: bool | None, expected: set[str]):
    job_id = job_named(site, "b1")["id"] if source == "job" else None
    data = site.client().generate_export(job_id, source=source, ann_is_complete=complete)
    assert names_in(data) == expected
    (listed,) = site.client().exports()
    assert listed.ann_is_complete == (None if source == "job" and complete is False else complete)
    assert listed.source == source


def test_a_task_is_one_file_complete_or_not(site: Site):
    number = StoreRow.objects.get(global_key="two.jpg").number
    data = site.client().generate_export(None, source="task", task_id=number, ann_is_complete=True)
    assert names_in(data) == {"two.jpg"}
    with pytest.raises(DiffgramError, match="Invalid task id"):
        site.client().generate_export(None, source="task", task_id=999)


def test_an_address_works_without_keys_for_five_minutes(site: Site):
    url = site.client().generate_export(job_named(site, "b2")["id"], return_type="url")
    assert url.startswith("http://testserver/")
    answer = Client().get(url.removeprefix("http://testserver"))
    assert names_in(json.loads(whole(answer))) == {"three.jpg"}
    issued = AuditEntry.objects.get(event="link.issued")
    assert (issued.details["seconds"], issued.channel) == (300, "dialect:diffgram")


def test_without_waiting_it_is_not_ready_until_it_is_made(site: Site):
    client = site.client()
    export = client.generate_export(job_named(site, "b1")["id"], wait_for_export_generation=False)
    assert (export.status, export.percent_complete, export.file_list_length) == ("init", 0.0, None)
    with pytest.raises(DiffgramError, match=r"Export not ready yet\.") as refused:
        client.access_data(export)
    body = json.loads(refused.value.args[0])
    assert body["error"] == {"export": "Export not ready yet."} and body["export"]["status"] == "init"
    make(export.id)
    assert names_in(client.access_data(export, "data")) == {"one.jpg", "two.jpg"}
    assert client.access_data(export, "url").startswith("http://testserver/")
    found = client.get(f"/api/walrus/project/{site.project.public_id}/export/{export.id}/status")
    assert (found["success"], found["export"]["status"]) == (True, "complete")


def test_one_that_is_not_made_in_time_is_told_of_and_goes_on(site: Site, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(views, "wait_for_end", too_slow)
    with pytest.raises(DiffgramError) as refused:
        site.client().generate_export(None, source="directory")
    log = json.loads(refused.value.args[0])["log"]
    assert (log["error"], log["export"]["status"]) == ({"export": "Export not ready yet."}, "init")
    make(log["export"]["id"])
    (export,) = site.client().exports()
    assert len(names_in(site.client().access_data(export, "data"))) == 4


def test_an_export_without_files_has_failed_in_their_words(site: Site):
    StoreRow.objects.filter(status="accepted").update(status="review")
    with pytest.raises(DiffgramError) as refused:
        site.client().generate_export(None, source="directory", ann_is_complete=True)
    log = json.loads(refused.value.args[0])["log"]
    assert log["error"] == {"export": "Export not ready yet."}
    assert (log["export"]["status"], log["export"]["file_list_length"]) == ("failed", 0)
    assert log["export"]["status_text"].startswith("File List is Empty. Have tasks been completed?")


def test_archived_exports_leave_the_list_and_are_still_there(site: Site):
    client = site.client()
    client.generate_export(None, source="directory")
    (export,) = client.exports()
    for _ in range(2):
        sent = {"id": export.id, "mode": "ARCHIVE"}
        answer = client.post(f"/api/walrus/project/{site.project.public_id}/export/update", sent)
        assert answer == {"error": {}, "info": {}, "success": True}
    assert client.exports() == []
    assert len(names_in(client.access_data(export, "data"))) == 4
    actions.unarchive(report=ExportReport.objects.get(), actor=SHELL)
    assert [one.id for one in client.exports()] == [export.id]
    assert AuditEntry.objects.filter(event="export.archived").count() == 1


def test_files_and_directories_are_listed_with_their_figures(site: Site):
    client = site.client()
    for state, expected in {"All": 4, "Completed": 2, "Not completed": 2}.items():
        few = client.files(client.directory.id, "base", limit=1, annotation_status=state)
        assert (len(few), client.file_list["metadata"]["file_count"]) == (1, expected)
        assert few[0]["ann_is_complete"] == (state == "Completed" or few[0]["original_filename"] == "one.jpg")
    pages = [client.files(client.directory.id, page=page, limit=3) for page in (1, 2)]
    assert [len(page) for page in pages] == [3, 1]
    assert client.file_list["metadata"]["next_page"] is None
    found = client.post(f"/api/v1/project/{site.project.public_id}/directory/list", {"limit": 10})
    assert [one["nickname"] for one in found["directory_list"]] == [site.project.name, "demo"]
    named = client.get(f"/api/project/{site.project.public_id}/user/legacy/working_dir/view", {"name": "demo"})
    directory_id = named["working_dir"]["directory_id"]
    assert directory_id == found["directory_list"][1]["id"] != client.directory.id
    assert len(client.files(directory_id)) == 4
    data = client.generate_export(None, source="directory", directory_id=directory_id)
    assert (len(names_in(data)), data["export_info"]["directory"]["id"]) == (4, directory_id)
    assert client.exports()[0].directory["nickname"] == "demo"
    with pytest.raises(DiffgramError, match="no directory"):
        client.generate_export(None, source="directory", directory_id=directory_id + 1)
    with pytest.raises(DiffgramError, match="Dataset not found"):
        client.get(f"/api/project/{site.project.public_id}/user/legacy/working_dir/view", {"name": "nosuch"})


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"kind": "TF Records"}, {"kind": "Invalid kind: 'TF Records'; known: Annotations"}),
        ({"source": "version"}, {"source": "Invalid source: 'version'; known: directory, job, task"}),
        ({"masks": None}, {"masks": "This field may not be null."}),
        ({"return_type": "bytes"}, {"return_type": "Invalid return_type: 'bytes'; known: data, url"}),
        ({"directory_id": "x"}, {"directory_id": "Must be an int"}),
        ({"speed": 9}, None),
    ],
)
def test_what_there_is_not_is_refused_by_field(site: Site, change: dict[str, Any], error: dict[str, str] | None):
    with pytest.raises(DiffgramError) as refused:
        site.client().generate_export(None, **{"source": "directory"} | change)
    log = json.loads(refused.value.args[0])["log"]
    assert log["success"] is False
    assert log["error"] == error or "unknown key" in log["error"]["speed"]


def test_a_field_that_is_missing_and_a_body_that_is_no_json_are_named(site: Site):
    client = site.client()
    address = f"/api/walrus/project/{site.project.public_id}/export/to_file"
    with pytest.raises(DiffgramError) as refused:
        client.post(address, {"kind": "Annotations", "source": "directory", "file_comparison_mode": "latest"})
    assert json.loads(refused.value.args[0])["log"]["error"] == {"masks": "Missing masks"}
    answer = client.web.post(f"/dialects/diffgram{address}", "{", "application/json")
    assert answer.status_code == 400
    assert answer.json()["log"]["error"]["input"].startswith("Expecting json in request")


PROJECT_SCOPE = "403 Forbidden: (Project Scope) No access. [Basic Auth Based] Failed API Permissions."


def test_wrong_keys_and_projects_are_403_in_their_words(site: Site):
    wrong = ({"client_secret": "ea_" + "x" * 43}, {"client_id": "nosuch"}, {"client_secret": ""})
    for keys in wrong:
        with pytest.raises(DiffgramError) as refused:
            site.client(**keys)
        assert json.loads(refused.value.args[1])["error"].startswith(PROJECT_SCOPE)
    hidden = OurProject.objects.create(connection=site.project.connection, name="Hidden")
    for project_id in ("nosuch", hidden.public_id):
        with pytest.raises(DiffgramError) as refused:
            site.client(project_string_id=project_id)
        assert json.loads(refused.value.args[1]) == {"error": "403 Forbidden: Can't find project"}
    about = f"/dialects/diffgram/api/v1/project/{site.project.public_id}/labels-schema"
    told = "Check client_id client_secret - Missing sending basic auth while using python SDK."
    python = Client().get(about, headers={"User-Agent": "python-requests/2"})
    assert (python.status_code, python.json()) == (403, {"error": f"403 Forbidden: {told}"})
    other = Client().get(about, headers={"User-Agent": "curl/8"})
    assert other.status_code == 401
    assert other.json()["error"].startswith("401 Unauthorized: (Project Scope) No access. [Human User Based]")


def test_what_a_role_may_not_do_is_403_in_their_words(site: Site, rita: User):
    Membership.objects.create(project=site.project, user=rita, role="reviewer")
    token, key = issue_token(user=rita, name="script", scopes=["admin"], actor=SHELL)
    client = site.client(begin=False, client_id=token.public_id, client_secret=key)
    assert [one["name"] for one in client.jobs()] == ["b1", "b2"]
    with pytest.raises(DiffgramError) as refused:
        client.generate_export(None, source="directory")
    assert json.loads(refused.value.args[1])["error"].startswith(PROJECT_SCOPE)


def test_jobs_and_exports_that_there_are_not_are_told_as_there(site: Site):
    client = site.client()
    job_id = job_named(site, "b1")["id"]
    with pytest.raises(DiffgramError, match="have the permission to access"):
        client.job(job_id + 1)
    for wrong, told in ((None, "No job"), (job_id + 1, "No job"), (job_id + PLACES, "Permission")):
        with pytest.raises(DiffgramError) as refused:
            client.generate_export(wrong)
        assert json.loads(refused.value.args[1])["error"].startswith("403 Forbidden: ")
        assert told in refused.value.args[1]
    with pytest.raises(DiffgramError, match="404 Not Found: no export '9999'"):
        client.access_data(type("Export", (), {"id": 9999}))
    with pytest.raises(DiffgramError, match="Must be an int"):
        client.access_data(type("Export", (), {"id": "x"}))
    with pytest.raises(DiffgramError, match="JSON"):
        client.access_data(type("Export", (), {"id": 1}), format="YAML")


def test_an_export_of_another_project_is_no_match(site: Site, oscar: User):
    other = OurProject.objects.create(connection=site.project.connection, name="Other")
    Membership.objects.create(project=other, user=oscar, role="admin")
    spec = ExportSpec.parse({"format": "diffgram_json"}, other)
    theirs = actions.request_export(project=other, spec=spec, actor=SHELL)
    with pytest.raises(DiffgramError) as refused:
        site.client().access_data(type("Export", (), {"id": theirs.pk}))
    assert json.loads(refused.value.args[0]) == {
        "error": {"project_permissions": "Permission error, invalid project export match"},
        "info": {},
        "success": False,
    }


def test_every_other_address_is_json(site: Site):
    for method in ("get", "post"):
        answer = getattr(site.client().web, method)("/dialects/diffgram/api/v1/nowhere")
        assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/json")
