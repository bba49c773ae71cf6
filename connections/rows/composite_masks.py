"""Composite masks, as Labelbox's rows have them: one picture for several masks, each a colour of its own in it.

A mask of a row here is its pixels. For Labelbox's shape they are taken out of the row into *lines* of a file beside it,
``{"index": frame or 1, "size": [height, width], "masks": [[colour, counts], …]}``; the row says where such a line is
and which colour is meant. The masks of a label, or of one of its frames, go into as few lines as they can: in a picture
no pixel has two colours, so masks of which the boxes overlap are in different ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

_COLOURS: Final = 1 << 24
# odd, so that each of that many numbers has a colour of its own; the first ones lie far apart
_STEP: Final = 0x9E3779
# of a picture: so it takes 400 MB to paint one, or to look at it, and no more
MOST_PIXELS: Final = 64_000_000
# in a picture: they are numbered in 16 bits while it is painted
MOST_MASKS: Final = 65_535
_BAND: Final = 1 << 20  # pixels


def colour_of(number: int) -> int:
    """Of the masks of a picture, counted from 1; never black, which is background."""
    return number * _STEP % _COLOURS


def take_masks(document: Mapping[str, Any], place: int, address: Callable[[int, int], str]) -> bytes:
    """Replace all ``mask`` of a row by ``composite_mask``: the lines for them, the first of which begins at ``place``.

    ``address(place, index)`` is where the picture of a line is. Raises ``ValueError`` for a mask that cannot be read,
    or of which no picture can be painted.
    """
    lines: list[bytes] = []
    for content in _annotations_in(document):
        for index, marks in _pictures_in(content):
            for layer in _layers(marks):
                url = address(place, index)
                masks, size = [], list(layer[0]["mask"]["size"])
                for number, mark in enumerate(layer, 1):
                    colour = colour_of(number)
                    masks.append([colour, mark["mask"]["counts"]])
                    _replace(mark, {"url": url, "color_rgb": list(colour.to_bytes(3))})
                line = {"index": index, "size": size, "masks": masks}
                lines.append(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
                place += len(lines[-1])
    return b"".join(lines)


def paint(line: Mapping[str, Any]) -> bytes:
    """The picture of a line, a PNG. Raises ``ValueError`` for one that cannot be painted."""
    import io

    import numpy as np
    from PIL import Image

    from connections.rows.painting import paint_mask

    height, width = line["size"]
    _check_size(height, width)
    canvas = np.zeros((width, height), np.uint8 if len(line["masks"]) < 256 else np.uint16)
    palette = np.zeros((len(line["masks"]) + 1, 3), np.uint8)
    for number, (colour, counts) in enumerate(line["masks"], 1):
        paint_mask(canvas, {"size": [height, width], "counts": counts}, number)
        palette[number] = list(int(colour).to_bytes(3))
    picture, high, made = Image.new("RGB", (width, height)), max(1, _BAND // max(width, 1)), io.BytesIO()
    for top in range(0, height, high):
        picture.paste(Image.fromarray(palette[canvas.T[top : top + high]]), (0, top))
    picture.save(made, "PNG", compress_level=1)
    return made.getvalue()


def _check_size(height: int, width: int) -> None:
    """Raises ``ValueError``."""
    if height < 1 or width < 1:
        raise ValueError(f"a mask of {width} x {height} pixels has no picture")
    if height * width > MOST_PIXELS:
        raise ValueError(f"a picture of {width:,} x {height:,} pixels has more than the {MOST_PIXELS:,} of the largest")


def _annotations_in(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for project in (document.get("projects") or {}).values():
        yield from (label["annotations"] for label in project["labels"])
    for model in (document.get("experiments") or {}).values():
        for run in model["runs"].values():
            yield from (label["annotations"] for key in ("labels", "predictions") for label in run.get(key, ()))


def _pictures_in(annotations: Mapping[str, Any]) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """``(1 or the frame, marks with masks)``."""
    yield 1, _masked(annotations.get("objects") or ())
    for frame, inside in (annotations.get("frames") or {}).items():
        objects = (inside or {}).get("objects") or {}
        yield int(frame), _masked(objects.values() if isinstance(objects, Mapping) else objects)


def _masked(marks: Any) -> list[dict[str, Any]]:
    return [mark for mark in marks if isinstance(mark.get("mask"), dict) and "counts" in mark["mask"]]


def _layers(marks: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The masks by pictures: each goes into the first one of its size that has room where it lies.

    Each mask is held against all before it at once, in C: tens of thousands of them take seconds.
    """
    import numpy as np

    from connections.rows.masks import area_and_box, edges

    layers: list[list[dict[str, Any]]] = []
    # of each mask left, top, right and bottom, and the layer that it is in
    sides = np.zeros((4, len(marks)), np.int32)
    layer_of = np.zeros(len(marks), np.int32)
    # by layer, the number of its size; none where it has no room for one more
    size_of = np.full(len(marks), -1, np.int32)
    sizes: dict[tuple[int, int], int] = {}
    for place, mark in enumerate(marks):
        height, width = size = tuple(mark["mask"]["size"])
        left, top, across, down = map(int, area_and_box(mark["mask"])[1])
        _check_size(height, width)
        edges(mark["mask"]["counts"], height, width)
        lefts, tops, rights, bottoms = sides[:, :place]
        overlapping = (lefts < left + across) & (left < rights) & (tops < top + down) & (top < bottoms)
        number = sizes.setdefault(size, len(sizes))
        free = size_of == number
        free[layer_of[:place][overlapping]] = False
        layer = int(free.argmax())
        if not free[layer]:
            layer = len(layers)
            layers.append([])
            size_of[layer] = number
        layers[layer].append(mark)
        if len(layers[layer]) >= MOST_MASKS:
            size_of[layer] = -1
        sides[:, place] = left, top, left + across, top + down
        layer_of[place] = layer
    return layers


def _replace(mark: dict[str, Any], composite: dict[str, Any]) -> None:
    """In the mask's place, so that keys keep their order."""
    items = [("composite_mask", composite) if key == "mask" else (key, value) for key, value in mark.items()]
    mark.clear()
    mark.update(items)
