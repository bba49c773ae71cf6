"""Rows from any line or byte on, against a plain split of the whole file."""

from __future__ import annotations

import json
import tempfile
import tracemalloc
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from exportadmin.lib.errors import GoneError, UserError
from exports.delivery.destination import delivery_of
from exports.delivery.integrity import state_of
from exports.delivery.reading import open_delivered
from exports.models import Artifact, ExportReport, LineIndex
from exports.results import reader
from exports.results.reader import RowStream, read_rows

VALUES: st.SearchStrategy[list[Any]] = st.lists(
    st.text(max_size=12) | st.text(alphabet='żółć🗑,]}\\n"', max_size=8) | st.integers() | st.just([]), max_size=3
)
MEDIA = {"ndjson": "application/x-ndjson", "json": "application/json"}


def rows_of(values: list[Any]) -> list[bytes]:
    return [json.dumps({"r": value}, ensure_ascii=False).encode("utf-8", "replace") for value in values]


def write(folder: Path, format: str, rows: list[bytes], *, step: int | None = 3) -> Artifact:
    """The file as the writers print it, and an unsaved artifact with an index entry every ``step`` rows."""
    before, between, after = (b"[\n", b",\n", b"\n]\n") if format == "json" else (b"", b"\n", b"\n")
    content = before + between.join(rows) + after
    if not rows:
        content = b"[\n]\n" if format == "json" else b""
    index, place = [], len(before)
    for number, row in enumerate(rows):
        if step and number % step == 0:
            index.append([number, place])
        place += len(row) + len(between)
    (folder / f"rows.{format}").write_bytes(content)
    artifact = Artifact(
        report=ExportReport(format=format, location=str(folder)),
        name=f"rows.{format}",
        media_type=MEDIA[format],
        bytes=len(content),
        lines=len(rows) if step else None,
    )
    # as it was delivered: nothing has to be read, and nothing written down
    artifact.state = state_of(delivery_of(artifact.report), artifact.name)
    if step:
        LineIndex(artifact=artifact, entries=index)  # reached from the artifact, though neither is saved
    return artifact


def read(stream: RowStream) -> bytes:
    return b"".join(stream)


# --- places that are not there ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["json", "ndjson"])
@pytest.mark.parametrize("step", [2, None], ids=["index", "no index"])
@pytest.mark.parametrize(
    ("where", "words"),
    [
        ({"line": 3}, "line is out of range, max line is 2"),
        ({"line": -1}, "line is out of range, max line is 2"),
        ({"offset": 27}, "offset is out of range, max offset is 26"),
        ({"offset": 10**30}, "offset is out of range, max offset is 26"),
        ({"offset": -1}, "offset is out of range, max offset is 26"),
    ],
)
def test_a_place_outside_is_refused_in_the_fields_own_words(tmp_path, format, step, where, words):
    artifact = write(tmp_path, format, [b'{"r":12}'] * 3, step=step)
    with pytest.raises(UserError) as refusal:
        read_rows(artifact, **where)
    assert refusal.value.message == words
    assert refusal.value.field == next(iter(where))


@pytest.mark.parametrize("format", ["json", "ndjson"])
@pytest.mark.parametrize("step", [2, None], ids=["index", "no index"])
def test_a_result_without_rows_streams_nothing_and_has_no_second_line(tmp_path, format, step):
    artifact = write(tmp_path, format, [], step=step)
    for where in ({}, {"line": 0}, {"offset": 0}):
        stream = read_rows(artifact, **where)
        assert (read(stream), stream.total_size, stream.total_lines) == (b"", 0, 0)
    with pytest.raises(UserError, match="line is out of range, the result has no rows"):
        read_rows(artifact, line=1)


def test_line_and_offset_at_once_are_refused(tmp_path):
    with pytest.raises(UserError, match="either a line or an offset"):
        read_rows(write(tmp_path, "ndjson", [b"1"]), line=0, offset=0)


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_one_is_refused(tmp_path, limit):
    with pytest.raises(UserError, match="at least 1"):
        read_rows(write(tmp_path, "ndjson", [b"1"]), limit=limit)


@pytest.mark.parametrize(("format", "media_type"), [("coco_json", "application/json"), ("csv", "text/csv")])
def test_a_result_without_a_row_a_line_is_refused(tmp_path, format, media_type):
    artifact = write(tmp_path, "json", [b"1"])
    artifact.media_type, artifact.report.format = media_type, format
    with pytest.raises(UserError, match=f"this one is {format}"):
        read_rows(artifact)


