"""``coco_json``: one COCO file (https://cocodataset.org/#format-data), spliced from the rows' fragments."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import orjson

from connections.rows.batch import COCO, OntologyClass, RowBatch
from connections.rows.coco import SEPARATOR
from connections.rows.coco_lists import read_lists
from connections.rows.counts import BESIDE, UNLABELLED
from connections.rows.kinds.base import Kind
from exports.formats.base import Format, FormatContext, Told
from exports.formats.fragments import REFUSALS, Fragments, told_in
from exports.spec.labels import SKIPPED_LABELS

_BLOCK = 1 << 20
_LINE_FEED = ord("\n")
# an image object, as :mod:`connections.rows.coco` writes it
_WITH_SIZE = re.compile(rb'\{"id":\d+,"width":[^,]+,"height":').match


def _category(one: OntologyClass) -> bytes:
    category: dict[str, Any] = {"id": one.number, "name": one.name, "supercategory": one.supercategory}
    category |= {key: value for key, value in one.extra.items() if key not in category}
    if one.extra.get("id") not in (None, one.number):
        category["source_id"] = one.extra["id"]
    return orjson.dumps(category)


class CocoJsonFormat(Format):
    """``{"info", "licenses", "categories", "annotations", "images"}``, one object a line, in that order.

    Annotations come before images, so that both come from one pass over the rows: images wait in a scratch file and
    memory stays flat. Rules for ids, areas and names are those of :mod:`connections.rows.coco`. What the project keeps
    of COCO files comes out again: ``info`` and ``licenses`` in their places, lists that COCO does not know at the end.
    """

    key = "coco_json"
    title = "COCO JSON"
    help = "Boxes, polygons and masks with stable ids, for training tools. Other kinds and answers are left out."
    extension = "json"
    media_type = "application/json"
    columns = frozenset({COCO})
    cannot_hold = frozenset({UNLABELLED, SKIPPED_LABELS, *BESIDE})
    refusals = REFUSALS
    note_texts = MappingProxyType(
        {"images_without_size": "images without width, height or both, without which many readers stop"}
    )

    def __init__(self, context: FormatContext) -> None:
        super().__init__(context)
        self._fragments = Fragments(self)
        self._spool_path = context.scratch / "coco-images"
        self._annotation_lead = self._image_lead = b"\n"
        self._head: Mapping[str, Any] = context.project_extra.get("coco") or {}
        # name of a list, as JSON text → where its entries wait
        self._lists: dict[bytes, Path | None] = {}
        self._names = {one.number: one.name for one in context.ontology if not one.is_question}
        self._last: Sequence[bytes] = ()
        self._sizeless = 0
        self._written = 0

    @classmethod
    def holds_parts(cls, options: Mapping[str, str]) -> bool:
        return False

    @classmethod
    def supports(cls, kind: Kind) -> bool:
        return kind.in_coco

    def header(self) -> Iterable[bytes]:
        self._spool = self._spool_path.open("w+b")
        head = dict(self._head)
        info: dict[str, Any] = {"description": self.context.project_name, "generator": "Export Admin"}
        stated = head.pop("info", None)
        if isinstance(stated, dict):
            info = info | stated | {"project": self.context.project_name, "generator": "Export Admin"}
        elif stated is not None:
            info["source_info"] = stated
        licenses = head.pop("licenses", [])
        categories = SEPARATOR.join([_category(one) for one in self.context.ontology if not one.is_question])
        yield b'{"info":%b,\n"licenses":%b,\n"categories":[' % (orjson.dumps(info), orjson.dumps(licenses))
        if categories:
            yield b"\n" + categories + b"\n"
        yield b'],\n"annotations":['

    def rows(self, batch: RowBatch) -> Iterable[bytes]:
        images, annotations, lists = self._fragments.coco(batch)
        if any(lists):
            self._spool_lists(lists)
        self._last = annotations
        self._sizeless += list(map(_WITH_SIZE, images)).count(None)
        if images:  # none: all of them were refused
            self._spool.write(self._image_lead)
            self._spool.write(SEPARATOR.join(images))
            self._image_lead = SEPARATOR
        text = SEPARATOR.join(filter(None, annotations))
        if text:
            yield self._annotation_lead
            yield text
            self._annotation_lead = SEPARATOR
            # each is a line, and none holds another; bytes.count() would be the slowest step of all
            self._written += 1 + int(np.count_nonzero(np.frombuffer(text, np.uint8) == _LINE_FEED))

    def notes(self) -> dict[str, int]:
        return {"images_without_size": self._sizeless} if self._sizeless else {}

    def annotations_written(self) -> int:
        return self._written

    @classmethod
    def told(cls, kind: Kind, name: str) -> Told:
        return kind.coco_form, name

    def read_back(self, index: int) -> Counter[Told]:
        return told_in(self._last[index], self._names)

    def footer(self) -> Iterable[bytes]:
        yield b'\n],\n"images":['
        self._spool.seek(0)
        while block := self._spool.read(_BLOCK):
            yield block
        self._spool.close()
        self._spool_path.unlink()
        yield b"\n]"
        for name, value in self._head.items():
            if name in ("info", "licenses"):
                continue
            text = orjson.dumps(name)
            if isinstance(value, list):
                self._lists.setdefault(text, None)
            else:
                yield b",\n%b:%b" % (text, orjson.dumps(value))
        for text, path in self._lists.items():
            kept = self._head.get(orjson.loads(text))
            lines = list(map(orjson.dumps, kept)) if isinstance(kept, list) else []
            yield b",\n%b:[\n%b" % (text, SEPARATOR.join(lines))
            if path is not None:
                yield from self._unspool_list(path, SEPARATOR if lines else b"")
            yield b"\n]"
        yield b"}\n"

    def _spool_lists(self, fragments: Sequence[bytes]) -> None:
        entries: dict[bytes, list[bytes]] = {}
        for name, entry in read_lists(fragments):
            entries.setdefault(name, []).append(entry)
        for name, few in entries.items():
            path = self._lists.get(name)
            lead = SEPARATOR
            if path is None:
                path = self._lists[name] = self.context.scratch / f"coco-list-{len(self._lists)}"
                lead = b""
            with path.open("ab") as spool:
                spool.write(lead + SEPARATOR.join(few))

    @staticmethod
    def _unspool_list(path: Path, lead: bytes) -> Iterable[bytes]:
        yield lead
        with path.open("rb") as spool:
            while block := spool.read(_BLOCK):
                yield block
        path.unlink()
