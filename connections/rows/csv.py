"""A row as CSV lines (RFC 4180: comma, CR LF, quotes only where a cell needs them, UTF-8).

One line an annotation: every object and every classification of every label. A label without annotations, and a row
without labels, has one line whose ``kind`` is empty, so that neither disappears. Relationships are not in CSV.

Two profiles. *exact*: cells are what was stored. *spreadsheet-safe*: what a spreadsheet would run as a formula gets an
apostrophe in front (:mod:`exportadmin.lib.csv_cells`); numbers stay numbers.

Cells that are not plain: ``value`` is the answer's name (radio), a JSON array of names (checklist), the text; for an
object with answers of its own it is a JSON object, question → value (a list of them where a question comes again). An
answer with further answers below it is a JSON object, its name → question → value. ``left`` … ``box_height`` go around
the geometry, in pixels. ``geometry`` is JSON: a polygon's rings ``[[x1,y1,x2,y2,…],…]``, a line ``[x1,y1,…]``, a point
``[x,y]``; for a mask its compressed COCO counts (the size is that of the picture); of other kinds, all that the object
says beyond its names. What does not lie in a picture has an object there that says where it is: its ``frame`` in a
video, ``start``, ``end`` and ``token`` in a text, ``message_id`` in a conversation, ``page_number`` in a document,
``timestamp`` in sound, ``geojson`` on a map; and its shape, where it has one. ``is_skipped`` is ``true`` or ``false``.
``row_data`` is the row's address, empty where it is so long that it is the data themselves; ``file_name`` is as COCO
prints it (:mod:`connections.rows.file_names`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from connections.rows.file_names import FileName, file_name_of
from connections.rows.frames import answers_of, objects_of
from connections.rows.kinds import CLASSIFICATION
from connections.rows.kinds.base import Outline
from connections.rows.kinds.classification import answer_value, answers_by_question
from connections.rows.kinds.places import place_of
from connections.rows.labels import is_skipped
from connections.rows.media import MAX_ADDRESS
from connections.rows.outlines import outlines
from exportadmin.lib.csv_cells import Escape, exact_cell, safe_cell

COLUMNS: tuple[str, ...] = (
    "data_row_id",
    "global_key",
    "external_id",
    "review_status",
    "batch_id",
    "width",
    "height",
    "label_id",
    "label_created_at",
    "label_created_by",
    "annotation_id",
    "kind",
    "class",
    "value",
    "left",
    "top",
    "box_width",
    "box_height",
    "geometry",
    "is_skipped",
    "row_data",
    "file_name",
)
HEADER: bytes = ",".join(COLUMNS).encode("ascii") + b"\r\n"

# columns that a part of the row feeds: empty when the part was not asked for
PART_COLUMNS: dict[str, tuple[str, ...]] = {
    "label_details": ("label_created_at", "label_created_by"),
    "performance_details": ("is_skipped",),
    "project_details": ("review_status", "batch_id"),
}

_dumps = orjson.dumps
_NOTHING: dict[str, Any] = {}


def _json(value: Any) -> str:
    return _dumps(value).decode("utf-8")


def address_of(document: Mapping[str, Any]) -> str:
    """The row's ``row_data``; empty where it is longer than any address: each line would repeat the data themselves."""
    row_data: str = document["data_row"].get("row_data") or ""
    return row_data if len(row_data) <= MAX_ADDRESS else ""


