"""``coco_results``: predictions in COCO's form of results, as those of a named model run of a project.

``[{"image_id", "category_id", "bbox" | "segmentation", "score"}, …]`` in any order. Images and categories are known by
their ids in the project, which are those of its ``coco_json`` exports; nothing else of a row is said, and nothing of it
changes. Of one image all results go in, or none. A file that names an image replaces what the run said of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, Final

import orjson

from connections.rows.checks import BadMark, box, number, numbers, ring, shown
from connections.rows.kinds import BOX, MASK, POLYGON
from connections.store.import_row import IncomingLabel, IncomingPredictions, IncomingRow, IncomingRun
from connections.store.importers.base import Importer, Survey
from connections.store.importers.ndjson import check_object
from connections.store.scratch import scratch_database
from exportadmin.lib import json_stream
from exportadmin.lib.errors import UserError
from exportadmin.lib.ids import derived_id
from exportadmin.lib.json_stream import RowRefused

_AT_ONCE: Final = 500
_MODEL: Final = "COCO results"
_Json = dict[str, Any]


class CocoResultsImporter(Importer):
    """See the module. ``model_run`` is the name of the run, which is made where there is none."""

    key = "coco_results"
    title = "COCO results (predictions of a model run)"
    keys_are_once = True
    needs_model_run = True

    def survey(self) -> Survey:
        with self.open() as stream, closing(_Spool()) as spool:
            spool.fill(stream)
            return Survey(spool.count(), self.path.stat().st_size)

    def rows(self) -> Iterator[IncomingRow]:
        if not self.model_run:
            raise UserError("which model run made these predictions? name it", field="model_run")
        names = {of_class: name for name, of_class in self.project.class_numbers().items()}
        run = self.project.model_run_named(self.model_run) or IncomingRun(
            run_id=derived_id(self.project_key, _MODEL, self.model_run),
            model_id=derived_id(self.project_key, _MODEL),
            name=self.model_run,
            model_name=_MODEL,
        )
        with self.open() as stream, closing(_Spool()) as spool:
            spool.fill(stream)
            large = dict(self.project.large_numbers())
            for images in spool.images():
                keys = self.project.keys_of([image for image, _ in images if type(image) is int]) | large
                there = [key for image, _ in images if (key := keys.get(image)) and not _is_elsewhere(key)]
                sizes = self.project.sizes_of(there)
                for image, results in images:
                    self.rows_seen += 1
                    position = f"image {shown(image)}, {results[0][0]}"
                    try:
                        yield self._row(image, keys.get(image), results, position, names, run, sizes)
                    except BadMark as error:
                        self.refuse_row(RowRefused(position, str(error)), image)

    def _row(
        self,
        image: Any,
        key: str | None,
        results: list[tuple[str, bytes]],
        position: str,
        names: dict[int, str],
        run: IncomingRun,
        sizes: Mapping[str, tuple[int, int]],
    ) -> IncomingRow:
        """Raises :class:`BadMark`."""
        if key is None or _is_elsewhere(key):
            raise BadMark(f"image_id {shown(image)} is that of no row of this project")
        # of a picture of unknown size, masks have to agree among themselves
        media = dict(zip(("height", "width"), sizes[key], strict=True)) if key in sizes else {}
        objects = []
        for where, text in results:
            try:
                objects.append(_mark(orjson.loads(text), names, media))
            except (BadMark, orjson.JSONDecodeError) as error:
                raise BadMark(f"{where}: {error}") from None
        # a run of the same name says the same by the same ids
        label = IncomingLabel(objects=objects)
        said = IncomingPredictions(run, [label])
        return IncomingRow(
            position=position,
            key=key,
            row_data="",
            status="to_label",
            predictions=[said],
            is_of_model_run=True,
            has_to_be_there=True,
        )


def _is_elsewhere(key: str) -> bool:
    """Is it a row of another data set than the file's?"""
    return key.startswith("\0")


def _mark(result: _Json, names: dict[int, str], media: _Json) -> _Json:
    """``media`` has the picture's height and width, where known. Raises :class:`BadMark`."""
    category, score = result.get("category_id"), result.get("score")
    if type(category) is not int or category not in names:
        raise BadMark(f"category_id is {shown(category)}, which is that of no class of this project")
    if score is None or not 0 <= number(score, "score") <= 1:
        raise BadMark(f"score is {shown(score)}; expected a number from 0 to 1")
    mark: _Json = {"name": names[category], "classifications": [], "confidence": score}
    outline = result.get("segmentation")
    if type(outline) is dict:
        mark |= {"annotation_kind": MASK.annotation_kind, "mask": outline}
    elif outline:
        if type(outline) is not list:
            raise BadMark(f"segmentation is {shown(outline)}; expected rings or counts with size")
        rings = [ring(each) for each in outline]
        mark |= {"annotation_kind": POLYGON.annotation_kind, "polygon": rings[0], "polygons": rings}
    else:
        sides = numbers(result.get("bbox"), "bbox")
        if len(sides) != 4:
            raise BadMark(f"bbox is {shown(sides)}; expected left, top, width and height")
        mark |= {"annotation_kind": BOX.annotation_kind, "bounding_box": box(*map(float, sides))}
    check_object(mark, media)
    return mark


class _Spool:
    """The results of a file by image, in the order in which images come in it."""

    def __init__(self) -> None:
        self._database = scratch_database()
        # no column types: the number 1 and the text "1" are different ids
        self._database.execute("CREATE TABLE result (image, position, text)")
        self._database.execute("BEGIN")

    def close(self) -> None:
        """Give the space back."""
        self._database.close()

    def fill(self, stream: Any) -> None:
        """Raises :class:`UserError` for a file that is cut off, or in which something is no result."""
        for element in json_stream.elements(stream):
            where = element.position("result")
            try:
                value = json_stream.parse(element)
            except RowRefused as refused:
                raise UserError(f"{refused.position}: {refused.reason}", field="file") from None
            image = value.get("image_id") if type(value) is dict else None
            if type(image) not in (int, str):
                raise UserError(f"{where}: image_id is {shown(image)}; expected the id of an image", field="file")
            if type(image) is int and not 0 <= image < 2**63:
                raise UserError(f"{where}: image_id {image} is no id of an image", field="file")
            self._database.execute("INSERT INTO result VALUES (?, ?, ?)", (image, where, bytes(element.raw)))
        self._database.execute("CREATE INDEX by_image ON result (image)")

    def count(self) -> int:
        """How many images."""
        return int(self._database.execute("SELECT COUNT(DISTINCT image) FROM result").fetchone()[0])

    def images(self) -> Iterator[list[tuple[Any, list[tuple[str, bytes]]]]]:
        """Some images at a time, each with the positions and texts of its results."""
        order = self._database.execute("SELECT image FROM result GROUP BY image ORDER BY MIN(rowid)")
        while some := order.fetchmany(_AT_ONCE):
            yield [(image, self._of(image)) for (image,) in some]

    def _of(self, image: Any) -> list[tuple[str, bytes]]:
        query = "SELECT position, text FROM result WHERE image = ? ORDER BY rowid"
        return self._database.execute(query, (image,)).fetchall()
