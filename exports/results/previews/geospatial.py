"""Shapes on the globe, in a plain frame of coordinates: longitude to the right, latitude up. No map is loaded."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from connections.rows.kinds import BOX, POINT, POLYGON, POLYLINE
from connections.rows.kinds.base import Kind
from connections.rows.media_types import GEOSPATIAL
from connections.rows.svg import finite
from exports.results.previews.base import Figure, Mark, Preview
from exports.results.previews.drawing import BROKEN, TOO_MANY, UNKNOWN, Budget, Drawing, Shape
from exports.results.previews.picture import Picture, notes_of
from exports.results.previews.reading import PreviewRow, name_of

# units of the drawing along its longer side
LONGER: Final = 1_000
# and at least along its shorter one
SHORTER: Final = 200
_DEEPEST: Final = 4
# how what they describe is drawn
GEOJSON_TYPES: Final[Mapping[str, Kind]] = {
    "Polygon": POLYGON,
    "MultiPolygon": POLYGON,
    "LineString": POLYLINE,
    "MultiLineString": POLYLINE,
    "Point": POINT,
    "MultiPoint": POINT,
}
Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Outline:
    """``lines`` of places, (longitude, latitude); those of a ``kind`` that is filled are rings."""

    kind: Kind
    lines: Sequence[Sequence[Place]]


@dataclass(slots=True)
class GeoFigure(Figure):
    """``edges`` are the frame's west, south, east and north as texts."""

    picture: Picture | None = None
    edges: dict[str, str] = field(default_factory=dict)


class GeospatialPreview(Preview):
    key = GEOSPATIAL
    template = "exports/previews/geospatial.html"

    def figure(self, row: PreviewRow, budget: Budget) -> GeoFigure:
        figure = GeoFigure()
        left_out: Counter[str] = Counter()
        drawn: list[tuple[Outline, str, bool]] = []
        for work in row.works:
            for mark in work.objects:
                try:
                    outline = outline_of(mark)
                except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
                    left_out[BROKEN] += 1
                    continue
                if outline is None:
                    left_out[UNKNOWN] += 1
                elif budget.is_spent or not budget.takes(sum(map(len, outline.lines))):
                    left_out[TOO_MANY] += 1
                else:
                    drawn.append((outline, name_of(mark), work.is_prediction))
        if drawn:
            figure.picture, figure.edges = _picture(drawn, budget)
        notes_of(left_out, figure.notes)
        figure.take(self.lines(row.works, budget))
        return figure

    def place(self, mark: Mark) -> str:
        outline = outline_of(mark)
        if outline is None:
            return ""
        west, south, east, north = _edges([outline])
        if (west, south) == (east, north):
            return f"at {_text(west)}, {_text(south)}"
        return f"from {_text(west)}, {_text(south)} to {_text(east)}, {_text(north)}"


def outline_of(mark: Mark) -> Outline | None:
    """Its ``geojson``, or its geometry as shapes of pictures have it; ``None`` where it has none that we know. Raises
    ``ValueError``, ``KeyError`` or ``TypeError`` for a broken one."""
    if "geojson" in mark:
        geojson = mark["geojson"]
        kind = GEOJSON_TYPES[geojson["type"]]
        return Outline(kind, list(_lines(geojson["coordinates"], 0)))
    for kind in (BOX, POLYGON, POLYLINE, POINT):
        shape = mark.get(kind.geometry)
        if shape is None:
            continue
        if kind is BOX:
            left, top, width, height = (finite(shape[side]) for side in ("left", "top", "width", "height"))
            right, other = left + width, top + height
            return Outline(kind, [[(left, top), (right, top), (right, other), (left, other)]])
        points = [shape] if kind is POINT else shape
        line = [(finite(point["x"]), finite(point["y"])) for point in points]
        if not line:
            raise ValueError("no corners")
        return Outline(kind, [line])
    return None


def _lines(coordinates: object, depth: int) -> Iterator[list[Place]]:
    """GeoJSON's ``coordinates``: a place, or lists of them as deep as a polygon of several pieces."""
    if depth > _DEEPEST or not isinstance(coordinates, list) or not coordinates:
        raise ValueError("no coordinates")
    if isinstance(coordinates[0], int | float):
        yield [_place(coordinates)]
    elif isinstance(coordinates[0], list) and coordinates[0] and isinstance(coordinates[0][0], int | float):
        yield [_place(each) for each in coordinates]
    else:
        for each in coordinates:
            yield from _lines(each, depth + 1)


def _place(pair: object) -> Place:
    if not isinstance(pair, list) or len(pair) < 2:
        raise ValueError("not a place")
    return finite(pair[0]), finite(pair[1])


def _edges(outlines: Sequence[Outline]) -> tuple[float, float, float, float]:
    places = [place for outline in outlines for line in outline.lines for place in line]
    xs, ys = [x for x, _ in places], [y for _, y in places]
    return min(xs), min(ys), max(xs), max(ys)


def _picture(drawn: Sequence[tuple[Outline, str, bool]], budget: Budget) -> tuple[Picture, dict[str, str]]:
    west, south, east, north = _edges([outline for outline, _, _ in drawn])
    longer = max(east - west, north - south) or 1.0
    margin = longer / 20
    west, south, east, north = west - margin, south - margin, east + margin, north + margin
    # a line along a parallel has a frame too
    low = (longer + 2 * margin) * SHORTER / LONGER
    across, up = max(east - west, low), max(north - south, low)
    west, south = (east + west - across) / 2, (north + south - up) / 2
    scale = LONGER / max(across, up)
    shapes = []
    counts: Counter[tuple[str, bool]] = Counter()
    for outline, name, is_predicted in drawn:
        shapes.append(
            Shape(outline.kind, name, budget.colour_of(name), _path(outline, west, south + up, scale), is_predicted)
        )
        counts[name, is_predicted] += 1
    shapes.sort(key=lambda shape: (shape.is_predicted, shape.kind.layer or 0))
    first = {(shape.name, shape.is_predicted): shape for shape in reversed(shapes)}
    legend = sorted(((first[key], count) for key, count in counts.items()), key=lambda one: one[0].colour.number)
    size = math.ceil(across * scale), math.ceil(up * scale)
    edges = {"west": west, "south": south, "east": west + across, "north": south + up}
    drawing = Drawing(shapes, legend, Counter(), size)
    return Picture("", *size, "", drawing), {side: _text(value) for side, value in edges.items()}


def _path(outline: Outline, west: float, north: float, scale: float) -> str:
    close = "z" if outline.kind in (BOX, POLYGON) else ""
    parts = []
    for line in outline.lines:
        corners = [f"{(x - west) * scale:.1f} {(north - y) * scale:.1f}" for x, y in line]
        parts.append(f"M{'L'.join(corners)}{close}" if len(corners) > 1 else f"M{corners[0]}h0")
    return "".join(parts)


def _text(value: float) -> str:
    return f"{value:.6g}"
