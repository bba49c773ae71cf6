"""The demo project's rows and pictures: made here, the same on every machine, with something of every kind in them.
What is no picture is made in :mod:`connections.store.demo_media`, what a model says in
:mod:`connections.store.demo_runs`.

A picture is a grid of cells of 40 x 40 pixels, and each mark stands in a cell of its own. Boxes and polygons have their
corners on whole numbers and only upright and level sides, so that what is painted is exactly what the annotation says,
and no rule on edges or overlaps is needed to tell. A mask paints its pixels. Lines are painted three pixels wide and
points as squares of five, around where they are, which is the middle of a pixel.

Row 1 (:data:`SHOWCASE`) holds every kind of mark; tests and the preview rely on it.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask

from connections.rows.kinds import BOX, KINDS, MASK, POINT, POLYGON, POLYLINE
from connections.rows.media_types import IMAGE
from connections.rows.review_statuses import REVIEW_STATUSES
from connections.store.demo_media import media_rows
from connections.store.demo_runs import RUN as RUN
from connections.store.demo_runs import with_predictions
from connections.store.import_row import IncomingClass, IncomingLabel, IncomingRow
from exportadmin.lib.ids import derived_id

PROJECT_NAME = "Demo"
ROWS = 300
SHOWCASE = 1
CELL = 40
BACKGROUND = (236, 239, 243)
# class → colour of its marks in the pictures, and the kind of mark it is used with
COLOURS: dict[str, tuple[int, int, int]] = {
    "car": (31, 95, 174),
    "building": (150, 94, 60),
    "road": (90, 96, 105),
    "lamp": (214, 158, 46),
    "tree": (56, 128, 72),
    "sign": (180, 35, 24),
}
CLASSES: tuple[IncomingClass, ...] = (
    *(IncomingClass(name=name, number=number) for number, name in enumerate(COLOURS, 1)),
    IncomingClass(name="weather", number=1, is_question=True),
    IncomingClass(name="seen", number=2, is_question=True),
    IncomingClass(name="remark", number=3, is_question=True),
)
# 2026-09-01T08:00:00Z; a picture every 20 minutes. Everything is over by WRITTEN_MS (2026-10-01T12:00:00Z).
FIRST_MS = 1_788_249_600_000
WRITTEN_MS = 1_790_856_000_000
_MINUTE = 60_000
_DATASETS = ("Harbour", "Old town", "Ring road")
_PEOPLE = ("lena@example.org", "tomasz@example.org", "mei@example.org")
# how often each status occurs in a row of 20; those that are missing here come once in the rows after (see _status)
_USUAL = ("accepted",) * 8 + ("review",) * 4 + ("client_review",) * 2 + ("rejected",) * 2 + ("to_label",) * 4
_UNTOUCHED = frozenset({"to_label", "assigned", "skipped"})

Pixels = NDArray[np.uint8]
Inside = NDArray[np.bool_]


def file_name(index: int) -> str:
    """``demo-0001.png`` … ``demo-0300.png``."""
    return f"demo-{index:04d}.png"


def demo_rows(media_prefix: str) -> Iterator[IncomingRow]:
    """Rows 1 to :data:`ROWS`; a picture's address is ``<media_prefix>/<file name>``."""
    for index in range(1, ROWS + 1):
        yield _row(index, media_prefix)


def project_rows(media_prefix: str) -> Iterator[IncomingRow]:
    """All rows of the demo project: :func:`demo_rows`, then those of the other media; some with what a model says."""
    return with_predictions(chain(demo_rows(media_prefix), media_rows(ROWS + 1)))


def is_picture(row: IncomingRow) -> bool:
    """Is it one of :func:`demo_rows`, of which there is a :func:`picture`?"""
    return bool(row.media_attributes["asset_type"] == IMAGE)


def picture(row: IncomingRow) -> bytes:
    """The PNG of a row of :func:`demo_rows`: its first label's marks, painted where they are."""
    width, height = row.media_attributes["width"], row.media_attributes["height"]
    pixels: Pixels = np.empty((height, width, 3), np.uint8)
    pixels[:] = BACKGROUND
    # nobody has marked anything yet where there is no label, but the street is there
    objects = row.labels[0].objects if row.labels else _scene(row.number or 0, width, height, row.key).objects
    for mark in objects:
        pixels[_inside(mark, width, height)] = COLOURS[mark["name"]]
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", optimize=False, compress_level=6)
    return stream.getvalue()


