"""Rules that geometry has to keep, whatever file it came from. They raise :class:`BadMark` with a short reason."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from exportadmin.lib import times
from exportadmin.lib.errors import UserError

_NUMBERS: Final = frozenset({int, float})  # bool is neither
_FLOATS: Final = frozenset({float})
# Far beyond any picture, far below where doubles lose whole pixels; and no product of two such numbers is infinite.
MAX_COORDINATE: Final = 1e9


class BadMark(ValueError):  # noqa: N818 - a finding about the file, not a fault
    """An annotation breaks a rule; its row is refused."""


def numbers(values: Any, what: str) -> list[float]:
    """A list of plain numbers within :data:`MAX_COORDINATE`, as they are."""
    if type(values) is not list:
        raise BadMark(f"{what} is not a list of numbers but {shown(values)}")
    if values and not (
        _NUMBERS.issuperset(map(type, values)) and -MAX_COORDINATE <= min(values) <= max(values) <= MAX_COORDINATE
    ):
        for value in values:
            number(value, what)
    return values


def number(value: Any, what: str) -> float:
    """A plain number within :data:`MAX_COORDINATE`, as float."""
    if type(value) not in _NUMBERS:
        raise BadMark(f"{what}: {shown(value)} is not a number")
    if not -MAX_COORDINATE <= value <= MAX_COORDINATE:
        raise BadMark(f"{what}: {shown(value)} is no place in a picture")
    return float(value)


def box(left: float, top: float, width: float, height: float) -> dict[str, float]:
    """``bounding_box`` of an object: top, left, height, width in pixels."""
    if width < 0 or height < 0:
        raise BadMark(f"the box has the negative size {width} x {height}")
    return {"top": top, "left": left, "height": height, "width": width}


def ring(flat: Any) -> list[dict[str, float]]:
    """``[x1, y1, x2, y2, …]`` with at least three points as ``[{"x", "y"}, …]``."""
    flat = numbers(flat, "a polygon ring")
    if len(flat) % 2:
        raise BadMark(f"a polygon ring has an odd count of {len(flat)} numbers")
    if len(flat) < 6:
        raise BadMark(f"a polygon ring has {len(flat) // 2} points; at least 3 make a polygon")
    if not _FLOATS.issuperset(map(type, flat)):
        flat = list(map(float, flat))
    return [{"x": x, "y": y} for x, y in zip(flat[0::2], flat[1::2], strict=True)]


def _have_both(values: list[dict[str, Any]]) -> bool:
    return False not in ["x" in value and "y" in value for value in values]


def points(values: Any, what: str, least: int) -> list[dict[str, float]]:
    """``[{"x", "y"}, …]`` with at least ``least`` points, as floats."""
    if type(values) is not list or not {dict}.issuperset(map(type, values)) or not _have_both(values):
        raise BadMark(f"{what} is not a list of points with x and y")
    if len(values) < least:
        raise BadMark(f"{what} has {len(values)} points; at least {least} make one")
    xs = numbers([value["x"] for value in values], what)
    ys = numbers([value["y"] for value in values], what)
    if not (_FLOATS.issuperset(map(type, xs)) and _FLOATS.issuperset(map(type, ys))):
        xs, ys = list(map(float, xs)), list(map(float, ys))
    return [{"x": x, "y": y} for x, y in zip(xs, ys, strict=True)]


def size(value: Any, what: str) -> int | None:
    """A picture's width or height: a whole number of pixels, at least 1; ``None`` when not said."""
    if value is None:
        return None
    if type(value) is float and value.is_integer():
        value = int(value)
    if type(value) is not int or not 1 <= value <= MAX_COORDINATE:
        raise BadMark(f"the {what} {shown(value)} is not a whole number of pixels above 0")
    return int(value)


# a row says the same moment several times, and rows that came together share theirs
_ms_of_text = lru_cache(maxsize=4096)(times.parse_ms)


def moment(value: Any, what: str) -> int | None:
    """A time in milliseconds, read in UTC where it says no offset; ``None`` when not said."""
    if value is None:
        return None
    try:
        return _ms_of_text(value) if type(value) is str else times.parse_ms(value)
    except UserError as error:
        raise BadMark(f"{what}: {error.message}") from None


def shown(value: Any) -> str:
    """A value for a message, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "…"
