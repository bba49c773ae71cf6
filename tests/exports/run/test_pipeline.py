"""One export from end to end: what is delivered, what is counted, and what is left behind when it goes wrong."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import re
from collections import Counter
from pathlib import Path

import orjson
import pytest
from django.conf import settings

from connections.rows.batch import BODY, COCO, RowBatch
from connections.sinks import local
from connections.store.upsert import write_rows
from exportadmin.lib.actor import Actor
from exportadmin.runs import statuses
from exports import actions
from exports.delivery.verify import verify_report
from exports.formats import FORMATS, formats_of_projects
from exports.formats.base import Format, Part
from exports.models import Artifact, ExportReport
from exports.sources import SOURCES
from exports.sources.store import StoreReader, StoreSource
from exports.spec.selection import Selection
from exports.spec.spec import ExportSpec
from tests.support.deliveries import delivery_folder
from tests.support.rows import mixed

pytestmark = pytest.mark.django_db(transaction=True)
SHELL = Actor(kind="user", name="tester", channel="shell")


@pytest.fixture(autouse=True)
def own_folders(tmp_path, settings):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    settings.EXPORTADMIN_HOME = tmp_path / "home"
    settings.EXPORTADMIN_HOME.mkdir()


@pytest.fixture
def filled(project):
    write_rows(project, mixed(120), now_ms=1_000)
    return project


def export(project, format="ndjson", *, body=None, **more) -> ExportReport:
    spec = ExportSpec.parse({"format": format, **(body or {})}, project)
    return actions.run_now(project=project, spec=spec, actor=SHELL, **more)


def delivered(report: ExportReport) -> Path:
    (artifact,) = report.artifacts.all()
    return delivery_folder(report) / artifact.name


def visible_files() -> list[str]:
    home = settings.EXPORTADMIN_HOME
    return [str(path) for root in (settings.ARTIFACTS_DIR, home) for path in root.rglob("*") if path.is_file()]


# --- bad days --------------------------------------------------------------------------------------------------------


class FullDisk(io.BufferedWriter):
    """A file on a disk with room for 20,000 more bytes."""

    def write(self, data):
        self.room = getattr(self, "room", 20_000) - len(data)
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


def test_a_disk_that_fills_up_half_way_fails_the_export_and_leaves_nothing(filled, monkeypatch):
    real = Path.open

    def open_on_a_full_disk(path, mode="r", *args, **kwargs):
        return FullDisk(real(path, mode, 0)) if mode == "xb" else real(path, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", open_on_a_full_disk)
    report = export(filled)
    assert report.status == statuses.FAILED
    assert " bytes or more, " in report.error
    assert " bytes are free): free some space and run the export again" in report.error
    assert visible_files() == []
    assert not Artifact.objects.exists()


class FullScratch(FullDisk):
    """With room for 2,000 bytes."""

    room = 2_000


def test_a_full_disk_for_spools_is_named_with_what_it_holds_and_has_room_for(filled, monkeypatch):
    real = Path.open

    def open_on_a_full_disk(path, mode="r", *args, **kwargs):
        return FullScratch(real(path, mode, 0)) if "scratch" in path.parts else real(path, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", open_on_a_full_disk)
    report = export(filled, "coco_json")
    assert report.status == statuses.FAILED
    figures = re.fullmatch(
        r"the disk that holds (\S+) is full \(what is kept there until the file is whole has ([\d,]+) bytes so far, "
        r"([\d,]+) bytes are free\): free some space and run the export again",
        report.error,
    )
    assert figures is not None, report.error
    assert figures[1] == str(settings.EXPORTADMIN_HOME / "scratch")
    assert visible_files() == []


@pytest.mark.parametrize("format", ["json", "ndjson", "coco_json", "csv", "png"])
def test_a_source_that_dies_half_way_leaves_nothing(filled, monkeypatch, format):
    real = StoreReader.batches

    def dying(self):
        for batch in real(self):
            yield batch.take(range(50))
            raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

    monkeypatch.setattr(StoreReader, "batches", dying)
    report = export(filled, format)
    assert report.status == statuses.FAILED
    assert "Connection reset" in report.error
    assert visible_files() == []


def test_a_fault_of_ours_is_errored_without_a_traceback_for_the_user(filled, monkeypatch):
    def broken(self):
        yield from ()
        raise KeyError("secret detail")

    monkeypatch.setattr(StoreReader, "batches", broken)
    report = export(filled)
    assert report.status == statuses.ERRORED
    assert "KeyError" in report.error
    assert "secret detail" not in report.error
    assert visible_files() == []


def test_a_source_that_returns_fewer_rows_than_it_announced_fails(filled, monkeypatch):
    real = StoreReader.batches

    def short(self):
        batches = real(self)
        yield next(batches).take(range(1, 2))
        yield from batches

    monkeypatch.setattr(StoreReader, "batches", short)
    report = export(filled)
    assert report.status == statuses.FAILED
    assert report.error.startswith("the source announced 120 rows but ")
    assert visible_files() == []


def test_a_source_that_returns_more_rows_than_it_announced_fails(filled, monkeypatch):
    """Rows that nobody counted on are as wrong as rows that are missing: perhaps it gave a page of them twice."""
    real = StoreReader.batches

    def long(self):
        batches = real(self)
        first = next(batches)
        yield first
        yield first.take(range(1))
        yield from batches

    monkeypatch.setattr(StoreReader, "batches", long)
    report = export(filled)
    assert report.status == statuses.FAILED
    assert report.error == "the source announced 120 rows but 121 arrived: nothing was delivered"
    assert visible_files() == []


def test_a_source_that_ignores_the_filter_fails_the_report(filled, monkeypatch):
    class Careless(StoreSource):
        """Says that it filters, and does not."""

        def open(self, selection, columns):
            return super().open(Selection(selection.project_id), columns)

    monkeypatch.setattr("exports.run.pipeline.source_for", lambda report: Careless(report.project))
    report = export(filled, body={"statuses": ["accepted"]})
    assert report.status == statuses.FAILED
    assert "filter by statuses but returned row" in report.error
    assert visible_files() == []


def test_an_output_folder_that_is_not_empty_is_refused(filled, tmp_path):
    from django.core.management import CommandError, call_command

    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "precious.txt").write_text("mine")
    with pytest.raises(CommandError, match="is not empty; name a new or empty folder"):
        call_command("run_export", filled.name, format="json", output=tmp_path / "taken")
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["precious.txt"]
    assert not ExportReport.objects.exists()


def test_names_from_outside_never_reach_the_file_system(filled):
    filled.name = "../../x/b\r\nX: y " + "\U0001f600" * 150
    filled.save()
    report = export(filled, name="../../../etc/passwd")
    path = delivered(report)
    assert path.parent.parent.parent == settings.ARTIFACTS_DIR
    assert path.name == f"x-b-x-y_{report.created_at:%Y%m%dT%H%M%SZ}_{report.report_id}.ndjson"


# --- what is delivered -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", sorted(["json", "ndjson", "coco_json", "csv", "png"]))
def test_figures_are_those_of_the_delivered_file_and_a_second_run_gives_the_same_bytes(filled, format):
    report = export(filled, format)
    assert report.status == statuses.COMPLETED, report.error
    path = delivered(report)
    (artifact,) = report.artifacts.all()
    content = path.read_bytes()
    assert (artifact.bytes, artifact.sha256) == (path.stat().st_size, hashlib.sha256(content).hexdigest())
    values = report.check_values
    assert values["rows_read"] == values["rows_kept"] + sum(values["rows_dropped"].values()) == 120
    assert values["bytes"] == artifact.bytes
    assert verify_report(report).ok
    assert delivered(export(filled, format)).read_bytes() == content
    assert not (settings.EXPORTADMIN_HOME / "scratch").exists() or not list(
        (settings.EXPORTADMIN_HOME / "scratch").iterdir()
    )


def test_json_and_ndjson_hold_the_same_rows(filled):
    array = orjson.loads(delivered(export(filled, "json")).read_bytes())
    lines = [orjson.loads(line) for line in delivered(export(filled, "ndjson")).read_bytes().splitlines()]
    assert array == lines
    assert len(lines) == 120
    assert [line["data_row"]["global_key"] for line in lines] == [f"row-{n:05d}" for n in range(120)]
    assert {line["projects"][filled.public_id]["name"] for line in lines} == {filled.name}


@pytest.mark.parametrize("format", ["json", "ndjson"])
def test_each_place_of_the_line_index_is_where_that_row_begins(filled, monkeypatch, format):
    monkeypatch.setattr("exports.sources.store.BATCH_ROWS", 50)
    report = export(filled, format)
    content = delivered(report).read_bytes()
    entries = report.artifacts.get().line_index.entries
    assert [line for line, _ in entries] == [0, 50, 100]
    for line, offset in entries:
        row = orjson.loads(content[offset:].split(b"\n")[0].rstrip(b","))
        assert row["data_row"]["global_key"] == f"row-{line:05d}"


def test_counts_are_those_of_a_reader_that_only_knows_the_file(filled):
    report = export(filled, "ndjson", body={"statuses": ["review", "accepted"], "filter": {"with_annotations": True}})
    classes: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for line in delivered(report).read_text().splitlines():
        row = json.loads(line)
        (project,) = row["projects"].values()
        found[project["project_details"]["workflow_status"]] += 1
        for label in project["labels"]:
            for mark in label["annotations"]["objects"] + label["annotations"]["classifications"]:
                classes[mark["name"]] += 1
    values = report.check_values
    assert values["annotations_by_class"] == dict(sorted(classes.items()))
    assert values["annotations"] == classes.total()
    assert values["rows_by_status"] == dict(sorted(found.items()))
    assert set(found) == {"review", "accepted"}
    assert values["rows_dropped"] == {"statuses": 60, "with_annotations": 12}
    assert values["rows_kept"] == found.total() == 48


def test_what_a_format_cannot_hold_is_counted_as_left_out(filled):
    whole = export(filled, "json").check_values
    coco = export(filled, "coco_json").check_values
    assert coco["left_out_by_format"] == {
        kind: whole["annotations_by_kind"][kind] for kind in ("classification", "point")
    }
    assert coco["annotations"] + sum(coco["left_out_by_format"].values()) == whole["annotations"]


def test_an_empty_selection_is_a_valid_empty_delivery(filled):
    for format in formats_of_projects():
        report = export(filled, format, body={"filter": {"updated_after": 5_000}})
        assert report.status == statuses.COMPLETED, report.error
        assert report.check_values["rows_kept"] == 0
        assert report.check_values["rows_dropped"] == {"updated_after": 120}
    json_report = ExportReport.objects.get(format="json")
    assert orjson.loads(delivered(json_report).read_bytes()) == []


def test_parts_that_are_left_out_are_absent_and_the_rest_is_the_same(filled):
    report = export(filled, "ndjson", body={"include": ["label_details"]})
    row = json.loads(delivered(report).read_text().splitlines()[1])
    assert set(row) == {"data_row", "media_attributes", "projects"}
    assert "details" not in row["data_row"]
    (project,) = row["projects"].values()
    assert "project_details" not in project
    assert "label_details" in project["labels"][0]
    assert "performance_details" not in project["labels"][0]


def test_exactly_the_rows_that_changed_since_come_with_updated_after(filled):
    import time

    from exportadmin.lib.times import now_ms

    since = now_ms()
    time.sleep(0.002)
    rows = mixed(120)
    changed = {f"row-{n:05d}" for n in range(7, 27)}
    for entry in rows:
        if entry.key in changed:
            entry.metadata_fields = [{"schema_name": "tag", "value": "new"}]
    write_rows(filled, rows)
    report = export(filled, "ndjson", body={"filter": {"updated_after": since}})
    keys = {json.loads(line)["data_row"]["global_key"] for line in delivered(report).read_text().splitlines()}
    assert keys == changed


def test_a_reader_of_the_same_moment_ignores_rows_written_meanwhile(filled, monkeypatch):
    """The export reads a snapshot: a write between two batches is not in it, and is not blocked by it."""
    monkeypatch.setattr("exports.sources.store.BATCH_ROWS", 10)
    real = StoreReader.batches

    def slow(self):
        for index, batch in enumerate(real(self)):
            if index == 1:
                write_rows(filled, mixed(130), now_ms=2_000)
            yield batch

    monkeypatch.setattr(StoreReader, "batches", slow)
    report = export(filled)
    assert report.status == statuses.COMPLETED, report.error
    assert report.check_values["rows_kept"] == 120
    monkeypatch.undo()
    from connections.store.models import StoreRow

    assert StoreRow.objects.count() == 130


# --- rooms: a new format or source is one class and one line ----------------------------------------------------------


class ToyFormat(Format):
    """Global keys, one a line, with the number of labels."""

    key, title, help, extension, media_type = "toy", "Toy", "For the test.", "txt", "text/plain"
    columns = frozenset({BODY})

    def rows(self, batch: RowBatch):
        for document in self.documents(batch):
            (project,) = document["projects"].values()
            yield f"{document['data_row']['global_key']} {len(project['labels'])}\n".encode()


def test_a_toy_format_takes_one_class_and_one_registry_entry(filled):
    from django.core.management import call_command

    FORMATS.register("toy", ToyFormat)
    try:
        report = export(filled, "toy")
        assert delivered(report).read_text().splitlines()[:2] == ["row-00000 0", "row-00001 1"]
        assert verify_report(report).ok
        call_command("makemigrations", "--check", "--dry-run", verbosity=0)
    finally:
        FORMATS.unregister("toy")


class SplitFormat(Format):
    """Rows by their review status into parts, and a list of the statuses as the main file."""

    key = "split"
    title = "Split"
    help = "For tests only."
    extension = "txt"
    media_type = "text/plain"

    def rows(self, batch: RowBatch):
        for status, row_id in zip(batch.statuses, batch.row_ids, strict=True):
            yield Part(f"{row_id}\n".encode(), status, extension="ids", media_type="text/x-ids")

    def footer(self):
        yield b"the parts are named after review statuses\n"


def test_a_format_may_write_several_files_at_the_same_time(filled):
    FORMATS.register("split", SplitFormat)
    try:
        report = export(filled, "split")
        files = {artifact.name.partition(report.report_id)[2]: artifact for artifact in report.artifacts.all()}
        by_status = report.check_values["rows_by_status"]
        assert set(files) == {".txt", *(f".{status.replace('_', '-')}.ids" for status in by_status)}
        for status, count in by_status.items():
            part = files[f".{status.replace('_', '-')}.ids"]
            content = (delivery_folder(report) / part.name).read_bytes()
            assert (part.media_type, len(content.splitlines())) == ("text/x-ids", count)
            assert (part.bytes, part.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert report.check_values["files"] == len(files)
        assert report.check_values["bytes"] == sum(artifact.bytes for artifact in files.values())
        assert verify_report(report).ok
    finally:
        FORMATS.unregister("split")


def test_a_toy_source_takes_one_class_and_one_registry_entry(filled):
    class ToySource(StoreSource):
        """Claims to apply no filter at all, and applies none: the filter here does the work."""

        key = "toy"
        pushed_down = frozenset()

        def open(self, selection, columns):
            from exports.spec.selection import Selection

            return super().open(Selection(selection.project_id), columns)

    SOURCES.register("toy", ToySource)
    try:
        filled.connection.kind = "toy"
        filled.connection.save()
        report = export(filled, "coco_json", body={"statuses": ["accepted"]})
        assert report.status == statuses.COMPLETED, report.error
        assert report.check_values["rows_dropped"] == {"statuses": 90}
    finally:
        SOURCES.unregister("toy")


def test_column_groups_that_nobody_asked_for_are_not_read(filled):

    with StoreSource(filled).open(Selection(filled.public_id), frozenset({COCO})) as reader:
        batch = next(iter(reader.batches()))
    assert batch.coco_images
    assert not batch.bodies


def test_a_sync_of_the_folder_comes_before_and_after_the_rename(filled, monkeypatch):
    synced = []
    monkeypatch.setattr(local, "sync_folder", lambda folder: synced.append(folder.name))
    report = export(filled)
    assert synced == [f".{report.report_id}.1.part", filled.public_id]
