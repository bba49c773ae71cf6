"""The manifest, ``verify.py`` and the public key are handed out beside the files: page, REST, help, link."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.test import Client

from connections.access.tokens import issue_token
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.signing import installation_key
from exports import actions, delivery_actions
from exports.delivery.receipt import VERIFIER
from exports.links import actions as link_actions
from tests.rest.world import SHELL, Rest
from tests.support.deliveries import delivery_folder

pytestmark = pytest.mark.django_db(transaction=True)


def entries(event: str) -> list[tuple[str, str, str]]:
    return list(AuditEntry.objects.filter(event=event).values_list("outcome", "actor_name", "channel"))


def content(answer) -> bytes:
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content) if answer.streaming else answer.content


def verified(folder: Path, *arguments: str) -> str:
    """What the handed out program says of a folder, in the hands of somebody who has nothing of ours."""
    command = [sys.executable, "-I", "-S", str(folder / "verify.py"), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def browser(alice) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def test_what_rest_hands_out_verifies_elsewhere_with_the_key_that_it_names(deliver, script, tmp_path):
    report = deliver(format="csv")
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    for artifact in report.artifacts.all():
        raw = content(script.get(f"artifacts/{artifact.public_id}/download/"))
        (folder / artifact.name).write_bytes(raw)
    (folder / "manifest.json").write_bytes(content(script.get(f"reports/{report.report_id}/manifest/")))
    (folder / "verify.py").write_bytes(content(script.get("verify.py")))
    (key,) = script.get("signing-keys/").json()
    assert verified(folder, "--key", key["public_key"]).endswith(f"signed by {key['key_id']}, as delivered\n")
    assert (folder / "manifest.json").read_bytes() == (delivery_folder(report) / "manifest.json").read_bytes()
    assert entries("export.manifest_downloaded") == [("done", "script of alice", "rest")]


def test_the_page_and_the_help_hand_out_the_same(deliver, browser):
    report = deliver(format="csv")
    page = browser.get(f"/exports/{report.report_id}/").content.decode()
    for address in (f"/exports/{report.report_id}/manifest.json", "/help/verify.py"):
        assert f'href="{address}"' in page
    answer = browser.get(f"/exports/{report.report_id}/manifest.json")
    assert content(answer) == (delivery_folder(report) / "manifest.json").read_bytes()
    assert answer["Content-Disposition"] == 'attachment; filename="manifest.json"'
    assert entries("export.manifest_downloaded") == [("done", "alice", "web")]
    assert content(browser.get("/help/verify.py")) == VERIFIER.read_bytes()
    assert installation_key().public.text in browser.get("/help/check-values/").content.decode()


def test_who_may_not_download_gets_no_manifest_and_that_is_recorded(deliver, rita):
    report = deliver(format="csv")
    key = issue_token(user=rita, name="r", scopes=("exports:read",), actor=SHELL)[1]
    assert Rest(key).get(f"reports/{report.report_id}/manifest/").status_code == 403
    assert [entry[0] for entry in entries("export.manifest_downloaded")] == ["refused"]


def test_a_manifest_that_was_changed_is_handed_out_by_nobody(deliver, script, browser):
    report = deliver(format="csv")
    path = delivery_folder(report) / "manifest.json"
    original = path.read_bytes()
    path.write_bytes(original.replace(b'"report_id"', b'"report_iD"'))
    answer = script.get(f"reports/{report.report_id}/manifest/")
    assert answer.status_code == 410
    report.refresh_from_db()
    assert report.altered_why == "the content of manifest.json has changed"
    assert browser.get(f"/exports/{report.report_id}/manifest.json").status_code == 410
    assert [entry[0] for entry in entries("export.manifest_downloaded")] == ["refused", "refused"]
    path.write_bytes(original)
    assert delivery_actions.verify_report(report=report, actor=SHELL).ok
    assert browser.get(f"/exports/{report.report_id}/manifest.json").status_code == 200


def test_where_nothing_was_delivered_there_is_no_manifest(deliver, script, browser):
    report = deliver(format="csv")
    actions.remove_files(report=report, actor=SHELL, why="a test")
    assert script.get(f"reports/{report.report_id}/manifest/").status_code == 410
    type(report).objects.filter(pk=report.pk).update(status="failed")
    assert script.get(f"reports/{report.report_id}/manifest/").status_code == 409
    assert browser.get(f"/exports/{report.report_id}/manifest.json").status_code == 404


def test_behind_a_link_is_a_manifest_of_that_file_alone_which_tells_nothing_else(deliver, tmp_path):
    report = deliver(format="ndjson")
    artifact = report.artifacts.get()
    _, token = link_actions.issue_link(artifact=artifact, actor=SHELL)
    stranger = Client()
    page = stranger.get(f"/exports/l/{token}/").content.decode()
    folder = tmp_path / "downloads"
    folder.mkdir()
    for name in ("manifest.json", "verify.py"):
        assert f'href="/exports/l/{token}/{name}"' in page
        answer = stranger.get(f"/exports/l/{token}/{name}")
        assert answer["Referrer-Policy"] == "no-referrer"
        (folder / name).write_bytes(content(answer))
    (folder / artifact.name).write_bytes(content(stranger.get(f"/exports/l/{token}/file")))
    (folder / "somebody's own.txt").write_text("")
    key = installation_key().public
    said = verified(folder, "--file", artifact.name, "--key", key.text)
    assert said == f"1 of 1 file(s), {artifact.bytes:,} bytes: signed by {key.key_id}, as delivered\n"
    assert f"--file {artifact.name} --key {key.text}" in page

    told = json.loads((folder / "manifest.json").read_bytes())
    assert set(told) == {
        *("report_id", "started_at", "part_of", "manifest_version", "generator"),
        *("check_values", "files", "seal", "signature"),
    }
    assert told["part_of"] == {"manifest_sha256": report.manifest_sha256}
    assert entries("artifact.receipt_downloaded") == [("done", "anonymous", "link")]


def test_behind_a_link_nothing_is_signed_for_a_file_that_was_changed(deliver):
    report = deliver(format="ndjson")
    artifact = report.artifacts.get()
    _, token = link_actions.issue_link(artifact=artifact, actor=SHELL)
    path = delivery_folder(report) / artifact.name
    raw = path.read_bytes()
    path.write_bytes(bytes([raw[0] ^ 1]) + raw[1:])
    assert Client().get(f"/exports/l/{token}/manifest.json").status_code == 410
    assert Client().get("/exports/l/nosuch/verify.py").status_code == 404
    assert [entry[0] for entry in entries("artifact.receipt_downloaded")] == ["refused"]
