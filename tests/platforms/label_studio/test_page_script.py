"""The script of Label Studio's own page about exports, unchanged, against Label Studio itself and against us."""

from __future__ import annotations

import csv
import json
import zipfile
from pathlib import Path

from tests.platforms.label_studio.sdk import Site, run_page_script
from tests.platforms.label_studio.template import TASKS

# of ten edge tasks one has two annotations, one none, and one only a skipped one
ITEMS = TASKS
SKIPPED = TASKS // 10


def test_a_snapshot_and_its_coco_with_a_legacy_token(site: Site, tmp_path: Path):
    ran = run_page_script(site, tmp_path, "COCO")
    assert ran.code == 0, ran.output
    (tasks_file,) = tmp_path.glob("project_*_export_*.json")
    tasks = json.loads(tasks_file.read_bytes())
    assert len({task["id"] for task in tasks}) == len(tasks) == TASKS
    with zipfile.ZipFile(next(tmp_path.glob("*.coco"))) as archive:
        made = json.loads(archive.read("result.json"))
    # theirs has a picture once for each of two annotations, ours once
    assert len({one["file_name"] for one in made["images"]}) == TASKS - SKIPPED
    outlines = [one["segmentation"] for one in made["annotations"]]
    regions = [
        region["type"]
        for task in tasks
        for annotation in task["annotations"]
        if not annotation["was_cancelled"]
        for region in annotation["result"]
    ]
    assert outlines.count([]) == regions.count("rectanglelabels")
    assert sum(isinstance(one, list) and one != [] for one in outlines) == regions.count("polygonlabels")
    # as runs; theirs has none
    assert sum(isinstance(one, dict) for one in outlines) in (regions.count("brushlabels"), 0)


def test_a_snapshot_and_its_csv_with_a_refresh_token(site: Site, tmp_path: Path):
    ran = run_page_script(site.with_key(site.refresh_token), tmp_path, "CSV")
    assert ran.code == 0, ran.output
    with next(tmp_path.glob("*.csv")).open(encoding="utf-8", newline="") as lines:
        made = list(csv.DictReader(lines))
    assert len(made) == ITEMS
    assert len({one["id"] for one in made}) == TASKS - SKIPPED
