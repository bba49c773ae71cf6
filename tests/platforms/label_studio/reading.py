"""What is in files of Label Studio's formats, theirs and ours alike, and what a task's JSON says should be there."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import numpy as np
from PIL import Image

BOX, POLYGON, BRUSH = "rectanglelabels", "polygonlabels", "brushlabels"
# label, form and numbers of each
Marks = list[tuple[str, str, tuple[float, ...]]]


@dataclass(frozen=True)
class Region:
    """One region of a task that was not skipped. ``corners`` are those of a box as it is turned, or of a polygon."""

    form: str
    label: str
    corners: tuple[tuple[float, float], ...]

    @property
    def is_turned(self) -> bool:
        """Is it a box whose sides are not those of the picture?"""
        return self.form == BOX and len({x for x, _ in self.corners}) > 2

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, width and height of what holds all of it."""
        xs, ys = zip(*self.corners, strict=True)
        return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def regions(task: Mapping[str, Any]) -> Iterator[Region]:
    """Of all annotations of a task but skipped ones; a brush region has no corners."""
    for annotation in task["annotations"]:
        if not annotation["was_cancelled"]:
            for one in annotation["result"]:
                if one["type"] in (BOX, POLYGON, BRUSH):
                    yield Region(one["type"], one["value"][one["type"]][0], tuple(_corners(one)))


def _corners(region: Mapping[str, Any]) -> Iterator[tuple[float, float]]:
    value, wide, high = region["value"], region["original_width"] / 100, region["original_height"] / 100
    for x, y in value.get("points", ()):
        yield x * wide, y * high
    if region["type"] == BOX:
        left, top = value["x"] * wide, value["y"] * high
        turn = math.radians(value["rotation"])
        for across, down in ((0, 0), (1, 0), (1, 1), (0, 1)):
            x, y = across * value["width"] * wide, down * value["height"] * high
            yield left + x * math.cos(turn) - y * math.sin(turn), top + x * math.sin(turn) + y * math.cos(turn)


def picture_name(task: Mapping[str, Any]) -> str:
    """What Label Studio calls the task's picture in its files, without the extension."""
    address = str(task["data"]["image"])
    return f"{hashlib.md5(address.encode()).hexdigest()[:8]}__{address.rpartition('/')[2].rpartition('.')[0]}"


def flat(numbers: Any) -> tuple[float, ...]:
    """Points as one list."""
    return tuple(float(number) for number in np.asarray(numbers, float).ravel())


def beyond(some: Marks, others: Marks, nearly: float) -> Marks:
    """Those of ``some`` that are not in ``others``, each of which stands for one; ``nearly``: that near is equal."""
    left = list(others)
    found: Marks = []
    for mark in some:
        label, form, numbers = mark
        for place, (other_label, other_form, other_numbers) in enumerate(left):
            if (label, form, len(numbers)) == (other_label, other_form, len(other_numbers)) and all(
                abs(one - other) <= nearly for one, other in zip(numbers, other_numbers, strict=True)
            ):
                del left[place]
                break
        else:
            found.append(mark)
    return found


def zip_entries(content: bytes) -> dict[str, bytes]:
    """Name → bytes of every file."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}


def coco(content: bytes) -> tuple[dict[str, Marks], dict[str, Any]]:
    """Of each picture (by its name without folder and extension) its annotations: label, box, outline. And the file."""
    made = json.loads(zip_entries(content)["result.json"])
    labels = {one["id"]: one["name"] for one in made["categories"]}
    names = {one["id"]: _stem(one["file_name"]) for one in made["images"]}
    found: dict[str, Marks] = {name: [] for name in names.values()}
    for one in made["annotations"]:
        outline = one["segmentation"]
        form = "runs" if isinstance(outline, dict) else f"{len(outline)} rings"
        numbers = flat(one["bbox"]) + (() if form == "runs" else tuple(n for ring in outline for n in flat(ring)))
        found[names[one["image_id"]]].append((labels[one["category_id"]], form, numbers))
    return found, made


def _stem(name: str) -> str:
    return name.rpartition("/")[2].rpartition(".")[0]


def yolo(content: bytes) -> dict[str, Marks]:
    """Of each picture its lines: label and shares of the picture's size."""
    entries = zip_entries(content)
    labels = entries["classes.txt"].decode().splitlines()
    found: dict[str, Marks] = {}
    for name, text in entries.items():
        if name.startswith("labels/"):
            lines = [line.split() for line in text.decode().splitlines()]
            found[_stem(name)] = [(labels[int(line[0])], "", flat(line[1:])) for line in lines]
    return found


def voc(content: bytes) -> dict[str, Marks]:
    """Of each picture its boxes: left, top, right, bottom."""
    found: dict[str, Marks] = {}
    for name, text in zip_entries(content).items():
        if name.startswith("Annotations/"):
            objects = ElementTree.fromstring(text).iter("object")
            found[_stem(name)] = [(str(one.findtext("name")), "", _box_of(one)) for one in objects]
    return found


def _box_of(found: ElementTree.Element) -> tuple[float, ...]:
    return tuple(float(found.findtext(f"bndbox/{edge}") or "nan") for edge in ("xmin", "ymin", "xmax", "ymax"))


def rows_csv(content: bytes, key: str, value: str) -> dict[str, str]:
    """Of our index in an archive: one column by another, folders and extension off what names a file."""
    lines = csv.DictReader(io.StringIO(zip_entries(content)["rows.csv"].decode()))
    return {line[key]: _stem(line[value]) if value == "file" else line[value] for line in lines}


def table(content: bytes, delimiter: str = ",") -> list[dict[str, str]]:
    """The lines of a CSV."""
    return list(csv.DictReader(io.StringIO(content.decode(), newline=""), delimiter=delimiter))


def brushes(content: bytes) -> dict[str, np.ndarray[Any, Any]]:
    """Name → which pixels are painted."""
    return {
        name: np.asarray(Image.open(io.BytesIO(picture))) > 0
        for name, picture in zip_entries(content).items()
        if name.endswith(".png")
    }


def differing(theirs: Any, ours: Any, path: str = "") -> Iterator[str]:
    """Where two documents differ: paths such as ``annotations[].lead_time``, once for each time."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        for key in [*theirs, *(key for key in ours if key not in theirs)]:
            below = f"{path}.{key}".lstrip(".")
            if key not in ours or key not in theirs:
                yield f"{below}: only {'theirs' if key in theirs else 'ours'}"
            else:
                yield from differing(theirs[key], ours[key], below)
    elif isinstance(theirs, list) and isinstance(ours, list):
        if len(theirs) != len(ours):
            yield f"{path}: {len(theirs)} and {len(ours)} entries"
            return
        for one, other in zip(theirs, ours, strict=True):
            yield from differing(one, other, f"{path}[]")
    elif theirs != ours or isinstance(theirs, bool) != isinstance(ours, bool):
        yield path


def grouped(pairs: Any) -> dict[Any, list[Any]]:
    """Key → its values, in order."""
    found: dict[Any, list[Any]] = defaultdict(list)
    for key, value in pairs:
        found[key].append(value)
    return dict(found)
