"""Cells of CSV files (RFC 4180), as they are or so that no spreadsheet runs them."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from typing import Final

# OWASP, "CSV Injection": what a spreadsheet takes for a formula
_FORMULA_STARTS: Final[frozenset[str]] = frozenset("=+-@＝＋－＠\t\r\n")
# A spreadsheet that takes another separator for the file's (";" in most of Europe, TAB, "|") cuts cells in two, and
# then our quotes no longer hold lines together: what stands behind one of these begins a cell there. One pattern each:
# long texts (masks) are searched several times as fast for a single character.
_SIGN_IN_A_CELL: Final = tuple(
    (separator, re.compile(rf'{re.escape(separator)}(?=[ "]*[=+\-@＝＋－＠])')) for separator in ";|\t\n\r"
)
# texts that are cells as they stand and that nothing runs, such as ids and most names: nearly all that there are
_PLAIN: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ .:/#()-]*")
# what a file for people begins with: without it Excel takes UTF-8 for something else
BYTE_ORDER_MARK: Final = "\ufeff"

# who reads our files back: a cell is as long as the mask in it (Python's csv stops at 131,072 characters unasked)
csv.field_size_limit(2**31 - 1)

# a text and the list that takes note of formulas → the cell
Escape = Callable[[str, list[str]], str]


def is_formula(text: str) -> bool:
    """Would a spreadsheet run it, or a part of it? Blanks before a formula do not hinder it."""
    if text.lstrip(" ")[:1] in _FORMULA_STARTS:
        return True
    if ";" not in text and "|" not in text and "\t" not in text and "\n" not in text and "\r" not in text:
        return False  # nearly every text; a loop over them costs three times as much
    for separator, pattern in _SIGN_IN_A_CELL:  # noqa: SIM110 - any() costs three times as much
        if separator in text and pattern.search(text):
            return True
    return False


def defused(text: str) -> str:
    """The text with an apostrophe in front of what a spreadsheet would run, whatever separator it goes by."""
    for separator, pattern in _SIGN_IN_A_CELL:
        if separator in text:
            text = pattern.sub(rf"{separator}'", text)
    return f"'{text}" if text.lstrip(" ")[:1] in _FORMULA_STARTS else text


def exact_cell(text: str, formulas: list[str] | None = None) -> str:
    """The text as a cell, quoted where RFC 4180 asks for it. What a spreadsheet would run is noted in ``formulas``."""
    if _PLAIN.fullmatch(text):
        return text
    if formulas is not None and is_formula(text):
        formulas.append(text)
    if '"' in text:
        return '"' + text.replace('"', '""') + '"'
    if "," in text or "\n" in text or "\r" in text:
        return f'"{text}"'
    return text


def safe_cell(text: str, formulas: list[str] | None = None) -> str:
    """The text as a cell that no spreadsheet runs."""
    return exact_cell(defused(text))
