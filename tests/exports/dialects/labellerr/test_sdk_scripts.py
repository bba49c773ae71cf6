"""The scripts of Labellerr's page run against us, in each generation of its SDK, on a live server."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
import requests

from tests.exports.dialects.labellerr.conftest import Site
from tests.exports.dialects.labellerr.sdk import Client, Export, LabellerrError, Project

ALL = ["review", "r_assigned", "client_review", "cr_assigned", "accepted"]
GENERATIONS = ["A", "B", "C"]
WEEKLY: dict[str, Any] = {
    "export_name": "Weekly Export",
    "export_description": "Export of all accepted annotations",
    "export_format": "coco_json",
    "statuses": ALL,
}


def fetched(url: str) -> requests.Response:
    """As the SDK's users do: no header of Labellerr's."""
    answer = requests.get(url, timeout=60)
    answer.raise_for_status()
    return answer


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_local_export_is_created_polled_and_downloaded(site: Site, generation: str):
    project = Project(site.client(generation), site.project_id)
    export = project.create_export(**WEEKLY | {"export_name": f"Weekly {generation}"})
    assert export.quick_status["export_status"] in ("Processing", "Created")
    answer = export.status()
    (item,) = (json.loads(answer) if isinstance(answer, str) else answer)["response"]
    assert (item["export_status"], item["is_completed"]) == ("Created", True)
    assert item["export_name"] == f"Weekly {generation}"
    assert item["export_format"] == "coco_json"
    link = project.fetch_download_url("11111111-2222-3333-4444-555555555555", export.report_id)
    assert link["url"] == link["download_url"]
    assert link["expires_in"] == 3600
    document = fetched(link["url"]).json()  # the file, not a page
    assert document["info"]["version"] == export.report_id
    assert document["info"]["description"] == f"Weekly {generation}"
    assert [one["id"] for one in document["images"]] == list(range(len(document["images"])))
    found = {one["labellerr_file_status"] for one in document["images"]}
    assert found and found <= set(ALL)


def test_the_newest_generation_finds_the_address_in_the_status(site: Site):
    export = Project(site.client(), site.project_id).create_export(**WEEKLY | {"export_format": "json"})
    (item,) = export.status()["response"]
    rows = fetched(item["download_url"]["url"]).json()
    assert {row["file_status"] for row in rows} <= set(ALL)
    assert {"file_id", "file_name", "file_metadata", "created_at", "latest_answer"} <= set(rows[0])


@pytest.mark.parametrize(("format_key", "begins"), [("csv", b"data_row_id,"), ("png", b"PK")])
def test_the_other_formats_are_ours(site: Site, format_key: str, begins: bytes):
    export = Project(site.client(), site.project_id).create_export(**WEEKLY | {"export_format": format_key})
    (item,) = export.status()["response"]
    assert fetched(item["download_url"]["url"]).content.startswith(begins)


def test_exports_are_listed_in_two_groups(site: Site):
    project = Project(site.client(), site.project_id)
    export = project.create_export(**WEEKLY | {"export_name": "Listed"})
    export.status()
    completed, running = project.list_exports()
    listed = next(one for one in completed if one["report_id"] == export.report_id)
    assert (listed["export_name"], listed["export_status"]) == ("Listed", "Created")
    assert listed["created_at"] > 1_700_000_000_000  # milliseconds
    assert all(one["export_status"] == "Processing" for one in running)


def test_several_statuses_come_in_one_call_and_an_unknown_id_has_an_end(site: Site):
    project = Project(site.client(), site.project_id)
    export = project.create_export(**WEEKLY)
    export.status()
    items = project.check_export_status([export.report_id, "nosuch"])["response"]
    assert [one["export_status"] for one in items] == ["Created", "Failed"]
    assert items[1]["error"] == "there is no export 'nosuch'"
    failed = Export("nosuch", project).status()
    assert failed["response"][0]["is_completed"] is True


def test_only_what_changed_after_the_moment_is_in_an_incremental_export(site: Site):
    project = Project(site.client(), site.project_id)
    whole = fetched(_address(project.create_export(**WEEKLY | {"export_format": "json"}))).json()
    late = {**WEEKLY, "export_format": "json", "updated_after_timestamp": 4_000_000_000_000}
    assert fetched(_address(project.create_export(**late))).json() == []
    for long_ago in (0, -5):
        early = {**WEEKLY, "export_format": "json", "updated_after_timestamp": long_ago}
        assert len(fetched(_address(project.create_export(**early))).json()) == len(whole) > 0


def _address(export: Export) -> str:
    return str(export.status()["response"][0]["download_url"]["url"])


def test_each_of_the_fifteen_statuses_can_be_asked_for(site: Site):
    project = Project(site.client(), site.project_id)
    words = [
        "None assigned review r_assigned client_review cr_assigned accepted rejected client_rejected skipped r_skipped",
        "cr_skipped critical r_critical cr_critical",
    ]
    statuses = " ".join(words).split()
    assert len(statuses) == 15
    rows = fetched(_address(project.create_export(**WEEKLY | {"export_format": "json", "statuses": statuses}))).json()
    assert {row["file_status"] for row in rows} <= set(statuses)
    assert "None" in {row["file_status"] for row in rows}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"statuses": ["invalid_status"]}, "unknown review status 'invalid_status'"),
        ({"export_format": "spare_it_json"}, "unknown export_format 'spare_it_json'; known: json, coco_json, csv, png"),
        ({"export_destination": "gcs"}, "unknown export_destination 'gcs'"),
        ({"updated_after_timestamp": 1.5}, "this is no whole number"),
        ({"export_name": ""}, "export_name"),
    ],
)
def test_what_there_is_not_is_refused_in_words(site: Site, change: dict[str, Any], sentence: str):
    project = Project(site.client(), site.project_id)
    with pytest.raises(LabellerrError) as refused:
        project.create_export(**WEEKLY | change)
    assert refused.value.args[0]["code"] == 400
    assert sentence in str(refused.value)


def test_a_filter_that_matches_nothing_is_told_in_their_words(site: Site):
    site.installation.run("import_rows", str(_one_row(site)), "--project", "Harbour")
    projects = site.client().call("GET", "/project_drafts/projects/detailed_list", {"client_id": "1"})["response"]
    harbour = next(one["project_id"] for one in projects if one["project_name"] == "Harbour")
    with pytest.raises(LabellerrError, match="No files found with the given status"):
        Project(site.client(), harbour).create_export(**WEEKLY | {"statuses": ["cr_critical"]})


@pytest.mark.parametrize("wrong", [{"api_key": "nosuch"}, {"api_secret": "ea_" + "x" * 43}, {"api_secret": ""}])
def test_wrong_keys_are_401_in_json(site: Site, wrong: dict[str, str]):
    with pytest.raises(LabellerrError) as refused:
        Project(site.client(**wrong), site.project_id)
    assert refused.value.args[0]["code"] == 401
    assert "token" in refused.value.args[0]["error"]["message"]


def test_an_address_that_there_is_not_is_json(site: Site):
    for method in ("GET", "POST"):
        with pytest.raises(LabellerrError) as refused:
            site.client().call(method, "/exports/nowhere", {"client_id": "1"}, {} if method == "POST" else None)
        assert refused.value.args[0]["code"] == 404


def test_header_names_with_underscores_pass_only_where_they_are_meant(site: Site):
    """Another one would be one name with a header that a proxy sets."""
    host, _, port = site.address.removeprefix("http://").partition(":")
    sent = (
        f"GET /dialects/labellerr/exports/list?project_id={site.project_id} HTTP/1.1\r\nHost: {host}\r\n"
        f"api_key: {site.token['token_id']}\r\napi_secret: {site.token['key']}\r\nclient_id: 1\r\n"
        "X_Forwarded_For: 203.0.113.77\r\nX_Request_ID: forged\r\nAuthorization_: x\r\nConnection: close\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(sent.encode())
        answer = b""
        while received := connection.recv(65536):
            answer += received
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert b"forged" not in answer
    # the same call without the three names that are meant: nobody is signed in
    without = "\r\n".join(line for line in sent.split("\r\n") if not line.startswith(("api_", "client_")))
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(without.encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")


def test_a_client_of_another_project_sees_nothing_of_this_one(site: Site):
    site.installation.run("import_rows", str(_one_row(site)), "--project", "Harbour")
    bound = json.loads(
        site.installation.run("issue_token", "sue", "--scope", "admin", "--project", "Harbour", "--json").stdout
    )
    stranger: Client = site.client(api_key=bound["token_id"], api_secret=bound["key"])
    with pytest.raises(LabellerrError) as refused:
        Project(stranger, site.project_id)
    assert refused.value.args[0]["code"] == 404
    query = {"client_id": "1", "uuid": "u"}
    listed = stranger.call("GET", "/project_drafts/projects/detailed_list", query, bare=True)["response"]
    assert [one["project_name"] for one in listed] == ["Harbour"]


def _one_row(site: Site) -> Any:
    path = site.installation.home / "one.ndjson"
    path.write_text(json.dumps({"data_row": {"id": "d0", "global_key": "k0", "row_data": "x"}, "projects": {}}) + "\n")
    return path
