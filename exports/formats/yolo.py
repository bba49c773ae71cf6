"""``yolo``: a zip with a text of lines for each picture, as Ultralytics, Darknet and their kin read them.

A line is ``class x y width height``, the middle and the size of a box as shares of the picture's, or ``class x1 y1 x2
y2 …``, the corners of an outline; six decimals, nothing outside 0 to 1. A picture without annotations has an empty
file, which says that there is nothing on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

import orjson

from connections.rows.batch import OntologyClass
from connections.rows.mask_rings import joined, mask_rings
from exports.formats.base import CannotHoldError, FormatContext, Option
from exports.formats.picture_files import Mark, Picture, PictureFiles
from exports.formats.splits import SPLITS, Splits

BOXES, SEGMENTS, MIXED = "boxes", "segments", "mixed"
SHAPES: Final = Option(
    "shapes",
    (BOXES, SEGMENTS, MIXED),
    "boxes: every line is a box, around polygons and masks too, to train detection. segments: every line is an "
    "outline, to train segmentation; a box has four corners. mixed: boxes as boxes, polygons and masks as outlines, as "
    "Label Studio writes them; Ultralytics drops pictures that have both.",
)
_NO_VAL: Final = "the same pictures as train: there is no split for val, so what is measured on it is no validation"
_UNPRINTABLE: Final = re.compile(r"[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


class YoloFormat(PictureFiles):
    """``data.yaml``, ``classes.txt``, ``notes.json``, ``labels/[train/]….txt``, ``rows.csv``."""

    key = "yolo"
    title = "YOLO"
    help = (
        "A zip with a text for each picture, boxes or outlines as shares of its size, and data.yaml, to train "
        "detection or segmentation. Without a split for val, val in data.yaml is train, as a comment there says. Other "
        "kinds and answers are left out."
    )
    options = (SHAPES, *PictureFiles.options)
    suffix = ".txt"
    # Ultralytics looks for a text where the last /images/ of its picture's path is /labels/
    taken_folders = frozenset({"images"})

    def __init__(self, context: FormatContext) -> None:
        super().__init__(context)
        self._shapes = context.options.get(SHAPES.name, BOXES)

    def folder(self, split: str) -> str:
        return f"labels/{split}/" if self.splits.is_divided else "labels/"

    def pictures_folder(self, split: str) -> str:
        return f"images/{split}/" if self.splits.is_divided else "images/"

    def beginning(self) -> Iterable[tuple[str, bytes]]:
        yield "data.yaml", data_yaml(self.classes, self.splits)
        yield "classes.txt", "".join(f"{' '.join(one.name.split())}\n" for one in self.classes).encode()
        categories = [{"id": place, "name": one.name} for place, one in enumerate(self.classes)]
        notes = {"categories": categories, "info": {"version": "1.0", "contributor": "Export Admin"}}
        yield "notes.json", orjson.dumps(notes, option=orjson.OPT_INDENT_2) + b"\n"

    def text(self, picture: str, size: Picture, marks: Sequence[Mark]) -> bytes:
        return "".join([self.line(mark, size) for mark in marks]).encode()

    def line(self, mark: Mark, size: Picture) -> str:
        """Of one annotation. Raises :class:`CannotHoldError`."""
        place = self.places[mark["category_id"]]
        is_box = not mark["segmentation"]
        if self._shapes == BOXES or (self._shapes == MIXED and is_box):
            self.noted["boxes_around"] += not is_box
            return self._box(place, mark["bbox"], size)
        return self._outline(place, mark, size)

    def _box(self, place: int, box: Sequence[float], size: Picture) -> str:
        width, height = size
        left, top, across, down = box
        right, bottom = left + across, top + down
        if left < 0 or top < 0 or right > width or bottom > height:
            left, right = min(max(left, 0.0), width), min(max(right, 0.0), width)
            top, bottom = min(max(top, 0.0), height), min(max(bottom, 0.0), height)
        if right <= left or bottom <= top:
            self.noted["outside"] += 1
        return (
            f"{place} {(left + right) / 2 / width:.6f} {(top + bottom) / 2 / height:.6f} "
            f"{(right - left) / width:.6f} {(bottom - top) / height:.6f}\n"
        )

    def _outline(self, place: int, mark: Mark, size: Picture) -> str:
        ring, (width, height) = outline(mark), size
        xs, ys = ring[0::2], ring[1::2]
        if min(xs) < 0 or min(ys) < 0 or max(xs) > width or max(ys) > height:
            xs, ys = [min(max(x, 0.0), width) for x in xs], [min(max(y, 0.0), height) for y in ys]
        if min(xs) == max(xs) or min(ys) == max(ys):
            self.noted["outside"] += 1
        texts = [""] * len(ring)
        if isinstance(mark["segmentation"], dict):  # corners of pixels, many of them
            texts[0::2] = map(_shares(width).__getitem__, xs)
            texts[1::2] = map(_shares(height).__getitem__, ys)
        else:
            texts[0::2] = [f"{x / width:.6f}" for x in xs]
            texts[1::2] = [f"{y / height:.6f}" for y in ys]
        return f"{place} {' '.join(texts)}\n"

    def classes_in(self, text: bytes) -> Iterable[str]:
        return (self.classes[int(line.split(b" ", 1)[0])].name for line in text.splitlines())


class _Shares(dict[float, str]):
    """Texts of whole places along a side, kept: a mask has many corners, of few places."""

    def __init__(self, side: float) -> None:
        self._side = side

    def __missing__(self, place: float) -> str:
        text = self[place] = f"{place / self._side:.6f}"
        return text


_shares = lru_cache(maxsize=8)(_Shares)


def outline(mark: Mark) -> list[float]:
    """One flat ring, of at least three corners, in pixels; of a box, or what has no outline, its four corners.

    Raises :class:`CannotHoldError`.
    """
    rings = rings_of(mark)
    return joined(rings) if rings else corners(mark["bbox"])


def rings_of(mark: Mark) -> list[list[float]]:
    """Flat rings of at least three corners, in pixels; none of a box. Raises :class:`CannotHoldError`."""
    shape: Any = mark["segmentation"]
    if isinstance(shape, dict):
        try:
            return mask_rings(shape)
        except ValueError as error:
            raise CannotHoldError("unreadable", f"an annotation is not as it should be: {error}") from None
    return [ring for ring in shape if len(ring) >= 6]


def corners(box: Sequence[float]) -> list[float]:
    """Of ``[left, top, width, height]``, clockwise from the top left one."""
    left, top, across, down = box
    right, bottom = left + across, top + down
    return [left, top, right, top, right, bottom, left, bottom]


def data_yaml(classes: Sequence[OntologyClass], splits: Splits) -> bytes:
    """Without ``path``: then folders are looked for beside the file. Names are quoted: ``no`` would be a false."""
    folders = {name: f"images/{name}" if splits.is_divided else "images" for name in splits.counts}
    lines = [f"{name}: {folder}" for name, folder in folders.items()]
    if SPLITS[1] not in splits.counts:  # which training tools will not do without
        lines = [f"{SPLITS[0]}: {folders[SPLITS[0]]}", f"# {_NO_VAL}", f"{SPLITS[1]}: {folders[SPLITS[0]]}", *lines[1:]]
    names = [f"  {place}: {_quoted(one.name)}" for place, one in enumerate(classes)]
    return "\n".join([*lines, f"nc: {len(classes)}", "names:" if names else "names: {}", *names, ""]).encode()


def _quoted(name: str) -> str:
    """JSON, and without what YAML wants escaped beyond it."""
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", orjson.dumps(name).decode())
