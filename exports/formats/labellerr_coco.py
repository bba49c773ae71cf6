"""``labellerr_coco``: COCO as Labellerr writes it, for scripts that were made for theirs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from connections.rows.batch import BODY, COCO, OntologyClass, RowBatch
from connections.rows.coco import SEPARATOR
from connections.rows.counts import BESIDE, UNLABELLED
from connections.rows.frames import objects_of
from connections.rows.kinds import KINDS
from connections.rows.kinds.base import Kind
from connections.rows.labels import labels_of
from exports.formats.base import Format, FormatContext, Told
from exports.formats.fragments import REFUSALS, Fragments
from exports.formats.labellerr_rows import PARTS_READ, created_ms, question_id, read_rows, status_of
from exports.spec.labels import SKIPPED_LABELS

_BLOCK: Final = 1 << 20
_COLORS: Final = ((95, 158, 160), (220, 20, 60), (65, 105, 225), (34, 139, 34), (255, 140, 0), (148, 0, 211))


class LabellerrCocoFormat(Format):
    """Ids of images, annotations and categories count from 0 in the order of the file; a box has ``[[]]`` for its
    outline; ``info.description`` is the export's name and ``info.version`` its report id.

    Places and areas are those of :class:`exports.formats.coco_json.CocoJsonFormat`.
    """

    key = "labellerr_coco"
    title = "COCO JSON as Labellerr writes it"
    as_of = "Labellerr"
    help = "COCO with ids from 0 and Labellerr's own keys, for scripts made for its exports. New work: COCO JSON."
    extension = "json"
    media_type = "application/json"
    columns = frozenset({BODY, COCO})
    cannot_hold = frozenset({UNLABELLED, SKIPPED_LABELS, *BESIDE})
    refusals = REFUSALS
    prints_report = True

    def __init__(self, context: FormatContext) -> None:
        super().__init__(context)
        self._fragments = Fragments(self)
        self._spool_path = context.scratch / "labellerr-images"
        self._lead = self._image_lead = b"\n"
        classes = [one for one in context.ontology if not one.is_question]
        self._categories = [self._category(place, one) for place, one in enumerate(classes)]
        self._places = {one.number: place for place, one in enumerate(classes)}
        self._names = [one.name for one in classes]
        self._last: list[list[dict[str, Any]]] = []
        self._images = self._written = 0

    @classmethod
    def supports(cls, kind: Kind) -> bool:
        return kind.in_coco

    def header(self) -> Iterable[bytes]:
        self._spool = self._spool_path.open("w+b")
        made = datetime.fromtimestamp(self.context.made_ms / 1000, UTC)
        info = {
            "description": self.context.report_name or self.context.project_name,
            "year": made.year,
            "date_created": self.context.made_ms,
            "contributor": "Export Admin",
            "url": "",
            "version": self.context.report_id,
        }
        yield b'{"info":%b,\n"licenses":[],\n"annotations":[' % orjson.dumps(info)

    def rows(self, batch: RowBatch) -> Iterable[bytes]:
        before = len(self._refused)
        images, annotations, _ = self._fragments.coco(batch)
        refused = {one.index for one in self._refused[before:]}
        fragments = zip(images, annotations, strict=True)
        self._last = []
        heads: list[bytes] = []
        for place, document in read_rows(batch, PARTS_READ & self.context.parts):
            if place in refused:
                continue
            image, marks = next(fragments)
            heads.append(
                orjson.dumps(self._image(orjson.loads(image), document, status_of(batch, place, self.context.parts)))
            )
            self._last.append(self._annotations(marks, document))
            self._images += 1
        if heads:
            self._spool.write(self._image_lead + SEPARATOR.join(heads))
            self._image_lead = SEPARATOR
        lines = [orjson.dumps(one) for few in self._last for one in few]
        if lines:
            yield self._lead + SEPARATOR.join(lines)
            self._lead = SEPARATOR

    def annotations_written(self) -> int:
        return self._written

    @classmethod
    def told(cls, kind: Kind, name: str) -> Told:
        return kind.coco_form, name

    def read_back(self, index: int) -> Counter[Told]:
        found: Counter[Told] = Counter()
        for one in self._last[index]:
            outline = one["segmentation"]
            form = "runs" if isinstance(outline, dict) else "box" if outline == [[]] else "rings"
            found[form, self._names[one["category_id"]]] += 1
        return found

    def footer(self) -> Iterable[bytes]:
        yield b'\n],\n"images":['
        self._spool.seek(0)
        while block := self._spool.read(_BLOCK):
            yield block
        self._spool.close()
        self._spool_path.unlink()
        yield b'\n],\n"categories":[%b]}\n' % b",".join(b"\n" + orjson.dumps(one) for one in self._categories)

    def _category(self, place: int, one: OntologyClass) -> dict[str, Any]:
        return {
            "id": place,
            "name": one.name,
            "supercategory": one.supercategory or "Annotation",
            "isthing": 1,
            "color": _COLORS[place % len(_COLORS)],
            "attributes": [],
            "labellerr_question_id": question_id(self.context.project_id, one),
        }

    def _image(self, image: dict[str, Any], document: dict[str, Any], status: str | None) -> dict[str, Any]:
        size: dict[str, Any] = {key: image[key] for key in ("width", "height") if key in image}
        return {
            "id": self._images,
            **size,
            "file_name": image["file_name"],
            "date_created": created_ms(document),
            "labellerr_file_id": document["data_row"]["id"],
            "labellerr_file_status": status,
            "labellerr_file_remarks": "",
        }

    def _annotations(self, fragment: bytes, document: dict[str, Any]) -> list[dict[str, Any]]:
        """The row's, each with the id of the object that it was made of."""
        answers = [
            mark["feature_id"]
            for label in labels_of(document)
            for mark in objects_of(label["annotations"])
            if mark["name"] and KINDS.of_mark(mark).in_coco
        ]
        made: list[dict[str, Any]] = []
        marks: Sequence[dict[str, Any]] = orjson.loads(b"[%b]" % fragment)
        for mark, answer in zip(marks, answers, strict=True):
            made.append(
                {
                    "image_id": self._images,
                    "category_id": self._places[mark["category_id"]],
                    "bbox": mark["bbox"],
                    "area": mark["area"],
                    "iscrowd": mark["iscrowd"],
                    "segmentation": mark["segmentation"] or [[]],
                    "id": self._written,
                    "attributes": [],
                    "labellerr_answer_id": answer,
                }
            )
            self._written += 1
        return made