def test_a_file_that_is_gone_is_gone(tmp_path):
    artifact = write(tmp_path, "ndjson", [b"1"])
    (tmp_path / artifact.name).unlink()
    with pytest.raises(GoneError, match="no longer in its place"):
        read_rows(artifact)


def test_a_file_that_is_cut_while_it_is_read_breaks_the_stream(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "BLOCK", 64)
    artifact = write(tmp_path, "ndjson", [b'{"r":1}'] * 100)
    stream = read_rows(artifact)
    next(stream)
    (tmp_path / artifact.name).write_bytes(b'{"r":1}\n' * 20)
    with pytest.raises(OSError, match="became shorter"):
        read(stream)


# --- against a plain split -------------------------------------------------------------------------------------------


@given(
    values=st.lists(VALUES, min_size=1, max_size=12),
    format=st.sampled_from(["json", "ndjson"]),
    step=st.none() | st.integers(1, 5),
    block=st.integers(1, 40),
    data=st.data(),
)
def test_every_line_and_every_byte_leads_to_its_row(values, format, step, block, data):
    rows = rows_of(values)
    lines = [row + b"\n" for row in rows]
    whole = b"".join(lines)
    begins = [sum(map(len, lines[:number])) for number in range(len(lines))]
    line = data.draw(st.integers(0, len(lines) - 1), label="line")
    offset = data.draw(st.integers(0, len(whole) - 1), label="offset")
    limit = data.draw(st.none() | st.integers(1, len(lines) + 1), label="limit")
    row_at_offset = max(number for number, begin in enumerate(begins) if begin <= offset)
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(reader, "BLOCK", block):
        artifact = write(Path(folder), format, rows, step=step)
        for first, where in ((line, {"line": line}), (row_at_offset, {"offset": offset}), (0, {})):
            stream = read_rows(artifact, limit=limit, **where)
            assert (stream.first_line, stream.first_offset) == (first, begins[first])
            assert (stream.total_size, stream.total_lines) == (len(whole), len(lines))
            assert read(stream) == b"".join(lines[first:][:limit])


@given(st.integers(0, 400), st.sampled_from(["json", "ndjson"]))
@example(0, "json")
def test_a_reader_that_lost_the_connection_goes_on_at_the_number_of_bytes_it_has(have, format):
    rows = rows_of([f"ząb {number} 🗑" for number in range(20)])
    whole = b"".join(row + b"\n" for row in rows)
    have = min(have, len(whole) - 1)
    with tempfile.TemporaryDirectory() as folder:
        stream = read_rows(write(Path(folder), format, rows), offset=have)
        assert whole[: stream.first_offset] + read(stream) == whole


# --- a million rows --------------------------------------------------------------------------------------------------


class Counting:
    """A file that counts what is read of it."""

    def __init__(self, file: Any) -> None:
        self.file, self.count = file, 0

    def read(self, size: int) -> bytes:
        data: bytes = self.file.read(size)
        self.count += len(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self.file, name)


@pytest.fixture(scope="module", params=["json", "ndjson"])
def million(request, tmp_path_factory) -> Artifact:
    rows = [b'{"r":%d}' % number for number in range(1_000_000)]
    return write(tmp_path_factory.mktemp("million"), request.param, rows, step=1000)


@pytest.mark.parametrize("where", [{"line": 900_000}, {"line": 900_999}, {"offset": 11_000_000}], ids=str)
def test_the_last_tenth_of_a_million_rows_is_reached_without_reading_the_rest(million, where, monkeypatch):
    opened: list[Counting] = []

    def counting(artifact: Artifact) -> Counting:
        opened.append(Counting(open_delivered(artifact)))
        return opened[-1]

    monkeypatch.setattr(reader, "open_delivered", counting)
    first = read_rows(million, limit=1, **where)
    assert read(first) == b'{"r":%d}\n' % first.first_line
    assert first.first_line >= 800_000
    (file,) = opened
    assert 0 < file.count <= 3 * reader.BLOCK


def test_memory_stays_flat(million):
    tracemalloc.start()
    try:
        sizes = sum(map(len, read_rows(million, line=500_000)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sizes > 5_000_000
    assert peak < 10 * reader.BLOCK


def test_the_file_is_closed_at_the_end_and_when_the_reader_leaves(tmp_path):
    artifact = write(tmp_path, "ndjson", [b"1"] * 5)
    to_the_end, left = read_rows(artifact), read_rows(artifact)
    read(to_the_end)
    left.close()
    assert to_the_end._file.closed
    assert left._file.closed
