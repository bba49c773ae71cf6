"""A canvas with shapes on it: of a picture, a frame of a video or a page of a document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from connections.rows.kinds import KINDS
from exportadmin.lib.formatting import counted
from exports.results.previews.drawing import Drawing
from exports.results.previews.reading import kind_of

LARGEST: Final = 100_000


@dataclass(frozen=True, slots=True)
class Picture:
    """``width`` and ``height`` are pixels; ``address`` is empty where the picture is not kept here."""

    title: str
    width: float
    height: float
    address: str
    drawing: Drawing


def side(value: object) -> float:
    """A width or height that can be shown; 0 for anything else."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number and 1 <= value <= LARGEST else 0  # type: ignore[operator, return-value]


def canvas(title: str, size: tuple[object, object], drawing: Drawing, address: str = "") -> Picture | None:
    """As large as ``size`` says, else as its shapes reach; ``None`` without either."""
    width, height = (side(one) or side(far) for one, far in zip(size, drawing.extent, strict=True))
    return Picture(title, width, height, address, drawing) if width and height else None


def place_of(mark: Mapping[str, Any]) -> str:
    """The box around a shape in words, in pixels. Raises as kinds do for one that is broken."""
    mark = as_image(mark)
    kind = KINDS.of(kind_of(mark))
    if kind.layer is None:
        return ""
    around = [float(side) for side in kind.outline(mark)[1].split(",") if side]
    if len(around) != 4:
        return ""
    left, top, width, height = (f"{side:.1f}".removesuffix(".0") for side in around)
    return f"at {left}, {top}" if (width, height) == ("0", "0") else f"at {left}, {top}; {width} × {height} px"


def notes_of(left_out: Counter[str], notes: list[str]) -> None:
    """What was not drawn, and why."""
    notes += [f"{counted(count, 'mark', 'marks')} {why}" for why, count in left_out.most_common()]


def as_image(mark: Mapping[str, Any]) -> dict[str, Any]:
    """A shape in a frame or on a page as that in a picture: its geometry is the same."""
    kind = kind_of(mark)
    for beginning in ("Video", "Document"):
        if kind.startswith(beginning):
            kind = "Image" + kind.removeprefix(beginning)
    return {**mark, "annotation_kind": kind}
