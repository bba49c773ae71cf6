"""The numbers of the rows that a delivery holds, small: nothing where they follow each other, else a bit for each
number between the first and the last, or how far each lies from the first, whichever is shorter: at most 8 bytes a row.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from connections.rows.batch import RowBatch
from exportadmin.runs.lease import RunLease
from exports.models import DeliveredRows, ExportReport

# rows that stand together
PIECE: Final = 4096
Numbers = NDArray[np.int64]
_WIDTHS: Final = tuple(np.dtype(f"<u{size}") for size in (1, 2, 4, 8))


class DeliveredNumbers:
    """Numbers as they pass; :meth:`keep` writes them down."""

    def __init__(self) -> None:
        self._waiting: list[int] = []
        self._pieces: list[tuple[int, int, int, bytes]] = []

    def add(self, batch: RowBatch) -> None:
        """The next rows, in any order."""
        self._waiting += batch.numbers
        while len(self._waiting) >= PIECE:
            self._pack()

    def keep(self, report: ExportReport, lease: RunLease) -> None:
        """Write down that these rows are in the delivery of the report, in place of what an earlier attempt wrote.

        Before it is published, so that a delivery which is there is known. Raises :class:`LeaseLost`.
        """
        if self._waiting:
            self._pack()
        with transaction.atomic():
            lease.save(rows_done=sum(rows for _, _, rows, _ in self._pieces))
            forget(report)
            DeliveredRows.objects.bulk_create(
                DeliveredRows(
                    project_id=report.project_id, report=report, first=first, last=last, rows=rows, members=members
                )
                for first, last, rows, members in self._pieces
            )

    def _pack(self) -> None:
        numbers = np.array(self._waiting[:PIECE], np.int64)
        del self._waiting[:PIECE]
        if not (numbers[1:] > numbers[:-1]).all():  # of a store they ascend
            numbers = np.unique(numbers)
        self._pieces.append(packed(numbers))


def forget(report: ExportReport) -> None:
    """The report delivered nothing."""
    DeliveredRows.objects.filter(report=report).delete()


def packed(numbers: Numbers) -> tuple[int, int, int, bytes]:
    """``(first, last, how many, members)`` of numbers that ascend, each once."""
    first, last, count = int(numbers[0]), int(numbers[-1]), len(numbers)
    between = last - first
    if between == count - 1:
        return first, last, count, b""
    offsets = numbers - numbers[0]
    width = next(width for width in _WIDTHS if between <= np.iinfo(width).max)
    if _bits(first, last) <= count * width.itemsize:
        bits = np.zeros(between + 1, np.uint8)
        bits[offsets] = 1
        return first, last, count, np.packbits(bits, bitorder="little").tobytes()
    return first, last, count, offsets.astype(width).tobytes()


def holds(number: int, first: int, last: int, rows: int, members: bytes) -> bool:
    """Is the number among them? (Back from :func:`packed`.)"""
    if not first <= number <= last or not members:
        return first <= number <= last
    offset = number - first
    if len(members) == _bits(first, last):
        return bool(members[offset >> 3] >> (offset & 7) & 1)
    offsets = np.frombuffer(members, f"<u{len(members) // rows}")
    place = int(np.searchsorted(offsets, offset))
    return place < rows and int(offsets[place]) == offset


def _bits(first: int, last: int) -> int:
    """Bytes that it takes to have a bit for each number."""
    return ((last - first) >> 3) + 1
