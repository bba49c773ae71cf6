"""What a person should know of what went in: a few kinds of note, each with a count and its first example.

An importer reports with one line where it meets the thing::

    self.row_notes.add(CARRIED, "regions of type vector, kept as they are", example=f"{position}: region 3")
    self.notes.add(CHANGED, "image ids, given anew", count=12, example="'0007' is 12")

``row_notes`` is about the row that is being read: it goes in with the row, and is dropped when the row is refused, by
the importer or by the store. ``notes`` is about the file and stays whatever becomes of a row. Shell, REST and page show
the counts by kind in their first lines (:data:`KINDS` says how they are called there) and the notes below. A function
that is no method of an importer takes a :class:`Notes`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypedDict

CHANGED: Final = "changed"
CARRIED: Final = "carried"
UNLABELLED: Final = "unlabelled"
UNFINISHED: Final = "unfinished"
NOT_KEPT: Final = "not_kept"
OTHER: Final = "other"

# kind → what it is called after a count, in the order in which it is shown
KINDS: Final[dict[str, str]] = {
    CHANGED: "changed",  # in the project otherwise than the file says: an id, a number, a name, a value
    CARRIED: "carried only",  # kept and given out again as it came; no condition, count or other format knows it
    UNLABELLED: "without a class",  # a shape that the file gives no class
    UNFINISHED: "with predictions or drafts only",  # a row with nobody's finished work
    NOT_KEPT: "not kept",  # dropped
    OTHER: "to be known",  # everything went in as it is, and yet
}

# notes of one import; further ones are counted together, by kind
MAX_NOTES: Final = 100
_MAX_EXAMPLE: Final = 300


class Note(TypedDict):
    """``text`` reads on after the count: ``"regions of type vector, kept as they are"``. ``example``: where the first
    stood and what it was; may be empty."""

    kind: str
    text: str
    count: int
    example: str


class Notes:
    """Notes by kind and text. What differs from case to case stands in the example, never in the text."""

    __slots__ = ("_notes",)

    def __init__(self, notes: Iterable[Note] = ()) -> None:
        self._notes: dict[tuple[str, str], Note] = {}
        self.extend(notes)

    def add(self, kind: str, text: str, *, count: int = 1, example: str = "") -> None:
        """``count`` more of a ``kind``, one of :data:`KINDS`. The first example is kept."""
        known = self._notes.get((kind, text))
        if known is None:
            if len(self._notes) >= MAX_NOTES:
                text, example = "further ones of this kind", ""
                known = self._notes.get((kind, text))
            if known is None:
                assert kind in KINDS, kind
                self._notes[kind, text] = Note(kind=kind, text=text, count=count, example=example[:_MAX_EXAMPLE])
                return
        known["count"] += count

    def extend(self, notes: Iterable[Note]) -> None:
        """Count further ones in."""
        for note in notes:
            self.add(note["kind"], note["text"], count=note["count"], example=note["example"])

    def take(self) -> list[Note]:
        """All notes; none is left."""
        taken = self.as_json()
        self._notes = {}
        return taken

    def as_json(self) -> list[Note]:
        """In the order of :data:`KINDS`, the first that came first."""
        order = list(KINDS)
        return sorted(self._notes.values(), key=lambda note: order.index(note["kind"]))

    def counts(self) -> dict[str, int]:
        """How many of each kind, those that are nought too."""
        counts = dict.fromkeys(KINDS, 0)
        for note in self._notes.values():
            counts[note["kind"]] += note["count"]
        return counts

    def __bool__(self) -> bool:
        return bool(self._notes)


def describe(note: Note) -> str:
    """``"1,204 image ids, given anew; the first: '0007' is 12"``."""
    first = f"; the first: {note['example']}" if note["example"] else ""
    return f"{note['count']:,} {note['text']}{first}"
