"""Rows of a finished result, from any line or byte; and the file itself."""

from __future__ import annotations

import hashlib

import pytest
from django.http import StreamingHttpResponse
from django.test import RequestFactory

from exportadmin.audit.models import AuditEntry
from exportadmin.operations.bodies import BodyLimitsMiddleware
from exports.models import Download
from exports.results import reader
from exports.results.actions import read_report_rows
from tests.rest.world import SHELL, World, folder_of, whole


def lines_of(world: World, report) -> list[bytes]:
    """The rows of a delivered file, read without our reader."""
    return (folder_of(report) / report.artifacts.get().name).read_bytes().splitlines(keepends=True)


def rows(world: World, person: str = "oscar", report=None, **query):
    return world.script(person).get(f"reports/{(report or world.own.done).report_id}/rows/", query)


def test_all_rows_or_from_a_line_on_or_some(world: World):
    lines = lines_of(world, world.own.done)
    for query, expected in [
        ({}, lines),
        ({"line": 0}, lines),
        ({"line": 17}, lines[17:]),
        ({"line": 17, "limit": 3}, lines[17:20]),
        ({"line": len(lines) - 1, "limit": 99}, lines[-1:]),
    ]:
        answer = rows(world, **query)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/x-ndjson")
        assert whole(answer) == b"".join(expected), query
        assert answer.headers["X-First-Line"] == str(query.get("line", 0))
        assert answer.headers["X-First-Offset"] == str(sum(map(len, lines[: query.get("line", 0)])))
        assert answer.headers["X-Total-Lines"] == str(len(lines))
        assert answer.headers["X-Total-Size"] == str(sum(map(len, lines)))


def test_a_reader_who_lost_the_connection_goes_on_at_the_bytes_it_has(world: World):
    text = b"".join(lines_of(world, world.own.done))
    for have in (0, 1, len(text) // 2, len(text) - 1):
        answer = rows(world, offset=have)
        first = int(answer.headers["X-First-Offset"])
        assert first <= have
        assert whole(answer) == text[first:]
        assert text[:first].count(b"\n") == int(answer.headers["X-First-Line"])


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ({"line": 40}, "line", "max line is 39"),
        ({"line": 10**15 - 1}, "line", "max line is 39"),
        ({"offset": 10**12}, "offset", "max offset is"),
        ({"line": 1, "offset": 1}, "offset", "not both"),
        ({"line": -1}, "line", "from 0"),
        ({"line": "one"}, "line", "whole number"),
        ({"line": 10**15}, "line", "whole number"),
        ({"limit": 0}, "limit", "from 1"),
        ({"stream": "refused"}, "stream", "result, errors"),
        ({"stream": "errors", "line": 1}, "line", "no rows"),
        ({"page": 1}, "page", "line, offset, limit, stream"),
    ],
    ids=str,
)
def test_a_place_that_is_not_in_it_is_said_in_words(world: World, query, field, words):
    answer = rows(world, **query)
    assert (answer.status_code, answer.json()["field"]) == (400, field)
    assert words in answer.json()["detail"]
    assert not AuditEntry.objects.filter(event="artifact.rows_read", outcome="done").exists()


def test_rows_that_were_refused_are_a_stream_of_their_own(world: World):
    answer = rows(world, stream="errors")
    assert (answer.status_code, whole(answer), answer.headers["X-Total-Lines"]) == (200, b"", "0")


def test_what_has_no_rows_has_none(world: World):
    for report, words in [
        (world.own.table, "this one is csv"),
        (world.own.waiting, "is queued"),
        (world.own.failed, "is failed"),
    ]:
        answer = rows(world, report=report)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert words in answer.json()["detail"]


def test_reading_rows_is_on_the_trail_and_without_it_nothing_is_read(world: World, monkeypatch):
    whole(rows(world, line=3))
    (entry,) = AuditEntry.objects.filter(event="artifact.rows_read")
    assert (entry.object_id, entry.details["line"]) == (world.own.artifact.public_id, 3)
    assert rows(world, "rita").status_code == 403
    opened = []
    real = reader.read_rows

    def read_rows(*args, **place):
        opened.append(real(*args, **place))
        return opened[-1]

    monkeypatch.setattr(reader, "read_rows", read_rows)

    def broken(*_, **__):
        raise RuntimeError("no trail")

    script = world.script("oscar")
    script.client.raise_request_exception = False
    monkeypatch.setattr("exportadmin.audit.record.record", broken)
    answer = script.get(f"reports/{world.own.done.report_id}/rows/")
    assert answer.status_code == 500
    assert not answer.streaming
    assert opened[0]._file.closed, "a file that nobody will close"


def test_a_file_comes_whole_or_in_part_and_is_recorded(world: World):
    script = world.script("oscar")
    path = f"artifacts/{world.own.artifact.public_id}/download/"
    answer = script.get(path)
    text = whole(answer)
    assert hashlib.sha256(text).hexdigest() == world.own.artifact.sha256
    assert answer.headers["ETag"] == f'"{world.own.artifact.sha256}"'
    part = script.get(path, headers={"Range": "bytes=10-19", "If-Range": answer.headers["ETag"]})
    assert (part.status_code, whole(part)) == (206, text[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(text)}"
    assert script.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert [(each.channel, each.bytes_sent) for each in Download.objects.order_by("pk")] == [
        ("rest", len(text)),
        ("rest", 10),
    ]


def test_a_part_that_is_not_there_and_a_condition_that_does_not_hold_are_problems(world: World):
    script = world.script("oscar")
    path = f"artifacts/{world.own.artifact.public_id}/download/"
    beyond = script.get(path, headers={"Range": "bytes=999999999-"})
    assert (beyond.status_code, beyond.headers["Content-Type"]) == (416, "application/problem+json")
    assert beyond.headers["Content-Range"] == f"bytes */{world.own.artifact.bytes}"
    assert beyond.json()["code"] == "range"
    other = script.get(path, headers={"If-Match": '"other"'})
    assert (other.status_code, other.json()["code"]) == (412, "precondition_failed")
    assert not Download.objects.exists()


def test_looking_at_the_head_of_rows_reads_none_of_them_and_the_trail_says_so(world: World):
    """As servers do it, which read what they drop; the test client reads nothing."""
    report = world.own.done
    stream = read_report_rows(report=report, actor=SHELL)
    assert stream is not None
    answer = StreamingHttpResponse(stream)
    BodyLimitsMiddleware(lambda _: answer)(RequestFactory().head("/"))
    assert list(answer) == []
    stream.close()  # as the server closes the answer, and it its streams
    assert answer._resource_closers == [stream.close]  # type: ignore[attr-defined]
    ended = AuditEntry.objects.filter(event="artifact.rows_read_ended").latest("sequence")
    assert (ended.details["rows_sent"], ended.details["bytes_sent"]) == (0, 0)


def test_looking_at_the_head_of_a_file_is_no_download(world: World):
    answer = world.script("oscar").head(f"artifacts/{world.own.artifact.public_id}/download/")
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(world.own.artifact.bytes))
    assert not Download.objects.exists()
