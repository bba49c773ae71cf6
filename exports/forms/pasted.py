"""Keys and ids pasted from a spreadsheet: one a line or a tab, since a key may hold anything else, commas too."""

from __future__ import annotations

import re
from dataclasses import dataclass

from exportadmin.lib.errors import UserError
from exportadmin.lib.text import check_text
from exports.spec.conditions.kinds import MAX_IDS

_BETWEEN = re.compile(r"(\r\n|[\r\n\t])")
_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Pasted:
    """``lines`` maps each value to the line (from 1) where it stands first; ``doubles`` were dropped."""

    lines: dict[str, int]
    doubles: int = 0

    @classmethod
    def read(cls, text: str) -> Pasted:
        """Blanks around a value and empty ones are dropped."""
        lines: dict[str, int] = {}
        doubles = 0
        line = 1
        for piece in _BETWEEN.split(text):
            value = piece.strip()
            if value in lines:
                doubles += 1
            elif value:
                lines[value] = line
            if piece in ("\r\n", "\r", "\n"):
                line += 1
        return cls(lines, doubles)

    @property
    def values(self) -> list[str]:
        """In the order of the text."""
        return list(self.lines)

    def wrong(self) -> str:
        """What is wrong, and in which line; empty when nothing is."""
        if len(self.lines) > MAX_IDS:
            value, line = list(self.lines.items())[MAX_IDS]
            return (
                f"{len(self.lines):,} are pasted; at most {MAX_IDS:,} are allowed: "
                f"line {line:,} ({short(value)}) is the first one too many"
            )
        for value, line in self.lines.items():
            try:
                check_text(value, f"line {line:,}")
            except UserError as error:
                return error.message
        return ""


def short(value: str) -> str:
    """Quoted, and cut where it is long."""
    return repr(value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…")
