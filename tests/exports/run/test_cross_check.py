"""A file that does not hold what its rows hold is never delivered, whichever format forgets or changes something."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from pycocotools import mask as coco_mask

from connections.models import Project
from connections.rows.kinds import KINDS
from connections.rows.kinds.base import Kind
from connections.store.import_row import IncomingLabel
from connections.store.models import StoreCoco, StoreCsv, StoreRow
from connections.store.upsert import write_rows
from exportadmin.lib.actor import Actor
from exportadmin.runs import statuses
from exports import actions
from exports.formats.png import PngFormat
from exports.models import ExportReport
from exports.results.search import search
from exports.run import cross_check
from exports.spec.spec import ExportSpec
from tests.support.imports import import_file
from tests.support.rows import answer, box, mask, mixed, point, polygon, row

pytestmark = pytest.mark.django_db(transaction=True)
SHELL = Actor(kind="user", name="tester", channel="shell")
FORMATS = ("json", "ndjson", "coco_json", "csv", "png")


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, settings: Any) -> None:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"


def export(project: Project, format: str, **options: str) -> ExportReport:
    spec = ExportSpec.parse({"format": format, "options": options}, project)
    return actions.run_now(project=project, spec=spec, actor=SHELL)


def fails(report: ExportReport, words: str) -> None:
    assert report.status == statuses.FAILED, report.status
    assert re.search(words, report.error), report.error
    assert not [path for path in Path(settings.ARTIFACTS_DIR).rglob("*") if path.is_file()]


@pytest.fixture
def yard(project: Project) -> Project:
    """A row of every kind, one whose class begins like a formula, lies under another or is missing, and a video."""
    odd = [box("=tree"), box("'tree"), box("a\r\nb"), {**box("car"), "name": ""}, polygon("car"), mask("car")]
    further = [box("car"), {**box("bus"), "is_further_label": True}]
    labels = [IncomingLabel(objects=odd, classifications=[answer("car")]), IncomingLabel(objects=further)]
    mark = {"name": "boat", "annotation_kind": "VideoBoundingBox"}
    frames = {"7": {"objects": {"f1": mark, "f2": mark}, "classifications": [answer()]}, "8": {"objects": {"f1": mark}}}
    video = IncomingLabel(objects=[box("car")], more_annotations={"frames": frames})
    write_rows(
        project,
        [
            row("a", box("car"), polygon("road"), mask("sky"), point(), answer()),
            row("b", labels=labels),
            row("c"),
            row("d", labels=[video]),
        ],
    )
    return project


@pytest.mark.parametrize("format", FORMATS)
def test_what_agrees_is_delivered_whatever_the_names(yard: Project, format: str):
    assert export(yard, format).status == statuses.COMPLETED
    if format == "csv":
        assert export(yard, format, profile="spreadsheet-safe").status == statuses.COMPLETED


def test_a_mask_of_any_length_can_be_read_back(project: Project):
    """Of a picture of noise: its counts take a longer cell than Python's csv reads unasked."""
    noise = np.asfortranarray(np.random.default_rng(7).integers(0, 2, (500, 700)), dtype=np.uint8)
    rle = coco_mask.encode(noise)
    mark = {"name": "noise", "annotation_kind": "ImageSegmentationMask"}
    made = row("a", {**mark, "mask": {"size": [500, 700], "counts": rle["counts"].decode()}})
    made.media_attributes |= {"height": 500, "width": 700}
    write_rows(project, [made])
    assert len(StoreCsv.objects.get().exact) > 1 << 17
    for format in FORMATS:
        assert export(project, format).status == statuses.COMPLETED
    assert search("a", projects=None).exports == len(FORMATS)


def without_the_first(text: str) -> str:
    return text.partition(",\n")[2]


def another_class(text: str) -> str:
    assert '"category_id":1,' in text
    return text.replace('"category_id":1,', '"category_id":2,', 1)


