"""A download is written down before its first byte, and how it ended after its last."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any, BinaryIO

import pytest
from django.db import DatabaseError, OperationalError
from django.test import Client, RequestFactory
from django.utils import timezone

from exportadmin.audit.models import AuditEntry
from exportadmin.audit.record import record
from exportadmin.lib.errors import GoneError
from exports.delivery.reading import open_delivered
from exports.links import downloads
from exports.models import Artifact, Download
from tests.exports.downloads.conftest import BODY
from tests.exports.downloads.support import BIG, Connection, actor, asking, fetch, file_path, issue, sha256, trail
from tests.support.deliveries import delivery_folder


def respond(artifact: Artifact, alice, **headers: str):
    request = RequestFactory().get("/", headers=headers)
    return downloads.respond(request, artifact, actor=actor(alice))


def told(entry: AuditEntry) -> dict[str, Any]:
    """Beside the report, and the size of the whole file."""
    assert entry.details["report"]
    return {name: value for name, value in entry.details.items() if name not in ("report", "of_bytes")}


# --- bad days --------------------------------------------------------------------------------------------------------


def test_without_the_line_in_the_trail_no_byte_is_served(server, artifact, alice, monkeypatch):
    path = file_path(issue(artifact, alice)[1])

    def denied(*args, **kwargs):
        raise DatabaseError("INSERT denied")

    monkeypatch.setattr(downloads, "record", denied)
    status, headers, body = fetch(server, path)
    assert status == 500
    assert BODY[:20] not in body
    assert "Content-Disposition" not in headers
    assert not Download.objects.exists()
    assert not trail("artifact.downloaded")


@pytest.fixture
def opened(monkeypatch) -> list[BinaryIO]:
    """The files that were opened for answers."""
    files: list[BinaryIO] = []

    def opening(each: Artifact) -> BinaryIO:
        files.append(open_delivered(each))
        return files[-1]

    monkeypatch.setattr(downloads, "open_delivered", opening)
    return files


@pytest.mark.django_db
def test_without_the_line_in_the_trail_the_file_is_closed(artifact, alice, monkeypatch, opened):
    monkeypatch.setattr(downloads, "record", lambda *args, **kwargs: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        respond(artifact, alice)
    assert opened[0].closed
    assert not Download.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("headers", "status"),
    [({"If-None-Match": "*"}, 304), ({"If-Match": '"other"'}, 412), ({"Range": "bytes=99999-"}, 416)],
)
def test_an_answer_without_bytes_leaves_no_file_open(artifact, alice, opened, headers, status):
    assert respond(artifact, alice, **headers).status_code == status
    assert opened[0].closed


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_is_closed_twice_ends_once(artifact, alice, opened):
    answer = respond(artifact, alice)
    body = answer._resource_closers[0].__self__
    assert answer.getvalue() == BODY
    answer.close()
    body.close()
    assert opened[0].closed
    assert len(trail("artifact.download_ended")) == 1


def test_a_download_that_breaks_off_is_written_down_with_the_bytes_sent(server, big, alice, endings):
    connection = Connection(server)
    answer = connection.ask(file_path(issue(big, alice)[1]))
    assert len(answer.read(BIG // 2)) == BIG // 2
    connection.break_off()
    download = endings.wait()
    assert download.ending == "broken off"
    assert download.bytes_sent + downloads.CHUNK >= BIG // 2
    assert download.bytes_sent < BIG
    assert download.ended_at is not None
    (entry,) = trail("artifact.download_ended")
    assert told(entry)["ending"] == "broken off"
    assert told(entry)["bytes_sent"] == download.bytes_sent


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda file, report: file.unlink(), "no longer in its place"),
        (lambda file, report: file.write_bytes(BODY[:-1]), "no longer the one that was delivered"),
        (lambda file, report: os.truncate(file, 0), "no longer the one that was delivered"),
        (lambda file, report: setattr(report, "location", ""), "no longer in its place"),
        (lambda file, report: setattr(report, "files_removed_at", timezone.now()), "The file was removed on"),
    ],
)
def test_a_file_that_is_not_as_delivered_is_refused_and_the_trail_says_why(artifact, alice, change, words):
    change(delivery_folder(artifact.report) / artifact.name, artifact.report)
    with pytest.raises(GoneError, match=words):
        respond(artifact, alice)
    (entry,) = trail("artifact.downloaded")
    assert entry.outcome == "refused"
    assert words in entry.reason
    assert not Download.objects.exists()


@pytest.mark.django_db
def test_a_report_without_a_folder_does_not_lead_to_the_folder_of_the_server(artifact, alice, monkeypatch):
    monkeypatch.chdir(artifact.report.location)
    artifact.report.location = ""
    with pytest.raises(GoneError, match="no longer in its place"):
        respond(artifact, alice)


@pytest.mark.django_db
def test_a_removed_file_says_when_and_why(artifact, alice):
    report = artifact.report
    report.files_removed_at, report.files_removed_why = timezone.now() - timedelta(days=400), "kept for 30 days"
    with pytest.raises(GoneError, match=rf"removed on \d+ \w+ {report.files_removed_at:%Y}. Reason: kept for 30 days."):
        respond(artifact, alice)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", [10_240, downloads.CHUNK, 3 * downloads.CHUNK + 1])
def test_a_file_whose_content_changed_never_arrives_whole(project, tmp_path, alice, size):
    from tests.pages.reports import deliver

    body = os.urandom(size)
    artifact = deliver(project, tmp_path / "changed", body=body)
    answer = respond(artifact, alice)
    (tmp_path / "changed" / artifact.name).write_bytes(body[:-1] + bytes([body[-1] ^ 1]))
    received = b""
    with pytest.raises(downloads.FileChangedError):
        for chunk in answer.streaming_content:
            received += chunk
    answer.close()
    assert len(received) < size
    assert Download.objects.get().ending == "broken off"
    (entry,) = trail("artifact.download_ended")
    assert (entry.outcome, "the file was changed while it was being sent" in entry.reason) == ("failed", True)


@pytest.mark.django_db(transaction=True)
def test_a_file_that_is_cut_while_it_is_sent_breaks_the_answer(project, tmp_path, alice):
    from tests.pages.reports import deliver

    artifact = deliver(project, tmp_path / "cut", body=bytes(4 * downloads.CHUNK))
    answer = respond(artifact, alice)
    chunks = iter(answer.streaming_content)
    next(chunks)
    os.truncate(tmp_path / "cut" / artifact.name, downloads.CHUNK)
    with pytest.raises(downloads.FileChangedError):
        next(chunks)
    answer.close()
    download = Download.objects.get()
    assert (download.ending, download.bytes_sent) == ("broken off", downloads.CHUNK)


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_nobody_reads_is_broken_off_with_nothing_sent(artifact, alice):
    respond(artifact, alice).close()
    download = Download.objects.get()
    assert (download.ending, download.bytes_sent, download.bytes_requested) == ("broken off", 0, len(BODY))


@pytest.mark.django_db(transaction=True)
def test_an_end_is_written_over_a_new_connection_when_the_old_one_died(artifact, alice, monkeypatch):
    calls: list[str] = []

    def once(event, **more):
        calls.append(event)
        if calls == ["artifact.downloaded", "artifact.download_ended"]:
            raise OperationalError("server closed the connection unexpectedly")
        return record(event, **more)

    monkeypatch.setattr(downloads, "record", once)
    answer = respond(artifact, alice)
    assert answer.getvalue() == BODY
    answer.close()
    assert Download.objects.get().ending == "complete"
    assert calls[1:] == ["artifact.download_ended"] * 2
    assert len(trail("artifact.download_ended")) == 1


@pytest.mark.django_db(transaction=True)
def test_an_end_that_cannot_be_written_is_logged_and_hurts_nobody(artifact, alice, monkeypatch, caplog):
    answer = respond(artifact, alice)
    assert answer.getvalue() == BODY
    monkeypatch.setattr(downloads, "record", lambda *args, **kwargs: 1 / 0)
    answer.close()
    assert "its end could not be written down" in caplog.text
    assert Download.objects.get().ended_at is None


# --- good days -------------------------------------------------------------------------------------------------------


def test_the_download_stands_in_the_trail_while_the_body_is_under_way(server, big, alice, endings):
    link, token = issue(big, alice)
    with asking(server, file_path(token)) as answer:
        started = Download.objects.get()
        assert (started.ended_at, started.ending, started.bytes_requested) == (None, "", BIG)
        (entry,) = trail("artifact.downloaded")
        assert told(entry) == {
            "download": started.public_id,
            "first_byte": 0,
            "bytes_requested": BIG,
            "link": link.public_id,
        }
        assert not trail("artifact.download_ended")
        assert sha256(answer.read()) == big.sha256
    ended = endings.wait()
    assert (ended.ending, ended.bytes_sent) == ("complete", BIG)


def test_what_is_written_down(server, artifact, alice, endings):
    client = Client()
    client.force_login(alice)
    cookie = f"sessionid={client.cookies['sessionid'].value}"
    page = f"/exports/{artifact.report.report_id}/files/{artifact.name}/"
    assert fetch(server, page, Cookie=cookie, Range="bytes=10-29")[0] == 206
    download = endings.wait()
    assert download.artifact == artifact
    assert (download.user, download.actor_name, download.channel, download.link) == (alice, "alice", "web", None)
    assert (download.first_byte, download.bytes_requested, download.bytes_sent) == (10, 20, 20)
    began, ended = trail("artifact.downloaded")[0], trail("artifact.download_ended")[0]
    for entry in (began, ended):
        assert (entry.outcome, entry.actor_name, entry.channel) == ("done", "alice", "web")
        assert (entry.object_kind, entry.object_id) == ("artifact", artifact.public_id)
        assert entry.project_name == artifact.report.project.name
        assert entry.request_id == began.request_id != ""
    assert told(began) == {"download": download.public_id, "first_byte": 10, "bytes_requested": 20}
    assert told(ended) == {
        "download": download.public_id,
        "ending": "complete",
        "bytes_sent": 20,
        "bytes_requested": 20,
    }
