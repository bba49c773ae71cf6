"""A one-time link gives the file once in full: looking, asking and broken connections do not use it up."""

from __future__ import annotations

import threading

from exports.links import downloads
from exports.models import Download, Link
from tests.exports.downloads.conftest import BODY
from tests.exports.downloads.support import BIG, Connection, asking, fetch, file_path, issue, sha256, trail

SIZE = len(BODY)


def test_the_second_use_is_refused_and_recorded(server, artifact, alice, endings):
    link, token = issue(artifact, alice, one_time=True)
    assert fetch(server, file_path(token))[::2] == (200, BODY)
    endings.wait()
    link.refresh_from_db()
    assert link.used_at is not None
    assert link.seconds_left == 0
    for method, headers in (("GET", {}), ("HEAD", {}), ("GET", {"Range": "bytes=0-0"})):
        assert fetch(server, file_path(token), method, **headers)[0] == 410
    assert fetch(server, f"/exports/l/{token}/")[0] == 410
    assert [entry.reason for entry in trail("link.refused")] == ["used"] * 4
    assert Download.objects.count() == 1


def test_heads_small_ranges_and_conditions_do_not_use_it_up(server, artifact, alice, endings):
    link, token = issue(artifact, alice, one_time=True)
    path = file_path(token)
    for _ in range(5):
        assert fetch(server, path, "HEAD")[0] == 200
        assert fetch(server, path, Range="bytes=0-9")[0] == 206
        endings.wait()
        assert fetch(server, path, Range=f"bytes={SIZE}-")[0] == 416
        assert fetch(server, path, If_None_Match=f'"{artifact.sha256}"')[0] == 304
    assert fetch(server, path)[::2] == (200, BODY)
    endings.wait()
    assert fetch(server, path)[0] == 410
    link.refresh_from_db()
    assert link.used_at is not None


def test_a_download_broken_at_half_goes_on_to_the_same_sha256(server, big, alice, endings):
    link, token = issue(big, alice, one_time=True)
    connection = Connection(server)
    answer = connection.ask(file_path(token))
    tag = answer.headers["ETag"]
    have = answer.read(BIG // 2)
    connection.break_off()
    assert endings.wait().ending == "broken off"
    link.refresh_from_db()
    assert link.used_at is None
    status, headers, rest = fetch(server, file_path(token), Range=f"bytes={len(have)}-", If_Range=tag)
    assert (status, headers["Content-Range"]) == (206, f"bytes {BIG // 2}-{BIG - 1}/{BIG}")
    assert sha256(have + rest) == big.sha256
    assert endings.wait().ending == "complete"
    assert fetch(server, file_path(token))[0] == 410
    link.refresh_from_db()
    assert link.used_at is not None


def test_while_a_download_runs_no_second_one_starts(server, big, alice, endings):
    link, token = issue(big, alice, one_time=True)
    with asking(server, file_path(token)) as first:
        assert first.read(1000)
        status, headers, page = fetch(server, file_path(token))
        assert (status, headers["Retry-After"]) == (410, "5")
        assert b"The download is running, or it broke off a moment ago." in page
        link.refresh_from_db()
        assert link.used_at is None
        assert len(first.read()) == BIG - 1000
    assert endings.wait().ending == "complete"
    status, headers, page = fetch(server, file_path(token))
    assert status == 410
    assert "Retry-After" not in headers
    assert b"broke off" not in page


def test_of_many_at_the_same_moment_one_wins(server, artifact, alice, endings, monkeypatch):
    """All of them have passed the first check before any of them starts."""
    _, token = issue(artifact, alice, one_time=True)
    count = 6
    barrier = threading.Barrier(count, timeout=60)
    real = downloads.parse_range

    def together(*args):
        barrier.wait()
        return real(*args)

    monkeypatch.setattr(downloads, "parse_range", together)  # the last step before a download starts
    answers: list[tuple[int, bytes]] = []

    def take() -> None:
        status, _, body = fetch(server, file_path(token))
        answers.append((status, body))

    threads = [threading.Thread(target=take) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(status for status, _ in answers) == [200] + [410] * (count - 1)
    assert [body for status, body in answers if status == 200] == [BODY]
    endings.wait()
    assert Download.objects.count() == 1
    assert [entry.reason for entry in trail("link.refused")] == ["used"] * (count - 1)


def test_an_empty_file_can_be_taken_once_too(server, project, tmp_path, alice, endings):
    from tests.pages.reports import deliver

    link, token = issue(deliver(project, tmp_path / "empty", body=b""), alice, one_time=True)
    assert fetch(server, file_path(token), "HEAD")[0] == 200
    assert fetch(server, file_path(token))[0] == 200
    endings.wait()
    assert fetch(server, file_path(token))[0] == 410
    assert Link.objects.get(pk=link.pk).used_at is not None


def test_any_other_link_can_be_used_again(server, artifact, alice, endings):
    link, token = issue(artifact, alice)
    for _ in range(3):
        assert fetch(server, file_path(token))[::2] == (200, BODY)
        endings.wait()
    link.refresh_from_db()
    assert link.used_at is None
    assert [download.link for download in Download.objects.all()] == [link] * 3
