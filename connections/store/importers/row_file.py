"""Files whose pieces are rows: a JSON array of rows, or one row a line."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import closing
from typing import Any, BinaryIO

import orjson

from connections.rows.checks import BadMark
from connections.store.import_row import IncomingRow
from connections.store.importers.base import Importer, Survey
from connections.store.importers.keys import SeenKeys
from exportadmin.lib import json_stream
from exportadmin.lib.errors import UserError
from exportadmin.lib.json_stream import Element, RowRefused

_HEAD_BYTES = 64 * 1024


class RowFileImporter(Importer):
    """An importer that turns an element of the file into a row (or several); a key that comes again is refused."""

    keys_are_once = True

    @abstractmethod
    def convert(self, value: dict[str, Any], position: str) -> IncomingRow:
        """The row of one JSON object.

        Raises :class:`BadMark` or :class:`UserError` with the reason why it cannot be taken.
        """

    def rows_of(self, value: dict[str, Any], position: str) -> list[IncomingRow]:
        """The rows of one JSON object, which go in all together or not at all. Raises as :meth:`convert`."""
        return [self.convert(value, position)]

    def survey(self) -> Survey:
        with self.open() as stream:
            return Survey(sum(1 for _ in self._elements(stream, keep=False)), self.path.stat().st_size)

    def rows(self) -> Iterator[IncomingRow]:
        parse, rows_of = json_stream.parse, self.rows_of
        with self.open() as stream, closing(SeenKeys()) as seen:
            for element in self._elements(stream, keep=True):
                self.rows_seen += 1
                try:
                    value = parse(element)
                    position = element.position()
                    if type(value) is not dict:
                        raise RowRefused(position, f"a row is an object; this is {_kind(value)}")
                    try:
                        rows = rows_of(value, position)
                    except BadMark as error:
                        raise RowRefused(position, str(error)) from None
                    except UserError as error:
                        raise RowRefused(position, error.message) from None
                    for row in rows:
                        first = seen.first_position(row.key, position)
                        if first is not None:
                            raise RowRefused(position, f"the key {row.key[:120]!r} was already used by {first}")
                except RowRefused as refused:
                    self.refuse_row(refused, _value_of(element))
                    continue
                self.rows_seen += len(rows) - 1
                yield from rows

    @staticmethod
    def _elements(stream: BinaryIO, *, keep: bool) -> Iterator[Element]:
        is_array = json_stream.first_byte(stream.read(_HEAD_BYTES)) == b"["
        stream.seek(0)
        return json_stream.elements(stream, keep=keep) if is_array else json_stream.lines(stream, keep=keep)


def _value_of(element: Element) -> Any:
    """What was refused, read anew (converting may have used it up); its text where it cannot be read."""
    try:
        return orjson.loads(element.raw)
    except orjson.JSONDecodeError:
        if (value := json_stream.loosely(element)) is not None:
            return value
        return element.raw[:_HEAD_BYTES].decode("utf-8", "replace")


def _kind(value: Any) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")
