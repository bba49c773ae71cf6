"""What of an annotation's results has to be kept beside the objects that they became, so that they can be written again
as they were: whatever :mod:`connections.rows.label_studio.regions` would write otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connections.rows.label_studio.places import NoRegionError, Picture
from connections.rows.label_studio.regions import (
    KEY,
    ORDER,
    RESULT,
    keep_what_differs,
    written_results,
)
from connections.store.importers.label_studio_results import Results

_Json = dict[str, Any]


def keep_results(
    kept: _Json, found: Results, result: list[_Json], picture: Picture, order: Sequence[int]
) -> list[_Json] | None:
    """The results as they are written again; ``None`` where only an export finds out.

    Enter into ``kept``, which is the label's, and into what its objects and answers keep, what is needed to write
    ``result`` again. ``order``: the places of these results among those of an annotation that was cut up by pictures;
    empty where it was not."""
    annotations = {
        "classifications": found.classifications,
        "objects": found.objects,
        "relationships": found.relationships,
    }
    marks: list[Any] = []
    try:
        written = written_results(annotations, picture, marks=marks)
        if written == result:
            if order:
                kept[ORDER] = list(order)
                return None
            return written
        for _ in range(2):  # what is said of a region is written with its place: when that is right
            for mark, one in zip(marks, written, strict=True):
                own = result[found.places[id(mark)]]
                if one != own and type(mark.get("source_extra")) is dict:
                    keep_what_differs(mark["source_extra"].setdefault(KEY, {}), one, own)
            marks.clear()
            written = written_results(annotations, picture, marks=marks)
        places = [found.places[id(mark)] for mark in marks]
    except (NoRegionError, LookupError, TypeError, ValueError):
        places = []
    again: list[Any] = [None] * len(places)
    for place, one in zip(places, written if places else (), strict=True):
        again[place] = one
    if again != result:
        kept[RESULT] = result
        places = list(range(len(result)))
    if order:
        places = [order[place] for place in places]
    if order or places != list(range(len(places))):
        kept[ORDER] = places
    return None if ORDER in kept or RESULT in kept else written
