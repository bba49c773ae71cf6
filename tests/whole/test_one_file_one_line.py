"""A format, an importer, a kind of annotation and a source of a test's own: each one class and one registry line.

A sink is in ``tests/exports/delivery``, a condition in ``tests/exports/spec``, an event in ``tests/exportadmin``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.core.management import call_command
from django.test import Client

from connections import actions as store
from connections.models import Connection, Project
from connections.rows.batch import RowBatch
from connections.rows.checks import BadMark, points
from connections.rows.kinds import KINDS
from connections.rows.kinds.base import Annotation, Kind, Outline
from connections.rows.shapes import bounds, flat
from connections.rows.svg import Drawn, corners, text
from connections.store.import_row import IncomingLabel, IncomingRow
from connections.store.importers import IMPORTERS, Importer, Survey
from exports.formats import FORMATS
from exports.formats.base import Format
from exports.sources import SOURCES
from exports.sources.base import Source
from exports.sources.snapshot import SnapshotSource
from tests.exports.delivery.conftest import deliver, filled, home, script  # noqa: F401 - fixtures
from tests.rest.world import SHELL, whole

pytestmark = pytest.mark.django_db(transaction=True)


class Headlines(Format):
    key = "headlines"
    title = "Headlines"
    help = "One global key a line, and how many annotations the row has."
    extension = "txt"
    media_type = "text/plain"

    def header(self) -> Iterable[bytes]:
        yield f"# {self.context.project_name}\n".encode()

    def rows(self, batch: RowBatch) -> Iterable[bytes]:
        for key, count in zip(batch.global_keys, batch.annotation_counts, strict=True):
            yield f"{key} {count}\n".encode()


class Arrow(Kind):
    """``"arrow": [{"x", "y"}, {"x", "y"}]``: from, to."""

    key = "arrow"
    letter = "a"
    title = "Arrow"
    annotation_kinds = ("ImageArrow",)
    geometry = "arrow"
    is_numbers = True
    layer = 4

    def outline(self, annotation: Annotation) -> Outline:
        ends = flat(annotation["arrow"])
        return self, orjson.dumps(bounds([ends]))[1:-1].decode(), orjson.dumps(ends).decode(), None

    def tidy(self, annotation: dict[str, Any], media: dict[str, Any]) -> None:
        annotation["arrow"] = points(annotation.get("arrow"), "an arrow", 2)
        if annotation["arrow"][0] == annotation["arrow"][1]:
            raise BadMark("an arrow ends where it begins")

    def draw(self, annotation: Annotation) -> Drawn:
        (x, y), (to_x, to_y) = corners(annotation["arrow"])
        return Drawn(f"M{text(x)} {text(y)}L{text(to_x)} {text(to_y)}", 2, (max(x, to_x), max(y, to_y)))


class KeyLines(Importer):
    """A key a line, and after a blank the class of an arrow; a line that begins with a blank is refused."""

    key = "key_lines"
    title = "Keys, one a line"

    def _lines(self) -> list[str]:
        return self.path.read_text().splitlines()

    def survey(self) -> Survey:
        return Survey(len(self._lines()), self.path.stat().st_size)

    def rows(self) -> Iterator[IncomingRow]:
        for number, line in enumerate(self._lines(), 1):
            self.rows_seen += 1
            key, _, name = line.partition(" ")
            if not key:
                self.rows_refused += 1
                self.refuse(f"line {number}", "it has no key")
                continue
            ends = [{"x": 1, "y": 2}, {"x": 30, "y": 40}]
            objects = [{"name": name, "annotation_kind": "ImageArrow", "arrow": ends}] if name else []
            labels = [IncomingLabel(objects=objects)] if objects else []
            size = {"width": 64, "height": 48}
            status = self.default_status or "accepted"
            yield IncomingRow(f"line {number}", key, f"https://pictures.test/{key}.png", status, media_attributes=size,
                              labels=labels)  # fmt: skip


@pytest.fixture
def registered():
    """These, for one test."""
    for registry, entry in ((FORMATS, Headlines), (IMPORTERS, KeyLines)):
        registry.register(entry.key, entry)
    KINDS.register(Arrow.key, Arrow())
    yield
    FORMATS.unregister(Headlines.key)
    IMPORTERS.unregister(KeyLines.key)
    KINDS.unregister(Arrow.key)


@pytest.fixture
def pages(alice) -> Client:
    client = Client()
    client.force_login(alice)
    return client


def test_a_format_is_offered_described_planned_run_listed_and_helped_with(registered, deliver, filled, script, pages):  # noqa: F811
    form = pages.get("/exports/new/", {"project": filled.public_id}).content.decode()
    assert 'value="headlines"' in form
    assert "One global key a line" in pages.get("/help/formats/").content.decode()
    schema = script.get("schema/", {"format": "json"}).json()
    assert "headlines" in json.dumps(schema["components"]["schemas"])
    plan = script.post("reports/plan/", {"project": filled.name, "format": "headlines"})
    assert plan.status_code == 200, plan.content
    report = deliver(format="headlines")
    assert report.status == "completed", report.error
    artifact = report.artifacts.get()
    lines = whole(script.get(f"artifacts/{artifact.public_id}/download/")).decode().splitlines()
    assert lines[0] == f"# {filled.name}"
    assert len(lines) == 1 + report.check_values["rows_kept"]
    listed = pages.get("/exports/", {"format": "headlines"}).content.decode()
    assert report.report_id in listed
    assert script.post(f"reports/{report.report_id}/verify/").json()["ok"] is True


def test_a_format_is_there_in_the_shell(registered, filled, home, tmp_path):  # noqa: F811
    out = StringIO()
    call_command("run_export", filled.name, "--format", "headlines", "--output", str(tmp_path / "out"), stdout=out)
    assert "completed" in out.getvalue()
    assert (tmp_path / "out" / "manifest.json").is_file()


@pytest.fixture
def arrows(registered, home, members, tmp_path) -> Project:  # noqa: F811
    path = tmp_path / "keys.txt"
    path.write_text("first wind\nsecond\n nothing\nthird wind\n")
    store.import_rows(project_name=members.name, path=path, actor=SHELL, format="key_lines")
    return members


def test_an_importer_reads_refuses_and_is_named_where_formats_of_files_are(arrows, script, deliver):  # noqa: F811
    report = deliver(format="ndjson", filter={"global_keys": ["first", "second", "third"]})
    rows = [json.loads(line) for line in whole(script.get(f"reports/{report.report_id}/rows/")).splitlines()]
    assert [row["data_row"]["global_key"] for row in rows] == ["first", "second", "third"]


def test_a_kind_is_counted_printed_drawn_and_left_out_by_name(arrows, script, deliver, pages):  # noqa: F811
    keys = ["first", "second", "third"]
    table = deliver(format="csv", filter={"global_keys": keys})
    assert table.check_values["annotations_by_kind"] == {"arrow": 2}
    body = whole(script.get(f"artifacts/{table.artifacts.get().public_id}/download/")).decode()
    assert body.count('"[1,2,30,40]"') == 2
    assert ",arrow," in body
    coco = deliver(format="coco_json", filter={"global_keys": keys})
    assert coco.check_values["left_out_by_format"] == {"arrow": 2}
    shown = deliver(format="ndjson", filter={"global_keys": keys})
    assert "M1 2L30 40" in pages.get(f"/exports/{shown.report_id}/preview/").content.decode()


def test_a_kind_s_own_rule_refuses_a_row(registered, home, members, tmp_path):  # noqa: F811
    row = {
        "data_row": {"id": "r1", "global_key": "still", "row_data": "https://pictures.test/still.png"},
        "media_attributes": {"width": 64, "height": 48},
        "projects": {"p": {"labels": [{"annotations": {"objects": [
            {"name": "wind", "annotation_kind": "ImageArrow", "arrow": [{"x": 1, "y": 1}, {"x": 1, "y": 1}]}
        ]}}]}},
    }  # fmt: skip
    path = tmp_path / "rows.ndjson"
    path.write_text(json.dumps(row) + "\n")
    result = store.import_rows(project_name=members.name, path=path, actor=SHELL, format="ndjson")
    assert result.summary.refused_count == 1
    assert "an arrow ends where it begins" in result.summary.refused[0].reason


def test_a_source_is_exported_from_in_every_format_and_obeys_conditions(deliver, filled, script, home):  # noqa: F811
    before = deliver(format="ndjson")
    assert before.status == "completed", before.error

    class Replay(Source):
        """Rows of a delivered file, as if a platform gave them; it applies no condition itself."""

        key = "replay"
        title = "Replay"
        pushed_down = frozenset()

        @contextmanager
        def open(self, selection, columns):
            with SnapshotSource(before).open(selection, columns) as reader:
                yield reader

    SOURCES.register(Replay.key, Replay)
    try:
        Project.objects.filter(pk=filled.pk).update(
            connection=Connection.objects.create(name="Elsewhere", kind=Replay.key)
        )
        for format in ("json", "ndjson", "coco_json", "csv", "png"):
            report = deliver(format=format)
            assert (report.status, report.check_values["rows_kept"]) == ("completed", before.rows_done), report.error
        few = deliver(format="ndjson", statuses=["accepted"])
        lines = whole(script.get(f"reports/{few.report_id}/rows/")).splitlines()
        assert 0 < len(lines) < before.rows_done
        details = [next(iter(json.loads(line)["projects"].values()))["project_details"] for line in lines]
        assert {one["workflow_status"] for one in details} == {"accepted"}
        assert few.check_values["rows_dropped"] == {"statuses": before.rows_done - len(lines)}
    finally:
        SOURCES.unregister(Replay.key)


def test_the_files_of_the_toys_are_not_part_of_the_product():
    root = Path(__file__).resolve().parents[2]
    for room in ("exportadmin", "connections", "exports", "templates"):
        for path in (root / room).rglob("*.*"):
            if path.suffix in (".py", ".html"):
                assert "headlines" not in path.read_text().lower(), path
