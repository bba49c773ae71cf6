"""What a download says and how it answers to conditions and ranges, on a real connection."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta

import pytest
from django.utils.http import http_date

from exports.models import Artifact, Download
from tests.exports.downloads.conftest import BODY
from tests.exports.downloads.support import fetch, file_path, issue, sha256

SIZE = len(BODY)


@pytest.fixture
def path(artifact: Artifact, alice) -> str:
    return file_path(issue(artifact, alice)[1])


def test_the_whole_file(server, path, artifact):
    status, headers, body = fetch(server, path)
    assert (status, sha256(body)) == (200, artifact.sha256)
    assert headers["Content-Length"] == str(SIZE)
    assert headers["Content-Type"] == "application/json"
    assert headers["Content-Disposition"] == 'attachment; filename="rows.json"'
    assert headers["ETag"] == f'"{artifact.sha256}"'
    assert headers["Last-Modified"] == http_date(artifact.report.finished_at.timestamp())
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    digest = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
    assert headers["Repr-Digest"] == f"sha-256=:{digest}:"


def test_head_says_the_same_and_sends_nothing(server, path):
    status, headers, body = fetch(server, path, "HEAD", Range="bytes=0-9")
    assert (status, body, headers["Content-Length"]) == (200, b"", str(SIZE))
    assert "Content-Range" not in headers
    assert not Download.objects.exists()


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("0-0", 0, 0),
        ("100-199", 100, 199),
        ("10000-", 10000, SIZE - 1),
        ("-5", SIZE - 5, SIZE - 1),
        ("1-99999", 1, SIZE - 1),
    ],
)
def test_a_range_is_a_part_of_the_file(server, path, artifact, asked, first, last):
    status, headers, body = fetch(server, path, Range=f"bytes={asked}")
    assert (status, body) == (206, BODY[first : last + 1])
    assert headers["Content-Range"] == f"bytes {first}-{last}/{SIZE}"
    assert headers["Content-Length"] == str(last - first + 1)
    assert headers["ETag"] == f'"{artifact.sha256}"'


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=5-1", "rows=0-1", "bytes=x"])
def test_several_ranges_and_nonsense_are_answered_with_the_whole_file(server, path, asked):
    status, headers, body = fetch(server, path, Range=asked)
    assert (status, body) == (200, BODY)
    assert "Content-Range" not in headers


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", "bytes=-0"])
def test_a_range_behind_the_end_is_a_416_with_the_size_and_no_download(server, path, asked):
    status, headers, body = fetch(server, path, Range=asked)
    assert (status, headers["Content-Range"]) == (416, f"bytes */{SIZE}")
    assert body == b"The file has 10240 bytes; the range that was asked for holds none of them.\n"
    assert not Download.objects.exists()


def test_if_range_with_the_tag_or_the_date_of_this_file_gives_the_part(server, path, artifact):
    date = http_date(artifact.report.finished_at.timestamp())
    for validator in (f'"{artifact.sha256}"', date):
        assert fetch(server, path, Range="bytes=5-9", If_Range=validator)[::2] == (206, BODY[5:10])


def test_if_range_of_another_file_gives_the_whole_one(server, path, artifact):
    later = http_date((artifact.report.finished_at + timedelta(seconds=1)).timestamp())
    for validator in ('"other"', f'W/"{artifact.sha256}"', artifact.sha256, later, "nonsense", "*"):
        assert fetch(server, path, Range="bytes=5-9", If_Range=validator)[::2] == (200, BODY)


def test_whoever_has_the_file_gets_a_304_and_it_is_no_download(server, path, artifact):
    date = http_date(artifact.report.finished_at.timestamp())
    for condition in ({"If_None_Match": f'"{artifact.sha256}"'}, {"If_None_Match": "*"}, {"If_Modified_Since": date}):
        status, headers, body = fetch(server, path, **condition, Range="bytes=0-1")
        assert (status, body, headers["ETag"]) == (304, b"", f'"{artifact.sha256}"')
    assert not Download.objects.exists()


def test_a_failed_precondition_is_a_412_and_no_download(server, path):
    assert fetch(server, path, If_Match='"other"')[0] == 412
    assert not Download.objects.exists()


def test_an_empty_file_arrives_empty(server, project, tmp_path, alice, endings):
    from tests.pages.reports import deliver

    empty = deliver(project, tmp_path / "empty", body=b"")
    path = file_path(issue(empty, alice)[1])
    status, headers, body = fetch(server, path)
    assert (status, headers["Content-Length"], body) == (200, "0", b"")
    assert fetch(server, path, Range="bytes=0-")[0] == 416
    endings.wait()  # the server writes the end after the last byte, when the reader may be gone already
    assert Download.objects.get().ending == "complete"
