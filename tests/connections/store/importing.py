"""What the tests of the importers share."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from connections.store.import_row import IncomingRow
from connections.store.importers import IMPORTERS
from connections.store.importers.base import Importer

HOSTILE_NAMES = [
    "../../x",
    "a/b\r\nX: y",
    "\U0001f600" * 300,
    "=HYPERLINK(1)",
    "C:\\con",
    "<script>alert(1)</script>",
    "\u202egnp.exe",
    "a\u2028b\x1e\x1d",
]

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**66), 2**66),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "x", "\u00e9\x1e", [], {}, [[]], [{}], {"a": 1}, [1, 2], ["x", 3], -5, 1e308, 0]),
)


def write(folder: Path, content: Any, name: str = "file.json") -> Path:
    """A file with this text, these bytes, or this value as JSON."""
    path = folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        text = content if isinstance(content, str) else json.dumps(content)
        path.write_text(text, encoding="utf-8")
    return path


def importer(key: str, path: Path, status: str | None = None, project_key: str = "project-1") -> Importer:
    return IMPORTERS[key](path, default_status=status, project_key=project_key)


def read(
    key: str, path: Path, status: str | None = None, *, rows_are_elements: bool = True
) -> tuple[list[IncomingRow], Importer]:
    """All rows, after the survey, and the importer with its account, which has to add up. Where an element of the file
    may become several rows the survey knows fewer."""
    survey = importer(key, path, status).survey()
    reading = importer(key, path, status)
    rows = list(reading.rows())
    assert reading.rows_seen == len(rows) + reading.rows_refused
    assert survey.rows_total == reading.rows_seen or (survey.rows_total < reading.rows_seen and not rows_are_elements)
    assert survey.bytes_total == path.stat().st_size
    assert reading.refused_count >= reading.rows_refused
    assert len(reading.refused) == min(reading.refused_count, 1000)
    assert len({row.key for row in rows}) == len(rows)
    return rows, reading


def places_in(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths to everything in a JSON value, itself left out."""
    found: list[tuple[Any, ...]] = [here] if here else []
    if isinstance(value, dict):
        for key, each in value.items():
            found += places_in(each, (*here, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            found += places_in(each, (*here, index))
    return found


def replaced(value: Any, place: tuple[Any, ...], by: Any, *, take_out: bool = False) -> Any:
    """A copy in which one thing is another, or not there."""
    value = copy.deepcopy(value)
    around = value
    for step in place[:-1]:
        around = around[step]
    if take_out:
        del around[place[-1]]
    else:
        around[place[-1]] = by
    return value
