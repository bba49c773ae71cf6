"""What both of Labellerr's shapes say of a file: its id, name, status and times, in Labellerr's words."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, Final

import orjson

from connections.rows.batch import OntologyClass, RowBatch
from connections.rows.body import BodyPrinter
from exportadmin.lib.errors import UserError
from exportadmin.lib.times import parse_ms

# ours → theirs, where they differ: the text None, for a file that nobody works on
_STATUSES: Final = {"to_label": "None"}
# of a row, what is read where it was asked for
PARTS_READ: Final = frozenset({"data_row_details"})


def status_of(batch: RowBatch, place: int, parts: frozenset[str]) -> str | None:
    """A row's review status in Labellerr's words; ``None`` where the part that says it was not asked for."""
    return _STATUSES.get(batch.statuses[place], batch.statuses[place]) if "project_details" in parts else None


def ours(status: str) -> str:
    """One of Labellerr's in ours; a word that is none stays as it is."""
    return next((mine for mine, known in _STATUSES.items() if known == status), status)


def read_rows(batch: RowBatch, parts: frozenset[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """``(place, row)`` of each row of the batch, one parsed at a time, with these parts."""
    printer = BodyPrinter(parts, "")
    for place, body in enumerate(batch.bodies):
        yield place, orjson.loads(printer.join([body], (), b""))


def created_ms(document: dict[str, Any]) -> int | None:
    """When the row's source made it; ``None`` where that is not known, or the part that says it was not asked for."""
    stated = (document["data_row"].get("details") or {}).get("created_at")
    try:
        return parse_ms(stated) if stated else None
    except UserError:
        return None


def question_id(project_id: str, one: OntologyClass) -> str:
    """An id for a class or question that is the same in every export of the project."""
    sort = "question" if one.is_question else "class"
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{project_id}/{sort}/{one.number}"))
