"""Each mask of a row as a file of its own, called as Label Studio calls what is brushed there."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final

import orjson

from connections.rows.batch import BODY, RowBatch
from connections.rows.counts import BESIDE
from connections.rows.csv import address_of
from connections.rows.file_names import file_name_of
from connections.rows.frames import objects_of
from connections.rows.kinds import KINDS, MASK
from connections.rows.kinds.base import Kind
from connections.rows.labels import kept_of, labels_of
from connections.rows.painting import Canvas, paint_mask
from exports.formats.annotators import annotator_of
from exports.formats.base import CannotHoldError, Format, FormatContext, Told
from exports.formats.zipstream import Deflated, ZipStream
from exports.spec.labels import SKIPPED_LABELS

MOST_PIXELS: Final = 200_000_000
INDEX: Final = "index.ndjson"
# the alpha of every pixel of a mask
INSIDE: Final = 255
_KINDS: Final = [name.encode() for name in MASK.annotation_kinds]
# what no file system takes, and what hides the text around it
_UNUSABLE: Final = re.compile(
    r'[/\\:*?"<>|\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]'
)
# of people Label Studio has letters, digits, "@" and "." in names
_NOT_OF_PEOPLE: Final = re.compile(r"[^\w@.]|_")
# of each part of a name: with all of them it stays below the 255 bytes that file systems take
_MOST_BYTES: Final = 45
_CONTROL: Final = "brush"
_NO_LABEL: Final = "no_label"


class BrushFiles(Format):
    """A zip with a file a mask, ``task-33-annotation-33-by-1-brush-sky-0.png``, and :data:`INDEX`.

    A name says the row's number, the label's id, who made it, the control, the class and, counted from 0, which of
    several that would be called alike it is. The number is a task's own id where the row came from Label Studio. The
    index has a line a file, with its row, its picture and its classes in full.
    """

    extension = "zip"
    media_type = "application/zip"
    is_archive = True
    columns = frozenset({BODY})
    cannot_hold = frozenset({SKIPPED_LABELS, *BESIDE})
    refusals = MappingProxyType(
        {
            "too_large": f"a mask has more than {MOST_PIXELS // 1_000_000} megapixels",
            "cannot_paint": "a mask cannot be painted: its runs do not fill its picture",
        }
    )
    suffix: ClassVar[str]

    def __init__(self, context: FormatContext) -> None:
        # of the optional parts only who made a label is read
        super().__init__(dataclasses.replace(context, parts=context.parts & {"label_details"}))
        self._index_path = context.scratch / INDEX
        self._held: list[Counter[Told]] = []
        self._written = 0

    @classmethod
    def holds_parts(cls, options: Mapping[str, str]) -> bool:
        return True

    @classmethod
    def supports(cls, kind: Kind) -> bool:
        return kind is MASK

    @abstractmethod
    def canvas(self, width: int, height: int) -> Canvas:
        """An empty picture to paint on, ``canvas[x, y]``."""

    @abstractmethod
    def painted(self) -> bytes | Deflated:
        """The file of what was painted on the last canvas."""

    def header(self) -> Iterable[bytes]:
        self._zip = ZipStream(self.context.scratch / "zip-directory")
        self._index = self._index_path.open("wb")
        return ()

    def rows(self, batch: RowBatch) -> Iterable[bytes]:
        # most rows have no mask, and need not be parsed
        places = [place for place, body in enumerate(batch.bodies) if any(kind in body for kind in _KINDS)]
        held: list[Counter[Told] | None] = [Counter() for _ in batch.row_ids]
        for place, document in zip(places, self.documents(batch.take(places)), strict=True):
            names: Counter[str] = Counter()
            files: list[tuple[str, bytes | Deflated, dict[str, Any]]] = []
            told: Counter[Told] = Counter()
            try:
                for label in labels_of(document):
                    for mark, classes in _masks_of(label):
                        line = self._line(batch, place, document, label, mark, classes)
                        files.append((_unique(line, names), self._file(mark), line))
                        told.update((MASK.key, name) for name in classes)
            except CannotHoldError as error:
                self.refuse(batch, place, error)
                held[place] = None
                continue
            for name, file, line in files:
                line["file"] = name + self.suffix
                self._index.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))
                # each by itself: between two of them a run can be cancelled
                if isinstance(file, bytes):
                    yield self._zip.add(name + self.suffix, file)
                else:
                    yield self._zip.add_deflated(name + self.suffix, file)
            held[place] = told
            self._written += told.total()
        self._held = [each for each in held if each is not None]

    def annotations_written(self) -> int:
        return self._written

    def read_back(self, index: int) -> Counter[Told]:
        return self._held[index]

    def footer(self) -> Iterable[bytes]:
        self._index.close()
        yield from self._zip.add_file(INDEX, self._index_path)
        self._index_path.unlink()
        yield from self._zip.close()

    def _line(
        self,
        batch: RowBatch,
        place: int,
        document: Mapping[str, Any],
        label: Mapping[str, Any],
        mark: Mapping[str, Any],
        classes: list[str],
    ) -> dict[str, Any]:
        """Of the index; ``file`` is put in when its name is known."""
        control = kept_of("label_studio", mark).get("from_name")
        height, width = mark["mask"]["size"]
        return {
            "file": "",
            "data_row_id": batch.row_ids[place],
            "global_key": batch.global_keys[place],
            "task": batch.numbers[place],
            "annotation": label["id"],
            "by": _NOT_OF_PEOPLE.sub("", str(annotator_of(label))) or "unknown",
            "control": control if control and type(control) is str else _CONTROL,
            "region": mark.get("feature_id"),
            "labels": [name for name in classes if name],
            "width": width,
            "height": height,
            "row_data": address_of(document),
            "file_name": file_name_of(document, batch.numbers[place]).text,
        }

    def _file(self, mark: Mapping[str, Any]) -> bytes | Deflated:
        height, width = mark["mask"]["size"]
        if height * width > MOST_PIXELS:
            raise CannotHoldError("too_large", f"{width} x {height} is more than {MOST_PIXELS // 1_000_000} megapixels")
        try:
            paint_mask(self.canvas(width, height), mark["mask"], INSIDE)
        except ValueError as error:
            raise CannotHoldError("cannot_paint", f"annotation {mark.get('feature_id')}: {error}") from None
        return self.painted()


def _masks_of(label: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], list[str]]]:
    """Each mask once, with its classes; its first one first, as in Label Studio. Further ones stand before it as shapes
    of their own. A mask without a class has one that is empty."""
    further: list[Mapping[str, Any]] = []
    for mark in objects_of(label["annotations"]):
        if KINDS.of_mark(mark) is not MASK:
            continue
        if "is_further_label" in mark:
            further.append(mark)
            continue
        yield mark, [mark["name"], *(each["name"] for each in further)]
        further = []
    for mark in further:
        yield mark, [mark["name"]]


def _unique(line: Mapping[str, Any], names: Counter[str]) -> str:
    """A file's name without its suffix. ``names`` are those of the row so far: two that differ in capitals alone, or in
    how a letter is composed, are one to some file systems."""
    label, by, control = _part(str(line["annotation"])), _part(line["by"]), _part(line["control"])
    classes = _part("-".join(line["labels"]) or _NO_LABEL)
    name = f"task-{line['task']}-annotation-{label}-by-{by}-{control}-{classes}"
    key = unicodedata.normalize("NFC", name).casefold()
    names[key] += 1
    return f"{name}-{names[key] - 1}"


def _part(text: str) -> str:
    return _UNUSABLE.sub("-", text).encode()[:_MOST_BYTES].decode(errors="ignore")
