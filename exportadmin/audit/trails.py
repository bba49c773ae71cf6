"""Where a trail is read from to be verified: the database, or a file that was exported.

An entry is the mapping of its stored columns (:data:`exportadmin.audit.chain.STORED`), or some of them with the
``document`` that is hashed and the ``digest`` that it gives. One that cannot be read is ``{"sequence", "error"}`` and
the last that is given.
"""

from __future__ import annotations

import hashlib
import json
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from django.db import DatabaseError

from exportadmin.audit import chain
from exportadmin.audit.canonical import canonical
from exportadmin.audit.models import AuditEntry, AuditHead
from exportadmin.lib.errors import UserError

PAGE = 500
# the last member of a line: its name sorts behind all the others
_SEQUENCE: Final = re.compile(rb',"sequence":(-?\d{1,18})}\Z', re.ASCII)
_UNKNOWN: Final = -(1 << 62)
# an entry has a few texts of 10,000 characters at most
LONGEST_LINE: Final = 1 << 22
Head = tuple[int, str]
Row = dict[str, Any]


class Trail(Protocol):
    """What :func:`exportadmin.audit.verify.verify` asks."""

    @property
    def fault(self) -> tuple[int, str] | None:
        """An entry that was moved, and how."""
        ...

    def rows(self, after: int, last: int | None = None) -> Iterator[Row]:
        """Entries behind ``after``, up to ``last``, in order."""
        ...

    def lowest(self) -> int | None:
        """The first entry's number."""
        ...

    def highest(self) -> int:
        """The highest number that an entry or the head has."""
        ...

    def head(self) -> Head | None:
        """What the trail itself says is its last entry."""
        ...

    def count(self, last: int) -> int:
        """How many entries there are up to ``last``."""
        ...

    def follower(self, previous_hash: str, after: int) -> int | None:
        """The lowest number behind ``after`` of an entry that follows the one with that hash."""
        ...

    def has_twin(self, hashed: str, sequence: int) -> bool:
        """Does another entry than ``sequence`` have this hash?"""
        ...


class DatabaseTrail:
    """That of the database; read a page at a time, while others may go on to write."""

    fault = None

    def rows(self, after: int, last: int | None = None) -> Iterator[Row]:
        size = PAGE
        while True:
            following = AuditEntry.objects.filter(sequence__gt=after).order_by("sequence")
            if last is not None:
                following = following.filter(sequence__lte=last)
            try:
                page = list(following.values(*chain.STORED)[:size])
            except (DatabaseError, UnicodeDecodeError):
                if size > 1:  # find out which one it is
                    size = 1
                    continue
                place = following.values_list("sequence", flat=True).first()
                yield {"sequence": place, "error": "its text is not UTF-8"}
                return
            yield from page
            if len(page) < size:
                return
            after = page[-1]["sequence"]

    def lowest(self) -> int | None:
        return AuditEntry.objects.order_by("sequence").values_list("sequence", flat=True).first()

    def highest(self) -> int:
        highest = AuditEntry.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0
        head = AuditHead.objects.values_list("sequence", flat=True).first() or 0
        return max(highest, head)

    def head(self) -> Head | None:
        return AuditHead.objects.values_list("sequence", "hash").first()

    def count(self, last: int) -> int:
        return AuditEntry.objects.filter(sequence__lte=last).count()

    def follower(self, previous_hash: str, after: int) -> int | None:
        following = AuditEntry.objects.filter(previous_hash=previous_hash, sequence__gt=after)
        return following.order_by("sequence").values_list("sequence", flat=True).first()

    def has_twin(self, hashed: str, sequence: int) -> bool:
        return AuditEntry.objects.filter(hash=hashed).exclude(sequence=sequence).exists()


