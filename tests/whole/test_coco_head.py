"""What a COCO file says beside images, annotations and categories comes out again, of several files merged by id."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import orjson
import pytest

from connections.models import Project
from connections.store.imports.actions import ImportSpec, import_here
from connections.store.models import ImportRun, StoreProject, StoreRow
from connections.store.notes import describe
from exportadmin.lib.actor import Actor
from exports import actions
from exports.spec.conversion import conversion_spec
from exports.spec.spec import ExportSpec
from tests.connections.store.coco_files import coco, image, mark
from tests.connections.store.importing import write
from tests.support.deliveries import delivery_folder
from tests.support.imports import import_file

pytestmark = pytest.mark.django_db(transaction=True)
SHELL = Actor(kind="user", name="tester", channel="shell")
INFO = {"year": 2024, "version": "2.1", "description": "Harbour set", "url": "https://h.test"}
LICENSES = [{"id": 1, "name": "CC BY", "url": "u1"}, {"id": 4, "name": "CC0", "url": "u4"}]


@pytest.fixture(autouse=True)
def _deliveries(tmp_path, settings):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"


@pytest.fixture
def bring(tmp_path):
    return lambda content, project="Set", **more: import_file(write(tmp_path, content), project, **more)


def export(project: str = "Set", **spec: Any) -> Any:
    chosen = Project.objects.get(name=project)
    report = actions.run_now(
        project=chosen, spec=ExportSpec.parse({"format": "coco_json", **spec}, chosen), actor=SHELL
    )
    assert report.is_delivered, report.error
    return report


def raw(report: Any) -> bytes:
    (artifact,) = report.artifacts.all()
    return (delivery_folder(report) / artifact.name).read_bytes()


def exported(project: str = "Set", **spec: Any) -> Any:
    return orjson.loads(raw(export(project, **spec)))


def notes(run: Any) -> list[str]:
    return [describe(note) for note in run.summary["notes"] if note["kind"] in ("changed", "not_kept")]


FULL = coco(
    [image(1, license=4, video_id=7), image(2, "b.jpg", license=1)],
    [mark(id=501), mark(id=777, track_id=3)],
    info=INFO,
    licenses=LICENSES,
    videos=[{"id": 7, "name": "v"}],
    tracks=[{"id": 3, "category_id": 0, "video_id": 7}],
    relations=[
        {"id": 1, "image_id": 1, "subject_ann": 777, "object_ann": 501},
        {"id": 2, "image_id": 2, "note": "]\n\u001e,"},
        {"id": 9},
    ],
    split="train",
)


def test_info_licenses_and_lists_come_out_as_they_went_in(bring):
    bring(FULL)
    found = exported()
    assert found["info"] == {**INFO, "generator": "Export Admin", "project": "Set"}
    assert found["licenses"] == LICENSES
    assert [one["license"] for one in found["images"]] == [4, 1]
    for name in ("videos", "tracks", "split"):
        assert found[name] == FULL[name]
    assert sorted(found["relations"], key=lambda one: one["id"]) == FULL["relations"]
    assert set(found) == set(FULL)


def test_entries_leave_with_their_images_only(bring):
    bring(FULL)
    found = exported(filter={"global_keys": ["b.jpg"]})
    assert [one["id"] for one in found["relations"]] == [9, 2]
    assert found["licenses"] == LICENSES


def test_a_project_that_came_from_no_file_has_neither(project):
    from connections.store.upsert import write_rows
    from tests.support.rows import box, row

    write_rows(project, [row("a.jpg", box())])
    assert raw(export(project.name)).startswith(
        b'{"info":{"description":"%b","generator":"Export Admin"},\n"licenses":[],\n"categories":['
        % project.name.encode()
    )
    assert set(exported(project.name)) == {"info", "licenses", "categories", "annotations", "images"}


@pytest.mark.parametrize("info", ["a text", [1], None, {}])
def test_an_info_of_any_form_is_printed(bring, info):
    bring(coco([image()], [mark()], info=info))
    assert exported()["info"]["generator"] == "Export Admin"
    assert exported()["info"].get("source_info", info) == info


def test_the_same_file_again_and_one_that_says_the_same_add_nothing(bring):
    bring(FULL)
    before = exported()
    assert notes(bring(FULL)) == []
    other = {**FULL, "images": [image(30, "z.jpg", license=1)], "annotations": [mark(30, id=30)], "relations": []}
    assert notes(bring(other)) == []
    after = exported()
    for name in ("info", "licenses", "videos", "tracks", "split"):
        assert after[name] == before[name]


SECOND = coco(
    [image(11, "s.jpg", license=1, video_id=7), image(12, "t.jpg", license=2), image(13, "u.jpg", license=4)],
    [mark(11, id=900, track_id=3)],
    info={"year": 2025, "contributor": "Team"},
    licenses=[{"id": 1, "name": "MIT"}, {"id": 2, "name": "CC BY", "url": "u1"}, LICENSES[1]],
    videos=[{"id": 7, "name": "w"}, {"id": 8, "name": "x"}],
    tracks=[{"id": 3, "category_id": 0, "video_id": 7}],
    split="val",
)


def test_two_files_are_merged_by_id_and_images_point_at_their_own_licenses_and_videos(bring):
    bring(FULL)
    run = bring(SECOND)
    found = exported()
    assert found["info"] == {**INFO, "contributor": "Team", "generator": "Export Admin", "project": "Set"}
    assert found["licenses"] == [*LICENSES, {"id": 5, "name": "MIT", "source_id": 1}]
    assert found["videos"] == [
        {"id": 7, "name": "v"},
        {"id": 9, "name": "w", "source_id": 7},
        {"id": 8, "name": "x"},
    ]
    assert found["tracks"] == [
        {"id": 3, "category_id": 0, "video_id": 7},
        {"id": 4, "category_id": 0, "video_id": 9, "source_id": 3},
    ]
    assert found["split"] == "train"
    by_name = {one["file_name"]: one for one in found["images"]}
    assert [by_name[name]["license"] for name in ("a.jpg", "b.jpg", "s.jpg", "t.jpg", "u.jpg")] == [4, 1, 5, 1, 4]
    assert (by_name["a.jpg"]["video_id"], by_name["s.jpg"]["video_id"]) == (7, 9)
    assert {one["id"]: one.get("track_id") for one in found["annotations"]} == {501: None, 777: 3, 900: 4}
    told = notes(run)
    assert "1 entries of 'licenses' whose id another has in this project, given another; the first: 1 is 5" in told
    assert (
        "1 values of 'info', which are others in this project; the first: year: 2025 in the file, 2024 in the project"
        in told
    )
    assert (
        "1 values of the file itself, which are others in this project; the first: "
        'split: "val" in the file, "train" in the project' in told
    )
    before = StoreProject.objects.get().source_extra
    assert bring(SECOND).summary["updated"] == 0
    assert StoreProject.objects.get().source_extra == before


def test_entries_of_lists_follow_ids_that_are_given_anew(bring):
    bring(FULL)
    run = bring(
        coco(
            [image(1, "s.jpg")],
            [mark(id=501), mark(id=502)],
            relations=[{"image_id": 1, "subject_ann": 502, "object_ann": 501}, {"subject_ann": 501}],
        )
    )
    found = exported()
    moved = {one["source_id"]: one["id"] for one in found["annotations"] if "source_id" in one}
    (number,) = (one["id"] for one in found["images"] if one["file_name"] == "s.jpg")
    assert number not in (1, 2)
    assert {"image_id": number, "subject_ann": 502, "object_ann": moved[501]} in found["relations"]
    assert {"subject_ann": moved[501]} in found["relations"]
    assert any("references to images" in text for text in notes(run))


def test_rows_that_are_in_have_their_licenses_even_where_the_import_ends_early(tmp_path):
    def fail(*progress: Any) -> None:
        if StoreRow.objects.exists():
            raise RuntimeError("power")

    path = write(tmp_path, FULL)
    with contextlib.suppress(RuntimeError):
        import_here(spec=ImportSpec("Set", path.name), path=path, actor=SHELL, on_progress=fail)
    assert StoreRow.objects.count() == 2
    assert not ImportRun.objects.filter(status="completed").exists()
    assert StoreProject.objects.get().source_extra["coco"]["licenses"] == LICENSES


# --- other ways out and in -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format_", ["json", "ndjson"])
def test_a_backup_brings_the_head_back(bring, tmp_path, format_):
    bring(FULL)
    path = tmp_path / f"rows.{format_}"
    path.write_bytes(raw(export(format=format_)))
    import_file(path, "Back")
    expected, found = exported(), exported("Back")
    expected["info"]["project"] = found["info"]["project"] = ""
    assert found == expected


def test_a_delivered_ndjson_is_converted_with_its_head(bring):
    bring(FULL)
    rows = export(format="ndjson")
    direct = raw(export())
    bring(SECOND)
    converted = actions.convert_report(
        report=rows, spec=conversion_spec(rows, {"format": "coco_json"}), actor=SHELL, now=True
    )
    assert converted.is_delivered, converted.error
    assert raw(converted) == direct


def test_taco_keeps_its_scenes(shared):
    path = shared / "data" / "taco.coco.json"
    import_file(path, "Set")
    found, original = exported(), json.loads(path.read_text())
    assert found["scene_categories"] == original["scene_categories"]
    key = lambda one: str(sorted(one.items()))  # noqa: E731
    assert sorted(found["scene_annotations"], key=key) == sorted(original["scene_annotations"], key=key)
    assert found["info"] == {**original["info"], "generator": "Export Admin", "project": "Set"}
