"""Downloads: the file as it was delivered, or words that say why not."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from django.test import Client

from connections.models import Project
from exportadmin.runs import statuses
from exports.models import Artifact, Download
from tests.pages.reports import deliver
from tests.support.deliveries import delivery_folder

BODY = b"[1,\n2]\n" + bytes(range(256)) * 700


def address(artifact: Artifact, name: str | None = None) -> str:
    return f"/exports/{artifact.report.report_id}/files/{name if name is not None else artifact.name}/"


@pytest.fixture
def artifact(project: Project, tmp_path: Path) -> Artifact:
    return deliver(project, tmp_path / "delivery", body=BODY)


@pytest.fixture
def file(artifact: Artifact) -> Path:
    return delivery_folder(artifact.report) / artifact.name


def gone(client: Client, artifact: Artifact) -> str:
    answer = client.get(address(artifact))
    assert answer.status_code == 410
    assert not answer.streaming
    assert "Content-Disposition" not in answer.headers
    return answer.content.decode()


def test_a_file_that_was_removed_is_a_410_with_words(visitor: Client, artifact: Artifact, file: Path):
    file.unlink()
    page = gone(visitor, artifact)
    assert "This file can no longer be downloaded" in page
    assert "deleted or moved after the export" in page
    assert f'href="/exports/{artifact.report.report_id}/"' in page
    assert str(file.parent) not in page


@pytest.mark.parametrize("body", [b"", BODY[:-1], BODY + b"!"], ids=["empty", "a byte less", "a byte more"])
def test_a_file_of_another_size_is_not_handed_out(visitor: Client, artifact: Artifact, file: Path, body: bytes):
    file.write_bytes(body)
    assert "no longer the one that was delivered" in gone(visitor, artifact)


def test_a_link_in_the_files_place_is_not_followed(visitor: Client, artifact: Artifact, file: Path, tmp_path: Path):
    elsewhere = tmp_path / "secret"
    elsewhere.write_bytes(BODY)
    file.unlink()
    file.symlink_to(elsewhere)
    gone(visitor, artifact)


def test_a_folder_in_the_files_place_is_not_handed_out(visitor: Client, artifact: Artifact, file: Path):
    file.unlink()
    file.mkdir()
    gone(visitor, artifact)


def test_a_pipe_in_the_files_place_does_not_hold_the_server(visitor: Client, artifact: Artifact, file: Path):
    file.unlink()
    os.mkfifo(file)
    gone(visitor, artifact)


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "a/../../secret", ".."])
def test_an_artifact_whose_name_leads_elsewhere_hands_out_nothing(
    visitor: Client, artifact: Artifact, tmp_path: Path, name: str
):
    (tmp_path / "secret").write_bytes(BODY)
    Artifact.objects.filter(pk=artifact.pk).update(name=name)
    assert visitor.get(address(artifact, name.replace("..", "%2E%2E"))).status_code in (404, 410)


@pytest.mark.parametrize(
    "name", ["other.json", "../../../etc/passwd", "%2e%2e/secret", "rows.json%00", "manifest.json"]
)
def test_only_artifacts_are_handed_out(visitor: Client, artifact: Artifact, file: Path, name: str):
    (file.parent / "manifest.json").write_text("{}")
    assert visitor.get(address(artifact, name)).status_code == 404


def test_an_export_that_delivered_nothing_hands_out_nothing(visitor: Client, artifact: Artifact):
    artifact.report.status = statuses.FAILED
    artifact.report.save()
    assert visitor.get(address(artifact)).status_code == 404


def test_a_stranger_gets_a_404(stranger: Client, artifact: Artifact):
    assert stranger.get(address(artifact)).status_code == 404


def test_only_reading_is_allowed(visitor: Client, artifact: Artifact):
    assert visitor.post(address(artifact)).status_code == 405


def test_the_bytes_are_those_that_were_delivered(visitor: Client, artifact: Artifact, file: Path):
    answer = visitor.get(address(artifact))
    assert answer.status_code == 200
    assert answer.streaming
    body = answer.getvalue()
    assert body == file.read_bytes()
    assert hashlib.sha256(body).hexdigest() == artifact.sha256
    headers = dict(answer.headers)
    assert headers["Content-Type"] == "application/json"
    assert headers["Content-Length"] == str(len(BODY))
    assert headers["Content-Disposition"] == 'attachment; filename="rows.json"'
    assert headers["ETag"] == f'"{artifact.sha256}"'
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "private, no-store"


def test_asking_for_the_head_tells_the_size_and_sends_nothing(visitor: Client, artifact: Artifact):
    answer = visitor.head(address(artifact))
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(len(BODY)))
    assert answer.getvalue() == b""


def test_whoever_has_the_file_already_is_told_so(visitor: Client, artifact: Artifact):
    answer = visitor.get(address(artifact), headers={"If-None-Match": f'"{artifact.sha256}"'})
    assert (answer.status_code, answer.content) == (304, b"")


def test_a_name_in_other_letters_comes_through(project: Project, tmp_path: Path, visitor: Client):
    artifact = deliver(project, tmp_path / "d", name="Łódź 1.json")
    answer = visitor.get(address(artifact))
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"] == "attachment; filename*=utf-8''%C5%81%C3%B3d%C5%BA%201.json"


def test_asking_for_the_head_writes_nothing(visitor: Client, artifact: Artifact, django_assert_num_queries):
    # session, user, report with project, artifact, the right to its rows: and nothing but reads
    with django_assert_num_queries(5) as queries:
        visitor.head(address(artifact)).getvalue()
    assert all(query["sql"].startswith("SELECT") for query in queries.captured_queries)


def test_a_download_is_written_down_with_who_and_how_much(visitor: Client, artifact: Artifact):
    visitor.get(address(artifact)).getvalue()
    (download,) = Download.objects.all()
    assert (download.actor_name, download.channel, download.link) == ("alice", "web", None)
    assert (download.bytes_requested, download.bytes_sent, download.ending) == (len(BODY), len(BODY), "complete")
