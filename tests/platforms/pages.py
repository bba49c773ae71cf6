"""Code of the platforms' own pages, which lie beside the clone: nothing of them is kept here."""

from __future__ import annotations

from tests.support.paths import SHARED


def block(number: str, first: str, last: str, *, after: str = "", ends_before: bool = False) -> str:
    """The lines from the one that begins with ``first`` to the one that begins with ``last``, which ``ends_before`` is
    no part of it; behind the line ``after``. Raises ``AssertionError`` where the page is another one."""
    (page,) = SHARED.glob(f"pages/{number}_*.txt")
    lines = page.read_text("utf-8").splitlines()
    start = lines.index(after) + 1 if after else 0
    begin = next(place for place in range(start, len(lines)) if lines[place].startswith(first))
    end = next((place for place in range(begin, len(lines)) if lines[place].startswith(last)), len(lines))
    assert end < len(lines) or ends_before, f"page {number} has no {last!r} behind {first!r}"
    return "\n".join(lines[begin : end + (not ends_before)]) + "\n"


def filled(code: str, values: dict[str, str]) -> str:
    """With what a reader puts in place of the page's own: each has to be there."""
    for there, here in values.items():
        assert there in code, f"the page has no {there!r}"
        code = code.replace(there, here)
    return code
