"""However large its rows are, the store hands out all of them, once, in order."""

from __future__ import annotations

import pytest

from connections.rows.batch import BODY, PARTS
from connections.store.upsert import write_rows
from exports.sources import store
from exports.spec.selection import Selection
from tests.support.rows import box, mixed, row

pytestmark = pytest.mark.django_db(transaction=True)


def keys(project) -> list[str]:
    selection = Selection(project_id=project.public_id, parts=frozenset(PARTS))
    with store.StoreSource(project).open(selection, frozenset({BODY})) as reader:
        return [key for batch in reader.batches() for key in batch.global_keys]


@pytest.mark.parametrize("limit", [1, 7, 50, 1000])
def test_batches_of_any_number_of_rows_hold_all_of_them(project, monkeypatch, limit):
    monkeypatch.setattr(store, "BATCH_ROWS", limit)
    write_rows(project, mixed(260), now_ms=1_000)
    assert keys(project) == [f"row-{number:05d}" for number in range(260)]


def test_rows_that_grow_and_shrink_on_the_way_all_arrive(project, monkeypatch):
    monkeypatch.setattr(store, "BATCH_BYTES", 20_000)
    sizes = [0] * 120 + [60] * 40 + [0] * 120
    rows = [row(f"row-{number:05d}", *[box()] * size) for number, size in enumerate(sizes)]
    write_rows(project, rows, now_ms=1_000)
    assert keys(project) == [f"row-{number:05d}" for number in range(len(sizes))]
