"""Consensus and benchmark: the same choices hold for every medium, in every format, and check values tell them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from connections.models import Project
from connections.store.upsert import write_rows
from tests.connections.store.importing import importer, write
from tests.exports.labels.world import ANN, BO, content, export
from tests.support.media import MEDIA, row_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def agreed(project: Project, settings: Any, tmp_path: Path) -> Project:
    """A row of each medium with three labels: Ann's is a benchmark, Bo's was selected, a third was skipped."""
    settings.EXPORTADMIN_HOME = tmp_path
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    rows = []
    for medium in MEDIA:
        row = row_of(medium)
        (of_project,) = row["projects"].values()
        (first,) = of_project["labels"]
        of_project["labels"] = [
            {**copy.deepcopy(first), "id": f"{medium}-{person}", "label_details": {"created_by": person}, **more}
            for person, more in (
                (ANN, {"label_kind": "Benchmark"}),
                (BO, {}),
                ("zoe", {"performance_details": {"skipped": True}}),
            )
        ]
        of_project["project_details"] = {"selected_label_id": f"{medium}-{BO}", "consensus_expected_label_count": 2}
        rows.append(row)
    assert write_rows(project, importer("ndjson", write(tmp_path, rows)).rows()).created == len(MEDIA)
    return project


@pytest.mark.parametrize(
    ("labels", "people", "why"),
    [
        ("all", [ANN, BO, "zoe"], {}),
        ("not_skipped", [ANN, BO], {"skipped_labels": 9}),
        ("selected", [BO], {"skipped_labels": 9, "labels_not_selected": 9}),
        ("ground_truth", [ANN], {"skipped_labels": 9, "labels_not_ground_truth": 9}),
        (f"created_by:{ANN}", [ANN], {"labels_of_others": 18}),
    ],
)
def test_a_choice_takes_the_same_labels_of_every_medium(
    agreed: Project, labels: str, people: list[str], why: dict[str, int]
) -> None:
    report = export(agreed, "json", labels)
    for row in json.loads(content(report)):
        (of_project,) = row["projects"].values()
        assert [label["label_details"]["created_by"] for label in of_project["labels"]] == people
    assert report.check_values["labels"] == {
        "choice": labels,
        "rows_with_several": 9,
        "labels_in_them": 27,
        "rows_leaving_with_several": 9 if len(people) > 1 else 0,
        "left_out": why,
    }
    reports = [export(agreed, format, labels) for format in ("csv", "labellerr_json")]
    held = [each.check_values["annotations_by_kind"] for each in reports]
    assert held == [report.check_values["annotations_by_kind"]] * 2