class _Dice:
    """Choices that depend on the seed only. Built on ``random()``, whose sequence Python promises to keep."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed).random  # noqa: S311 - pictures, not secrets

    def below(self, limit: int) -> int:
        """0 … ``limit - 1``."""
        return int(self._random() * limit)

    def shuffled(self, count: int) -> list[int]:
        """0 … ``count - 1`` in some order."""
        return sorted(range(count), key=[self._random() for _ in range(count)].__getitem__)


# --- rows ------------------------------------------------------------------------------------------------------------


def _row(index: int, media_prefix: str) -> IncomingRow:
    width, height = (160, 120) if index % 5 else (120, 160)
    key = file_name(index)
    status = _status(index)
    created = FIRST_MS + index * 20 * _MINUTE
    batch = 1 + (index - 1) * 4 // ROWS
    row = IncomingRow(
        position=f"demo row {index}",
        key=key,
        row_data=f"{media_prefix}/{key}",
        status=status,
        number=index,
        external_id=key,
        media_attributes={"height": height, "width": width, "asset_type": "image", "mime_type": "image/png"},
        metadata_fields=_metadata(index, created),
        dataset=_DATASETS[index % len(_DATASETS)],
        batch_id=derived_id("demo", "batch", str(batch)),
        batch_name=f"batch-{batch}",
        priority=1 + index % 5,
        created_ms=created,
        created_by="camera-import@example.org",
    )
    if index % 10 == 1:
        row.attachments.append({"type": "RAW_TEXT", "value": f"Picture {index} of {ROWS}, camera {1 + index % 3}."})
    if index % 25 == 1:
        row.embeddings.append(_embedding(index))
    if status in _UNTOUCHED:
        return row
    if status == "critical":  # looked at, nothing found: a label without a mark
        row.labels.append(_label(_Scene(), index, 0, created))
        return row
    row.labels.append(_label(_scene(index, width, height, key), index, 0, created))
    if index % 12 == 1:  # a second opinion on the same picture, which has overlooked something
        second = _scene(index, width, height, f"{key}/2")
        if len(second.objects) > 2:  # the first two may be related
            second.objects.pop()
        row.labels.append(_label(second, index, 1, created))
    return row


def _status(index: int) -> str:
    """Every status occurs; the usual ones often. Row 1 is accepted, so that it is in every export that is not empty."""
    rare = [status for status in REVIEW_STATUSES if status not in _USUAL]
    if index % 4 == 0:
        return rare[index // 4 % len(rare)]
    return _USUAL[(index * 7 - 7) % len(_USUAL)]


def _metadata(index: int, created_ms: int) -> list[dict[str, Any]]:
    from exportadmin.lib.times import to_datetime

    split = ("train", "train", "train", "valid", "test")[index % 5]
    schema = {name: derived_id("demo", "metadata", name) for name in ("tag", "split", "captureDateTime", split)}
    captured = to_datetime(created_ms - 90 * _MINUTE)
    return [
        {
            "schema_id": schema["tag"],
            "schema_name": "tag",
            "schema_kind": "CustomMetadataString",
            "value": ("morning", "noon", "evening")[index % 3],
        },
        {
            "schema_id": schema["split"],
            "schema_name": "split",
            "schema_kind": "CustomMetadataEnum",
            "value": [{"schema_id": schema[split], "schema_name": split, "schema_kind": "CustomMetadataEnumOption"}],
        },
        {
            "schema_id": schema["captureDateTime"],
            "schema_name": "captureDateTime",
            "schema_kind": "CustomMetadataDateTime",
            "value": f"{captured:%Y-%m-%dT%H:%M:%S}.000Z",
        },
    ]


def _embedding(index: int) -> dict[str, Any]:
    return {
        "id": derived_id("demo", "embedding"),
        "name": "Demo embedding",
        "dimensions": 8,
        "is_custom": True,
        "values": [{"value": [round(((index * 37 + step * 61) % 200 - 100) / 100, 2) for step in range(8)]}],
    }


@dataclass
class _Scene:
    """What is in a picture."""

    objects: list[dict[str, Any]] = field(default_factory=list)
    classifications: list[dict[str, Any]] = field(default_factory=list)
    relationships: list[dict[str, Any]] = field(default_factory=list)


def _label(scene: _Scene, index: int, nth: int, created_ms: int) -> IncomingLabel:
    begun = created_ms + (45 + index % 50 + 30 * nth) * _MINUTE
    seconds = 40 + index * 13 % 200
    return IncomingLabel(
        objects=scene.objects,
        classifications=scene.classifications,
        relationships=scene.relationships,
        created_ms=begun,
        updated_ms=begun + seconds * 1000,
        created_by=_PEOPLE[(index + nth) % len(_PEOPLE)],
        performance={"seconds_to_create": seconds, "seconds_to_review": index % 40, "skipped": False},
    )


def _scene(index: int, width: int, height: int, key: str) -> _Scene:
    """The marks of picture ``index``; their ids depend on ``key``. The showcase has every kind of mark."""
    dice = _Dice(index)
    columns = width // CELL
    order = dice.shuffled(columns * (height // CELL))
    cells = [_Cell(nth % columns * CELL, nth // columns * CELL, width, height) for nth in order]
    makers: list[Callable[[_Cell], dict[str, Any]]] = [_car, _car, _building, _road, _lamp, _tree, _annexe]
    showcase = index == SHOWCASE
    if not showcase:
        makers = [makers[dice.below(len(makers))] for _ in range(2 + dice.below(6))]
    if showcase or dice.below(40) == 0:
        makers.append(_sign)
    scene = _Scene()
    for cell, maker in zip(cells, makers, strict=False):
        mark = maker(cell)
        mark["feature_id"] = derived_id("demo", key, str(len(scene.objects)))
        scene.objects.append(mark)
    if showcase or dice.below(2):
        scene.classifications += _answers(dice)
    if showcase or dice.below(4) == 0:
        first, second = scene.objects[0]["feature_id"], scene.objects[1]["feature_id"]
        scene.relationships.append(
            {
                "feature_id": derived_id("demo", key, "near"),
                "feature_schema_id": derived_id("demo", "near"),
                "name": "near",
                "value": "near",
                "annotation_kind": "UnidirectionalRelationship",
                "classifications": [],
                "unidirectional_relationship": {"source": first, "target": second},
            }
        )
    return scene


def _answer(name: str) -> dict[str, Any]:
    return {
        "feature_id": derived_id("demo", "answer", name),
        "feature_schema_id": derived_id("demo", "option", name),
        "name": name,
        "value": name,
        "classifications": [],
    }


def _answers(dice: _Dice) -> list[dict[str, Any]]:
    """A radio answer with a nested question, a checklist, a text with what breaks bad exporters."""
    weather = _answer(("sun", "clouds", "rain")[dice.below(3)])
    if weather["name"] == "rain":
        amount = {**_answer("how much"), "radio_answer": _answer(("drizzle", "downpour")[dice.below(2)])}
        del amount["classifications"]
        weather["classifications"] = [amount]
    remark = ("Clear.", 'Łódź, ul. Wólczańska: "detour", ends\nbehind the bridge', "=2+3; looks odd, 40 % shaded")
    return [
        {"name": "weather", "value": "weather", "radio_answer": weather},
        {"name": "seen", "value": "seen", "checklist_answers": [_answer("people"), _answer("bicycles")]},
        {"name": "remark", "value": "remark", "text_answer": {"content": remark[dice.below(3)]}},
    ]


# --- marks, each in a cell of its own -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Cell:
    """The corner of a cell, and the size of the picture around it."""

    left: int
    top: int
    width: int
    height: int

    def ring(self, *corners: tuple[float, float]) -> list[dict[str, float]]:
        """Corners relative to the cell as points of the picture."""
        return [{"x": float(self.left + x), "y": float(self.top + y)} for x, y in corners]


def _car(cell: _Cell) -> dict[str, Any]:
    """A box; some say in a nested question how much of it is hidden."""
    occlusion = {**_answer("occlusion"), "radio_answer": _answer("partial")}
    del occlusion["classifications"]
    return {
        "name": "car",
        "annotation_kind": BOX.annotation_kind,
        "classifications": [occlusion] if (cell.left + cell.top) % (2 * CELL) == 0 else [],
        "bounding_box": {"top": cell.top + 12.0, "left": cell.left + 6.0, "height": 16.0, "width": 28.0},
    }


def _building(cell: _Cell) -> dict[str, Any]:
    ring = cell.ring((6, 4), (20, 4), (20, 20), (34, 20), (34, 36), (6, 36))
    return {"name": "building", "annotation_kind": POLYGON.annotation_kind, "polygon": ring}


def _annexe(cell: _Cell) -> dict[str, Any]:
    """One building in two pieces: a polygon of two rings."""
    rings = [
        cell.ring((4, 6), (18, 6), (18, 34), (4, 34)),
        cell.ring((24, 18), (36, 18), (36, 34), (24, 34)),
    ]
    return {"name": "building", "annotation_kind": POLYGON.annotation_kind, "polygon": rings[0], "polygons": rings}


def _road(cell: _Cell) -> dict[str, Any]:
    line = cell.ring((4.5, 34.5), (20.5, 34.5), (20.5, 10.5), (35.5, 10.5))
    return {"name": "road", "annotation_kind": POLYLINE.annotation_kind, "line": line}


def _lamp(cell: _Cell) -> dict[str, Any]:
    return {
        "name": "lamp",
        "annotation_kind": POINT.annotation_kind,
        "point": {"x": cell.left + 20.5, "y": cell.top + 20.5},
    }


def _tree(cell: _Cell) -> dict[str, Any]:
    """A disc, as a mask of the whole picture."""
    disc = _ellipse_pixels(cell.left + 20, cell.top + 20, 14, 14, cell.width, cell.height)
    encoded = coco_mask.encode(np.asfortranarray(disc, np.uint8))
    return {
        "name": "tree",
        "annotation_kind": MASK.annotation_kind,
        "mask": {"size": [cell.height, cell.width], "counts": encoded["counts"].decode("ascii")},
    }


def _sign(cell: _Cell) -> dict[str, Any]:
    """A kind of mark that we do not know: it is carried, never dropped."""
    ellipse = {"center": {"x": cell.left + 20.0, "y": cell.top + 20.0}, "radius": {"x": 12.0, "y": 8.0}}
    return {"name": "sign", "annotation_kind": "ImageEllipse", "ellipse": ellipse}


# --- pixels of a mark: True where it is -----------------------------------------------------------------------------


def _inside(mark: dict[str, Any], width: int, height: int) -> Inside:
    kind = KINDS.of_mark(mark)
    if not kind.is_painted:
        return _PAINTERS[mark["name"]](mark, width, height)
    canvas = np.zeros((width, height), np.uint8)
    kind.paint(canvas, mark, 1)
    return canvas.T.astype(bool)


def _line_pixels(mark: dict[str, Any], width: int, height: int) -> Inside:
    """Upright and level pieces only, which is what the demo has."""
    inside = np.zeros((height, width), bool)
    for start, end in pairwise(mark["line"]):
        (left, right), (top, bottom) = (sorted((int(start[axis]), int(end[axis]))) for axis in "xy")
        inside[max(0, top - 1) : bottom + 2, max(0, left - 1) : right + 2] = True
    return inside


def _point_pixels(mark: dict[str, Any], width: int, height: int) -> Inside:
    x, y = int(mark["point"]["x"]), int(mark["point"]["y"])
    inside = np.zeros((height, width), bool)
    inside[y - 2 : y + 3, x - 2 : x + 3] = True
    return inside


def _sign_pixels(mark: dict[str, Any], width: int, height: int) -> Inside:
    center, radius = mark["ellipse"]["center"], mark["ellipse"]["radius"]
    return _ellipse_pixels(center["x"], center["y"], radius["x"], radius["y"], width, height)


def _ellipse_pixels(x: float, y: float, across: float, down: float, width: int, height: int) -> Inside:
    rows, columns = np.mgrid[0.5:height, 0.5:width]
    inside: Inside = ((columns - x) / across) ** 2 + ((rows - y) / down) ** 2 <= 1
    return inside


# class → the pixels of its marks, where their kind is not painted in class masks
_PAINTERS: dict[str, Callable[[dict[str, Any], int, int], Inside]] = {
    "road": _line_pixels,
    "lamp": _point_pixels,
    "sign": _sign_pixels,
}
