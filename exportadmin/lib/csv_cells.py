"""Cells of CSV files (RFC 4180), as they are or so that no spreadsheet runs them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

# OWASP, "CSV Injection": what a spreadsheet takes for a formula
_FORMULA_STARTS: Final[frozenset[str]] = frozenset("=+-@＝＋－＠\t\r\n")
# A spreadsheet that takes another separator for the file's (";" in most of Europe, TAB, "|") cuts cells in two, and
# then our quotes no longer hold lines together: what stands behind one of these begins a cell there.
_SIGN_IN_A_CELL: Final = re.compile(r'[;|\t\n\r](?=[ "]*[=+\-@＝＋－＠])')
# what a file for people begins with: without it Excel takes UTF-8 for something else
BYTE_ORDER_MARK: Final = "\ufeff"

# a text and the list that takes note of formulas → the cell
Escape = Callable[[str, list[str]], str]


def is_formula(text: str) -> bool:
    """Would a spreadsheet run it, or a part of it? Blanks before a formula do not hinder it."""
    if text.lstrip(" ")[:1] in _FORMULA_STARTS:
        return True
    if ";" in text or "|" in text or "\t" in text or "\n" in text or "\r" in text:  # spares most texts the search
        return _SIGN_IN_A_CELL.search(text) is not None
    return False


def defused(text: str) -> str:
    """The text with an apostrophe in front of what a spreadsheet would run, whatever separator it goes by."""
    text = _SIGN_IN_A_CELL.sub(r"\g<0>'", text)
    return f"'{text}" if text.lstrip(" ")[:1] in _FORMULA_STARTS else text


def exact_cell(text: str, formulas: list[str] | None = None) -> str:
    """The text as a cell, quoted where RFC 4180 asks for it. What a spreadsheet would run is noted in ``formulas``."""
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
