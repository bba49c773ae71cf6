"""A delivery of which one byte was changed hands out nothing, by any way, until a verification finds it right again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import Actor
from exports import actions, delivery_actions
from exports.delivery import integrity
from exports.links import actions as link_actions
from exports.models import ExportReport
from exports.spec.conversion import conversion_spec
from exports.spec.spec import ExportSpec
from tests.support.deliveries import delivery_folder
from tests.support.rows import mixed

USER = Actor(kind="user", name="tester", channel="shell")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def report(project: Any, settings: Any, tmp_path: Path) -> ExportReport:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    write_rows(project, mixed(20), now_ms=1_000)
    spec = ExportSpec.parse({"format": "ndjson"}, project)
    return actions.run_now(project=project, spec=spec, actor=USER)


@pytest.fixture
def file(report: ExportReport) -> Path:
    return delivery_folder(report) / report.artifacts.get().name


def flip(file: Path) -> None:
    """One bit, the size and the time of change as before."""
    before = file.stat()
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture
def client(alice: Any) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def ways(report: ExportReport) -> dict[str, str]:
    artifact = report.artifacts.get()
    return {
        "whole": f"/api/v1/artifacts/{artifact.public_id}/download/",
        "page": f"/exports/{report.report_id}/files/{artifact.name}/",
        "rows": f"/api/v1/reports/{report.report_id}/rows/?limit=3",
        "preview": f"/exports/{report.report_id}/preview/",
    }


def test_no_way_hands_out_a_byte_of_it(report: ExportReport, file: Path, client: Client):
    paths = ways(report)
    assert {way: client.get(path).status_code for way, path in paths.items()} == dict.fromkeys(paths, 200)
    flip(file)
    # the first one that looks finds it, and whoever asks for a range as well
    assert client.get(paths["whole"], headers={"Range": "bytes=0-9"}).status_code == 410
    assert {way: client.get(path).status_code for way, path in paths.items()} == dict.fromkeys(paths, 410)


@pytest.mark.parametrize("way", ["whole", "page", "rows", "preview"])
def test_whoever_looks_first_finds_it(report: ExportReport, file: Path, client: Client, way: str):
    flip(file)
    assert client.get(ways(report)[way]).status_code == 410
    report.refresh_from_db()
    assert "has changed" in report.altered_why


def test_it_is_told_everywhere_and_recorded_once(report: ExportReport, file: Path, client: Client):
    flip(file)
    for _ in range(3):
        client.get(ways(report)["whole"])
    (entry,) = AuditEntry.objects.filter(event="export.altered")
    assert (entry.outcome, entry.object_id) == ("failed", report.report_id)
    told = client.get(f"/api/v1/reports/{report.report_id}/").json()["altered"]
    assert file.name in told["why"]
    page = client.get(f"/exports/{report.report_id}/").content.decode()
    assert "Not as it was delivered" in page
    assert "Delivered whole and checked" not in page
    assert "/files/" not in page, "no button leads to a file"
    for path in ("/", "/exports/"):
        assert "Not as delivered" in client.get(path).content.decode(), path


def test_a_verification_closes_it_and_one_that_finds_all_right_opens_it_again(
    report: ExportReport, file: Path, client: Client
):
    content = file.read_bytes()
    flip(file)
    assert not delivery_actions.verify_report(report=report, actor=USER).ok
    report.refresh_from_db()
    assert report.altered_at is not None
    file.write_bytes(content)
    assert client.get(ways(report)["whole"]).status_code == 410, "until somebody has verified it"
    assert delivery_actions.verify_report(report=report, actor=USER).ok
    report.refresh_from_db()
    assert not report.altered_why
    assert b"".join(client.get(ways(report)["whole"])) == content


def test_a_file_that_was_only_touched_is_read_once_and_handed_out(
    report: ExportReport, file: Path, client: Client, monkeypatch: pytest.MonkeyPatch
):
    os.utime(file)
    content = file.read_bytes()
    assert b"".join(client.get(ways(report)["whole"])) == content
    report.refresh_from_db()
    assert report.altered_at is None
    monkeypatch.setattr(integrity, "BLOCK", 0)  # reading it once more would find an empty file
    assert client.get(ways(report)["rows"]).status_code == 200


def test_a_conversion_of_it_fails_in_words(report: ExportReport, file: Path):
    flip(file)
    done = actions.convert_report(report=report, spec=conversion_spec(report, {"format": "csv"}), actor=USER, now=True)
    assert done.status == "failed"
    assert "no longer the one that was delivered" in done.error


def test_a_link_to_it_says_so_before_the_button(report: ExportReport, file: Path, client: Client):
    path = f"/exports/l/{link_actions.issue_link(artifact=report.artifacts.get(), actor=USER)[1]}/"
    assert Client().get(path).status_code == 200
    flip(file)
    assert Client().get(f"{path}file").status_code == 410
    answer = Client().get(path)
    assert answer.status_code == 410
    assert "no longer the one that was delivered" in answer.content.decode()
