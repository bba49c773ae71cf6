"""A text with its spans marked, also where they overlap or lie in one another: each on a line below the words.

A text is cut into pieces where a span begins or ends. A span has the lowest line that is free all along it, short ones
first: what lies inside another lies nearer to the words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from exportadmin.lib.formatting import counted, number
from exports.results.previews.drawing import Budget, Colour

# of one text
MOST_TEXT: Final = 6_000
MOST_SPANS: Final = 300
LINES: Final = 6


class Span(NamedTuple):
    """``text[begin:end]`` is of the class ``name``."""

    begin: int
    end: int
    name: str
    colour: Colour
    is_predicted: bool


@dataclass(frozen=True, slots=True)
class Underline:
    """``line`` counts from 0, which is the nearest to the words."""

    span: Span
    line: int

    @property
    def css(self) -> str:
        """Its CSS classes."""
        predicted = " rp-predicted" if self.span.is_predicted else ""
        return f"{self.span.colour.css} rp-line-{self.line}{predicted}"


@dataclass(frozen=True, slots=True)
class Piece:
    """``underlines`` lie below all of it; ``begins`` are the spans that begin with it."""

    text: str
    underlines: Sequence[Underline]
    begins: Sequence[Underline]


@dataclass(slots=True)
class MarkedText:
    """``lines`` is how many lines of spans there are below the words; ``notes`` say what is not shown."""

    pieces: list[Piece]
    lines: int
    notes: list[str] = field(default_factory=list)


def mark_text(text: str, spans: Iterable[Span], budget: Budget, most: int = MOST_TEXT) -> MarkedText:
    """The first ``most`` characters. Of a span that reaches beyond them, what lies before."""
    spans = list(spans)
    shown = text[:most]
    inside = [span for span in spans if 0 <= span.begin < min(span.end, len(shown))]
    inside.sort(key=lambda span: (span.begin, -span.end))
    room = max(0, min(MOST_SPANS, budget.shapes))
    drawn, without_line = _underlines(inside[:room], len(shown))
    budget.shapes -= len(drawn)
    notes = []
    if len(text) > most:
        notes.append(f"The first {number(most)} of {number(len(text))} characters are shown")
    beyond = sum(1 for span in spans if len(shown) <= span.begin < len(text))
    outside = len(spans) - len(inside) - beyond
    for count, what in (
        (beyond, "after what is shown"),
        (outside, "outside the text"),
        (len(inside) - room, "not marked: there are too many"),
        (without_line, f"not marked: more than {LINES} lie over one another"),
    ):
        if count > 0:
            notes.append(f"{counted(count, 'span is', 'spans are')} {what}")
    return MarkedText(_pieces(shown, drawn), max((each.line for each in drawn), default=-1) + 1, notes)


def _underlines(spans: Sequence[Span], length: int) -> tuple[list[Underline], int]:
    """In the order of ``spans``; and how many have no line left."""
    taken: list[list[Span]] = [[] for _ in range(LINES)]
    line_of: dict[int, int] = {}
    for place in sorted(range(len(spans)), key=lambda place: spans[place].end - spans[place].begin):
        span = spans[place]
        for line, others in enumerate(taken):
            if all(span.end <= other.begin or other.end <= span.begin for other in others):
                others.append(span)
                line_of[place] = line
                break
    drawn = [
        Underline(span._replace(end=min(span.end, length)), line_of[place])
        for place, span in enumerate(spans)
        if place in line_of
    ]
    return drawn, len(spans) - len(drawn)


def _pieces(text: str, underlines: Sequence[Underline]) -> list[Piece]:
    edges = sorted({0, len(text), *(edge for each in underlines for edge in (each.span.begin, each.span.end))})
    pieces = []
    waiting, open_ = list(underlines), list[Underline]()
    for begin, end in pairwise(edges):
        begins = []
        while waiting and waiting[0].span.begin == begin:
            begins.append(waiting.pop(0))
        open_ = [each for each in open_ if each.span.end > begin] + begins
        pieces.append(Piece(text[begin:end], sorted(open_, key=lambda each: -each.line), begins))
    return pieces
