"""What a preview of one medium is: a figure for the eyes, and the same as the lines of a table."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, ClassVar, Final

from connections.rows.kinds import KINDS, OTHER
from exportadmin.lib.formatting import counted
from exports.results.previews.drawing import Budget, Colour
from exports.results.previews.reading import (
    PreviewRow,
    Work,
    answer_text,
    answers_text,
    confidence_of,
    cut,
    kind_of,
    name_of,
)

# lines of a row's table
MOST_LISTED: Final = 100
Mark = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One annotation. ``colour`` is its class's, ``None`` for answers; ``where`` and ``answers`` are texts, and
    ``confidence`` is empty where none is stated."""

    name: str
    colour: Colour | None
    what: str
    where: str
    answers: str
    work: Work
    confidence: str

    @property
    def css(self) -> str:
        """The CSS classes of its swatch."""
        predicted = " rp-predicted" if self.work.is_prediction else ""
        return f"{self.colour.css}{predicted}" if self.colour else ""


@dataclass(slots=True)
class Figure:
    """``lines`` are the first of all annotations, of which there are ``total``; ``notes`` say what is not shown, and
    what could not be read. What else a template shows stands in a subclass."""

    lines: list[Line] = field(default_factory=list)
    total: int = 0
    notes: list[str] = field(default_factory=list)
    has_answers: bool = False
    has_confidence: bool = False
    has_works: bool = False

    @property
    def left(self) -> int:
        """How many annotations the table has no line for."""
        return self.total - len(self.lines)

    def take(self, lines: Iterable[Callable[[], Line]]) -> None:
        """The first :data:`MOST_LISTED` into the table; the others are counted, and not worked out."""
        lines = iter(lines)
        self.lines = [make() for make in islice(lines, MOST_LISTED)]
        self.total = len(self.lines) + sum(1 for _ in lines)
        self.has_answers = any(line.answers for line in self.lines)
        self.has_confidence = any(line.confidence for line in self.lines)
        self.has_works = len({line.work.title for line in self.lines}) > 1

    def note(self, count: int, one: str, many: str, what: str) -> None:
        """``3 spans lie beyond the text``; nothing of none."""
        if count > 0:
            self.notes.append(f"{counted(count, one, many)} {what}")


class Preview:
    """The preview of one medium. ``template`` shows what :meth:`figure` gives; its own methods may be overridden."""

    key: ClassVar[str]
    template: ClassVar[str]

    def figure(self, row: PreviewRow, budget: Budget) -> Figure:
        """Raises nothing for a row that is malformed: its notes say what could not be read."""
        raise NotImplementedError

    def place(self, mark: Mark) -> str:
        """Where an object lies, in words. What it raises for a broken one is ``ValueError``, ``KeyError`` or
        ``TypeError``."""
        return ""

    def lines(
        self, works: Sequence[Work], budget: Budget, without: Container[int] = ()
    ) -> Iterator[Callable[[], Line]]:
        """All objects and answers of all works, but those whose ``id()`` is in ``without``."""
        for work in works:
            for mark in work.objects:
                if id(mark) not in without:
                    yield partial(self.line, work, mark, budget)
            for answer in work.answers:
                if id(answer) not in without:
                    yield partial(answer_line, work, answer)

    def line(self, work: Work, mark: Mark, budget: Budget) -> Line:
        """Of one object."""
        try:
            where = self.place(mark)
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError):
            where = "cannot be read"
        return Line(
            name=name_of(mark),
            colour=budget.colour_of(name_of(mark)),
            what=what_of(mark),
            where=where,
            answers=answers_text(mark.get("classifications")),
            work=work,
            confidence=confidence_of(mark),
        )


def what_of(mark: Mark) -> str:
    """The kind of an object in words."""
    kind = KINDS.of(kind_of(mark))
    return kind.title if kind is not OTHER else cut(kind_of(mark) or "no kind", 60)


def answer_line(work: Work, answer: Mark, where: str = "") -> Line:
    """Of an answer that belongs to no object."""
    return Line(name_of(answer), None, "Answer", where, cut(answer_text(answer) or "–"), work, confidence_of(answer))
