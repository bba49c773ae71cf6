"""Is the trail what was written? Walks the chain from the first entry to the head, in flat memory.

What each kind means:

* ``altered``: an entry's fields do not give its hash, or it was rewritten together with its hash;
* ``missing``: an entry is gone from the middle;
* ``reordered``: an entry stands in another one's place;
* ``duplicated``: an entry stands there twice;
* ``truncated``: the trail ends before its head, or before a head that was kept elsewhere.

A chain rewritten whole, with its head, is consistent in itself: only a kept head shows that (a manifest carries one).
Writers may go on while this runs: entries appear in the order of their sequence, and the head is read after them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.db import DatabaseError

from exportadmin.audit import chain
from exportadmin.audit.canonical import canonical
from exportadmin.audit.models import GENESIS, AuditEntry, AuditHead
from exportadmin.lib import times
from exportadmin.lib.errors import UserError

ALTERED, MISSING, REORDERED, DUPLICATED, TRUNCATED = "altered", "missing", "reordered", "duplicated", "truncated"
PAGE = 500
Head = tuple[int, str]
Row = dict[str, Any]
_HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``entries`` were found in order, the first written at ``since_ms``; ``head`` is the last of them.

    Where the trail is broken, ``kind`` and ``sequence`` name the first bad entry and ``message`` says it in words.
    """

    entries: int
    since_ms: int | None
    head: Head
    kind: str | None = None
    sequence: int | None = None
    message: str = ""

    @property
    def unbroken(self) -> bool:
        """Is all of it as it was written?"""
        return self.kind is None

    @property
    def summary(self) -> str:
        """One line for a person."""
        if self.kind is not None:
            return f"the audit trail is broken at entry {self.sequence} ({self.kind}): {self.message}"
        counted = f"{self.entries:,} entr{'y' if self.entries == 1 else 'ies'}"
        since = f", unbroken since {times.iso_utc(self.since_ms)[:19]}Z" if self.since_ms is not None else ", none yet"
        return f"{counted}{since}, head {self.head[0]}:{self.head[1]}"

    def as_json(self) -> dict[str, Any]:
        """For ``--json`` and REST."""
        kept = asdict(self)
        kept["head"] = {"sequence": self.head[0], "hash": self.head[1]}
        return {"unbroken": self.unbroken, **kept, "summary": self.summary}


class _BrokenError(Exception):
    def __init__(self, kind: str, sequence: int, message: str) -> None:
        super().__init__(message)
        self.kind, self.sequence, self.message = kind, sequence, message


def parse_head(text: str) -> Head:
    """``SEQUENCE:HASH`` as it stands in manifests and in the command's output. Raises :class:`UserError`."""
    found = _HEAD.fullmatch(text.strip())
    if found is None:
        raise UserError(f"{text[:80]!r} is not a head: expected SEQUENCE:HASH, the hash in 64 hex digits", field="head")
    return int(found[1]), found[2]


def verify(kept_head: Head | None = None) -> Verdict:
    """Walk the trail. ``kept_head`` is a head that was kept elsewhere, for example in a manifest."""
    walk = _Walk(kept_head)
    try:
        walk.run()
    except _BrokenError as broken:
        return Verdict(walk.last, walk.since_ms, walk.head, broken.kind, broken.sequence, broken.message)
    return Verdict(walk.last, walk.since_ms, walk.head)


