"""Cells that no spreadsheet runs, whichever separator it takes for the file's."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exportadmin.lib.csv_cells import defused, exact_cell, is_formula, safe_cell

SIGNS = "=+-@＝＋－＠"
TEXTS = st.text(
    st.one_of(st.sampled_from(list("=+-@＝＋－＠\t\r\n\",;|' ")), st.characters(exclude_categories=["Cs"])), max_size=12
)


@pytest.mark.parametrize(
    "text, safe",
    [
        ("=1+1", "'=1+1"),
        ("  @SUM(1)", "'  @SUM(1)"),
        ("\tx", "'\tx"),
        ("north;=1+1", "north;'=1+1"),
        ("north; -1", "north;' -1"),
        ("a\t+1|@x", "a\t'+1|'@x"),
        ('say ;"=1"', 'say ;\'"=1"'),
        ("two\n=lines", "two\n'=lines"),
        ("two\r\n＝lines", "two\r\n'＝lines"),
    ],
)
def test_an_apostrophe_stands_before_whatever_begins_a_cell_like_a_formula(text: str, safe: str):
    assert (is_formula(text), defused(text)) == (True, safe)


@pytest.mark.parametrize("text", ["", "photo-1.jpg", "a, -3", "1-2;3", "a;b|c\td", "two\r\nlines", "'=1", "a=b; c"])
def test_a_text_that_nothing_would_run_stays_as_it_is(text: str):
    assert (is_formula(text), defused(text)) == (False, text)


@given(TEXTS)
def test_what_is_safe_is_safe_already(text: str):
    assert defused(defused(text)) == defused(text)
    assert is_formula(text) is (defused(text) != text)


@given(st.lists(st.lists(TEXTS, min_size=3, max_size=3), min_size=1, max_size=3))
def test_no_reader_finds_a_formula_in_a_file_of_safe_cells(rows: list[list[str]]):
    file = "".join(",".join(map(safe_cell, row)) + "\r\n" for row in rows)
    for separator in ",;\t|":
        for line in csv.reader(io.StringIO(file, newline=""), delimiter=separator):
            for cell in line:
                assert cell.lstrip(" ")[:1] not in tuple(SIGNS), (separator, cell)


@given(st.lists(TEXTS, min_size=2, max_size=4))
def test_exact_cells_come_back_as_they_were(texts: list[str]):
    file = ",".join(map(exact_cell, texts)) + "\r\n"
    assert list(csv.reader(io.StringIO(file, newline=""), strict=True)) == [texts]
