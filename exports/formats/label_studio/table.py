"""``label_studio_csv`` and ``label_studio_tsv``: a line an annotation, a column a control and a key of the tasks' data.

Columns are sorted by name, as Label Studio's are, and known when the last task was read: the lines wait in a scratch
file. A line is written with the columns that are known by then; lines from before a further column was met are cut
again at the end, which are few in any file whose tasks are alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar, Final

import orjson

from exportadmin.lib.csv_cells import BYTE_ORDER_MARK, defused
from exportadmin.lib.errors import PermanentError
from exports.formats.base import FormatContext, Option
from exports.formats.label_studio.items import COVERED, Item, ItemFormat, items_of
from exports.formats.row_columns import EXACT, PROFILE, SAFE

_BLOCK: Final = 1 << 20
_EMPTY: Final = '""'
_OWN: Final = ("annotation_id", "annotator", "created_at", "lead_time", "updated_at")
_OWN_AT_TIMES: Final = ("agreement", "history", "id")
MOST_COLUMNS: Final = 2_000
# where a column's cells come from: what is the annotation's own, a key of data, a control
_OF_ITEM, _OF_DATA, _OF_CONTROL = range(3)
_Column = tuple[int, str]
_DATA_LEAD: Final = "_data_"
_NUMBERS: Final = frozenset({int, float})


@dataclass(slots=True)
class _Piece:
    """Lines with the same columns, the first so many that were met: how many bytes they are."""

    met: int
    bytes: int = 0


class LabelStudioCsvFormat(ItemFormat):
    """Texts are quoted and numbers are not; what is a list or an object is JSON."""

    key = "label_studio_csv"
    title = "CSV as Label Studio writes it"
    as_of = "Label Studio"
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
        # in the order in which they were met
        self._met: dict[_Column, None] = {(_OF_ITEM, name): None for name in _OWN}
        self._columns: list[_Column] = []
        # that may have to give way to another of their name, and how many cells of each are filled
        self._yielding: list[_Column] = []
        self._filled: Counter[_Column] = Counter()
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
                lines.append(self.separator.join([cells[of].get(name, _EMPTY) for of, name in self._columns]))
                for column in self._yielding:
                    of, name = column
                    self._filled[column] += cells[of].get(name, _EMPTY) != _EMPTY
        self._keep(lines)
        return ()

    def footer(self) -> Iterable[bytes]:
        yield from super().footer()
        if self._safe:
            yield BYTE_ORDER_MARK.encode()
        columns = _columns_of(self._met)
        kept = set(columns.values())
        self._notes[COVERED] += sum(count for column, count in self._filled.items() if column not in kept)
        names = (_quoted(defused(name) if self._safe else name) for name in columns)
        yield f"{self.separator.join(names)}\r\n".encode()
        self._spool.seek(0)
        for piece in self._pieces:
            before = list(_columns_of(islice(self._met, piece.met)).values())
            if before == list(columns.values()):
                yield from self._blocks(piece.bytes)
            else:
                yield from self._cut_again(piece.bytes, before, list(columns.values()))
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
        """Raises :class:`PermanentError` for more than :data:`MOST_COLUMNS`."""
        self._more.update(own)
        self._data.update(data)
        self._controls.update(controls)
        for of, names in ((_OF_ITEM, own), (_OF_DATA, data), (_OF_CONTROL, controls)):
            self._met.update(dict.fromkeys((of, name) for name in names))
        if len(self._met) > MOST_COLUMNS:
            raise PermanentError(
                f"the tasks have more than {MOST_COLUMNS:,} different keys of data and controls, each of which is a "
                "column here: choose label_studio_json or label_studio_json_min, or fewer rows"
            )
        self._columns = list(_columns_of(self._met).values())
        self._yielding = [
            (of, name)
            for of, name in self._met
            if of != _OF_ITEM
            and (
                name in _OWN + _OWN_AT_TIMES
                or name.startswith(_DATA_LEAD)
                or (of == _OF_DATA and name in self._controls)
            )
        ]
        self._pieces.append(_Piece(len(self._met)))

    def _blocks(self, left: int) -> Iterator[bytes]:
        while left:
            block = self._spool.read(min(left, _BLOCK))
            left -= len(block)
            yield block

    def _cut_again(self, left: int, before: Sequence[_Column], columns: Sequence[_Column]) -> Iterator[bytes]:
        """Lines with the columns ``before``, of that many bytes, with all of them; cells that hold line ends go over
        several lines of the file."""
        places: Mapping[_Column, int] = {column: place for place, column in enumerate(before)}
        order = [places.get(column) for column in columns]
        separator, empty = self.separator.encode(), _EMPTY.encode()
        parts: list[bytes] = []
        quotes = 0
        while left:
            parts.append(self._spool.readline(left))
            left -= len(parts[-1])
            quotes += parts[-1].count(b'"')
            if quotes % 2:
                continue
            cells = list(cells_of(b"".join(parts)[:-2], separator))
            yield separator.join([empty if place is None else cells[place] for place in order]) + b"\r\n"
            parts.clear()


class LabelStudioTsvFormat(LabelStudioCsvFormat):
    """The same with tabs."""

    key = "label_studio_tsv"
    title = "TSV as Label Studio writes it"
    help = "As the CSV, with tabs between cells."
    extension = "tsv"
    media_type = "text/tab-separated-values; charset=utf-8; header=present"
    separator = "\t"


def _columns_of(met: Iterable[_Column]) -> dict[str, _Column]:
    """Name → column, sorted. A key of data that is called as a control gives way to it; where two would have one name
    all the same, what is the annotation's own has it, else the control."""
    by_sort: dict[int, list[str]] = {_OF_ITEM: [], _OF_CONTROL: [], _OF_DATA: []}
    for of, name in met:
        by_sort[of].append(name)
    controls = set(by_sort[_OF_CONTROL])
    found: dict[str, _Column] = {}
    for of, names in by_sort.items():
        for name in names:
            shown = f"{_DATA_LEAD}{name}" if of == _OF_DATA and name in controls else name
            found.setdefault(shown, (of, name))
    return dict(sorted(found.items()))


def cells_of(line: bytes, separator: bytes) -> Iterator[bytes]:
    """Of a line, as they stand, in their quotes."""
    begin = 0
    while begin <= len(line):
        end = begin
        if line.startswith(b'"', begin):
            end = line.index(b'"', begin + 1) + 1
            while line.startswith(b'"', end):  # two stand for one
                end = line.index(b'"', end + 1) + 1
        end = line.find(separator, end)
        end = len(line) if end < 0 else end
        yield line[begin:end]
        begin = end + 1


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if '"' in text else f'"{text}"'