class _Walk:
    """Where the walk stands: ``last`` good entry and its hash."""

    def __init__(self, kept_head: Head | None) -> None:
        self.kept = kept_head
        self.last = 0
        self.hash = GENESIS
        self.since_ms: int | None = None

    @property
    def head(self) -> Head:
        return self.last, self.hash

    def run(self) -> None:
        lowest = AuditEntry.objects.order_by("sequence").values_list("sequence", flat=True).first()
        if lowest is not None and lowest < 1:
            raise _BrokenError(REORDERED, lowest, "sequences begin at 1; an entry was moved out of its place")
        self._step_through(None)
        head = AuditHead.objects.values_list("sequence", "hash").first()
        if head is not None and head[0] > self.last:
            self._step_through(head[0])  # entries that were written meanwhile
        self._check_head(head)
        self._check_kept()
        held = AuditEntry.objects.filter(sequence__lte=self.last).count()
        if held != self.last:
            raise _BrokenError(DUPLICATED, self.last, f"{held} entries stand in {self.last} places")

    def _step_through(self, last: int | None) -> None:
        for row in _rows(self.last, last):
            self._check(row)
            if self.last == 0:
                self.since_ms = row["at_ms"]
            self.last, self.hash = row["sequence"], row["hash"]
            if self.kept is not None and self.last == self.kept[0] and self.hash != self.kept[1]:
                raise _BrokenError(
                    ALTERED, self.last, "it is not the entry of the kept head: it, or one before, was rewritten"
                )

    def _check(self, row: Row) -> None:
        expected, sequence = self.last + 1, row["sequence"]
        if sequence != expected:
            self._look_elsewhere(expected)
            gone = "it is" if sequence == expected + 1 else f"entries {expected} to {sequence - 1} are"
            raise _BrokenError(MISSING, expected, f"{gone} gone; entry {sequence} follows entry {self.last}")
        if "error" in row:
            raise _BrokenError(ALTERED, sequence, f"it cannot be read: {row['error']}")
        if _digest(row) != row["hash"]:
            self._tell_what_happened(row)
        if row["previous_hash"] != self.hash:
            self._look_elsewhere(expected)
            who = f"it does not follow entry {self.last}" if self.last else "it is not the first entry that was written"
            raise _BrokenError(ALTERED, sequence, f"{who}: it, or the one before, was rewritten together with its hash")

    def _tell_what_happened(self, row: Row) -> None:
        sequence = row["sequence"]
        belongs = _true_place(row, self._reach())
        if belongs is None:
            raise _BrokenError(ALTERED, sequence, "its fields do not give its hash")
        if AuditEntry.objects.filter(hash=row["hash"]).exclude(sequence=sequence).exists():
            raise _BrokenError(DUPLICATED, sequence, f"it is entry {belongs} once more")
        self._look_elsewhere(sequence)
        if belongs > sequence:
            raise _BrokenError(MISSING, sequence, f"it is gone, and entry {belongs} was moved into its place")
        raise _BrokenError(REORDERED, sequence, f"entry {belongs} stands in its place")

    def _look_elsewhere(self, expected: int) -> None:
        """Is the entry that belongs here somewhere else? Then the trail is reordered, not thinned out."""
        following = AuditEntry.objects.filter(previous_hash=self.hash).exclude(sequence__lte=expected)
        place = following.order_by("sequence").values_list("sequence", flat=True).first()
        if place is not None:
            raise _BrokenError(REORDERED, expected, f"the entry that belongs there stands at {place}")

    def _reach(self) -> int:
        """The highest sequence that was ever given out, as far as can be seen; one more where entries were moved on."""
        highest = AuditEntry.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0
        head = AuditHead.objects.values_list("sequence", flat=True).first() or 0
        return max(highest, head, self.kept[0] if self.kept else 0) + 1

    def _check_head(self, head: Head | None) -> None:
        if head is None:
            if self.last:
                raise _BrokenError(
                    TRUNCATED, self.last + 1, "the head is gone, so nobody can say where the trail ended"
                )
            return
        if head[0] > self.last:
            raise _BrokenError(
                TRUNCATED, self.last + 1, f"the trail ends at entry {self.last}, its head is entry {head[0]}"
            )
        if head[0] < self.last:
            raise _BrokenError(
                ALTERED, head[0] + 1, f"the head is entry {head[0]}, but the trail goes on to {self.last}"
            )
        if head[1] != self.hash:
            raise _BrokenError(ALTERED, self.last, "the head holds another hash; it, or the last entry, was rewritten")

    def _check_kept(self) -> None:
        if self.kept is None:
            return
        if self.kept[0] > self.last:
            told = f"the trail ends at entry {self.last}, the kept head is entry {self.kept[0]}"
            raise _BrokenError(TRUNCATED, self.last + 1, told)
        if self.kept[0] == 0 and self.kept[1] != GENESIS:
            raise _BrokenError(ALTERED, 0, "the kept head is not that of an empty trail")


def _digest(row: Row) -> str | None:
    """The hash that the fields give; ``None`` where they are not even in the form that ``record()`` writes."""
    try:
        return chain.digest(row)
    except (ValueError, TypeError, RecursionError):
        return None


def _true_place(row: Row, reach: int) -> int | None:
    """The sequence with which this entry was written, if nothing but its place has changed.

    Tries them all: hashing is quick, and it happens for one entry of a broken trail.
    """
    try:
        document = chain.document(row)
        text = canonical({**document, "sequence": 0})
    except (ValueError, TypeError, RecursionError):
        return None
    # "sequence" is the last member of the canonical text: its name sorts behind all the others
    start, mark, end = text.rpartition(b'"sequence":0')
    if not mark or end != b"}":
        raise AssertionError("sequence is no longer the last member of an entry's canonical JSON")
    front = hashlib.sha256(start + b'"sequence":')
    for place in range(1, reach + 1):
        tried = front.copy()
        tried.update(b"%d}" % place)
        if tried.hexdigest() == row["hash"]:
            return place
    return None


def _rows(after: int, last: int | None) -> Iterator[Row]:
    """Entries behind ``after``, up to ``last``, in order, a page at a time.

    One that the database cannot read is ``{"sequence", "error"}`` and ends the walk.
    """
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
