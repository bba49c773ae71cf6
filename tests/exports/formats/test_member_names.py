"""Names of files in an archive: unique on every file system, and never a way out of a folder."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.formats.member_names import UniqueNames, stem_of


@pytest.mark.parametrize(
    ("file_name", "stem"),
    [
        ("photo.jpg", "photo"),
        ("photo.v2.jpg", "photo.v2"),
        ("north/a b.jpg", "north/a b"),
        ("b é.png", "b é"),
        ("photo", "photo"),
        ("../../etc/passwd", "etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("..\\..\\secret.txt", "secret"),
        ("C:\\x\\y.png", "C_/x/y"),
        ("a/./b/../c.jpg", "a/b/c"),
        ("a\x00b.jpg", "a_b"),
        ("a\u202egpj.exe", "a_gpj"),
        ("file:///etc/passwd", "file_/etc/passwd"),
        (".hidden.jpg", "hidden"),
        ("con.jpg", "_con"),
        ("AUX/nul.tar.gz", "_AUX/_nul.tar"),
        ("... .jpg", "jpg"),
        ("..", ""),
        ("", ""),
        (17, "17"),
        (None, "None"),
    ],
)
def test_a_stem_is_a_plain_relative_path(file_name, stem):
    assert stem_of(file_name) == stem


@given(st.text(max_size=400))
def test_no_name_leads_out_of_a_folder(file_name):
    stem = stem_of(file_name.replace("\ud800", ""))
    assert len(stem.encode()) <= 8 * 151
    for part in filter(None, stem.split("/")):
        assert not re.search(r'[\\:*?"<>|\x00-\x1f\x7f]', part)
        assert part.strip(".") == part or not part.startswith(".")
        assert part not in (".", "..")
    assert not stem.startswith("/")


def test_a_name_that_was_given_has_the_number_of_the_row_in_front():
    names = UniqueNames()
    assert names.take(["a", "A", "a", "b/ä"], [1, 2, 3, 4]) == ["a", "000000000002-A", "000000000003-a", "b/ä"]
    assert names.take(["B/a\u0308", "", "000000000009-c"], [5, 6, 7]) == [
        "B/000000000005-a\u0308",
        "000000000006",
        "000000000009-c",
    ]
    # also a name that looks like one of ours
    assert names.take(["c", "C"], [8, 9]) == ["c", "000000000009-000000000009-C"]


@given(st.lists(st.lists(st.sampled_from(["a", "A", "b", "ß", "SS", "x/a", ""]), max_size=9), max_size=9))
def test_no_two_are_the_same_whatever_the_batches(batches):
    names = UniqueNames()
    given_names: list[str] = []
    for batch in batches:
        numbers = range(len(given_names), len(given_names) + len(batch))
        given_names += names.take(batch, list(numbers))
    folded = [name.casefold() for name in given_names]
    assert len(set(folded)) == len(folded) == sum(map(len, batches))
    assert "" not in folded


def test_it_remembers_eight_bytes_of_a_name():
    names = UniqueNames()
    for start in range(0, 30_000, 300):
        numbers = list(range(start, start + 300))
        names.take([f"photo-{number}" for number in numbers], numbers)
    assert sum(known.nbytes for known in names._known) == 8 * 30_000
    assert len(names._known) < 16
    assert names.take(["photo-7"], [1]) == ["000000000001-photo-7"]
