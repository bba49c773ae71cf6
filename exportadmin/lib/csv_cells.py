"""Cells of CSV files (RFC 4180), as they are or so that no spreadsheet runs them."""

from __future__ import annotations

from collections.abc import Callable

# OWASP, "CSV Injection": what a spreadsheet takes for a formula
_FORMULA_STARTS: frozenset[str] = frozenset("=+-@\t\r\n＝＋－＠")

# a text and the list that takes note of formulas → the cell
Escape = Callable[[str, list[str]], str]


def is_formula(text: str) -> bool:
    """Would a spreadsheet run it? Blanks before a formula do not hinder it."""
    return text.lstrip(" ")[:1] in _FORMULA_STARTS


def defused(text: str) -> str:
    """The text with an apostrophe in front of what a spreadsheet would run."""
    return f"'{text}" if is_formula(text) else text


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
