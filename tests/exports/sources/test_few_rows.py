"""A condition that keeps few of a project's rows finds them by an index; what is read is the same either way."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from connections.rows.batch import BODY
from connections.store.upsert import write_rows
from exports.sources import source_of, store
from exports.spec.spec import ExportSpec
from tests.support.rows import box, row

pytestmark = pytest.mark.django_db(transaction=True)

FILTERS: list[dict[str, Any]] = [
    {"global_keys": ["k3", "k21", "nosuch"]},
    {"data_row_ids": ["r5", "nosuch"]},
    {"dataset_ids": ["ds-1"]},
    {"dataset_ids": ["Set 1", "ds-2"]},
    {"batch_ids": ["b-0", "b-1"], "statuses": ["accepted"]},
    {"dataset_ids": ["Set 1"], "batch_ids": ["b-1"], "with_annotations": True},
    {"statuses": ["accepted"]},
    {"workflow_status": ["Done"]},
    {"since_revision": 1},
    {"global_keys": ["nosuch"]},
]


@pytest.fixture
def filled(project):
    def made(number: int):
        found = row(
            f"k{number}",
            *[box()] * (number % 2),
            row_id=f"r{number}",
            status="accepted" if number % 9 == 0 else "review",
            dataset_id=f"ds-{number % 8}",
            batch_id=f"b-{number % 5}",
        )
        found.dataset = f"Set {number % 8}"
        return found

    write_rows(project, [made(number) for number in range(40)])
    write_rows(project, [made(number) for number in range(38, 42)])
    return project


def read(project, filter_: dict[str, Any]) -> tuple[list[bytes], int | None, dict[str, int], list[str]]:
    """The bodies, how many were promised, what was dropped, and how the database found the rows."""
    plans: list[str] = []
    selection = ExportSpec.parse({"format": "ndjson", "filter": filter_}, project).selection
    with source_of(project).open(selection, frozenset({BODY})) as reader:
        database = reader._database
        sql, params = reader._kept.order_by("id").query.get_compiler(connection=database).as_sql()
        with database.cursor() as cursor:
            if database.vendor == "sqlite":
                cursor.execute(f"EXPLAIN QUERY PLAN {sql}", params)
            else:  # of so few rows it would read the table
                cursor.execute("SET LOCAL enable_seqscan = off")
                cursor.execute(f"EXPLAIN {sql}", params)
            plans = [str(line[-1]) for line in cursor.fetchall()]
        bodies = [body for batch in reader.batches() for body in batch.bodies]
        return bodies, reader.rows_expected, {key: n for key, n in reader.dropped_at_source.items() if n}, plans


def test_rows_that_are_few_are_the_rows_that_a_walk_along_the_table_finds(filled, monkeypatch):
    for filter_ in FILTERS:
        found = []
        for few in (0, 10**9):  # always by the index, and never
            monkeypatch.setattr(store, "FEW", few)
            found.append(read(filled, filter_)[:3])
        assert found[0] == found[1], filter_
        bodies, expected, dropped = found[0]
        assert len(bodies) == expected, filter_
        assert expected + sum(dropped.values()) == 42, filter_


@pytest.mark.parametrize(
    ("filter_", "index"),
    [
        ({"dataset_ids": ["ds-1"]}, "row_dataset"),
        ({"batch_ids": ["b-1"]}, "row_batch"),
        ({"since_revision": 1}, "row_revision"),
    ],
)
def test_the_database_looks_them_up_and_reads_no_other_row(filled, monkeypatch, filter_, index):
    monkeypatch.setattr(store, "FEW", 0)
    *_, plan = read(filled, filter_)
    if connection.vendor == "postgresql":  # it takes whichever index is as good for so few rows
        assert any("Index Cond: (id = " in line for line in plan), plan
    else:
        assert index in " ".join(plan)
    assert not any("SCAN store_storerow" in line or "Seq Scan" in line for line in plan), plan
    assert not any("(id>?" in line for line in plan), plan
