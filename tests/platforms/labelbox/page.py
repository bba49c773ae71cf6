"""The code of Labelbox's two pages about exports, as it stands there, with ids of ours in the places of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.support.paths import SHARED

# heading → the code below it, from the first of these lines to the last
_LAST: Final = 'print("line count: "'


def text(number: str) -> str:
    """Of a page."""
    (found,) = SHARED.glob(f"pages/{number}_*.txt")
    return found.read_text("utf-8")


def section(heading: str, ids: Mapping[str, str]) -> str:
    """The code of a section that exports something, to the line that counts lines."""
    lines = text("002").splitlines()
    begin = lines.index(heading) + 1
    while not lines[begin].startswith(("export_params", "# ")):
        begin += 1
    end = next(place for place in range(begin, len(lines)) if lines[place].startswith(_LAST))
    return filled("\n".join(lines[begin : end + 1]), ids)


def block(first: str, last: str, *, after: str) -> str:
    """The lines from ``first`` to ``last``, below a heading."""
    lines = [line.rstrip() for line in text("002").splitlines()]
    begin = lines.index(first, lines.index(after))
    return "\n".join(lines[begin : lines.index(last, begin) + 1]) + "\n"


def line(beginning: str, number: str = "002") -> str:
    """The one that begins so, in the middle of a sentence too."""
    found = text(number).partition(beginning)[2]
    assert found, beginning
    return beginning + found.partition("\n")[0]


def filled(code: str, ids: Mapping[str, str]) -> str:
    """Each id is in it."""
    for placeholder, ours in ids.items():
        assert f'"{placeholder}"' in code, placeholder
        code = code.replace(f'"{placeholder}"', f'"{ours}"')
    return code


def without(code: str, beginning: str) -> str:
    """Without the one line that begins so."""
    kept = [one for one in code.splitlines() if not one.strip().startswith(beginning)]
    assert len(kept) == len(code.splitlines()) - 1, beginning
    return "\n".join(kept) + "\n"
