"""A feature of which a label says only when it is there: ``"segments": [[first, last], …]``."""

from __future__ import annotations

from typing import Final

from connections.rows.kinds.places import AsItIs

# our own annotation_kind: no row says it
SEGMENT: Final = "Segment"


class Segment(AsItIs):
    """Stretches of a video or of sound; it has no class, since nothing names it."""

    key = "segment"
    letter = "a"
    title = "Segment"
    annotation_kinds = (SEGMENT,)
    geometry = "segments"
    unit = "segment"
    media = ""
    where = "of a label that says nothing else of its features"
