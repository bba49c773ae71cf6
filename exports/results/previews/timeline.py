"""A time line: a lane for each annotation, bars where it is, ticks where somebody set it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from exportadmin.lib.formatting import counted, number
from exports.results.previews.drawing import Budget, Colour

MOST_LANES: Final = 40
# bars of a lane, and ticks
MOST_MARKS: Final = 200
# units of the drawing from its left to its right edge; the height of a lane is 16
WIDTH: Final = 1_000
Range = tuple[int, int]
Mark = TypeVar("Mark")


@dataclass(frozen=True, slots=True)
class Track:
    """One annotation in time. ``ranges`` include both ends; ``ticks`` are moments."""

    name: str
    colour: Colour
    is_predicted: bool
    ranges: Sequence[Range]
    ticks: Sequence[int]

    def told(self, unit: Callable[[int], str]) -> str:
        """Its first ranges in words: ``13, 18–19 and 3 more``."""
        ranges = self.ranges or [(tick, tick) for tick in self.ticks]
        parts = [unit(begin) if begin == end else f"{unit(begin)}–{unit(end)}" for begin, end in ranges[:6]]
        more = f" and {number(len(ranges) - 6)} more" if len(ranges) > 6 else ""
        return ", ".join(parts) + more


@dataclass(frozen=True, slots=True)
class Lane:
    """``bars`` and ``ticks`` are SVG path data in a box of :data:`WIDTH` x 16."""

    track: Track
    where: str
    bars: str
    ticks: str

    @property
    def css(self) -> str:
        """Its CSS classes."""
        return f"{self.track.colour.css} rp-predicted" if self.track.is_predicted else self.track.colour.css


@dataclass(slots=True)
class Timeline:
    """``axis`` are the five labels below it, a quarter apart."""

    lanes: list[Lane]
    axis: list[str]
    notes: list[str] = field(default_factory=list)


def draw_timeline(
    tracks: Sequence[Track], first: int, last: int, unit: Callable[[int], str], budget: Budget
) -> Timeline:
    """From ``first`` to ``last``, which grow to what the tracks reach. ``unit`` writes a moment as text."""
    edges = [edge for track in tracks for each in track.ranges for edge in each]
    edges += [tick for track in tracks for tick in track.ticks]
    first, last = min([first, *edges]), max([last, *edges])
    span = max(last - first, 1)
    shown = tracks[: max(0, min(MOST_LANES, budget.shapes))]
    budget.shapes -= len(shown)
    lanes, thinned = [], 0
    for track in shown:
        thinned += len(track.ranges) > MOST_MARKS or len(track.ticks) > MOST_MARKS
        bars = "".join(
            f"M{_place(begin, first, span)} 4h{max(2, round((end - begin) * WIDTH / span))}v8h"
            f"-{max(2, round((end - begin) * WIDTH / span))}z"
            for begin, end in _some(track.ranges)
        )
        ticks = "".join(f"M{_place(tick, first, span)} 1v14" for tick in _some(track.ticks))
        lanes.append(Lane(track, track.told(unit), bars, ticks))
    notes = []
    if left := len(tracks) - len(shown):
        notes.append(f"{counted(left, 'lane', 'lanes')} more {'is' if left == 1 else 'are'} not drawn")
    if thinned:
        notes.append(
            f"In {counted(thinned, 'lane', 'lanes')} only {MOST_MARKS} marks are drawn, spread over all that there are"
        )
    axis = [unit(first + span * quarter // 4) for quarter in range(5)]
    return Timeline(lanes, axis, notes)


def _place(moment: int, first: int, span: int) -> int:
    return min(round((moment - first) * WIDTH / span), WIDTH - 1)


def _some(marks: Sequence[Mark]) -> Iterable[Mark]:
    """All, or :data:`MOST_MARKS` of them with equal steps between."""
    count = len(marks)
    return marks if count <= MOST_MARKS else [marks[place * count // MOST_MARKS] for place in range(MOST_MARKS)]


def joined(moments: Iterable[int]) -> list[Range]:
    """Moments as ranges of those that follow one another."""
    ranges: list[Range] = []
    for moment in sorted(set(moments)):
        if ranges and ranges[-1][1] + 1 == moment:
            ranges[-1] = ranges[-1][0], moment
        else:
            ranges.append((moment, moment))
    return ranges
