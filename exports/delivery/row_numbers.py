"""The numbers of the rows that a delivery holds, small: nothing where they follow each other, else a bit for each
number between the first and the last, or how far each lies from the first, whichever is shorter: at most 8 bytes a row.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    """Numbers as they pass; :meth:`keep` writes them down. ``project`` is the key of the one that a row is of where it
    says none."""

    def __init__(self, project: int) -> None:
        self._project = project
        self._rows = 0
        self._waiting: dict[int, list[int]] = {project: []}
        self._pieces: list[tuple[int, tuple[int, int, int, bytes]]] = []

    def add(self, batch: RowBatch) -> None:
        """The next rows, in any order."""
        self._rows += len(batch)
        if batch.origins:
            for origin in batch.origins:
                for project, number in origin.items():
                    self._waiting.setdefault(project, []).append(number)
        else:
            self._waiting[self._project] += batch.numbers
        for project, waiting in self._waiting.items():
            while len(waiting) >= PIECE:
                self._pack(project)

    def keep(self, report: ExportReport, lease: RunLease, revisions: Mapping[int, int | None]) -> None:
        """Write down that these rows are in the delivery of the report, in place of what an earlier attempt wrote.

        ``revisions`` are those of the projects. Before it is published, so that a delivery which is there is known.
        Raises :class:`LeaseLost`.
        """
        for project, waiting in self._waiting.items():
            if waiting:
                self._pack(project)
        with transaction.atomic():
            lease.save(rows_done=self._rows)
            forget(report)
            DeliveredRows.objects.bulk_create(
                DeliveredRows(
                    project_id=project,
                    report=report,
                    first=first,
                    last=last,
                    rows=rows,
                    members=members,
                    revision=revisions.get(project),
                )
                for project, (first, last, rows, members) in self._pieces
            )

    def _pack(self, project: int) -> None:
        numbers = np.array(self._waiting[project][:PIECE], np.int64)
        del self._waiting[project][:PIECE]
        if not (numbers[1:] > numbers[:-1]).all():  # of a store they ascend
            numbers = np.unique(numbers)
        self._pieces.append((project, packed(numbers)))


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
