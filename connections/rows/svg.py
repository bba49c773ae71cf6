"""Shapes as SVG path data, in the picture's own pixels. Nothing here trusts its input: what cannot be drawn raises."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

FARTHEST: Final = 10_000_000.0

Corner = tuple[float, float]


class Drawn(NamedTuple):
    """Path data, how many corners it has, and the farthest x and y of them."""

    d: str
    corners: int
    extent: Corner


def corners(points: Any) -> list[Corner]:
    """``[{"x", "y"}, …]`` with at least one point, as pairs. Raises ``ValueError``, ``KeyError`` or ``TypeError``."""
    found = [(finite(point["x"]), finite(point["y"])) for point in points]
    if not found:
        raise ValueError("no corners")
    return found


def finite(value: Any) -> float:
    """A coordinate that can be drawn. Raises ``ValueError``."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("not a coordinate")
    if abs(value) > FARTHEST:
        raise ValueError("too far out to draw")
    return float(value)


def text(value: float) -> str:
    """With two decimals at most."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"


def path(points: Sequence[Corner]) -> str:
    """From corner to corner, left open."""
    return f"M{'L'.join(f'{text(x)} {text(y)}' for x, y in points)}"


def far(points: Sequence[Corner]) -> Corner:
    """The farthest x and y."""
    return max(x for x, _ in points), max(y for _, y in points)


def signed_area(ring: list[Corner]) -> float:
    """Twice the ring's area; its sign tells which way round the ring goes."""
    return sum(x * after_y - after_x * y for (x, y), (after_x, after_y) in _sides(ring))


def _sides(ring: list[Corner]) -> Iterator[tuple[Corner, Corner]]:
    yield from zip(ring, [*ring[1:], ring[0]], strict=True)