class ExportedTrail:
    """The whole trail as it was exported (:func:`exportadmin.audit.serialize.ndjson`): an entry a line, newest first.

    Memory: 16 bytes an entry. Such a file holds no head: the last entry in it is taken for it. ``fault``: the number
    of the first entry that stands behind the wrong one, and which; the other way round is as good for the whole file.
    """

    def __init__(self, path: Path) -> None:
        """Raises :class:`UserError` for a file that cannot be read."""
        self._path = path
        self.fault: tuple[int, str] | None = None
        self._sequences, self._offsets = array("q"), array("q")
        try:
            with path.open("rb") as file:
                self._index(file)
        except OSError as error:
            raise UserError(f"{path} cannot be read: {error.strerror or error}", field="export") from error

    def _index(self, file: BinaryIO) -> None:
        for offset, line in _lines(file):
            found = _SEQUENCE.search(line)
            self._sequences.append(int(found[1]) if found else _UNKNOWN)
            self._offsets.append(offset)
        first = next((sequence for sequence in self._sequences if sequence != _UNKNOWN), 0)
        step = (
            1 if first < next((sequence for sequence in reversed(self._sequences) if sequence != _UNKNOWN), 0) else -1
        )
        for place, sequence in enumerate(self._sequences):
            if sequence == _UNKNOWN:  # that which belongs there
                self._sequences[place] = self._sequences[place - 1] + step if place else first - step
            elif place and (sequence - self._sequences[place - 1]) * step <= 0 and self.fault is None:
                before = self._sequences[place - 1]
                self.fault = sequence, f"it stands behind entry {before} in line {place + 1} of the file"
        if self.fault is not None:
            order = sorted(range(len(self._sequences)), key=self._sequences.__getitem__)
            self._sequences = array("q", (self._sequences[place] for place in order))
            self._offsets = array("q", (self._offsets[place] for place in order))
        elif step < 0:
            self._sequences.reverse()
            self._offsets.reverse()

    def rows(self, after: int, last: int | None = None) -> Iterator[Row]:
        with self._path.open("rb") as file:
            for place in range(bisect_right(self._sequences, after), len(self._sequences)):
                sequence = self._sequences[place]
                if last is not None and sequence > last:
                    return
                file.seek(self._offsets[place])
                try:
                    yield _row(file.readline(LONGEST_LINE).rstrip(b"\n"))
                except ValueError as error:
                    yield {"sequence": sequence, "error": str(error)}
                    return

    def lowest(self) -> int | None:
        return self._sequences[0] if self._sequences else None

    def highest(self) -> int:
        return self._sequences[-1] if self._sequences else 0

    def head(self) -> Head | None:
        last = next(self.rows(self.highest() - 1), None)
        return None if last is None else (last["sequence"], last.get("hash", ""))

    def count(self, last: int) -> int:
        return bisect_right(self._sequences, last)

    def follower(self, previous_hash: str, after: int) -> int | None:
        found = (row["sequence"] for row in self.rows(after) if row.get("previous_hash") == previous_hash)
        return next(found, None)

    def has_twin(self, hashed: str, sequence: int) -> bool:
        everything = self.rows((self.lowest() or 0) - 1)
        return any(row.get("hash") == hashed and row["sequence"] != sequence for row in everything)


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    offset = 0
    while line := file.readline(LONGEST_LINE):
        yield offset, line.rstrip(b"\n")
        offset += len(line)


def _row(line: bytes) -> Row:
    """An exported entry, with its ``document`` and the ``digest`` that it gives. Raises ``ValueError``."""
    try:
        document = json.loads(line)
        if not isinstance(document, dict) or set(document) != _MEMBERS:
            raise ValueError("it has not the members of one")
        if canonical(document) != line:
            raise ValueError("it is not in canonical form")
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    hashed = document.pop("hash")
    if document["scheme"] != chain.SCHEME or type(document["sequence"]) is not int or not isinstance(hashed, str):
        raise ValueError("it is of another scheme")
    # canonical without the hash: only texts and numbers stand behind it, in which nothing can look like it
    front, _, back = line.rpartition(b'"hash":"%s",' % hashed.encode())
    return {
        "sequence": document["sequence"],
        "at_ms": document["at_ms"],
        "previous_hash": document["previous_hash"],
        "hash": hashed,
        "document": document,
        "digest": hashlib.sha256(front + back).hexdigest(),
    }


_MEMBERS: Final = {chain.JSON_FIELDS.get(column, column) for column in chain.STORED} | {"scheme"}
