"""Is the trail what was written? Walks the chain from the first entry to the head, in flat memory.

What each kind means:

* ``altered``: an entry's fields do not give its hash, or it was rewritten together with its hash;
* ``missing``: an entry is gone from the middle;
* ``reordered``: an entry stands in another one's place;
* ``duplicated``: an entry stands there twice;
* ``truncated``: the trail ends before its head, or before an entry that was witnessed;
* ``rewritten``: an entry is not the one that was witnessed: it and all after it were written anew;
* ``rolled back``: an older trail took the place of the one that was witnessed, and may have been continued.

A chain that was cut off or written anew together with its head is consistent in itself: only a witness outside the
database shows that (:class:`Witness`: a checkpoint, a manifest, a head that somebody kept). Writers may go on while
this runs: entries appear in the order of their sequence, and the head is read after them.
"""

from __future__ import annotations

import hashlib
import heapq
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

from exportadmin.audit import chain
from exportadmin.audit.canonical import canonical
from exportadmin.audit.models import GENESIS
from exportadmin.audit.trails import DatabaseTrail, Head, Row, Trail
from exportadmin.lib import times
from exportadmin.lib.errors import UserError

ALTERED, MISSING, REORDERED, DUPLICATED, TRUNCATED = "altered", "missing", "reordered", "duplicated", "truncated"
REWRITTEN, ROLLED_BACK = "rewritten", "rolled back"
# the name of the witness that somebody who asks has brought
KEPT: Final = "the kept head"
# what begins so is a fault of the checkpoints; the trail itself may be whole
OF_CHECKPOINTS: Final = "checkpoints"
# hexadecimal digits of each entry's hash that a witness may keep beside that of its last
TAG: Final = 8
_HEAD = re.compile(r"(\d{1,18}):([0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Witness:
    """That entry ``sequence`` had this ``hash`` at ``at_ms`` (``None``: nobody knows), which ``name`` tells.

    ``tags``: the first :data:`TAG` digits of the hashes of the entries from ``first`` to ``sequence``, one behind the
    other; empty where only the last is known.
    """

    sequence: int
    hash: str
    name: str
    at_ms: int | None = None
    first: int | None = None
    tags: str = ""

    @property
    def begins(self) -> int:
        """The first entry that it tells of."""
        return self.sequence if self.first is None else self.first

    @property
    def told(self) -> str:
        """For people: who witnessed it, and when."""
        at = "" if self.at_ms is None else f" at {times.iso_utc(self.at_ms)[:19]}Z"
        return f"{self.name}{at}"

    def agrees(self, sequence: int, hashed: str) -> bool:
        """Is this the entry that was witnessed? Of one that it does not tell of it says yes."""
        if sequence == self.sequence:
            return hashed == self.hash
        place = (sequence - self.begins) * TAG
        return not self.tags or hashed[:TAG] == self.tags[place : place + TAG]


@dataclass(frozen=True, slots=True)
class Verdict:
    """``entries`` were found in order, the first written at ``since_ms``; ``head`` is the last of them.

    Where the trail is broken, ``kind`` and ``sequence`` name the first bad entry and ``message`` says it in words.
    ``is_of_kept_head``: only the head that was asked for is not in it. ``witnesses`` were compared. ``notes`` are whole
    sentences of what could not be compared, or was accepted.
    """

    entries: int
    since_ms: int | None
    head: Head
    kind: str | None = None
    sequence: int | None = None
    message: str = ""
    witnesses: int = 0
    notes: tuple[str, ...] = ()
    is_of_kept_head: bool = False

    @property
    def unbroken(self) -> bool:
        """Is all of it as it was written?"""
        return self.kind is None

    @property
    def summary(self) -> str:
        """One line for a person."""
        if self.kind is not None and self.kind.startswith(OF_CHECKPOINTS):
            return f"the checkpoints of the audit trail are not whole ({self.kind}): {self.message}"
        if self.kind is not None:
            return f"the audit trail is broken at entry {self.sequence} ({self.kind}): {self.message}"
        counted = f"{self.entries:,} entr{'y' if self.entries == 1 else 'ies'}"
        since = f", unbroken since {times.iso_utc(self.since_ms)[:19]}Z" if self.since_ms is not None else ", none yet"
        beside = f", compared with {self.witnesses:,} witness{'' if self.witnesses == 1 else 'es'}"
        return f"{counted}{since}{beside if self.witnesses else ''}, head {self.head[0]}:{self.head[1]}"

    def as_json(self) -> dict[str, Any]:
        """For ``--json`` and REST."""
        kept = asdict(self)
        kept["head"] = {"sequence": self.head[0], "hash": self.head[1]}
        return {"unbroken": self.unbroken, **kept, "summary": self.summary}


class _BrokenError(Exception):
    def __init__(self, kind: str, sequence: int, message: str, witness: Witness | None = None) -> None:
        super().__init__(message)
        self.kind, self.sequence, self.message, self.witness = kind, sequence, message, witness


def parse_head(text: str) -> Head:
    """``SEQUENCE:HASH`` as it stands in manifests and in the command's output. Raises :class:`UserError`."""
    found = _HEAD.fullmatch(text.strip())
    if found is None:
        raise UserError(f"{text[:80]!r} is not a head: expected SEQUENCE:HASH, the hash in 64 hex digits", field="head")
    return int(found[1]), found[2]


def verify(
    kept_head: Head | None = None,
    witnesses: Iterable[Witness] = (),
    *,
    trail: Trail | None = None,
    was_rolled_back: bool = False,
    must_reach: bool = True,
) -> Verdict:
    """Walk the trail (the database's, where none is given).

    ``kept_head`` is a head that was kept elsewhere, for example in a manifest; ``witnesses`` come in the order of the
    first entry that each tells of. ``was_rolled_back``: is it known that an older database took this one's place?
    Not ``must_reach``: it may end before what was witnessed last, as an older export does.
    """
    kept = [] if kept_head is None else [Witness(*kept_head, name=KEPT)]
    merged = heapq.merge(kept, witnesses, key=lambda witness: witness.begins)
    walk = _Walk(trail or DatabaseTrail(), _Compared(merged), was_rolled_back=was_rolled_back, must_reach=must_reach)
    broken: tuple[str, int, str] | None = None
    is_of_kept_head = False
    try:
        walk.run()
    except _BrokenError as error:
        broken = (error.kind, error.sequence, error.message)
        is_of_kept_head = error.witness is not None and error.witness in kept
    fault = walk.trail.fault
    if fault is not None and (broken is None or fault[0] <= broken[1]):
        broken = (REORDERED, *fault)
    kind, sequence, message = broken or (None, None, "")
    head = (walk.last, walk.hash)
    count = walk.compared.count
    return Verdict(walk.last, walk.since_ms, head, kind, sequence, message, count, is_of_kept_head=is_of_kept_head)


class _Compared:
    """Witnesses beside the walk: those that tell of the entry where it stands are at hand, the others still to come."""

    def __init__(self, witnesses: Iterable[Witness]) -> None:
        self._coming = iter(witnesses)
        self._next = next(self._coming, None)
        self._open: list[Witness] = []
        self.count = 0
        # the last entry that one of them has confirmed whole
        self.confirmed: Witness | None = None

    def against(self, sequence: int, hashed: str) -> Witness | None:
        """The witness that contradicts, if one does."""
        while self._next is not None and self._next.begins <= sequence:
            self._open.append(self._next)
            self._next = next(self._coming, None)
        for witness in self._open:
            if not witness.agrees(sequence, hashed):
                self.count += 1
                return witness
            if witness.sequence == sequence:
                self.count += 1
                self.confirmed = witness
        self._open = [witness for witness in self._open if witness.sequence > sequence]
        return None

    def furthest(self) -> Witness | None:
        """Of those that are left, the one of the highest entry."""
        rest = [*self._open, *([] if self._next is None else [self._next])]
        furthest: Witness | None = None
        for witness in (*rest, *self._coming):
            self.count += 1
            if furthest is None or witness.sequence > furthest.sequence:
                furthest = witness
        return furthest


class _Walk:
    """Where the walk stands: ``last`` good entry and its hash."""

    def __init__(self, trail: Trail, compared: _Compared, *, was_rolled_back: bool, must_reach: bool) -> None:
        self.trail = trail
        self.compared = compared
        self.was_rolled_back = was_rolled_back
        self.must_reach = must_reach
        self.last = 0
        self.hash = GENESIS
        self.since_ms: int | None = None

    def run(self) -> None:
        lowest = self.trail.lowest()
        if lowest is not None and lowest < 1:
            raise _BrokenError(REORDERED, lowest, "sequences begin at 1; an entry was moved out of its place")
        self._compare(0, GENESIS, None)
        self._step_through(None)
        head = self.trail.head()
        if head is not None and head[0] > self.last:
            self._step_through(head[0])  # entries that were written meanwhile
        self._check_head(head)
        if self.must_reach:
            self._check_end()
        held = self.trail.count(self.last)
        if held != self.last:
            raise _BrokenError(DUPLICATED, self.last, f"{held} entries stand in {self.last} places")

    def _step_through(self, last: int | None) -> None:
        for row in self.trail.rows(self.last, last):
            self._check(row)
            self._compare(row["sequence"], row["hash"], row["at_ms"])
            if self.last == 0:
                self.since_ms = row["at_ms"]
            self.last, self.hash = row["sequence"], row["hash"]

    def _compare(self, sequence: int, hashed: str, at_ms: int | None) -> None:
        witness = self.compared.against(sequence, hashed)
        if witness is None:
            return
        # a checkpoint knows when; a manifest was begun some time before
        if witness.tags and witness.at_ms is not None and at_ms is not None and at_ms > witness.at_ms:
            raise _BrokenError(
                ROLLED_BACK,
                sequence,
                f"the trail was set back to entry {sequence - 1} and continued: entry {sequence} was written at "
                f"{times.iso_utc(at_ms)[:19]}Z, another one stood there before, witnessed by {witness.told}",
                witness,
            )
        exactly = bool(witness.tags) or sequence == 0
        which = (
            "" if exactly or self.compared.confirmed is None else f" behind entry {self.compared.confirmed.sequence}"
        )
        one = "it is" if exactly else f"it, or one before it{which}, is"
        raise _BrokenError(
            REWRITTEN,
            sequence,
            f"{one} not the entry that was witnessed by {witness.told}, and all after it are new",
            witness,
        )

    def _check(self, row: Row) -> None:
        expected, sequence = self.last + 1, row["sequence"]
        if sequence < expected:
            raise _BrokenError(DUPLICATED, sequence, "it is there once more")
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
        # one more: entries may have been moved on
        belongs = _true_place(row, self.trail.highest() + 1)
        if belongs is None:
            raise _BrokenError(ALTERED, sequence, "its fields do not give its hash")
        if self.trail.has_twin(row["hash"], sequence):
            raise _BrokenError(DUPLICATED, sequence, f"it is entry {belongs} once more")
        self._look_elsewhere(sequence)
        if belongs > sequence:
            raise _BrokenError(MISSING, sequence, f"it is gone, and entry {belongs} was moved into its place")
        raise _BrokenError(REORDERED, sequence, f"entry {belongs} stands in its place")

    def _look_elsewhere(self, expected: int) -> None:
        """Is the entry that belongs here somewhere else? Then the trail is reordered, not thinned out."""
        place = self.trail.follower(self.hash, expected)
        if place is not None:
            raise _BrokenError(REORDERED, expected, f"the entry that belongs there stands at {place}")

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

    def _check_end(self) -> None:
        witness = self.compared.furthest()
        if witness is None:
            return
        kind, what = (ROLLED_BACK, "was set back to") if self.was_rolled_back else (TRUNCATED, "ends at")
        raise _BrokenError(
            kind,
            self.last + 1,
            f"the trail {what} entry {self.last}; the last that was witnessed is entry {witness.sequence}, "
            f"by {witness.told}",
            witness,
        )


def _digest(row: Row) -> str | None:
    """The hash that the fields give; ``None`` where they are not even in the form that ``record()`` writes."""
    if "digest" in row:
        return str(row["digest"])
    try:
        return chain.digest(row)
    except (ValueError, TypeError, RecursionError):
        return None


def _true_place(row: Row, reach: int) -> int | None:
    """The sequence with which this entry was written, if nothing but its place has changed.

    Tries them all: hashing is quick, and it happens for one entry of a broken trail.
    """
    try:
        document = row["document"] if "document" in row else chain.document(row)
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
