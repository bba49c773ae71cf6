"""Exports of each project and day as bars, all on one scale: delivered below, then what failed, then all else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from exports.lists.per_day import Day, ProjectDays, total

# of the picture of one project, in its own units; y counts from the top
HEIGHT: Final = 30.0
STEP: Final = 10.0
WIDE: Final = 7.0
LEAST: Final = 1.5  # what is not nothing can be seen


@dataclass(frozen=True, slots=True)
class Part:
    """A rectangle of one outcome: ``delivered``, ``failed`` or ``other``."""

    outcome: str
    x: float
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class ProjectBars:
    """One project's picture; days without exports have no parts."""

    project: ProjectDays
    width: float
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class DayLine:
    """One day in words: its sums, and each project that exported something."""

    day: Day
    projects: tuple[tuple[str, Day], ...]


@dataclass(frozen=True, slots=True)
class Charts:
    """``most`` is the count of the highest bar; ``lines`` are the days, the last one first."""

    bars: tuple[ProjectBars, ...]
    most: int
    sum: Day
    lines: tuple[DayLine, ...]


def charts_of(projects: list[ProjectDays]) -> Charts | None:
    """``None``: nothing was exported in these days."""
    if not projects:
        return None
    most = max(day.exports for project in projects for day in project.days)
    columns = list(zip(*(project.days for project in projects), strict=True))
    lines = tuple(
        DayLine(total(days), tuple((p.name, day) for p, day in zip(projects, days, strict=True) if day.exports))
        for days in reversed(columns)
    )
    bars = tuple(ProjectBars(project, len(columns) * STEP, _parts(project, most)) for project in projects)
    return Charts(bars, most, total(tuple(line.day for line in reversed(lines))), lines)


def _parts(project: ProjectDays, most: int) -> tuple[Part, ...]:
    parts: list[Part] = []
    for place, day in enumerate(project.days):
        counts = {"delivered": day.delivered, "failed": day.failed, "other": day.others}
        top = HEIGHT
        for outcome, height in _heights(counts, most).items():
            top = round(top - height, 2)
            parts.append(Part(outcome, place * STEP + (STEP - WIDE) / 2, top, height))
    return tuple(parts)


def _heights(counts: Mapping[str, int], most: int) -> dict[str, float]:
    """Of what is not nothing. What makes a small one visible is taken from the largest: none lies over another."""
    heights = {outcome: max(LEAST, round(HEIGHT * count / most, 2)) for outcome, count in counts.items() if count}
    over = sum(heights.values()) - HEIGHT
    if over > 0:
        largest = max(heights, key=heights.__getitem__)
        heights[largest] = round(heights[largest] - over, 2)
    return heights
