"""A format, an importer and a source of a test's own: each one class and one registry line.

A kind of annotation is beside this file, a sink in ``tests/exports/delivery``, a condition in ``tests/exports/spec``.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from drf_spectacular.plumbing import _load_enum_name_overrides

from connections.models import Connection, Project
from connections.rows.batch import RowBatch
from connections.store.import_row import IncomingLabel, IncomingRow
from connections.store.importers import IMPORTERS
from connections.store.importers.base import Importer, Survey
from connections.store.models import ImportRun
from exportadmin.api import document
from exportadmin.runs.execute import execute
from exports.formats import FORMATS
from exports.formats.base import Format
from exports.sources import SOURCES
from exports.sources.base import Source
from exports.sources.snapshot import SnapshotSource
from tests.exports.delivery.conftest import deliver, filled, home, script  # noqa: F401 - fixtures
from tests.rest.world import whole

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


class KeyLines(Importer):
    """A key a line, and after a blank the class of a point; a line that begins with a blank is refused."""

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
            objects = [{"name": name, "annotation_kind": "ImagePoint", "point": {"x": 3, "y": 4}}] if name else []
            labels = [IncomingLabel(objects=objects)] if objects else []
            size = {"width": 64, "height": 48}
            status = self.default_status or "accepted"
            yield IncomingRow(f"line {number}", key, f"https://pictures.test/{key}.png", status, media_attributes=size,
                              labels=labels)  # fmt: skip


def forget_the_document() -> None:
    """It is made once a process, and so are the names of its enumerations."""
    document.cache_clear()
    _load_enum_name_overrides.cache_clear()


@pytest.fixture
def registered():
    """These, for one test."""
    for registry, entry in ((FORMATS, Headlines), (IMPORTERS, KeyLines)):
        registry.register(entry.key, entry)
    forget_the_document()
    yield
    FORMATS.unregister(Headlines.key)
    IMPORTERS.unregister(KeyLines.key)
    forget_the_document()


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
    assert "headlines" in json.dumps(schema)
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


def test_an_importer_is_offered_reads_refuses_and_is_described(registered, script, deliver, filled, pages, home):  # noqa: F811
    assert "Keys, one a line" in pages.get("/imports/new/", {"project": filled.public_id}).content.decode()
    file = SimpleUploadedFile("keys.txt", b"first wind\nsecond\n nothing\nthird wind\n")
    body = {"project": filled.name, "format": "key_lines", "file": file}
    answer = script.client.post("/api/v1/imports/", body)
    assert answer.status_code == 202, answer.content
    run = ImportRun.objects.get(public_id=answer.json()["import_id"])
    execute("import", run.pk)
    run.refresh_from_db()
    assert (run.status, run.summary["created"], run.summary["refused_count"]) == ("partial", 3, 1)
    (refused,) = whole(script.get(f"imports/{run.public_id}/refused/")).splitlines()
    assert json.loads(refused)["position"] == "line 3"
    report = deliver(format="ndjson", filter={"global_keys": ["first", "second", "third"]})
    rows = [json.loads(line) for line in whole(script.get(f"reports/{report.report_id}/rows/")).splitlines()]
    assert [row["data_row"]["global_key"] for row in rows] == ["first", "second", "third"]
    assert report.check_values["annotations_by_kind"] == {"point": 2}


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
        for format in ("json", "ndjson", "coco_json", "csv", "png", "yolo", "yolo_obb", "voc"):
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
