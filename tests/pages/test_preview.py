"""The first rows of an export: read by whom it may, recorded once a look, bounded, and nothing of it trusted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from PIL import Image

from connections.models import Project
from connections.rows.media_types import MEDIA_TYPES
from connections.store import demo_media
from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import Actor
from exportadmin.runs import statuses
from exports import actions
from exports.models import Artifact, ExportReport
from exports.results import preview
from exports.spec.spec import ExportSpec
from tests.pages.reports import deliver, make_report
from tests.pages.squeezed import page_html
from tests.pages.test_list_of_exports import HOSTILE
from tests.support.rows import answer, box, mixed, row

HTMX = {"HX-Request": "true"}
SHELL = Actor(kind="user", name="tester", channel="shell")


def run(project: Project, format: str) -> ExportReport:
    report = actions.run_now(project=project, spec=ExportSpec.parse({"format": format}, project), actor=SHELL)
    assert report.status == statuses.COMPLETED, report.error
    return report


def delivered(project: Project, folder: Path, *rows: Any, **values: Any) -> ExportReport:
    """Rows as they are, in a json file."""
    body = b"[\n" + b",\n".join(each if isinstance(each, bytes) else json.dumps(each).encode() for each in rows)
    artifact = deliver(project, folder, body=body + b"\n]\n", **values)
    Artifact.objects.filter(pk=artifact.pk).update(lines=len(rows))
    return artifact.report


def look(client: Client, report: ExportReport, **more: Any) -> str:
    answer = client.get(f"/exports/{report.report_id}/preview/", **more)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["Cache-Control"]
    return page_html(answer)


def reads() -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(event="artifact.rows_read"))


@pytest.fixture
def filled(transactional_db: None, project: Project, settings: Any, tmp_path: Path) -> Project:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    settings.MEDIA_DIR = tmp_path / "media"
    write_rows(project, [row("first", box("car"), answer("weather", "rain"), status="accepted"), *mixed(20)])
    return project


@pytest.mark.parametrize("format", ["json", "ndjson"])
def test_rows_of_a_file_are_shown_as_they_were_delivered_and_the_look_is_recorded(
    filled: Project, visitor: Client, format: str
):
    report = run(filled, format)
    write_rows(filled, [row("first", box("bus"), status="rejected")])
    page = look(visitor, report)
    assert "First 5 rows" in page and "As they stand in the delivered file." in page
    assert "<h3>first</h3>" in page and "<dd>accepted</dd>" in page and "<dd>rain</dd>" in page
    assert 'd="M10 20h30v40h-30z"' in page
    assert re.search(r"\bbus\b", page) is None  # as a word: an id may hold the letters
    (entry,) = reads()
    assert (entry.actor_name, entry.object_id) == ("alice", report.artifacts.get().public_id)
    assert (entry.details["rows"], entry.details["from"]) == (5, "file")


@pytest.mark.parametrize("format", ["coco_json", "csv", "png"])
def test_rows_of_other_formats_come_from_the_source_and_that_is_said(filled: Project, visitor: Client, format: str):
    report = run(filled, format)
    write_rows(filled, [row("first", box("bus"), status="rejected")])
    page = look(visitor, report)
    assert f"As the source has them now: {format} files hold no rows" in page
    assert "<dd>rejected</dd>" in page and page.count("<h3>") == 5
    assert [entry.details["from"] for entry in reads()] == ["source"]


@pytest.mark.parametrize("format", ["json", "csv"])
def test_every_medium_of_an_export_can_be_looked_at_wherever_its_rows_stand(
    filled: Project, visitor: Client, format: str
):
    write_rows(filled, demo_media.media_rows(1_000))
    report = run(filled, format)
    page = look(visitor, report)
    assert "<h3>demo-chat.json</h3>" not in page
    links = re.findall(r'href="(/exports/\w+/preview/\?medium=(\w+))"', page)
    assert {medium for _, medium in links} == set(MEDIA_TYPES)
    for address, medium in links:
        page = page_html(visitor.get(address))
        titles = re.findall(r"<h3>(.*?)</h3>", page)
        assert f'aria-current="true">{MEDIA_TYPES[medium].title}</span>' in page
        assert titles and all(title.startswith("demo-") for title in titles) == (medium != "image")
    assert {entry.details.get("medium") for entry in reads()} == {None, *MEDIA_TYPES}


def test_a_medium_that_is_none_is_refused_and_one_that_is_not_there_has_no_rows(filled: Project, visitor: Client):
    report = run(filled, "json")
    answer = visitor.get(f"/exports/{report.report_id}/preview/?medium=mp4")
    assert answer.status_code == 400 and "unknown medium" in page_html(answer)
    page = page_html(visitor.get(f"/exports/{report.report_id}/preview/?medium=video"))
    assert "This export has no such rows." in page and 'aria-label="First rows by medium"' not in page


def test_no_more_than_so_many_rows_are_looked_through(
    filled: Project, visitor: Client, monkeypatch: pytest.MonkeyPatch
):
    report = run(filled, "json")
    monkeypatch.setattr(preview, "MOST_LOOKED", 7)
    page = page_html(visitor.get(f"/exports/{report.report_id}/preview/?medium=video"))
    assert "Only the first 7 rows were looked through." in page


def test_who_may_not_download_sees_no_row_and_the_try_is_recorded(members: Project, rita: User, tmp_path: Path):
    client = Client()
    client.force_login(rita)
    report = delivered(members, tmp_path / "d", {"data_row": {"id": "secret"}})
    answer = client.get(f"/exports/{report.report_id}/preview/", headers=HTMX)
    assert answer.status_code == 403 and b"secret" not in answer.content
    assert [(entry.actor_name, entry.outcome) for entry in reads()] == [("rita", "refused")]
    assert "/preview/" not in page_html(client.get(f"/exports/{report.report_id}/"))


def test_a_stranger_learns_nothing(project: Project, stranger: Client, tmp_path: Path):
    report = delivered(project, tmp_path / "d", {"data_row": {"id": "secret"}})
    assert stranger.get(f"/exports/{report.report_id}/preview/").status_code == 404


def test_the_page_of_the_export_reads_no_row_by_itself(project: Project, visitor: Client, tmp_path: Path):
    report = delivered(project, tmp_path / "d", {"data_row": {"id": "secret"}})
    page = page_html(visitor.get(f"/exports/{report.report_id}/"))
    assert f'hx-get="/exports/{report.report_id}/preview/" hx-trigger="intersect once"' in page
    assert f'href="/exports/{report.report_id}/preview/"' in page
    assert reads() == []


def test_markup_in_every_text_of_a_row_is_shown_as_text(project: Project, visitor: Client, tmp_path: Path):
    hostile = {
        "data_row": {"id": HOSTILE, "global_key": HOSTILE, "row_data": HOSTILE, "details": {"dataset_name": HOSTILE}},
        "media_attributes": {"asset_type": f"image{HOSTILE}", "width": 10, "height": 10},
        "projects": {HOSTILE: {"project_details": {"workflow_status": HOSTILE}, "labels": [{"annotations": {
            "objects": [{**box(HOSTILE)}], "classifications": [answer(HOSTILE, HOSTILE)]}}]}},
    }  # fmt: skip
    page = look(visitor, delivered(project, tmp_path / "d", hostile))
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 9
    assert "<script>alert" not in page and "<img src=x" not in page


@pytest.mark.parametrize(
    "strange",
    [{}, {"data_row": None}, {"data_row": []}, {"projects": []}, {"projects": {"p": None}},
     {"projects": {"p": {"labels": [None, 3, {"annotations": []}, {"annotations": {"objects": {}}}]}}},
     {"media_attributes": {"asset_type": "image", "width": "1", "height": -3}, "data_row": {"id": {"a": 1}}},
     {"media_attributes": {"asset_type": "image", "width": 1e9, "height": True}}],
)  # fmt: skip
def test_a_row_of_any_shape_is_shown(project: Project, visitor: Client, tmp_path: Path, strange: Any):
    page = look(visitor, delivered(project, tmp_path / "d", strange, {"data_row": {"id": "good"}}))
    assert "<h3>good</h3>" in page and '<svg class="rp-svg"' not in page


def test_a_row_that_is_not_json_ends_the_preview_with_words(project: Project, visitor: Client, tmp_path: Path):
    page = look(visitor, delivered(project, tmp_path / "d", {"data_row": {"id": "good"}}, b"{nonsense", {}))
    assert "<h3>good</h3>" in page and "Row 2 cannot be read" in page


def test_a_row_that_is_too_large_is_cut_with_words(project: Project, visitor: Client, tmp_path: Path):
    large = {"data_row": {"id": "large", "row_data": "x" * preview.MOST_BYTES}}
    page = look(visitor, delivered(project, tmp_path / "d", {"data_row": {"id": "small"}}, large, {}))
    assert "<h3>small</h3>" in page and "Row 2 is too large to be shown here" in page
    assert len(page) < 50_000


def test_texts_and_marks_beyond_what_a_page_holds_are_counted(project: Project, visitor: Client, tmp_path: Path):
    many = {
        "data_row": {"id": "many", "row_data": "y" * 5_000},
        "media_attributes": {"asset_type": "image", "width": 100, "height": 100},
        "projects": {"p": {"labels": [{"annotations": {
            "objects": [box()] * 2_100 + [{"name": "s", "annotation_kind": "ImageEllipse"}],
            "classifications": [answer(f"q{number}") for number in range(20)]}}]}},
    }  # fmt: skip
    page = look(visitor, delivered(project, tmp_path / "d", many))
    assert "100 marks too many to draw here" in page
    assert "1 mark of a kind that is not drawn" in page
    assert "and 8 answers more" in page
    assert "y" * 400 not in page and "yyy…" in page


def picture_of(project: Project, row_data: str) -> dict[str, Any]:
    media = {"asset_type": "image", "width": 3, "height": 2}
    return {"data_row": {"id": "a", "row_data": row_data}, "media_attributes": media}


def test_only_a_picture_of_ours_is_loaded(project: Project, connection, visitor: Client, tmp_path: Path, settings: Any):
    settings.MEDIA_DIR = tmp_path / "media"
    other = Project.objects.create(connection=connection, name="Another")
    for each in (project, other):
        (settings.MEDIA_DIR / each.public_id).mkdir(parents=True)
        Image.new("RGB", (3, 2), "red").save(settings.MEDIA_DIR / each.public_id / "kept.png")
    own = f"/media/{project.public_id}"
    page = look(visitor, delivered(project, tmp_path / "own", picture_of(project, f"{own}/kept.png")))
    assert f'<image href="{own}/kept.png" width="3" height="2"' in page
    elsewhere = [
        "https://evil.example/a.png", f"/media/{other.public_id}/kept.png", f"{own}/../{other.public_id}/kept.png",
        f"{own}/gone.png", f"https://evil.example{own}/kept.png", "javascript:alert(1)", "data:image/png;base64,AA==",
        f"{own}/kept.png?x=1", f"//evil.example{own}/kept.png",
    ]  # fmt: skip
    for number, address in enumerate(elsewhere):
        page = look(visitor, delivered(project, tmp_path / f"d{number}", picture_of(project, address)))
        assert "<image" not in page and 'class="rp-canvas" width="3" height="2"' in page, address
        assert "not loaded" in page


def test_an_empty_delivery_has_its_words(project: Project, visitor: Client, tmp_path: Path):
    artifact = deliver(project, tmp_path / "d", body=b"[\n]\n")
    Artifact.objects.filter(pk=artifact.pk).update(lines=0)
    assert "This export has no rows." in look(visitor, artifact.report)


def test_files_that_went_away_are_said_in_the_page_and_are_410_by_themselves(
    project: Project, visitor: Client, tmp_path: Path
):
    report = delivered(project, tmp_path / "d", {"data_row": {"id": "a"}})
    actions.remove_files(report=report, actor=SHELL, why="too old")
    address = f"/exports/{report.report_id}/preview/"
    assert visitor.get(address).status_code == 410
    assert "too old" in look(visitor, report, headers=HTMX)
    gone = delivered(project, tmp_path / "e", {"data_row": {"id": "a"}})
    (tmp_path / "e" / "rows.json").unlink()
    assert "no longer in its place" in look(visitor, gone, headers=HTMX)
    failed = make_report(project, status=statuses.FAILED)
    assert visitor.get(f"/exports/{failed.report_id}/preview/").status_code == 409
