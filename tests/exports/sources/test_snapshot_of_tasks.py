"""A snapshot of Label Studio's tasks converted later gives what the snapshot holds, not the rows of today."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connections.models import Project
from connections.rows.batch import PARTS
from connections.store.import_row import IncomingLabel
from connections.store.models import StoreProject, StoreRow
from connections.store.upsert import write_rows
from exportadmin.lib.errors import ConflictError
from exports import actions
from exports.models import ExportReport
from exports.sources import source_for
from exports.sources.snapshot import SnapshotSource, UnchangedStoreSource
from exports.spec.conversion import conversion_spec
from exports.spec.spec import ExportSpec
from tests.rest.world import SHELL
from tests.support.deliveries import delivery_folder
from tests.support.label_studio import rows_of
from tests.support.rows import box, mixed, row

pytestmark = pytest.mark.django_db(transaction=True)
TARGETS = ("label_studio_json_min", "label_studio_csv", "label_studio_coco", "yolo", "voc", "brush_to_png", "json")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, settings: Any) -> Path:
    settings.EXPORTADMIN_HOME = tmp_path
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    return tmp_path


def region(kind: str, label: str, **value: Any) -> dict[str, Any]:
    return {
        "id": f"r-{label}",
        "type": f"{kind}labels",
        "from_name": "shapes",
        "to_name": "image",
        "original_width": 200,
        "original_height": 100,
        "value": {**value, f"{kind}labels": [label]},
    }


def task(number: int, *annotations: dict[str, Any]) -> dict[str, Any]:
    return {"id": number, "data": {"image": f"https://img.example.test/{number}.png"}, "annotations": [*annotations]}


TASKS = [
    task(7, {"id": 1, "result": [region("rectangle", "car", x=1, y=2, width=10, height=20, rotation=0)]}),
    task(8, {"id": 2, "result": [region("polygon", "road", points=[[0, 0], [50, 0], [50, 60]])]}),
    task(9),
    task(
        10,
        {"id": 3, "result": [], "was_cancelled": True},
        {"id": 4, "ground_truth": True, "result": [region("rectangle", "car", x=5, y=5, width=5, height=5)]},
        {"id": 5, "result": [region("rectangle", "dog", x=9, y=9, width=5, height=5)]},
    ),
]


def snapshot(project: Project, **body: Any) -> ExportReport:
    spec = ExportSpec.parse({"format": "label_studio_json", "labels": "all", **body}, project)
    report = actions.run_now(project=project, spec=spec, actor=SHELL)
    assert report.is_delivered, report.error
    return report


def converted(report: ExportReport, key: str, **options: str) -> bytes:
    spec = conversion_spec(report, {"format": key, "options": options})
    made = actions.convert_report(report=report, spec=spec, actor=SHELL, now=True)
    assert made.is_delivered, made.error
    return (delivery_folder(made) / made.artifacts.order_by("pk")[0].name).read_bytes()


def change_everything(project: Project) -> None:
    keys = list(StoreRow.objects.filter(project=project).order_by("number").values_list("global_key", flat=True))
    write_rows(project, [row(keys[0], box("other")), row("new", box())], now_ms=9_000)
    StoreRow.objects.filter(project=project, global_key=keys[1]).delete()


@pytest.mark.parametrize("origin", ["label_studio", "others"])
def test_whether_rows_have_changed_since_or_not_makes_no_difference(project: Project, tmp_path: Path, origin: str):
    rows = rows_of(TASKS, tmp_path) if origin == "label_studio" else mixed(30)
    write_rows(project, rows, now_ms=5_000)
    report = snapshot(project)
    before = {key: converted(report, key) for key in TARGETS}
    change_everything(project)
    assert {key: converted(report, key) for key in TARGETS if key != "json"} == {
        key: raw for key, raw in before.items() if key != "json"
    }


def test_entries_of_diffgram_are_converted_as_they_were_where_they_carry_their_rows(project: Project):
    write_rows(project, mixed(30), now_ms=5_000)
    report = snapshot(project, format="diffgram_json", include=[part for part in PARTS if part != "embeddings"])
    before = {key: converted(report, key) for key in TARGETS}
    change_everything(project)
    assert isinstance(source_for(ExportReport.objects.filter(converted_from=report).latest("pk")), SnapshotSource)
    assert {key: converted(report, key) for key in TARGETS} == before
    with pytest.raises(ConflictError, match="without the part backup, and does not hold all of its rows"):
        converted(snapshot(project, format="diffgram_json", include=["label_details"]), "csv")


def test_the_store_is_read_while_nothing_has_changed_and_the_file_afterwards(project: Project, tmp_path: Path):
    write_rows(project, rows_of(TASKS, tmp_path), now_ms=5_000)
    report = snapshot(project)
    spec = conversion_spec(report, {"format": "yolo"})
    made = actions.request_export(project=project, spec=spec, actor=SHELL, converted_from=report)
    assert isinstance(source_for(made), UnchangedStoreSource)
    change_everything(project)
    assert isinstance(source_for(made), SnapshotSource)


def test_rows_that_change_in_the_last_moment_are_not_delivered(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write_rows(project, rows_of(TASKS, tmp_path), now_ms=5_000)
    report = snapshot(project)
    spec = conversion_spec(report, {"format": "yolo"})
    is_possible = UnchangedStoreSource.is_possible

    def and_then_they_change(report: ExportReport, options: Mapping[str, str]) -> bool:
        found = is_possible(report, options)
        change_everything(project)
        return found

    monkeypatch.setattr(UnchangedStoreSource, "is_possible", and_then_they_change)
    made = actions.convert_report(report=report, spec=spec, actor=SHELL, now=True)
    assert not made.is_delivered
    assert "rows changed since report" in made.error


def test_rows_that_the_snapshot_refused_are_in_no_conversion_of_it(project: Project):
    """Whatever another format could hold of them: it is made of what the snapshot holds."""
    rows = mixed(20)
    rows[3].media_attributes["width"] = None
    write_rows(project, rows, now_ms=5_000)
    report = snapshot(project)
    assert report.check_values is not None
    assert report.check_values["rows_refused"] == {"no_size": 1}
    names = [one["file_name"] for one in json.loads(converted(report, "coco_json"))["images"]]
    change_everything(project)
    assert names == [one["file_name"] for one in json.loads(converted(report, "coco_json"))["images"]]
    assert len(names) == 19


def test_annotations_that_the_snapshot_left_out_stay_out(project: Project, tmp_path: Path):
    write_rows(project, rows_of(TASKS, tmp_path), now_ms=5_000)
    report = snapshot(project, options={"annotations": "ground_truth"})
    tasks = json.loads((delivery_folder(report) / report.artifacts.get().name).read_bytes())
    assert [len(one["annotations"]) for one in tasks] == [0, 0, 0, 1]
    coco = converted(report, "coco_json")
    assert [one["bbox"] for one in json.loads(coco)["annotations"]] == [[10.0, 5.0, 10.0, 5.0]]
    assert StoreProject.objects.get(project=project).revision == report.revision


def test_a_file_that_was_changed_is_not_converted(project: Project, tmp_path: Path):
    write_rows(project, rows_of(TASKS, tmp_path), now_ms=5_000)
    report = snapshot(project)
    change_everything(project)
    path = delivery_folder(report) / report.artifacts.get().name
    raw = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(raw.replace(b"car", b"cat"))
    spec = conversion_spec(report, {"format": "yolo"})
    made = actions.convert_report(report=report, spec=spec, actor=SHELL, now=True)
    assert "no longer the one that was delivered" in made.error


def test_labels_of_several_people_are_read_back_as_they_were(project: Project):
    labels = [IncomingLabel(objects=[box()], created_by=who, created_ms=1_000) for who in ("ann", "bo")]
    write_rows(project, [row("a", labels=labels)], now_ms=5_000)
    report = snapshot(project)
    before = converted(report, "label_studio_csv")
    change_everything_else = [row("b", box())]
    write_rows(project, change_everything_else, now_ms=9_000)
    assert converted(report, "label_studio_csv") == before
