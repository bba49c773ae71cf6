"""The demo project: something of everything, the same everywhere, and harmless to load again."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError
from PIL import Image
from pycocotools import mask as coco_mask

from connections.models import Project
from connections.rows.media_types import MEDIA_TYPES, media_type_of
from connections.rows.review_statuses import REVIEW_STATUSES
from connections.rows.shapes import polygon_rings, ring_area
from connections.store import demo
from connections.store.import_row import IncomingRow
from connections.store.models import StoreClass, StoreRow
from exportadmin.audit.models import AuditEntry
from exportadmin.runs import statuses
from exports.formats import FORMATS
from exports.models import ExportReport
from tests.support.paths import ROOT

ROWS = list(demo.demo_rows("/media/demo"))
ALL = list(demo.project_rows("/media/demo"))


@pytest.fixture
def folders(settings, tmp_path: Path) -> Path:
    settings.MEDIA_DIR = tmp_path / "media"
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    return tmp_path


def load(*flags: str) -> str:
    said = io.StringIO()
    call_command("load_demo", *flags, stdout=said)
    return said.getvalue()


def marks(rows: list[IncomingRow] = ROWS) -> list[dict[str, Any]]:
    return [mark for row in rows for label in row.labels for mark in label.objects]


# --- the command -----------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_refused_row_fails_the_command_and_says_which(folders: Path, monkeypatch: pytest.MonkeyPatch):
    broken = demo.demo_rows("/media/demo")
    row = next(broken)
    row.status = "status of mars"
    monkeypatch.setattr(demo, "demo_rows", lambda prefix: iter([row]))
    with pytest.raises(CommandError, match="demo row 1 of the demo was refused: unknown review status"):
        load()
    assert not ExportReport.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_an_admin_who_is_there_already_keeps_the_password(folders: Path):
    get_user_model().objects.create_superuser("admin", "", "their own")
    assert "password" not in load("--no-exports")
    assert get_user_model().objects.get(username="admin").check_password("their own")


@pytest.mark.django_db(transaction=True)
def test_loading_makes_admin_project_pictures_and_an_export_in_each_format(folders: Path):
    said = load()
    password = re.search(r"shown this once: (\S+)", said)
    assert password is not None
    admin = get_user_model().objects.get(username="admin")
    assert admin.is_superuser
    assert admin.check_password(password[1])
    (made,) = AuditEntry.objects.filter(event__startswith="user.")
    assert (made.event, made.object_name, made.channel) == ("user.created", "admin", "shell")
    assert password[1] not in made.after_json
    project = Project.objects.get(name="Demo")
    assert StoreRow.objects.filter(project=project).count() == len(ALL) == 309
    assert {path.name for path in (folders / "media" / project.public_id).iterdir()} == {row.key for row in ROWS}
    classes = [entry.name for entry in StoreClass.objects.filter(project=project, is_question=False)]
    assert classes[: len(demo.COLOURS)] == list(demo.COLOURS)
    reports = {report.format: report for report in ExportReport.objects.all()}
    assert set(reports) == set(FORMATS)
    of_run = reports.pop("coco_results")
    assert of_run.status == statuses.COMPLETED and of_run.rows_done == sum(bool(row.predictions) for row in ALL)
    for report in reports.values():
        every_row_and_annotation_is_told_of(report, reports["json"].check_values)
    assert reports["json"].check_values["annotations"] == sum(
        StoreRow.objects.values_list("annotation_count", flat=True)
    )
    assert set(reports["json"].check_values["rows_by_media_type"]) == set(MEDIA_TYPES)


def every_row_and_annotation_is_told_of(report: ExportReport, whole: dict[str, Any]) -> None:
    """Of each kind: in the file, left out by the format, or in a row that was refused; ``whole`` are those of all."""
    values = report.check_values
    refused = sum(values["rows_refused"].values())
    assert report.status == (statuses.PARTIAL if refused else statuses.COMPLETED), report.format
    assert values["rows_kept"] + refused == 309, report.format
    by_kind, left_out = values["annotations_by_kind"], values["left_out_by_format"]
    for kind, count in whole["annotations_by_kind"].items():
        told = by_kind.get(kind, 0) + left_out.get(kind, 0)
        assert told <= count if refused else told == count, (report.format, kind)


@pytest.mark.django_db(transaction=True)
def test_loading_again_changes_nothing_and_shows_no_password(folders: Path):
    def everything() -> Any:
        files = {path: path.stat().st_mtime_ns for path in folders.rglob("*") if path.is_file()}
        users = list(get_user_model().objects.values_list("username", "password"))
        rows = list(StoreRow.objects.values_list("row_id", "updated_ms", "digest", "body"))
        return files, users, rows, list(ExportReport.objects.values_list("report_id", "status"))

    load()
    before = everything()
    assert load() == ""
    assert everything() == before


@pytest.mark.django_db(transaction=True)
def test_what_is_missing_is_made_again(folders: Path):
    load()
    project = Project.objects.get(name="Demo")
    picture = folders / "media" / project.public_id / "demo-0007.png"
    before = picture.read_bytes()
    picture.unlink()
    ExportReport.objects.filter(format="csv").update(status=statuses.FAILED)
    assert re.fullmatch(r"export Demo as csv: 309 rows, report \w+\n", load())
    assert picture.read_bytes() == before


# --- the rows --------------------------------------------------------------------------------------------------------


def test_every_review_status_and_every_kind_of_annotation_is_there():
    assert {row.status for row in ROWS} == set(REVIEW_STATUSES)
    assert {mark["annotation_kind"] for mark in marks()} == {
        "ImageBoundingBox",
        "ImagePolygon",
        "ImagePolyline",
        "ImagePoint",
        "ImageSegmentationMask",
        "ImageEllipse",
    }
    assert {len(polygon_rings(mark)) for mark in marks() if mark["annotation_kind"] == "ImagePolygon"} == {1, 2}
    answers = [answer for row in ROWS for label in row.labels for answer in label.classifications]
    assert {key for answer in answers for key in answer if "_answer" in key} == {
        "radio_answer",
        "checklist_answers",
        "text_answer",
    }
    assert any(answer.get("radio_answer", {}).get("classifications") for answer in answers)
    assert any(mark.get("classifications") for mark in marks())


def test_rows_come_in_all_shapes():
    assert {len(row.labels) for row in ROWS} == {0, 1, 2}
    assert any(row.labels and not row.labels[0].objects for row in ROWS)
    assert len({row.batch_id for row in ROWS}) == 4
    assert len({row.dataset for row in ROWS}) == 3
    assert len({(row.media_attributes["width"], row.media_attributes["height"]) for row in ROWS}) == 2
    for part in ("metadata_fields", "attachments", "embeddings"):
        assert any(getattr(row, part) for row in ROWS), part


def test_every_medium_is_there_and_a_model_run_over_pictures_and_texts():
    media = {media_type_of(row.media_attributes, row.row_data, ()) for row in ALL}
    assert media == set(MEDIA_TYPES)
    predicted = [row for row in ALL if row.predictions]
    assert {row.media_attributes["asset_type"] for row in predicted} == {"image", "text"}
    assert {each.split for row in predicted for each in row.predictions} == {"Training", "Validation", "Test"}
    confidences = [mark["confidence"] for row in predicted for each in row.predictions
                   for label in each.labels for mark in label.objects]  # fmt: skip
    assert len(confidences) > 100 and 0 < min(confidences) < 0.5 < max(confidences) < 1
    assert next(row for row in ALL if row.number == demo.SHOWCASE).predictions


def test_ids_are_unique_and_relationships_lead_to_marks_of_their_label():
    ids = [mark["feature_id"] for mark in marks()]
    assert len(set(ids)) == len(ids)
    assert [row.number for row in ALL] == list(range(1, len(ALL) + 1))
    assert len({row.key for row in ALL}) == len(ALL)
    for row in ROWS:
        for label in row.labels:
            own = {mark["feature_id"] for mark in label.objects}
            for relationship in label.relationships:
                ends = relationship["unidirectional_relationship"]
                assert {ends["source"], ends["target"]} <= own
                assert ends["source"] != ends["target"]
    assert any(label.relationships for row in ROWS for label in row.labels)


def test_nothing_happens_after_the_rows_were_written():
    for row in ALL:
        times = [row.created_ms, *(ms for label in row.labels for ms in (label.created_ms, label.updated_ms))]
        assert times == sorted(times) or len(row.labels) == 2
        assert demo.FIRST_MS <= min(times) <= max(times) < demo.WRITTEN_MS


def test_the_same_rows_and_pictures_come_out_in_every_process():
    program = (
        "import hashlib; from connections.store import demo;"
        "rows = demo.project_rows('/m');"
        "seen = (repr(row).encode() + (demo.picture(row) if demo.is_picture(row) else b'') for row in rows);"
        "print(hashlib.sha256(b''.join(seen)).hexdigest())"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1


# --- the pictures ----------------------------------------------------------------------------------------------------


def pixels_of(row: IncomingRow) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(demo.picture(row))))


def painted(row: IncomingRow, name: str) -> np.ndarray:
    return (pixels_of(row) == demo.COLOURS[name]).all(axis=2)


def expected(row: IncomingRow, name: str) -> np.ndarray:
    """Boxes, polygons and masks of a class as pycocotools paints them: no code shared with the demo."""
    height, width = row.media_attributes["height"], row.media_attributes["width"]
    total = np.zeros((height, width), bool)
    for mark in row.labels[0].objects:
        if mark["name"] != name:
            continue
        if mark["annotation_kind"] == "ImageBoundingBox":
            box = mark["bounding_box"]
            left, top, right, bottom = box["left"], box["top"], box["left"] + box["width"], box["top"] + box["height"]
            rles = coco_mask.frPyObjects([[left, top, right, top, right, bottom, left, bottom]], height, width)
        elif mark["annotation_kind"] == "ImagePolygon":
            rles = coco_mask.frPyObjects(polygon_rings(mark), height, width)
        else:
            rles = [{"size": mark["mask"]["size"], "counts": mark["mask"]["counts"].encode()}]
        total |= coco_mask.decode(coco_mask.merge(rles)).astype(bool)
    return total


@pytest.mark.parametrize("name", ["car", "building", "tree"])
def test_the_picture_of_row_one_shows_its_marks_pixel_by_pixel(name: str):
    row = ROWS[demo.SHOWCASE - 1]
    assert painted(row, name).any()
    assert np.array_equal(painted(row, name), expected(row, name))


def test_every_picture_shows_as_many_pixels_as_its_marks_cover():
    for row in ROWS:
        if not row.labels:
            continue
        areas = dict.fromkeys(demo.COLOURS, 0.0)
        for mark in row.labels[0].objects:
            if mark["annotation_kind"] == "ImageBoundingBox":
                areas[mark["name"]] += mark["bounding_box"]["width"] * mark["bounding_box"]["height"]
            elif mark["annotation_kind"] == "ImagePolygon":
                areas[mark["name"]] += sum(ring_area(ring) for ring in polygon_rings(mark))
            elif mark["annotation_kind"] == "ImageSegmentationMask":
                areas[mark["name"]] += int(coco_mask.area({**mark["mask"], "counts": mark["mask"]["counts"].encode()}))
        for name in ("car", "building", "tree"):
            assert painted(row, name).sum() == areas[name], (row.key, name)


def test_lines_and_points_are_painted_around_where_they_are():
    row = ROWS[demo.SHOWCASE - 1]
    (line,) = [mark["line"] for mark in row.labels[0].objects if mark["annotation_kind"] == "ImagePolyline"]
    road = painted(row, "road")
    for point in line:
        assert road[int(point["y"]), int(point["x"])]
    (point,) = [mark["point"] for mark in row.labels[0].objects if mark["annotation_kind"] == "ImagePoint"]
    ys, xs = np.nonzero(painted(row, "lamp"))
    assert (xs.mean() + 0.5, ys.mean() + 0.5, len(xs)) == (point["x"], point["y"], 25)


def test_a_row_that_nobody_has_touched_has_a_picture_too():
    row = next(row for row in ROWS if row.status == "to_label")
    assert not row.labels
    assert len(np.unique(pixels_of(row).reshape(-1, 3), axis=0)) > 1
