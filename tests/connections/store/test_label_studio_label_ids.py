"""A label is called by its annotation's own id, so that a deleted one moves no other's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.connections.store.importing import read, write


@pytest.mark.parametrize(
    ("annotations", "ids"),
    [
        ([{"id": 101}, {"id": 102}, {"id": 103}], ["101", "102", "103"]),
        ([{"id": 102}, {"id": 103}], ["102", "103"]),
        ([{"id": "a"}, {"id": 0, "unique_id": "u"}], ["a", "0"]),
        ([{"unique_id": "u1"}, {"id": None, "unique_id": "u2"}, {}], ["u1", "u2", None]),
    ],
)
def test_a_label_has_the_id_of_its_annotation(tmp_path, annotations: list[dict[str, Any]], ids):
    task = {"id": 1, "data": {"image": "a.jpg"}, "annotations": [{"result": [], **each} for each in annotations]}
    (row,), _ = read("label_studio_json", write(tmp_path, [task]))
    assert [label.label_id for label in row.labels] == ids
