"""What lies where: the size that percent are of, and what has no place in Label Studio's shape."""

from __future__ import annotations

# what has no place in Label Studio's shape: the kind of an annotation, "relationship" or "answer_below"; its name
LeftOut = list[tuple[str, str]]
RELATIONSHIP, ANSWER_BELOW, REGION_ANSWER = "relationship", "answer_below", "region_answer"
# width and height in pixels
Picture = tuple[int, int] | None


class NoRegionError(ValueError):
    """An object that Label Studio's shape has no region for."""


class NoSizeError(ValueError):
    """An object that lies in a picture whose size is not known: there is nothing to take percent of."""
