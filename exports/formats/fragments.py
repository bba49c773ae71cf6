"""COCO and CSV fragments of a batch: the source's own where it has them, else rendered from the rows.

The built-in store keeps fragments; a source that only knows rows works with every format all the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import orjson

from connections.rows.batch import RowBatch
from connections.rows.coco import render_coco
from connections.rows.coco_lists import render_lists
from connections.rows.counts import labels_of
from connections.rows.csv import render_csv
from connections.rows.frames import objects_of
from exportadmin.lib.errors import PermanentError
from exports.formats.base import CannotHoldError, Format, Told

# what renderers raise for an annotation that is not as it should be
_BROKEN = (KeyError, ValueError, TypeError)
REFUSALS: Mapping[str, str] = MappingProxyType({"unreadable": "an annotation's geometry cannot be read"})


def _unreadable(error: Exception) -> CannotHoldError:
    wrong = f"{error} is missing" if isinstance(error, KeyError) else str(error)
    return CannotHoldError("unreadable", f"an annotation is not as it should be: {wrong}")


def unknown_class(document: Mapping[str, Any], name: object) -> PermanentError:
    """It is not the row that is wrong."""
    return PermanentError(
        f"row {document['data_row']['id']}: class {name!r} is not in the ontology; synchronise the project's ontology "
        "and export again"
    )


def told_in(annotations: bytes, names: Mapping[int, str]) -> Counter[Told]:
    """What a row's annotations of COCO say, with commas between them; ``names`` by the id of a category."""
    found: Counter[Told] = Counter()
    for one in orjson.loads(b"[%b]" % annotations):
        number, outline = one["category_id"], one["segmentation"]
        form = "runs" if isinstance(outline, dict) else "rings" if outline else "box"
        found[form, names.get(number, f"#{number}")] += 1
    return found


class Fragments:
    """Fragments for one run of ``format_``. Rendered annotations get ids from 1 on, in the order of the rows."""

    def __init__(self, format_: Format) -> None:
        self._format = format_
        self._class_numbers = {one.name: one.number for one in format_.context.ontology if not one.is_question}
        self._next_annotation = 1

    def coco(self, batch: RowBatch) -> tuple[Sequence[bytes], Sequence[bytes], Sequence[bytes]]:
        """``(images, annotations, entries of other lists)`` of the rows."""
        if batch.coco_images:
            return batch.coco_images, batch.coco_annotations, batch.coco_lists
        images: list[bytes] = []
        annotations: list[bytes] = []
        lists: list[bytes] = []
        self._check_bodies(batch)
        for index, (number, document) in enumerate(zip(batch.numbers, self._format.documents(batch), strict=True)):
            self._check_classes(document)
            try:
                image, marks = render_coco(
                    document,
                    number=number,
                    annotation_start=self._next_annotation,
                    class_numbers=self._class_numbers,
                )
            except _BROKEN as error:
                self._format.refuse(batch, index, _unreadable(error))
                continue
            images.append(image)
            annotations.append(marks)
            lists.append(render_lists(document, number=number))
            self._next_annotation += sum(len(objects_of(label["annotations"])) for label in labels_of(document))
        return images, annotations, lists

    def csv(self, batch: RowBatch, *, safe: bool) -> Sequence[bytes]:
        """Lines of the rows in one of the two profiles; columns of parts that were left out may still be filled."""
        if batch.csv_exact:
            if not safe:
                return batch.csv_exact
            return [spared or exact for spared, exact in zip(batch.csv_safe, batch.csv_exact, strict=True)]
        self._check_bodies(batch)
        lines: list[bytes] = []
        for index, (number, document) in enumerate(zip(batch.numbers, self._format.documents(batch), strict=True)):
            try:
                exact, spared = render_csv(document, number=number)
            except _BROKEN as error:
                self._format.refuse(batch, index, _unreadable(error))
                continue
            lines.append((spared if safe else None) or exact)
        return lines

    def _check_classes(self, document: Mapping[str, Any]) -> None:
        """Raise :class:`PermanentError` for a class without a number."""
        for label in labels_of(document):
            for mark in objects_of(label["annotations"]):
                if mark.get("name") != "" and mark.get("name") not in self._class_numbers:
                    raise unknown_class(document, mark.get("name"))

    def _check_bodies(self, batch: RowBatch) -> None:
        if len(batch.bodies) != len(batch):
            raise PermanentError(f"the source gave neither rows nor {self._format.title} fragments; this is its bug")
