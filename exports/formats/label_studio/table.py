"""``label_studio_csv`` and ``label_studio_tsv``: a line an annotation, a column a control and a key of the tasks' data.

Columns are sorted by name, as Label Studio's are, and known when the last task was read: the lines wait in a scratch
file. A line is written with the columns that are known by then; lines from before a further column was met are cut
again at the end, which are few in any file whose tasks are alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import orjson

from exportadmin.lib.csv_cells import BYTE_ORDER_MARK, defused
from exports.formats.base import FormatContext, Option
from exports.formats.label_studio.items import Item, ItemFormat, items_of
from exports.formats.row_columns import EXACT, PROFILE, SAFE

_BLOCK: Final = 1 << 20
_EMPTY: Final = '""'
_OWN: Final = ("annotation_id", "annotator", "created_at", "lead_time", "updated_at")
# where a column's cells come from: what is the annotation's own, a key of data, a control
_OF_ITEM, _OF_DATA, _OF_CONTROL = range(3)
_Column = tuple[int, str]
_NUMBERS: Final = frozenset({int, float})


@dataclass(slots=True)
class _Piece:
    """Lines with the same columns: how many bytes they are."""

    columns: list[_Column]
    bytes: int = 0


class LabelStudioCsvFormat(ItemFormat):
    """Texts are quoted and numbers are not; what is a list or an object is JSON."""

    key = "label_studio_csv"
    title = "CSV as Label Studio writes it"
    help = (
        "A line an annotation: the task's data, and a column a control with its regions as JSON, or its one choice or "
        "text. It differs from Label Studio's in this: a slash in JSON stays a slash; an annotator that nobody knows "
        "is empty; with the profile spreadsheet-safe, formulas get an apostrophe."
    )
    extension = "csv"
    media_type = "text/csv; charset=utf-8; header=present"
    options: ClassVar[tuple[Option, ...]] = (PROFILE, *ItemFormat.options)
    separator: ClassVar[str] = ","

    def __init__(self, context: FormatContext) -> None:
        super().__init__(context)
        self._safe = context.options.get(PROFILE.name, EXACT) == SAFE
        self._data: set[str] = set()
        self._controls: set[str] = set()
        self._more: set[str] = set()
        self._pieces: list[_Piece] = []
        self._spool_path = context.scratch / "lines"
        self._spool = self._spool_path.open("w+b")

    def write(self, tasks: list[dict[str, Any]]) -> Iterable[bytes]:
        lines: list[str] = []
        for task in tasks:
            data = {name: self._cell(value) for name, value in task["data"].items()}
            for item in items_of(task):
                own = self._own(item)
                controls = {name: self._cell(value) for name, value in item.outputs.items()}
                if not (
                    self._pieces
                    and data.keys() <= self._data
                    and controls.keys() <= self._controls
                    and own.keys() <= self._more
                ):
                    self._keep(lines)
                    lines = []
                    self._grow(own, data, controls)
                cells = (own, data, controls)
                columns = self._pieces[-1].columns
                lines.append(self.separator.join([cells[of].get(name, _EMPTY) for of, name in columns]))
        self._keep(lines)
        return ()

    def footer(self) -> Iterable[bytes]:
        yield from super().footer()
        if self._safe:
            yield BYTE_ORDER_MARK.encode()
        columns = self._columns()
        names = self.separator.join(_quoted(self._name(column)) for column in columns)
        yield f"{names}\r\n".encode()
        self._spool.seek(0)
        for piece in self._pieces:
            yield from self._blocks(piece.bytes) if piece.columns == columns else self._cut_again(piece, columns)
        self._spool.close()
        self._spool_path.unlink()

    def _keep(self, lines: list[str]) -> None:
        if lines:
            lines.append("")
            self._pieces[-1].bytes += self._spool.write("\r\n".join(lines).encode("utf-8", "surrogatepass"))

    def _own(self, item: Item) -> dict[str, str]:
        annotation, task = item.annotation, item.task
        annotator = item.annotator
        own = {
            "annotation_id": self._cell(annotation.get("id")),
            "annotator": self._cell(str(annotator) if type(annotator) is int else annotator),
            "created_at": self._cell(annotation.get("created_at")),
            "lead_time": self._cell(annotation.get("lead_time")),
            "updated_at": self._cell(annotation.get("updated_at")),
        }
        if task["id"] is not None:
            own["id"] = self._cell(task["id"])
        if "agreement" in task:
            own["agreement"] = self._cell(task["agreement"])
        if annotation.get("history"):
            own["history"] = self._cell(annotation["history"])
        return own

    def _cell(self, value: Any) -> str:
        kind = type(value)
        if kind in _NUMBERS:
            return repr(value)
        if value is None:
            return _EMPTY
        if kind is bool:
            return str(value)
        text = value if kind is str else orjson.dumps(value).decode()
        if self._safe:
            text = defused(text)
        return _quoted(text)

    # --- columns -----------------------------------------------------------------------------------------------------

    def _grow(self, own: Iterable[str], data: Iterable[str], controls: Iterable[str]) -> None:
        self._more.update(own)
        self._data.update(data)
        self._controls.update(controls)
        self._pieces.append(_Piece(self._columns()))

    def _columns(self) -> list[_Column]:
        """By their names; the last says a name's cell where two would have the same."""
        found = {self._name((_OF_ITEM, name)): (_OF_ITEM, name) for name in self._more.union(_OWN)}
        for of, names in ((_OF_CONTROL, self._controls), (_OF_DATA, self._data)):
            for name in names:
                found.setdefault(self._name((of, name)), (of, name))
        return [found[name] for name in sorted(found)]

    def _name(self, column: _Column) -> str:
        """A key of data that is called as a control gives way to it."""
        of, name = column
        return f"_data_{name}" if of == _OF_DATA and name in self._controls else name

    def _blocks(self, left: int) -> Iterator[bytes]:
        while left:
            block = self._spool.read(min(left, _BLOCK))
            left -= len(block)
            yield block

    def _cut_again(self, piece: _Piece, columns: list[_Column]) -> Iterator[bytes]:
        """Lines of fewer columns with all of them; cells that hold line ends go over several lines of the file."""
        places: Mapping[_Column, int] = {column: place for place, column in enumerate(piece.columns)}
        order = [places.get(column) for column in columns]
        separator, empty = self.separator.encode(), _EMPTY.encode()
        cell = re.compile(rb'("(?:[^"]|"")*"|[^"%b]*)(?:%b|\Z)' % (separator, separator))
        left, line = piece.bytes, b""
        while left:
            more = self._spool.readline(left)
            left -= len(more)
            line += more
            if line.count(b'"') % 2:
                continue
            cells = cell.findall(line[:-2])
            yield separator.join([empty if place is None else cells[place] for place in order]) + b"\r\n"
            line = b""


class LabelStudioTsvFormat(LabelStudioCsvFormat):
    """The same with tabs."""

    key = "label_studio_tsv"
    title = "TSV as Label Studio writes it"
    help = "As the CSV, with tabs between cells."
    extension = "tsv"
    media_type = "text/tab-separated-values; charset=utf-8; header=present"
    separator = "\t"


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if '"' in text else f'"{text}"'
