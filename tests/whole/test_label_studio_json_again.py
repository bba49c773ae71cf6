"""``label_studio_json`` read again: rows of any source come back byte for byte; a changed task is read as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from connections.store.import_row import IncomingRow
from tests.support.label_studio import batch_of, rows_of, written
from tests.support.rows import box, mixed, row
from tests.whole.test_backup_property import rows

pytestmark = pytest.mark.slow


def without_embeddings(found: list[IncomingRow]) -> list[IncomingRow]:
    """Which no task carries."""
    for one in found:
        one.embeddings = []
    return found


def again(found: list[IncomingRow], folder: Path) -> list[IncomingRow]:
    return rows_of(json.loads(written(found, folder, "label_studio_json")), folder)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(found=rows().map(without_embeddings))
def test_random_rows_come_back_byte_for_byte(tmp_path: Path, found: list[IncomingRow]):
    before = batch_of(found)[0]
    after = batch_of(again(found, tmp_path))[0]
    assert after.bodies == before.bodies


def test_every_kind_comes_back_byte_for_byte(tmp_path: Path):
    found = mixed(40)
    assert batch_of(again(found, tmp_path))[0].bodies == batch_of(found)[0].bodies


def test_a_row_that_was_changed_there_is_read_as_it_is_there(tmp_path: Path):
    tasks: list[Any] = json.loads(written([row("one.jpg", box("car"))], tmp_path, "label_studio_json"))
    tasks[0]["annotations"][0]["result"][0]["value"]["rectanglelabels"] = ["bus"]
    (found,) = rows_of(tasks, tmp_path)
    assert [mark["name"] for mark in found.labels[0].objects] == ["bus"]
    assert found.key == "one.jpg"
    assert "export_admin" not in json.dumps(found.source_extra)


def test_new_ids_and_times_of_a_server_change_nothing(tmp_path: Path):
    before = [row("one.jpg", box("car"))]
    tasks: list[Any] = json.loads(written(before, tmp_path, "label_studio_json"))
    tasks[0] |= {"id": 77, "created_at": "2027-01-01T00:00:00.000001Z"}
    tasks[0]["annotations"][0] |= {"id": 78, "completed_by": 3, "created_at": "2027-01-01T00:00:00.000001Z"}
    assert batch_of(rows_of(tasks, tmp_path))[0].bodies == batch_of(before)[0].bodies
