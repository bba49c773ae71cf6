"""Frames between key frames are computed where they are asked for, the same in every format, and told."""

from __future__ import annotations

import csv
import io
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client

from connections.access.tokens import issue_token
from connections.models import Project
from connections.store.import_row import IncomingLabel
from connections.store.upsert import write_rows
from exportadmin.lib.errors import UserError
from exportadmin.runs.execute import execute
from exports.models import ExportReport
from exports.spec.spec import ExportSpec
from tests.exports.labels.world import ANN, BO, content, export
from tests.rest.world import SHELL, Rest
from tests.support.media import IN_FRAMES, frame_by_frame, named
from tests.support.rows import box, row

pytestmark = pytest.mark.django_db(transaction=True)
FORMATS = ("json", "ndjson", "csv", "labellerr_json", "label_studio_json", "labelbox_ndjson", "diffgram_json")


@pytest.fixture
def film(members: Project, settings: Any, tmp_path: Path) -> Project:
    """A picture, and a video that two people worked on: each has a track of a box, one of them a mask too."""
    settings.EXPORTADMIN_HOME = tmp_path
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    cache.clear()
    tracks = {"f1": named(IN_FRAMES[0], name="ship"), "f2": named(IN_FRAMES[5], 2, "wake")}
    moved = {"f3": named(IN_FRAMES[0], 3, "ship")}
    labels = [
        IncomingLabel(
            label_id="l1",
            created_by=ANN,
            created_ms=1,
            more_annotations={
                "frames": frame_by_frame(13, 19, **tracks),
                "segments": {key: [[13, 19]] for key in tracks},
            },
        ),
        IncomingLabel(
            label_id="l2",
            created_by=BO,
            created_ms=2,
            more_annotations={"frames": frame_by_frame(1, 3, **moved), "segments": {"f3": [[1, 3]]}},
        ),
    ]
    film = row("film", labels=labels)
    film.media_attributes = {"asset_type": "video", "height": 30, "width": 40, "frame_count": 20}
    write_rows(members, [row("picture", box()), film])
    return members


def boxes(report: ExportReport) -> list[int]:
    """The frames of the boxes in a file of CSV."""
    lines = csv.DictReader(io.StringIO(content(report).decode(), newline=""), strict=True)
    return [json.loads(line["geometry"])["frame"] for line in lines if line["kind"] == "video_box"]


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_has_the_same_frames_and_says_that_they_were_computed(film: Project, format: str) -> None:
    plain = export(film, format).check_values
    assert "interpolated_frames" not in plain
    assert plain["annotations_by_kind"].get("video_box") == 4
    values = export(film, format, interpolated_frames=True).check_values
    assert values["interpolated_frames"] == {"rows": 1, "annotations": 6, "tracks_left": 1}
    assert values["annotations_by_kind"]["video_box"] == 10
    held = values["annotations_by_kind"].get("video_mask", 0) + values["left_out_by_format"].get("video_mask", 0)
    assert held == 2


def test_the_frames_are_in_the_file_and_everything_else_is_as_it_was(film: Project) -> None:
    assert boxes(export(film, "csv")) == [13, 19, 1, 3]
    assert boxes(export(film, "csv", interpolated_frames=True)) == [*range(13, 20), 1, 2, 3]
    before, after = (
        json.loads(content(export(film, "json", interpolated_frames=wanted, include=["label_details"])))
        for wanted in (False, True)
    )
    assert before[0] == after[0]
    (first, _), (found, _) = (
        (*project["labels"],) for each in (before, after) for project in each[1]["projects"].values()
    )
    assert found["annotations"]["key_frame_feature_map"] == {"f1": [13, 19]}
    assert {**found, "annotations": 0} == {**first, "annotations": 0}
    for frame, held in first["annotations"]["frames"].items():
        assert found["annotations"]["frames"][frame] == held
    assert [*found["annotations"]["frames"]] == [str(frame) for frame in range(13, 20)]


def test_only_the_labels_that_leave_are_computed(film: Project) -> None:
    report = export(film, "csv", f"created_by:{BO}", interpolated_frames=True)
    assert boxes(report) == [1, 2, 3]
    assert report.check_values["interpolated_frames"] == {"rows": 1, "annotations": 1, "tracks_left": 0}


def test_pictures_beside_it_keep_their_ids(film: Project) -> None:
    assert content(export(film, "coco_json")) == content(export(film, "coco_json", interpolated_frames=True))


@pytest.mark.parametrize("value", ["yes", 1, [], "true"])
def test_a_value_that_is_neither_true_nor_false_is_refused(project: Project, value: Any) -> None:
    with pytest.raises(UserError, match=r"interpolated_frames is .*; expected true or false") as caught:
        ExportSpec.parse({"format": "json", "interpolated_frames": value}, project)
    assert caught.value.field == "interpolated_frames"


def test_the_description_keeps_it_only_where_it_is_asked_for(project: Project) -> None:
    for wanted in (True, False, None):
        spec = ExportSpec.parse({"format": "json", "interpolated_frames": wanted}, project)
        assert spec.to_json().get("interpolated_frames") == (True if wanted else None)
        assert ExportSpec.from_json(spec.to_json(), project) == spec


def test_rest_plans_and_runs_it(film: Project, alice: Any) -> None:
    script = Rest(issue_token(user=alice, name="script", scopes=("admin",), actor=SHELL)[1])
    body = {"project": film.public_id, "format": "csv", "interpolated_frames": True}
    plan = script.post("reports/plan/", body).json()
    assert plan["interpolated_frames"] == {"rows": 1, "annotations": 6, "tracks_left": 1}
    assert plan["annotations_by_kind"]["video_box"] == 10
    assert script.post("reports/", body).status_code == 202
    report = ExportReport.objects.get()
    execute("export", report.pk)
    report.refresh_from_db()
    assert len(boxes(report)) == 10
    assert script.post("reports/", {**body, "interpolated_frames": "yes"}).status_code == 400


def test_the_shell_takes_a_flag(film: Project, tmp_path: Path) -> None:
    flags = ["--format", "csv", "--output", str(tmp_path / "out"), "--interpolated-frames"]
    call_command("run_export", film.name, *flags, stdout=StringIO())
    assert len(boxes(ExportReport.objects.get())) == 10


def test_the_form_has_a_box_and_a_report_says_that_it_was_ticked(film: Project, alice: Any) -> None:
    client = Client()
    client.force_login(alice)
    address = f"/exports/new/?project={film.public_id}"
    assert 'name="interpolated_frames"' in client.get(address).content.decode()
    sent = {"project": film.public_id, "format": "csv", "key": "k1", "do": "run", "interpolated_frames": "on"}
    assert client.post("/exports/new/", sent).status_code == 302
    report = ExportReport.objects.get()
    assert report.config["interpolated_frames"] is True
    page = client.get(f"/exports/{report.report_id}/").content.decode()
    assert "Frames between key frames computed" in page
