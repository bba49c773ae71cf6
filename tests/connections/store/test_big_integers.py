"""A whole number beyond 64 bits refuses its row, whatever file it came in: it would come out rounded."""

from __future__ import annotations

import pytest

from tests.connections.store.coco_files import coco, image, mark
from tests.connections.store.importing import read, write

BEYOND = 2**64 + 1


def rows(key: str, number: int) -> object:
    if key == "coco_json":
        return coco([image(1, phash=number), image(2, "b.jpg")], [mark(2)])
    if key == "label_studio_json":
        return [{"id": 1, "data": {"image": "a.jpg", "uid": number}}, {"id": 2, "data": {"image": "b.jpg"}}]
    return [{"data_row": {"id": "a", "hash": number}}, {"data_row": {"id": "b"}}]


@pytest.mark.parametrize("key", ["coco_json", "label_studio_json", "ndjson"])
def test_a_number_beyond_64_bits_refuses_its_row(tmp_path, key):
    good, reading = read(key, write(tmp_path, rows(key, BEYOND)))
    assert len(good) == 1
    (refused,) = reading.refused
    assert refused.reason == f"the whole number {BEYOND} is beyond 64 bits and would lose digits; write it as a text"


@pytest.mark.parametrize("key", ["coco_json", "label_studio_json", "ndjson"])
@pytest.mark.parametrize("number", [2**64 - 1, -(2**63), 2**53 + 1])
def test_a_number_of_64_bits_goes_in(tmp_path, key, number):
    good, _ = read(key, write(tmp_path, rows(key, number)))
    assert len(good) == 2
    assert str(number) in repr(good[0])
