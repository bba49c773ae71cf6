"""``label_studio_coco``: COCO as Label Studio writes it, without what is lost there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import md5
from types import MappingProxyType
from typing import Any, ClassVar, Final

import orjson

from connections.pictures import NotFetched
from connections.rows.batch import OntologyClass, RowBatch
from connections.rows.coco import SEPARATOR
from connections.rows.counts import BESIDE, UNLABELLED
from connections.rows.file_names import leaf_of
from connections.rows.kinds.base import Kind
from connections.rows.media import mime_type
from exports.formats.base import FormatContext, Told
from exports.formats.fragments import REFUSALS, Fragments, told_in
from exports.formats.member_names import Marks, UniqueNames, mark_of
from exports.formats.pictures import IMAGES, PICTURE_NOTES, PictureArchive, PictureEntries, address_in
from exports.formats.zipstream import ZipStream
from exports.spec.labels import SKIPPED_LABELS

# what begins each annotation object, as :mod:`connections.rows.coco` writes it: one a line, and no text has a raw line
# feed (which is looked for thrice as fast as the beginning of a line)
_HEAD: Final = re.compile(rb'\n\{"id":\d+,"image_id":\d+,"category_id":(\d+),')
_FOLDER: Final = "images/"
_BLOCK: Final = 1 << 20


class PictureNames:
    """What pictures are called in a file: ``<md5 of its address, 8 digits>__<its name>``, as Label Studio calls them.

    Different pictures have different names, and one in several rows has one: where two have those 8 digits and the name
    in common, the second has all 32 digits. It remembers sixteen bytes of each picture.
    """

    def __init__(self) -> None:
        self._pictures, self._names = Marks(), Marks()
        self._long: set[int] = set()

    def take(self, addresses: Sequence[str]) -> list[str]:
        """The names of these pictures."""
        digests = [md5(address.encode(), usedforsecurity=False).hexdigest() for address in addresses]
        leaves = [leaf_of(address) or "picture" for address in addresses]
        names = [f"{digest[:8]}__{leaf}" for digest, leaf in zip(digests, leaves, strict=True)]
        pictures, marks = list(map(mark_of, addresses)), list(map(mark_of, names))
        are_known, are_taken = self._pictures.are_known(pictures), self._names.are_known(marks)
        new: dict[int, int] = {}
        taken: set[int] = set()
        for place, (picture, mark) in enumerate(zip(pictures, marks, strict=True)):
            if picture not in self._long:
                if are_known[place] or picture in new:
                    continue
                if not are_taken[place] and mark not in taken:
                    new[picture] = mark
                    taken.add(mark)
                    continue
                self._long.add(picture)
            names[place] = f"{digests[place]}__{leaves[place]}"
        self._pictures.remember(new)
        self._names.remember(taken)
        return names


def address_of(image: Mapping[str, Any]) -> str:
    """Of the picture of one of our image objects; its name where only that is known."""
    found = (image.get("coco_url"), image.get("source"))
    return next((text for text in found if type(text) is str and text), str(image["file_name"]))


class LabelStudioCocoFormat(PictureArchive):
    """A zip with ``images/`` and ``result.json``; ids of images, annotations and categories count from 0 in the order
    of the file, categories in that of their names.

    With pictures (an option), a picture of several rows is there once for each.

    Places and areas are those of :class:`exports.formats.coco_json.CocoJsonFormat`. As there, images wait in a scratch
    file and stand behind the annotations.
    """

    key = "label_studio_coco"
    title = "COCO as Label Studio writes it"
    as_of = "Label Studio"
    help = (
        "A zip with images/ and result.json, ids from 0, for scripts made for Label Studio's exports. Unlike theirs: "
        "turned boxes keep their outline, brushed masks are there (as runs), a row is one image however many labels it "
        "has, further labels of a region are annotations of their own, choices are no categories, an unknown size is "
        "left out rather than null, and the same rows give the same bytes (no date). Other kinds are left out."
    )
    cannot_hold = frozenset({UNLABELLED, SKIPPED_LABELS, *BESIDE})
    refusals = REFUSALS
    options = (IMAGES,)
    note_texts = MappingProxyType(
        {
            "images_without_size": "images without width, height or both, without which many readers stop",
            **PICTURE_NOTES,
        }
    )
    entry_name: ClassVar[str] = "result.json"
    info: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {"year": None, "version": "1.0", "description": "", "contributor": "Export Admin", "url": ""}
    )
    # between an annotation's category and its outline
    more_of_annotations: ClassVar[bytes] = b'"ignore":0,'

    def __init__(self, context: FormatContext) -> None:
        super().__init__(context)
        self._fragments = Fragments(self)
        classes = self.in_order([one for one in context.ontology if not one.is_question])
        self._categories = [self.category(place, one) for place, one in enumerate(classes)]
        self._ids = {
            b"%d" % one.number: b"%d" % made["id"] for one, made in zip(classes, self._categories, strict=True)
        }
        self._names = {made["id"]: one.name for one, made in zip(classes, self._categories, strict=True)}
        self._last: list[bytes] = []
        self._images = self._written = self._sizeless = 0
        self._lead = self._image_lead = b"\n"
        self._spool_path = context.scratch / "label-studio-images"
        self._text_path = context.scratch / "label-studio-text"
        self._pictures: PictureEntries | None = None
        self._called = PictureNames()
        self._unique = UniqueNames()

    @staticmethod
    def in_order(classes: Sequence[OntologyClass]) -> list[OntologyClass]:
        """The classes in the order of their categories."""
        return sorted(classes, key=lambda one: one.name)

    @staticmethod
    def category(place: int, one: OntologyClass) -> dict[str, Any]:
        """The object of the class at ``place``, from 0."""
        return {"id": place, "name": one.name}

    @staticmethod
    def image(place: int, image: Mapping[str, Any], name: str) -> dict[str, Any]:
        """The object of the image at ``place``, from 0, made of ours; its picture is called ``name``."""
        made = {key: image[key] for key in ("width", "height") if key in image}
        return made | {"id": place, "file_name": _FOLDER + name}

    def header(self) -> Iterable[bytes]:
        self._spool = self._spool_path.open("w+b")
        self._zip = ZipStream(self.context.scratch / "zip-directory")
        yield self._zip.add(_FOLDER, b"")
        if self.context.pictures is not None:
            self._pictures = PictureEntries(self.context, self._zip)
            self._text_spool = self._text_path.open("wb")
        else:
            self._entry = self._zip.grow(self.entry_name)
            yield self._entry.begin()
        categories = SEPARATOR.join(map(orjson.dumps, self._categories))
        yield self._write(b'{"categories":[\n%b\n],\n"annotations":[' % categories)

    def rows(self, batch: RowBatch) -> Iterable[bytes]:
        before = len(self._refused)
        images, annotations, _ = self._fragments.coco(batch)
        known: list[dict[str, Any]] = orjson.loads(b"[%b]" % b",".join(images))
        names = self._called.take(list(map(address_of, known)))
        heads = [self.image(place, *pair) for place, pair in enumerate(zip(known, names, strict=True), self._images)]
        self._sizeless += sum("width" not in image or "height" not in image for image in known)
        self._last = [
            self._renumbered(place, marks) if marks else b"" for place, marks in enumerate(annotations, self._images)
        ]
        self._images += len(heads)
        text = SEPARATOR.join(filter(None, self._last))
        if text:
            yield self._write(self._lead + text)
            self._lead = SEPARATOR
        if self._pictures is not None:
            refused = {one.index for one in self._refused[before:]}
            places = [place for place in range(len(batch)) if place not in refused]
            yield from self._fetch(self._pictures, batch, places, heads)
        if heads:  # none: all of them were refused
            self._spool.write(self._image_lead + SEPARATOR.join(map(orjson.dumps, heads)))
            self._image_lead = SEPARATOR

    def _fetch(
        self, pictures: PictureEntries, batch: RowBatch, places: Sequence[int], images: Sequence[dict[str, Any]]
    ) -> Iterator[bytes]:
        """The pictures of these rows as entries; ``images`` get the names under which they are there."""
        names = self._unique.take([one["file_name"] for one in images], [batch.numbers[place] for place in places])
        addresses = [address_in(batch.bodies[place]) for place in places]
        found = pictures.fetch(addresses)
        for place, image, name, address in zip(places, images, names, addresses, strict=True):
            while (picture := next(found)) is None:
                yield b""  # so that the run can be cancelled meanwhile
            if isinstance(picture, NotFetched):
                pictures.miss(batch.row_ids[place], batch.global_keys[place], address, picture)
                continue
            image["file_name"] = name if mime_type(name) else f"{name}.{picture.extension}"
            yield from pictures.add(_FOLDER + image["file_name"].removeprefix(_FOLDER), picture)

    def _renumbered(self, image: int, marks: bytes) -> bytes:
        """Annotation objects with their numbers in this file, of the image with that number."""
        # what stands before the first (nothing), then of each its category and all that follows
        _, *pieces = _HEAD.split(b"\n" + marks)
        more = self.more_of_annotations
        first, self._written = self._written, self._written + len(pieces) // 2
        ids, middle = self._ids, b',"image_id":%d,"category_id":' % image
        heads = [
            b'\n{"id":%d%b%b,%b' % (number, middle, ids[category], b"" if more and _says_ignore(rest) else more)
            for number, (category, rest) in enumerate(zip(pieces[::2], pieces[1::2], strict=True), first)
        ]
        pieces[::2] = heads
        return b"".join(pieces)[1:]

    def notes(self) -> dict[str, int]:
        pictures = self._pictures.notes() if self._pictures is not None else {}
        return {key: count for key, count in {"images_without_size": self._sizeless, **pictures}.items() if count}

    def annotations_written(self) -> int:
        return self._written

    @classmethod
    def told(cls, kind: Kind, name: str) -> Told:
        return kind.coco_form, name

    def read_back(self, index: int) -> Counter[Told]:
        return told_in(self._last[index], self._names)

    def footer(self) -> Iterable[bytes]:
        yield self._write(b'\n],\n"images":[')
        self._spool.seek(0)
        while block := self._spool.read(_BLOCK):
            yield self._write(block)
        self._spool.close()
        self._spool_path.unlink()
        yield self._write(b'\n],\n"info":%b}\n' % orjson.dumps(dict(self.info)))
        if self._pictures is None:
            yield self._entry.end()
        else:
            self._text_spool.close()
            yield from self._zip.add_file(self.entry_name, self._text_path)
            self._text_path.unlink()
            yield from self._pictures.end()
        yield from self._zip.close()

    def _write(self, text: bytes) -> bytes:
        """Of the main entry; beside pictures, which are entries too, it waits in a scratch file."""
        if self._pictures is None:
            return self._entry.write(text)
        self._text_spool.write(text)
        return b""


def _says_ignore(rest: bytes) -> bool:
    """Has an annotation, of which that stands behind its category, a source's own ``ignore``?"""
    return b'"ignore":' in rest and "ignore" in orjson.loads(b"{" + rest.rstrip(b","))
