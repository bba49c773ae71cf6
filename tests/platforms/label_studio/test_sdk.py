"""Every call of label-studio-sdk that has to do with exports, against Label Studio itself and against us."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

from tests.platforms.label_studio.sdk import Sdk, SdkError, Site
from tests.platforms.label_studio.template import TASKS

EMPTY = TASKS // 10  # tasks without annotations


def test_a_snapshot_is_made_listed_converted_once_downloaded_and_deleted(site: Site, sdk: Sdk, tmp_path: Path):
    made = sdk.call(site, "projects.exports.create", id=site.project, title="Weekly")
    one = {"id": site.project, "export_pk": made["id"]}
    found = wait_for(sdk, site, made["id"])
    assert (found["title"], found["counters"]["task_number"]) == ("Weekly", TASKS)
    assert made["id"] in [each["id"] for each in sdk.call(site, "projects.exports.list", id=site.project)]

    size = sdk.call(site, "projects.exports.download", **one, export_type="JSON", into=str(tmp_path / "tasks.json"))
    tasks = json.loads((tmp_path / "tasks.json").read_bytes())
    assert (len(tasks), size) == (TASKS, (tmp_path / "tasks.json").stat().st_size)

    sdk.call(site, "projects.exports.convert", **one, export_type="JSON_MIN")
    wait_for(sdk, site, made["id"], "JSON_MIN")
    sdk.call(site, "projects.exports.download", **one, export_type="JSON_MIN", into=str(tmp_path / "min.json"))
    least = json.loads((tmp_path / "min.json").read_bytes())
    assert {each["id"] for each in least} == {task["id"] for task in tasks if usual(task)}
    with pytest.raises(SdkError) as again:
        sdk.call(site, "projects.exports.convert", **one, export_type="JSON_MIN")
    assert again.value.status == 400
    assert "already started" in json.dumps(again.value.body)

    sdk.call(site, "projects.exports.delete", **one)
    with pytest.raises(SdkError) as gone:
        sdk.call(site, "projects.exports.get", **one)
    assert gone.value.status == 404


def usual(task: dict) -> bool:
    """Is there an item of it in files of other formats than JSON? There is one where nothing was annotated."""
    return not task["annotations"] or any(not one["was_cancelled"] for one in task["annotations"])


def wait_for(sdk: Sdk, site: Site, export_id: int, export_type: str = "") -> dict:
    """The export once it is completed, or once a converted file of it is."""
    for _ in range(600):
        found = sdk.call(site, "projects.exports.get", id=site.project, export_pk=export_id)
        words = [one["status"] for one in found["converted_formats"] if one["export_type"] == export_type]
        word = words[-1] if export_type else found["status"]
        if word in ("completed", "failed"):
            break
    assert word == "completed", found
    return found


def test_bulk_json_has_every_task(site: Site, sdk: Sdk):
    tasks = sdk.call(site, "projects.exports.as_json", project_id=site.project)
    assert len(tasks) == TASKS
    assert sum(not task["annotations"] for task in tasks) == EMPTY


def test_a_table_has_a_line_for_every_annotation_that_was_not_skipped(site: Site, sdk: Sdk):
    table = sdk.call(site, "projects.exports.as_pandas", project_id=site.project)
    assert table["rows"] == TASKS
    assert {"id", "annotation_id", "bbox", "brush", "poly", "quality", "image", "lead_time"} <= set(table["columns"])


@pytest.mark.parametrize("everything", [True, False])
def test_a_download_at_once_has_annotated_tasks_or_all(site: Site, sdk: Sdk, tmp_path: Path, everything: bool):
    path = tmp_path / "tasks.json"
    arguments = {"id": site.project, "download_all_tasks": everything, "export_type": "JSON"}
    sdk.call(site, "projects.exports.download_sync", **arguments, into=str(path))
    assert len(json.loads(path.read_bytes())) == (TASKS if everything else TASKS - EMPTY)


def test_formats_are_listed_and_those_that_fit_first(site: Site, sdk: Sdk):
    formats = sdk.call(site, "projects.exports.list_formats", id=site.project)
    names = [one["name"] for one in formats if not one.get("disabled")]
    assert names == [one["name"] for one in formats[: len(names)]]
    assert {"JSON", "JSON_MIN", "CSV", "TSV", "COCO", "VOC", "YOLO", "YOLO_OBB", "BRUSH_TO_PNG"} <= set(names)
    assert {one["name"] for one in formats if one.get("disabled")} >= {"CONLL2003", "ASR_MANIFEST"}


def test_a_piece_of_a_file_can_be_had(site: Site, sdk: Sdk):
    made = sdk.call(site, "projects.exports.create", id=site.project)
    wait_for(sdk, site, made["id"])
    url = f"{site.address}api/projects/{site.project}/exports/{made['id']}/download?exportType=JSON"
    headers = {"Authorization": f"Token {site.api_key}"}
    whole = requests.get(url, headers=headers, timeout=60).content
    piece = requests.get(url, headers={**headers, "Range": "bytes=100-299"}, timeout=60)
    assert (piece.status_code, piece.content) == (206, whole[100:300])


def test_a_wrong_key_is_refused_with_a_word(site: Site, sdk: Sdk):
    with pytest.raises(SdkError) as refused:
        sdk.call(site.with_key("0" * 40), "projects.exports.list", id=site.project)
    assert (refused.value.status, "detail" in refused.value.body) == (401, True)


def test_a_project_that_is_not_there_is_not_found(site: Site, sdk: Sdk):
    with pytest.raises(SdkError) as missing:
        sdk.call(site, "projects.exports.create", id=987654)
    assert missing.value.status == 404
