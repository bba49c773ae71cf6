"""The result: figures and aims, as a table on the screen and as files in ``bench-results/``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.measure import ROOT, Candidate, Spread

RESULTS = ROOT / "bench-results"


@dataclass(slots=True)
class Reached:
    """One figure for an aim; ``met`` is ``None`` where the figure is told for information only."""

    what: str
    text: str
    met: bool | None = None

    def __str__(self) -> str:
        verdict = "" if self.met is None else " met" if self.met else " SHORT"
        return f"{self.what} {self.text}{verdict}".strip()


@dataclass(slots=True)
class Aim:
    """A line of the final table."""

    what: str
    rows: int
    aim: str
    reached: list[Reached]
    note: str = ""


@dataclass(slots=True)
class Result:
    """Everything that a run found."""

    head: dict[str, str]
    figures: list[dict[str, Any]] = field(default_factory=list)
    aims: list[Aim] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, rows: int, candidates: Sequence[Candidate]) -> None:
        """Take over what was measured."""
        for candidate in candidates:
            figure: dict[str, Any] = {
                "rows": rows,
                "what": candidate.name,
                "command": candidate.command.command_line(),
                "trouble": candidate.trouble,
                "samples": [asdict(sample) for sample in candidate.samples],
            }
            if candidate.samples:
                figure["cpu_s"] = asdict(Spread.of([one.cpu_s for one in candidate.samples]))
                figure["wall_s"] = asdict(Spread.of([one.wall_s for one in candidate.samples]))
                for key in ("cpu_s", "wall_s", "idle_kb", "peak_kb"):
                    inside = [one.inside[key] for one in candidate.samples if key in one.inside]
                    if inside:
                        figure[f"inside_{key}"] = asdict(Spread.of(inside))
            self.figures.append(figure)

    def note(self, text: str) -> None:
        """Something that the reader has to know."""
        print(f"note: {text}", flush=True)
        self.notes.append(text)

    def figures_table(self) -> str:
        """Markdown: what each process cost."""
        lines = [
            "| rows | what | n | CPU s | wall s | in-process CPU s | in-process wall s | idle MB | peak over idle MB |",
            "|---:|---|---:|---:|---:|---:|---:|---:|---:|",
        ]
        for figure in self.figures:
            if not figure["samples"]:
                lines.append(f"| {figure['rows']:,} | {figure['what']} | 0 | {figure['trouble']} | | | | | |")
                continue
            memory = ["", ""]
            if "inside_peak_kb" in figure:
                idle, peak = figure["inside_idle_kb"]["median"], figure["inside_peak_kb"]["most"]
                memory = [f"{idle / 1024:.0f}", f"{(peak - idle) / 1024:.1f}"]
            times = [_seconds(figure.get(key)) for key in ("cpu_s", "wall_s", "inside_cpu_s", "inside_wall_s")]
            cells = [f"{figure['rows']:,}", figure["what"], str(len(figure["samples"])), *times, *memory]
            lines.append(f"| {' | '.join(cells)} |")
        return "\n".join(lines)

    def aims_table(self) -> str:
        """Markdown: aim, reached, met or short."""
        lines = ["| what | rows | aim | reached | |", "|---|---:|---|---|---|"]
        lines += [
            f"| {aim.what} | {aim.rows:,} | {aim.aim} | {'; '.join(map(str, aim.reached))} | {aim.note} |"
            for aim in self.aims
        ]
        return "\n".join(lines)

    def markdown(self) -> str:
        """The whole report."""
        head = "\n".join(f"* {key}: {value}" for key, value in self.head.items())
        commands = "\n".join(dict.fromkeys(f"{figure['command']}" for figure in self.figures))
        notes = "\n".join(f"* {note}" for note in self.notes) or "* none"
        return (
            f"# Benchmark\n\n{head}\n\n## Aims\n\n{self.aims_table()}\n\n## Figures\n\n"
            "Median [least to most]. CPU is user + system time. What is compared ran in turns, in one run, one process "
            "at a time.\n\n"
            f"{self.figures_table()}\n\n## Notes\n\n{notes}\n\n## Commands\n\n```\n{commands}\n```\n"
        )

    def write(self) -> Path:
        """Both files; the path of the Markdown one comes back."""
        RESULTS.mkdir(exist_ok=True)
        stem = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        (RESULTS / f"{stem}.json").write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        path = RESULTS / f"{stem}.md"
        path.write_text(self.markdown(), encoding="utf-8")
        return path


def _seconds(spread: dict[str, float] | None) -> str:
    if not spread:
        return ""
    return f"{spread['median']:.2f} [{spread['least']:.2f} to {spread['most']:.2f}]"