def _lines(
    document: Mapping[str, Any], file_name: str, drawn: Sequence[Outline], escape: Escape, formulas: list[str]
) -> str:
    """All lines of the row. ``isalnum`` is the short cut: such a text is a cell as it stands, in both profiles."""
    data_row = document["data_row"]
    ((_, project),) = document["projects"].items()
    details = project.get("project_details") or _NOTHING
    media = document["media_attributes"]
    texts = (
        data_row["id"],
        data_row.get("global_key") or "",
        data_row.get("external_id") or "",
        details.get("workflow_status") or "",
        details.get("batch_id") or "",
    )
    row = ",".join([text if text.isalnum() else escape(text, formulas) for text in texts])
    width, height = media.get("width"), media.get("height")
    row = f"{row},{'' if width is None else width},{'' if height is None else height}"
    picture = f",{escape(address_of(document), formulas)},{escape(file_name, formulas)}\r\n"
    lines: list[str] = []
    append = lines.append
    rest = iter(drawn)
    for label in project["labels"]:
        who = label.get("label_details") or _NOTHING
        origin = (label["id"], who.get("created_at") or "", who.get("created_by") or "")
        head = ",".join([text if text.isalnum() else escape(text, formulas) for text in origin])
        head = f"{row},{head}"
        says_skipped = (label.get("performance_details") or _NOTHING).get("skipped") is not None
        tail = f"{'true' if is_skipped(label) else 'false'}{picture}" if says_skipped else picture
        annotations = label["annotations"]
        objects = objects_of(annotations)
        answers = answers_of(annotations)
        for mark, (kind, box, geometry, _) in zip(objects, rest, strict=False):
            if geometry:
                geometry = f'"{geometry}"' if kind.is_numbers else escape(geometry, formulas)
            identity, name = mark["feature_id"], mark["name"]
            if not identity.isalnum():
                identity = escape(identity, formulas)
            if not name.isalnum():
                name = escape(name, formulas)
            value = ""
            if mark.get("classifications"):
                value = escape(_json(answers_by_question(mark["classifications"])), formulas)
            append(f"{head},{identity},{kind.key},{name},{value},{box},{geometry},{tail}")
        for answer in answers:
            value = answer_value(answer)
            if not isinstance(value, str):
                value = _json(value)
            identity, name = answer["feature_id"], answer["name"]
            if not identity.isalnum():
                identity = escape(identity, formulas)
            if not name.isalnum():
                name = escape(name, formulas)
            if not value.isalnum():
                value = escape(value, formulas)
            stands = place_of(answer)
            place = escape(_json(stands), formulas) if stands else ""
            append(f"{head},{identity},{CLASSIFICATION.key},{name},{value},,,,,{place},{tail}")
        if not objects and not answers:
            append(f"{head},,,,,,,,,,{tail}")
    if not lines:
        append(f"{row},,,,,,,,,,,,,{picture}")
    return "".join(lines)


def render_csv(
    document: Mapping[str, Any],
    drawn: Sequence[Outline] | None = None,
    *,
    number: int,
    name: FileName | None = None,
) -> tuple[bytes, bytes | None]:
    """``(exact lines, spreadsheet-safe lines)`` of a row, line ends included; ``None`` where the profiles agree.

    ``number`` is the row's; ``drawn`` are its :func:`outlines` and ``name`` its :func:`file_name_of`, if they are at
    hand.
    """
    if drawn is None:
        drawn = outlines(document)
    formulas: list[str] = []
    file_name = str((name or file_name_of(document, number)).text)
    exact = _lines(document, file_name, drawn, exact_cell, formulas).encode("utf-8")
    return exact, _lines(document, file_name, drawn, safe_cell, formulas).encode("utf-8") if formulas else None


_CELL = re.compile(rb'((?:"[^"]*")+|[^",\r\n]*)(,|\r\n)')


def with_columns(lines: bytes, cells: Sequence[str]) -> bytes:
    """Lines (the header, those of a row) with the same further cells at the end of each."""
    end = "".join(f",{cell}" for cell in cells).encode() + b"\r\n"
    if b'"' not in lines:
        return lines.replace(b"\r\n", end)
    return b"".join([cell + (end if after == b"\r\n" else after) for cell, after in _CELL.findall(lines)])


def without_parts(lines: bytes, parts: frozenset[str], *, more: int = 0) -> bytes:
    """Lines of :func:`render_csv` (either profile) with the columns of parts that are not in ``parts`` emptied.

    ``more`` columns stand behind those of :data:`COLUMNS`.
    """
    hidden = {COLUMNS.index(name) for part, names in PART_COLUMNS.items() if part not in parts for name in names}
    if not hidden:
        return lines
    width = len(COLUMNS) + more
    return b"".join(
        [end if place % width in hidden else cell + end for place, (cell, end) in enumerate(_CELL.findall(lines))]
    )
