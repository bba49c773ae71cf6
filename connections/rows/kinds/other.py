"""Whatever no kind stands for: carried whole, counted, and listed as left out where a format cannot hold it."""

from __future__ import annotations

import orjson

from connections.rows.kinds.base import NAME_KEYS, Annotation, Kind, Outline


class Other(Kind):
    """All that can be done with what one does not know."""

    key = "other"
    letter = "x"
    title = "Other"
    media = ""

    def outline(self, annotation: Annotation) -> Outline:
        """Its geometry is all that it says beyond its names; of a Label Studio region that is carried, its value."""
        if annotation.keys() <= NAME_KEYS:
            source = annotation.get("source_extra")
            region = source.get("label_studio") if type(source) is dict else None
            value = region.get("value") if type(region) is dict else None
            if value is not None:
                return self, ",,,", orjson.dumps(value).decode("utf-8"), None
        return super().outline(annotation)
