"""What every kind of annotation says about itself.

A kind is one file and one line in :data:`connections.rows.kinds.KINDS`. Its methods take an *annotation*: an object of
a row's label (:mod:`connections.store.import_row` lists the geometries). What they raise for a broken one is
``ValueError``, ``KeyError`` or ``TypeError``; :meth:`Kind.tidy` alone explains itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import orjson

from connections.rows.svg import Drawn

Annotation = Mapping[str, Any]
# what an object or an answer says whatever its kind
NAME_KEYS = frozenset(
    {
        "feature_id",
        "feature_schema_id",
        "name",
        "value",
        "annotation_kind",
        "classifications",
        "is_further_label",
        "source_extra",
    }
)

_NUMBERS = frozenset({int, float})  # bool is neither

# the kind; "left,top,width,height" around it as JSON text, or as empty CSV cells; its geometry as text, "" where there
# is none; what its area is computed from, which is whatever its kind's :meth:`Kind.area` takes
Outline = tuple["Kind", str, str, Any]


def area_slack(around: Sequence[float]) -> float:
    """Half a pixel along half the way around the box."""
    return (around[2] + around[3]) / 2


class Kind:
    """One kind of annotation; what a kind does not say otherwise is as for a kind that we do not know.

    ``key`` stands in check values and CSV, ``letter`` in the counts that are kept beside each row; neither ever
    changes. ``annotation_kinds`` are the documented values of ``annotation_kind`` that it stands for; the first is the
    one that our importers write. ``geometry`` is the key under which an annotation has its shape. ``is_numbers``: the
    outline's geometry is brackets, numbers and commas. ``unit`` is what a label of this kind is about: the ``row``, a
    ``frame``, a ``segment`` of time, a ``span`` of text, a ``page`` or a ``message``; ``media`` the medium that it is
    of (:mod:`connections.rows.media_types`), empty where it may be any. ``where`` says in words how it lies there.

    Formats ask ``in_coco`` (there are :meth:`segmentation`, in the ``coco_form`` of a ``box``, of ``rings`` or of
    ``runs``, and :meth:`area`) and ``is_painted`` (there is :meth:`paint`), previews ask ``layer``: kinds are drawn in
    its order, smaller numbers below; ``None``: not drawn.
    """

    key: ClassVar[str]
    letter: ClassVar[str]
    title: ClassVar[str]
    annotation_kinds: ClassVar[tuple[str, ...]] = ()
    geometry: ClassVar[str] = ""
    is_numbers: ClassVar[bool] = False
    unit: ClassVar[str] = "row"
    media: ClassVar[str] = "image"
    where: ClassVar[str] = "in pixels"
    is_question: ClassVar[bool] = False
    in_coco: ClassVar[bool] = False
    coco_form: ClassVar[str] = "rings"
    is_painted: ClassVar[bool] = False
    layer: ClassVar[int | None] = None
    # how far the sides of a box that a source states may lie from those of the geometry, in pixels: whole pixels are
    # what many tools round to
    box_slack: ClassVar[float] = 0.5

    @property
    def annotation_kind(self) -> str:
        """What our importers write."""
        return self.annotation_kinds[0]

    def of_mark(self, annotation: Annotation) -> Kind:
        """Itself, or the kind that stands for such an annotation while something of it is missing."""
        return self

    def outline(self, annotation: Annotation) -> Outline:
        """Where it lies, worked out and written once for both COCO and CSV; here: all that it says beyond its names."""
        others = {key: value for key, value in annotation.items() if key not in NAME_KEYS}
        return self, ",,,", orjson.dumps(others).decode("utf-8"), None

    def tidy(self, annotation: dict[str, Any], media: dict[str, Any]) -> None:
        """Check an annotation that comes in, and tidy it in place: numbers become floats.

        ``media`` are the row's media attributes: ``height`` and ``width`` in pixels, where known. Raises
        :class:`connections.rows.checks.BadMark` with the reason why it cannot be kept.
        """

    def between(self, first: Annotation, second: Annotation, share: float) -> dict[str, Any] | None:
        """The geometry, by its keys, of an annotation that is a ``share`` (0 to 1) of the way from one key frame to the
        next; ``None`` where that cannot be told."""
        return None

    def segmentation(self, annotation: Annotation, geometry: str) -> str:
        """COCO's ``segmentation`` as JSON text; ``geometry`` is the outline's."""
        raise NotImplementedError

    def area(self, shape: Any) -> float:
        """Square pixels; ``shape`` is the outline's."""
        raise NotImplementedError

    def fits_box(self, stated: Any, around: Sequence[float]) -> bool:
        """May a source's own ``[left, top, width, height]`` stand for this geometry, which has ``around`` around it?

        It may when no side lies further away than :attr:`box_slack`. Anything but four numbers does not fit.
        """
        if type(stated) is not list or len(stated) != 4 or not _NUMBERS.issuperset(map(type, stated)):
            return False
        sides: list[float] = stated
        left, top, width, height = sides
        return (
            abs(left - around[0]) <= self.box_slack
            and abs(top - around[1]) <= self.box_slack
            and abs(left + width - around[0] - around[2]) <= self.box_slack
            and abs(top + height - around[1] - around[3]) <= self.box_slack
        )

    def fits_area(self, stated: Any, shape: Any, around: Sequence[float]) -> bool:
        """May a source's own area stand for this geometry? ``shape`` is the outline's, ``around`` the box around it.

        It may when it is off by no more than half a pixel along half the way around the box: so much lies between
        measuring corners and counting pixels. Anything but a number does not fit.
        """
        return type(stated) in _NUMBERS and bool(abs(stated - self.area(shape)) <= area_slack(around))

    def paint(self, canvas: Any, annotation: Annotation, value: int) -> None:
        """Fill its pixels (:mod:`connections.rows.painting`). Raises ``ValueError`` for what cannot be painted."""
        raise NotImplementedError

    def draw(self, annotation: Annotation) -> Drawn:
        """As an SVG path."""
        raise NotImplementedError
