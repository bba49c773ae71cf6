"""Pixels as percent."""

from __future__ import annotations

import math


def percent(pixels: float, size: int) -> float:
    """Percent of a side of ``size`` pixels: the shortest number that the importer makes the same ``pixels`` of.

    Where no number does, the nearest one. What was written with up to ten decimals comes back as it was.
    """
    found = pixels * 100.0 / size
    short = round(found * 1e10) / 1e10
    if short * size / 100.0 == pixels:
        return short
    if found * size / 100.0 != pixels:
        for near in (math.nextafter(found, math.inf), math.nextafter(found, -math.inf)):
            if near * size / 100.0 == pixels:
                return near
    return found