def another_kind(text: str) -> str:
    assert '"segmentation":[]' in text
    return text.replace('"segmentation":[]', '"segmentation":[[1.0,1.0,2.0,1.0,2.0,2.0]]', 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without_the_first, r"row \w+ \('a'\) and what COCO JSON holds of it differ: box 'car' 1 and 0; nothing"),
        (another_class, r"box 'car' 1 and 0, box 'road' 0 and 1"),
        (another_kind, r"box 'car' 1 and 0, rings 'car' 0 and 1"),
    ],
)
def test_coco_that_does_not_hold_what_the_row_holds_fails(yard: Project, change: Callable[[str], str], words: str):
    kept = StoreCoco.objects.get(row__global_key="a")
    kept.annotations = change(kept.annotations)
    kept.save()
    fails(export(yard, "coco_json"), words)
    assert export(yard, "ndjson").status == statuses.COMPLETED


def test_coco_that_was_cut_off_fails_in_words(yard: Project):
    kept = StoreCoco.objects.get(row__global_key="a")
    kept.annotations = kept.annotations[:-20]
    kept.save()
    fails(export(yard, "coco_json"), r"what COCO JSON holds of row \w+ \('a'\) cannot be read \(")


def test_csv_that_does_not_hold_what_the_row_holds_fails(yard: Project):
    kept = StoreCsv.objects.get(row__global_key="a")
    kept.exact = kept.exact.replace(",polygon,road,", ",polygon,car,")
    kept.save()
    fails(export(yard, "csv"), r"polygon 'car' 0 and 1, polygon 'road' 1 and 0")


@pytest.mark.parametrize("format", ["json", "ndjson", "png"])
def test_a_row_that_was_changed_behind_its_counts_fails(yard: Project, format: str):
    kept = StoreRow.objects.get(global_key="a")
    kept.body = kept.body.replace('"name":"sky"', '"name":"road"')
    kept.save()
    fails(export(yard, format), r"mask 'road' 0 and 1, mask 'sky' 1 and 0")


def test_a_writer_that_forgets_something_fails(yard: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(KINDS["mask"], "is_painted", False, raising=False)
    monkeypatch.setattr(PngFormat, "supports", lambda kind: kind.in_coco)
    fails(export(yard, "png"), "PNG class masks holds of it differ: mask 'sky' 1 and 0")


def test_of_many_rows_some_are_read_back_and_all_are_added_up(project: Project, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("exports.sources.store.BATCH_ROWS", 10)
    monkeypatch.setattr(cross_check, "ALL_OF_THE_FIRST", 20)
    monkeypatch.setattr(cross_check, "ONE_IN_BATCHES", 2)
    looked_at: list[int] = []
    real = PngFormat.read_back

    def read_back(self: PngFormat, index: int) -> Any:
        looked_at.append(index)
        return real(self, index)

    monkeypatch.setattr(PngFormat, "read_back", read_back)
    write_rows(project, mixed(80))
    assert export(project, "png").status == statuses.COMPLETED
    assert looked_at == [*range(10), *range(10), 4, 6, 8]
    # the last of all rows is not read back: only the sum tells
    last = StoreCoco.objects.order_by("pk").last()
    assert last is not None
    last.annotations = last.annotations + ",\n" + last.annotations
    last.save()
    report = export(project, "coco_json")
    assert report.status == statuses.FAILED
    (found,) = re.findall(r"cross-check: the rows have ([\d,]+) annotations .* and it holds ([\d,]+):", report.error)
    had, has = (int(count.replace(",", "")) for count in found)
    assert has == had + last.annotations.count("\n") // 2 + 1


class Diamond(Kind):
    key, letter, title = "diamond", "d", "Diamond"
    annotation_kinds = ("ImageDiamond",)


def test_rows_that_do_not_know_a_new_kind_yet_are_delivered(project: Project, tmp_path: Path):
    mark = {"name": "sign", "annotation_kind": "ImageDiamond", "diamond": [1, 2]}
    line = {"data_row": {"global_key": "a"}, "projects": {"p": {"labels": [{"annotations": {"objects": [mark]}}]}}}
    (tmp_path / "rows.ndjson").write_text(json.dumps(line))
    import_file(tmp_path / "rows.ndjson", project.name)
    KINDS.register("diamond", Diamond())
    try:
        assert export(project, "ndjson").status == statuses.COMPLETED
        kept = StoreRow.objects.get()
        kept.body = kept.body.replace('"name":"sign"', '"name":"post"')
        kept.save()
        fails_words = export(project, "ndjson").error
        assert "cross-check" in fails_words
    finally:
        KINDS.unregister("diamond")
