"""Rows as Labelbox writes them: the documented keys, its words for statuses, parts absent where they were not asked
for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connections.rows.review_statuses import REVIEW_STATUSES
from connections.store.upsert import write_rows
from exports import actions
from exports.spec.conversion import is_convertible
from exports.spec.spec import ExportSpec
from tests.rest.world import SHELL
from tests.support.deliveries import delivery_folder
from tests.support.rows import answer, box, polygon, row

pytestmark = pytest.mark.django_db(transaction=True)
# texts that look like what is translated; Labelbox's rows say the same
TRAP: Any = {"workflow_status": "accepted", "text": ',"workflow_status":"accepted"'}
OPTIONAL = {
    "data_row_details": ("data_row", "details"),
    "attachments": ("attachments",),
    "metadata_fields": ("metadata_fields",),
    "embeddings": ("embeddings",),
    "label_details": ("projects", "*", "labels", 0, "label_details"),
    "performance_details": ("projects", "*", "labels", 0, "performance_details"),
    "project_details": ("projects", "*", "project_details"),
}


@pytest.fixture(autouse=True)
def filled(project: Any, tmp_path: Path, settings: Any) -> Any:
    settings.EXPORTADMIN_HOME = tmp_path
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    rows = [
        row(
            f"{status}.jpg",
            box("car"),
            polygon("road"),
            answer(),
            status=status,
            batch_id="b-1",
            batch_name='," "workflow_status":"accepted"',
            metadata_fields=[{"schema_name": "trap", "value": "x", **TRAP}],
            attachments=[{"type": "RAW_TEXT", "value": "note"}],
            embeddings=[{"id": "e", "name": "E", "dimensions": 2, "is_custom": True, "values": [{"value": [0.5, 1]}]}],
        )
        for status in REVIEW_STATUSES
    ]
    write_rows(project, rows, now_ms=1_700_000_000_000)
    return project


def exported(project: Any, format_key: str, *include: str) -> list[dict[str, Any]]:
    spec = ExportSpec.parse({"format": format_key, "include": list(include), "labels": "all"}, project)
    report = actions.run_now(project=project, spec=spec, actor=SHELL)
    assert report.status == "completed", report.error
    file = report.artifacts.get()
    raw = (delivery_folder(report) / file.name).read_bytes()
    assert (file.lines, raw.count(b"\n"), raw[-1:]) == (15, 15, b"\n")
    return [json.loads(line) for line in raw.splitlines()]


def at(document: Any, path: tuple[Any, ...]) -> Any:
    """What stands there; ``None``: nothing. ``*`` is the only key."""
    for step in path:
        if step == "*":
            (document,) = document.values()
        elif isinstance(step, int):
            document = document[step]
        elif step not in document:
            return None
        else:
            document = document[step]
    return document


def test_without_parts_a_row_has_what_it_always_has_and_nothing_else(filled: Any):
    for document in exported(filled, "labelbox_ndjson"):
        assert list(document) == ["data_row", "media_attributes", "projects"]
        assert list(document["data_row"]) == ["id", "global_key", "row_data"]
        (project,) = document["projects"].values()
        assert list(project) == ["name", "labels", "project_tags"]
        (label,) = project["labels"]
        assert list(label) == ["label_kind", "version", "id", "annotations"]
        assert list(label["annotations"]) == ["objects", "classifications", "relationships"]


@pytest.mark.parametrize("part", OPTIONAL)
def test_a_part_that_was_asked_for_is_there_and_no_other(filled: Any, part: str):
    (first, *_) = exported(filled, "labelbox_ndjson", part)
    for one, path in OPTIONAL.items():
        assert (at(first, path) is not None) is (one == part), one


def test_the_keys_of_a_whole_row_stand_in_the_documented_order(filled: Any):
    (first, *_) = exported(filled, "labelbox_ndjson", *OPTIONAL)
    assert " ".join(first) == "data_row media_attributes attachments metadata_fields embeddings projects"
    (project,) = first["projects"].values()
    (label,) = project["labels"]
    assert " ".join(label) == "label_kind version id label_details performance_details annotations"
    assert {"dataset_id", "dataset_name", "created_at", "updated_at", "last_activity_at", "created_by"} == set(
        first["data_row"]["details"]
    )
    assert first["data_row"]["details"]["created_at"].endswith("+00:00")


def test_statuses_are_labelboxs_and_nothing_that_looks_like_one_is_touched(filled: Any):
    theirs = exported(filled, "labelbox_ndjson", *OPTIONAL)
    ours = exported(filled, "ndjson", *OPTIONAL)
    found = {}
    for one, other in zip(theirs, ours, strict=True):
        details = at(one, OPTIONAL["project_details"])
        status = at(other, OPTIONAL["project_details"])["workflow_status"]
        found[status] = details["workflow_status"]
        assert one["metadata_fields"][0] | TRAP == one["metadata_fields"][0]
        details["workflow_status"] = status
        assert one == other  # and so nothing else differs
    groups = {"ToLabel": "TO_LABEL", "InReview": "IN_REVIEW", "InRework": "IN_REWORK", "Done": "DONE"}
    assert found == {status: groups[group] for status, group in REVIEW_STATUSES.items()}


def test_the_backup_is_never_in_it_and_so_it_is_not_what_others_are_made_from(filled: Any):
    spec = ExportSpec.parse({"format": "labelbox_ndjson", "include": None}, filled)
    report = actions.run_now(project=filled, spec=spec, actor=SHELL)
    raw = (delivery_folder(report) / report.artifacts.get().name).read_bytes()
    assert b"export_admin" not in raw
    assert not is_convertible(report)
