"""Files of Label Studio's are counted piece by piece, whatever is in them."""

from __future__ import annotations

import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connections.platforms import files
from connections.platforms.base import Wanted
from connections.platforms.label_studio import rows
from connections.platforms.label_studio.rows import Counts
from exportadmin.lib.keys_read import KeysRead

SIZE = 64 << 20


@given(st.lists(st.binary(max_size=9) | st.sampled_from([b"\n", b" ", b"0 1\n", b"\n\n", b"\r\n", b"\t"])))
def test_lines_are_counted_wherever_pieces_end(pieces: list[bytes]):
    whole = b"".join(pieces)
    assert rows._filled_lines(iter(pieces)) == sum(bool(line.strip()) for line in whole.split(b"\n"))


@given(st.lists(st.sampled_from([b"<", b"obj", b"ect>", b"<object>", b"<object", b">", b"<object></object>"])))
def test_objects_are_counted_wherever_pieces_end(pieces: list[bytes]):
    assert rows._objects(iter(pieces)) == b"".join(pieces).count(b"<object>")


def test_keys_are_counted_once():
    keys = KeysRead()
    assert keys.distinct() == 0
    for key in ("a", "b", "a", "None", "'1'", "1"):
        keys.add(key)
    assert (len(keys), keys.distinct()) == (6, 5)


@pytest.mark.parametrize(("format", "name"), [("YOLO", "labels/1.txt"), ("VOC", "Annotations/1.xml")])
def test_a_small_archive_of_one_huge_file_takes_little_memory(tmp_path: Path, format: str, name: str):
    path = tmp_path / "fetched"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, b"\n" * SIZE)
    tracemalloc.start()
    try:
        file = rows.made_of(path, Wanted("ours", format), Counts(rows=1))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert file.notes[rows.IN_ARCHIVE] == 1
    assert peak < 8 * files.PIECE
