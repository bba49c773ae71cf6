"""One project, five formats, one truth: counted by readers that share no code with the writers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from connections.store.imports import files
from connections.store.models import StoreRow
from exportadmin.lib.actor import Actor
from exportadmin.lib.times import from_datetime
from exports import actions
from exports.spec.spec import ExportSpec
from tests.support import counting
from tests.support.deliveries import delivery_folder
from tests.support.imports import import_file

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
SHELL = Actor(kind="user", name="tester", channel="shell")
TASKS = 2000


@pytest.fixture
def edge(shared, tmp_path, settings):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    path = tmp_path / "edge.json"
    tool = shared / "tools" / "gen_label_studio_tasks.py"
    subprocess.run([sys.executable, str(tool), str(TASKS), str(path), "--mix", "edge"], check=True)
    return path


def delivered(project, format: str, **body) -> tuple[Path, dict]:
    spec = ExportSpec.parse({"format": format, **body}, project)
    report = actions.run_now(project=project, spec=spec, actor=SHELL)
    assert report.is_delivered, f"{format}: {report.error}"
    (artifact,) = report.artifacts.all()
    return delivery_folder(report) / artifact.name, report.check_values


def test_every_task_is_accounted_for_and_five_formats_agree(edge):
    result = import_file(edge, "Edge")
    summary = result.summary
    assert summary["rows"] == summary["created"] + summary["refused_count"] == TASKS
    assert summary["refused_count"] == 0, files.first_refused(result, 20)
    tasks = json.loads(edge.read_text())
    # a task that was only skipped is no picture with nothing on it
    skipped = [task for task in tasks if task["annotations"] and all(a["was_cancelled"] for a in task["annotations"])]
    keys = {task["data"]["image"] for task in tasks if task not in skipped}
    assert len(keys) == TASKS - 200
    truth: Counter[str] = Counter()
    drawn: Counter[str] = Counter()
    left_out = 0
    for task in tasks:
        for annotation in task["annotations"]:
            if annotation["was_cancelled"]:
                left_out += len(annotation["result"])
                continue
            for region in annotation["result"]:
                if region["type"] == "choices":
                    truth[region["from_name"]] += 1
                else:
                    (name,) = region["value"][region["type"]]
                    truth[name] += 1
                    drawn[name] += 1
    by_status = Counter(StoreRow.objects.values_list("status", flat=True))
    assert by_status == {"to_label": 200, "skipped": 200, "accepted": 200, "review": 1400}

    project = result.project
    for format, read in (("json", counting.of_json), ("ndjson", counting.of_ndjson), ("csv", counting.of_csv)):
        path, values = delivered(project, format)
        assert read(path) == (keys, truth), format
        assert read(path, drawn_only=True) == (keys, drawn), format
        assert values["annotations_by_class"] == dict(sorted(truth.items())), format
        assert (values["rows_kept"], values["rows_dropped"]) == (TASKS - 200, {"labels": 200})
        assert values["labels"]["left_out"] == {"skipped_labels": 200}
        assert values["left_out_by_format"]["skipped_labels"] == left_out

    path, values = delivered(project, "coco_json")
    assert counting.of_coco(path) == (TASKS - 200, drawn)
    assert values["annotations_by_class"] == dict(sorted(drawn.items()))
    answers = truth.total() - drawn.total()
    assert values["left_out_by_format"] == {"classification": answers, "skipped_labels": left_out}

    path, values = delivered(project, "png")
    found, pixels, legend = counting.of_png(path)
    assert found == keys
    assert values["annotations_by_class"] == dict(sorted(drawn.items()))
    assert set(legend) == set(drawn)
    for task in (task for task in tasks if task not in skipped):
        # a class painted later may hide an earlier one; nothing else may appear, and the last one painted shows
        expected = [
            region["value"][region["type"]][0]
            for annotation in task["annotations"]
            for region in annotation["result"]
            if region["type"] != "choices"
        ]
        seen = pixels[task["data"]["image"]] - {0}
        assert seen <= {legend[name] for name in expected}
        if expected:
            assert legend[expected[-1]] in seen


def test_twenty_changed_tasks_are_exactly_what_an_export_since_then_brings(edge):
    first = import_file(edge, "Edge")
    tasks = json.loads(edge.read_text())
    changed = set()
    for index in range(0, 400, 20):
        tasks[index]["data"]["camera"] = "moved"
        changed.add(tasks[index]["data"]["image"])
    edge.write_text(json.dumps(tasks, indent=1))  # other white space, other escapes: only the content counts
    second = import_file(edge, "Edge")
    assert tuple(second.summary[name] for name in ("updated", "unchanged", "created")) == (20, TASKS - 20, 0)
    path, values = delivered(first.project, "ndjson", filter={"updated_after": from_datetime(first.finished_at) + 1})
    assert counting.of_ndjson(path)[0] == changed
    assert values["rows_kept"] == 20
    assert values["rows_dropped"] == {"updated_after": TASKS - 20}
