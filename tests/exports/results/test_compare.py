"""Two deliveries row by row: what came, went, changed and stayed, in memory that does not grow with the rows' size."""

from __future__ import annotations

import hashlib
import tracemalloc
from pathlib import Path

import pytest

from connections.store.upsert import write_rows
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, GoneError
from exportadmin.runs import statuses
from exports import actions
from exports.models import Artifact
from exports.results import compare
from exports.spec.spec import ExportSpec
from tests.pages.reports import make_report
from tests.support.rows import box, mixed, row

SHELL = Actor(kind="user", name="tester", channel="shell")


@pytest.fixture
def artifacts(project, tmp_path, settings):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"

    def run(format: str, **body) -> Artifact:
        spec = ExportSpec.parse({"format": format, **body}, project)
        report = actions.run_now(project=project, spec=spec, actor=SHELL, name=f"As {format}")
        assert report.status == statuses.COMPLETED, report.error
        return report.artifacts.get()

    return run


@pytest.mark.django_db(transaction=True)
def test_rows_that_came_went_changed_and_stayed_are_told_apart_across_formats(project, artifacts):
    write_rows(project, mixed(40))
    older = artifacts("json", filter={"global_keys": [f"row-{number:05d}" for number in range(35)]})
    write_rows(project, [row("row-00003", box("bus"), status="accepted"), row("row-90000", box())])
    newer = artifacts(
        "ndjson", filter={"global_keys": ["row-90000", *(f"row-{number:05d}" for number in range(2, 38))]}
    )
    found = compare.compare(older, newer)
    assert (found.unchanged, found.changed, found.added, found.removed) == (32, 1, 4, 2)
    assert (len(found.changed_ids), len(found.added_ids), len(found.removed_ids)) == (1, 4, 2)
    again = compare.compare(newer, older)
    assert (again.unchanged, again.changed, again.added, again.removed) == (32, 1, 2, 4)
    assert again.added_ids == found.removed_ids
    same = compare.compare(older, older)
    assert (same.unchanged, same.changed, same.added, same.removed) == (35, 0, 0, 0)


def written(project, path: Path, lines: list[bytes]) -> Artifact:
    body = b"".join(line + b"\n" for line in lines)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(body)
    report = make_report(project, status="completed", format="ndjson", location=str(path.parent))
    return Artifact.objects.create(report=report, name=path.name, media_type="application/x-ndjson", bytes=len(body),
                                   sha256=hashlib.sha256(body).hexdigest(), lines=len(lines))  # fmt: skip


def test_an_empty_delivery_is_compared_too(project, tmp_path):
    none = written(project, tmp_path / "a" / "rows.ndjson", [])
    one = written(project, tmp_path / "b" / "rows.ndjson", [b'{"data_row":{"id":"a"}}'])
    found, back = compare.compare(none, one), compare.compare(one, none)
    assert (found.added, found.removed, back.added, back.removed) == (1, 0, 0, 1)
    assert compare.compare(none, none) == compare.Compared()


@pytest.mark.parametrize("counted", [None, 0, 1, 2, 4])
def test_whatever_the_database_says_of_the_count_all_rows_are_compared(project, tmp_path, counted):
    """It says how much room to begin with, no more."""
    lines = [b'{"data_row":{"id":"%d"}}' % number for number in range(3)]
    older = written(project, tmp_path / "a" / "rows.ndjson", lines)
    newer = written(project, tmp_path / "b" / "rows.ndjson", lines[1:])
    older.lines = counted
    found = compare.compare(older, newer)
    assert (found.unchanged, found.changed, found.added, found.removed) == (2, 0, 0, 1)


def test_a_row_is_known_by_its_id_however_it_is_written(project, tmp_path):
    plain = written(project, tmp_path / "a" / "rows.ndjson", [b'{"data_row":{"id":"a\\u0062"}}'])
    other = written(project, tmp_path / "b" / "rows.ndjson", [b'{"x":1,"data_row":{"global_key":"k","id":"ab"}}'])
    assert compare.compare(plain, other).changed == 1


@pytest.mark.parametrize("line", [b"[]", b"3", b"{}", b'{"data_row":3}', b"not json", b""])
def test_a_line_that_is_no_row_is_refused_in_words(project, tmp_path, line):
    good = written(project, tmp_path / "a" / "rows.ndjson", [b'{"data_row":{"id":"a"}}'])
    bad = written(project, tmp_path / "b" / "rows.ndjson", [line])
    with pytest.raises(ConflictError, match="not a row"):
        compare.compare(good, bad)


def test_a_file_that_is_not_as_delivered_is_not_compared(project, tmp_path):
    good = written(project, tmp_path / "a" / "rows.ndjson", [b'{"data_row":{"id":"a"}}'])
    (tmp_path / "a" / "rows.ndjson").write_bytes(b"x")
    with pytest.raises(GoneError):
        compare.compare(good, good)


def test_what_is_too_large_or_holds_no_rows_is_said(project, tmp_path):
    artifact = written(project, tmp_path / "a" / "rows.ndjson", [b"{}"])
    artifact.lines = compare.MOST_ROWS + 1
    with pytest.raises(ConflictError, match="at most 2,000,000 rows"):
        compare.comparable(artifact.report, artifact)
    with pytest.raises(ConflictError, match="between json and ndjson"):
        compare.comparable(artifact.report, None)


def test_memory_is_sixteen_bytes_a_row_and_what_passes_by(project, tmp_path):
    line = b'{"data_row":{"id":"row-%06d","global_key":"key-%06d"},"media_attributes":{"width":640,"state":%d}}'
    older = written(project, tmp_path / "a" / "r", [line % (n, n, 1) for n in range(20_000)])
    newer = written(project, tmp_path / "b" / "r", [line % (n, n, n % 10 == 0) for n in range(20_000, 5, -1)])
    tracemalloc.start()
    try:
        found = compare.compare(older, newer)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (found.unchanged, found.changed, found.added, found.removed) == (1_999, 17_995, 1, 6)
    assert peak < 7_000_000, f"{peak:,} bytes"
