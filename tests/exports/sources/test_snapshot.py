"""A delivered json or ndjson converted later gives the bytes that an export of its own moment would have given."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from connections.models import Project
from connections.rows.batch import PARTS, RowBatch
from connections.store import demo
from connections.store.models import StoreRow
from connections.store.upsert import write_rows
from exportadmin.lib.errors import ConflictError, GoneError, PermanentError, UserError
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from exports import actions
from exports.delivery.snapshot import RowNumbers, read_numbers
from exports.formats import FORMATS
from exports.models import ExportReport
from exports.results.compare import compare
from exports.spec.conversion import conversion_spec
from exports.spec.spec import ExportSpec
from tests.rest.world import SHELL
from tests.support.deliveries import delivery_folder
from tests.support.rows import box, mask, polygon, row

pytestmark = pytest.mark.django_db(transaction=True)
NO_PARTS: tuple[str, ...] = ()


def _some(values: tuple[str, ...]) -> list[str]:
    """The default, another and the last: a format may offer many."""
    return list(dict.fromkeys((*values[:2], values[-1])))


TARGETS = {
    key: [{one.name: value} for one in writer.options for value in _some(one.values)] or [{}]
    for key, writer in FORMATS.items()
    if not writer.needs_run
}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings) -> Path:
    settings.EXPORTADMIN_HOME = tmp_path
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    return tmp_path


@pytest.fixture
def filled(project: Project) -> Project:
    """The demo; then some rows grew, so that their annotation ids lie elsewhere, and some have shrunk."""
    write_rows(project, demo.demo_rows("/media/demo"), classes=demo.CLASSES, now_ms=demo.WRITTEN_MS)
    keys = list(StoreRow.objects.filter(project=project).values_list("global_key", flat=True)[3:40:6])
    marks = [box("car"), polygon("road"), mask("sky"), box("=cmd")]
    grown = [row(key, *marks[: number % 5] * 3, status="accepted") for number, key in enumerate(keys)]
    write_rows(project, grown, now_ms=demo.WRITTEN_MS + 1)
    return project


def export(project: Project, **body) -> ExportReport:
    report = actions.run_now(project=project, spec=ExportSpec.parse(body, project), actor=SHELL)
    assert report.status == statuses.COMPLETED, report.error
    return report


def convert(report: ExportReport, **body) -> ExportReport:
    return actions.convert_report(report=report, spec=conversion_spec(report, body), actor=SHELL, now=True)


def content(report: ExportReport) -> bytes:
    assert report.status == statuses.COMPLETED, report.error
    raw = (delivery_folder(report) / report.artifacts.get().name).read_bytes()
    if not FORMATS[report.format].prints_report:
        return raw
    return b"\n".join(line for line in raw.split(b"\n") if report.report_id.encode() not in line)


@pytest.mark.one_database  # what is compared is how files are read and written
@pytest.mark.parametrize("format", TARGETS)
def test_the_bytes_are_those_of_a_direct_export(filled, format):
    """Of an ndjson with every option; of a json with the last ones."""
    snapshot, other = (export(filled, format=source) for source in ("ndjson", "json"))
    direct = [(options, export(filled, format=format, options=options)) for options in TARGETS[format]]
    write_rows(filled, [row("came later", box())], now_ms=demo.WRITTEN_MS + 2)
    filled.name = "Renamed since"
    filled.save()
    for source, (options, wanted) in [*((snapshot, one) for one in direct), (other, direct[-1])]:
        made = convert(source, format=format, options=options)
        assert content(made) == content(wanted), (options, source.format)
        if not FORMATS[format].prints_report:  # a name that is longer makes more bytes
            assert made.check_values == wanted.check_values, (options, source.format)


@pytest.mark.one_database
@pytest.mark.parametrize(
    "include",
    [
        NO_PARTS,
        ("project_details",),
        ("label_details", "embeddings"),
        tuple(part for part in PARTS if part != "embeddings"),
    ],
    ids=lambda parts: "+".join(parts) or "none",
)
def test_selected_rows_without_some_parts_too(filled, include):
    wanted = {"filter": {"with_annotations": True}, "statuses": ["accepted", "review"], "include": list(include)}
    snapshot = export(filled, format="ndjson", **wanted)
    for format, (*_, options) in TARGETS.items():
        direct = export(filled, format=format, options=options, **wanted)
        made = convert(snapshot, format=format, options=options)
        assert content(made) == content(direct), (format, options)
        assert made.config["include"] == [part for part in PARTS if part in include]
        assert made.config["statuses"] == ["accepted", "review"]


def test_what_the_file_left_out_cannot_be_asked_for_and_is_named(filled):
    report = export(filled, format="ndjson", include=["attachments", "label_details"])
    with pytest.raises(UserError, match=r"left out embeddings: .* it has attachments, label_details") as refusal:
        convert(report, format="json", include=["embeddings", "attachments"])
    assert refusal.value.field == "include"
    assert convert(report, format="json", include=["attachments"]).config["include"] == ["attachments"]


def test_the_rows_of_a_converted_file_are_the_same_rows(filled):
    first = export(filled, format="ndjson")
    second = convert(convert(first, format="json"), format="ndjson")
    assert content(second) == content(first)
    found = compare(first.artifacts.get(), second.artifacts.get())
    assert (found.unchanged, found.changed + found.added + found.removed) == (first.rows_done, 0)
    assert second.converted_from.converted_from == first


@pytest.mark.parametrize("format", ["csv", "coco_json", "png"])
def test_only_files_of_complete_rows_are_converted(filled, format):
    with pytest.raises(ConflictError, match="which holds no rows that could be converted"):
        convert(export(filled, format=format), format="ndjson")


def test_without_files_there_is_nothing_to_convert(filled):
    report = export(filled, format="ndjson")
    actions.remove_files(report=report, actor=SHELL, why="old")
    report.refresh_from_db()
    with pytest.raises(GoneError, match="were removed"):
        convert(report, format="csv")
    waiting = actions.request_export(project=filled, spec=ExportSpec.parse({"format": "json"}, filled), actor=SHELL)
    with pytest.raises(ConflictError, match="is queued: there is nothing to convert"):
        convert(waiting, format="csv")


@pytest.mark.parametrize(
    ("which", "words"),
    [("rows", "no longer the one that was delivered"), ("manifest.json", "manifest.json does not match its seal")],
)
def test_a_file_that_was_changed_since_is_converted_by_nobody(filled, which, words):
    report = export(filled, format="ndjson")
    name = report.artifacts.get().name if which == "rows" else which
    path = delivery_folder(report) / name
    path.write_bytes(path.read_bytes().replace(b"car", b"cat", 1))
    made = convert(report, format="csv")
    assert made.status == statuses.FAILED
    assert words in made.error


def test_a_manifest_that_was_sealed_again_is_found_too(filled):
    """Whoever can write the folder can make a manifest in order; the database knows the one that was delivered."""
    from exports.delivery import manifest

    report = export(filled, format="ndjson")
    path = delivery_folder(report) / "manifest.json"
    document = manifest.read(path.read_bytes())
    head = {key: document[key] for key in document if key not in ("files", "check_values", "seal", "signature")}
    numbers = RowNumbers()
    numbers.add(batch([7], [7]))
    head["snapshot"]["numbers"] = numbers.text()
    from exports.delivery.files import WrittenFile

    files = [WrittenFile(**entry) for entry in document["files"]]
    path.write_bytes(manifest.build(head, document["check_values"], files, None))
    assert "manifest.json of report" in convert(report, format="coco_json").error


def test_a_delivery_that_is_gone_when_the_run_starts_fails_it_in_words(filled):
    report = export(filled, format="ndjson")
    queued = actions.convert_report(report=report, spec=conversion_spec(report, {"format": "csv"}), actor=SHELL)
    actions.remove_files(report=report, actor=SHELL, why="by hand")

    execute("export", queued.pk)
    queued.refresh_from_db()
    assert queued.status == statuses.FAILED
    assert "manifest.json" in queued.error


def test_run_again_a_conversion_reads_the_same_delivery(filled):
    made = convert(export(filled, format="ndjson"), format="csv")
    again = actions.retry(report=made, actor=SHELL)
    assert again.converted_from == made.converted_from


# --- the numbers -----------------------------------------------------------------------------------------------------


def batch(numbers, starts) -> RowBatch:
    count = len(numbers)
    texts, zeros = [""] * count, [0] * count
    return RowBatch(
        row_ids=texts,
        global_keys=texts,
        statuses=texts,
        label_times=texts,
        annotation_counts=zeros,
        class_counts=texts,
        numbers=numbers,
        annotation_starts=starts,
    )


@pytest.mark.parametrize("sizes", [[], [1], [1, 2, 3], [4_095, 1, 5_000], [100_000]])
def test_numbers_come_back_as_they_were_in_whatever_batches(sizes):
    dice = np.random.default_rng(7)
    kept, numbers = RowNumbers(), []
    for size in sizes:
        here = dice.integers(0, 1 << 39, (size, 2)).tolist()
        kept.add(batch([one for one, _ in here], [start for _, start in here]))
        numbers += map(tuple, here)
    assert list(read_numbers(kept.text())) == numbers


def test_numbers_of_rows_side_by_side_take_almost_no_room():
    kept = RowNumbers()
    for begin in range(0, 1_000_000, 1_000):
        kept.add(batch(range(begin, begin + 1_000), range(3 * begin, 3 * begin + 3_000, 3)))
    text = kept.text()
    assert len(text) < 50_000  # 16 MB of pairs
    assert list(itertools.islice(read_numbers(text), 2)) == [(0, 0), (1, 3)]
    assert sum(1 for _ in read_numbers(text)) == 1_000_000


@pytest.mark.parametrize("text", ["???", "AAAA", "eJwDAAAAAAE"])
def test_numbers_that_are_none_are_refused(text):
    with pytest.raises(PermanentError, match="numbers of rows cannot be read"):
        list(read_numbers(text))
