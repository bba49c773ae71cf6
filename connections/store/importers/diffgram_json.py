"""``diffgram_json``: Diffgram's own export (``export_format_version`` 1.0), one object with an entry a file.

What numbers of labels and attributes mean may stand behind the files that use them, so the file is read twice. A
file's number is the row's key and id; ``ann_is_complete`` is its review status: accepted, else review where it is
annotated, or still to be labelled; of a job whose complete tasks alone were asked for, all are accepted. An export of
a directory gives rows their dataset, one of a job their batch. Addresses come without the signature by which Diffgram
opens them for some days: with it every row would change with every export.

A file of our own ``diffgram_json`` may carry the whole row (:mod:`connections.rows.diffgram`), and is read as that row
while its entry still says what it is written as; whether it is complete is what the entry says.

An entry that is ``null`` is refused: Diffgram has no shape for that type of file, or could not write it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any, Final

import orjson

from connections.rows.checks import BadMark, moment, shown, size
from connections.rows.diffgram import CARRIED as CARRIED_KEY
from connections.rows.diffgram import SOURCE, carried_by, is_still
from connections.rows.kinds import BOX, CLASSIFICATION, KINDS, OTHER, POINT, POLYGON, POLYLINE
from connections.rows.media import without_signature
from connections.rows.review_statuses import REVIEW_STATUSES
from connections.store.import_row import IncomingClass, IncomingRow
from connections.store.importers.base import PART_OF, Survey
from connections.store.importers.diffgram_instances import TAG, Reader, Vocabulary
from connections.store.importers.forms import CARRIED, READ, REFUSED, Form
from connections.store.importers.keys import SeenKeys
from connections.store.importers.ndjson import NdjsonImporter
from connections.store.notes import NOT_KEPT
from connections.store.notes import OTHER as OTHER_NOTE
from exportadmin.lib import json_stream
from exportadmin.lib.errors import UserError
from exportadmin.lib.json_stream import Element, RowRefused

VERSION: Final = "1.0"
DONE: Final = "Done"
NULL: Final = "it is null: Diffgram has no shape for files of its type (audio, compound), or could not write it"
_METADATA: Final = ("label_map", "export_info", "attribute_groups_reference")
_MAX_NAME: Final = 500
# what is said of media, by type of file, and what of that has a place in a row
_MEDIA: Final = {
    "image": ("width", "height"),
    "video": ("width", "height", "frame_rate", "frame_count"),
}
_DIFFERS: Final = "files that carry a row of ours which is not what their entry says any more, read as Diffgram's"
_BESIDE: Final = frozenset({CARRIED_KEY, "file", "instance_list", "parent_instance_list", "sequence_list"})
_USUAL: Final = {"rotation_degrees": 0, "offset_in_seconds": None, "global_frame_start": 0, "tokens": None}
_Json = dict[str, Any]


class DiffgramJsonImporter(NdjsonImporter):
    """See the module. ``default_status`` replaces what the files say."""

    key = "diffgram_json"
    title = "Diffgram JSON"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._vocabulary = Vocabulary()
        self._info: _Json = {}

    @classmethod
    def forms(cls) -> Iterable[Form]:
        return _FORMS

    @classmethod
    def keys_of(cls, value: Any) -> frozenset[str]:
        """All that it may be known by: a row of ours by its own key, and each part of what is put together."""
        if not isinstance(value, dict):
            return frozenset()
        file = value.get("file")
        number = file.get("id") if isinstance(file, dict) else None
        keys = {str(number)} if type(number) in (int, str) else set[str]()
        if (document := carried_by(value)) is not None:
            keys |= super().keys_of(document)
        for key, part in value.items():
            if _is_number(key):
                keys |= {key, *cls.keys_of(part)}
        return frozenset(keys)

    def survey(self) -> Survey:
        with self.open() as stream:
            rows = sum(1 for key, one, _ in _pieces(stream, keep=False) if one is not None and _is_number(key))
        return Survey(rows, self.path.stat().st_size)

    def rows(self) -> Iterator[IncomingRow]:
        self._read_head()
        with self.open() as stream, closing(SeenKeys()) as seen:
            for key, element, in_list in _pieces(stream, keep=True):
                if not _is_number(key) or element is None:
                    continue
                self.rows_seen += 1
                position = f"file {key} (line {element.line}, byte {element.offset})"
                try:
                    rows = self._rows_of(element, position, in_list=in_list)
                    rows = [row for row in rows if self._is_first(row, seen, len(rows))]
                except RowRefused as refused:
                    self.refuse_row(refused, _refused(key, element))
                    continue
                self.rows_seen += len(rows) - 1
                yield from rows

    # --- inside ------------------------------------------------------------------------------------------------------

    def _read_head(self) -> None:
        """What the numbers in it mean. Raises :class:`UserError` for a file of another version."""
        labels: _Json = {}
        groups: dict[str, tuple[str, str]] = {}
        questions: list[str] = []
        is_ours = None
        with self.open() as stream:
            for key, element, in_list in _pieces(stream, keep=True):
                if is_ours is None and element is not None and _is_number(key):
                    is_ours = carried_by(_refused(key, element)) is not None
                if key not in _METADATA or element is None:
                    continue
                value = _value(element, key)
                if key == "attribute_groups_reference" and in_list and isinstance(value, dict):
                    kind, name = str(value.get("kind")), value.get("name") or value.get("prompt")
                    if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME:
                        name = f"attribute {value.get('id')}"
                    groups[str(value.get("id"))] = (kind, name)
                    questions += [name] if value.get("is_global") else []
                elif key == "label_map" and isinstance(value, dict):
                    labels = value
                elif key == "export_info" and isinstance(value, dict):
                    self._info = value
        version = self._info.get("export_format_version", VERSION)
        if version != VERSION:
            raise UserError(
                f"export_info.export_format_version is {shown(version)}; expected {VERSION!r}", field="file"
            )
        named = {
            number: name for number, name in labels.items() if isinstance(name, str) and 0 < len(name) <= _MAX_NAME
        }
        self._vocabulary = Vocabulary(named, groups)
        if is_ours:  # its first row says which classes there are, with their numbers
            return
        self.classes += [IncomingClass(name) for name in dict.fromkeys(named.values())]
        self.classes += [IncomingClass(name, is_question=True) for name in dict.fromkeys(questions)]

    def _rows_of(self, element: Element, position: str, *, in_list: bool) -> list[IncomingRow]:
        """The file's, and of one that is put together those of its parts. Raises :class:`RowRefused`."""
        packet = json_stream.parse(element)
        if packet is None and not in_list:
            raise RowRefused(position, NULL)
        if in_list or type(packet) is not dict:
            raise RowRefused(position, "a file's entry is an object; this is none")
        try:
            return [self.convert(packet, position), *self._parts(packet, position)]
        except BadMark as error:
            raise RowRefused(position, str(error)) from None
        except UserError as error:
            raise RowRefused(position, error.message) from None

    def _parts(self, packet: _Json, position: str) -> Iterator[IncomingRow]:
        for key, part in packet.items():
            if _is_number(key):
                if type(part) is not dict:
                    raise BadMark(f"its part {key} is {shown(part)}; expected an object")
                row = self.convert(part, f"{position}, its part {key}")
                if not row.is_carried:
                    # by it a part stays while what it is of cannot be read
                    kept = {**row.source_extra.get(SOURCE, {}), PART_OF: str(packet["file"]["id"])}
                    row.source_extra = {**row.source_extra, SOURCE: kept}
                yield row

    @staticmethod
    def _is_first(row: IncomingRow, seen: SeenKeys, count: int) -> bool:
        """Of a part that stands by itself, too, one is enough. Raises :class:`RowRefused`."""
        first = seen.first_position(row.key, row.position)
        if first is None:
            return True
        if count > 1 or "its part" in first:
            return False
        raise RowRefused(row.position, f"the file {row.key[:120]!r} was already told of by {first}")

    def convert(self, value: _Json, position: str) -> IncomingRow:
        file = value.get("file")
        if not isinstance(file, dict):
            raise BadMark(f"file is {shown(file)}; expected an object")
        key = None
        if (document := carried_by(value)) is not None:
            if is_still(document, value):
                self._settle_status(document, file.get("ann_is_complete"))
                row = super().convert(document, position)
                row.is_carried = True
                return row
            key = document["data_row"].get("global_key")
            self.row_notes.add(OTHER_NOTE, _DIFFERS, example=position)
        number = file.get("id")
        if type(number) is not int and not (isinstance(number, str) and _is_number(number)):
            raise BadMark(f"file.id is {shown(number)}; expected a number")
        kind = file.get("type")
        kind = kind if isinstance(kind, str) and kind else "image"
        kept = {key: _plain(each) for key, each in value.items() if key not in _BESIDE and not _is_number(key)}
        media = self._media(kind, kept)
        reader = Reader(self._vocabulary, self.row_notes, position, media)
        reader.take(value.get("instance_list"), "instance")
        reader.take(value.get("parent_instance_list"), "parent instance")
        reader.take_sequences(value.get("sequence_list"))
        name = file.get("original_filename")
        if name is not None and not isinstance(name, str):
            raise BadMark(f"file.original_filename is {shown(name)}; expected a text")
        kept["file"] = {key: each for key, each in file.items() if key not in _FILE and each is not None}
        if kind not in _MEDIA and kind != "text":
            kept["file"]["type"] = kind
        extra = {key: each for key, each in kept.items() if each not in ({}, [], None)}
        return IncomingRow(
            position=position,
            # that of the row before its annotations changed, by which the project knows it
            key=key if isinstance(key, str) and 0 < len(key) <= _MAX_NAME else str(number),
            row_id=str(number),
            row_data=self._address(value, file),
            external_id=name[:_MAX_NAME] if name else None,
            status=self.default_status or self._word(file.get("ann_is_complete"), is_annotated=not reader.is_empty()),
            media_attributes=media,
            labels=[] if reader.is_empty() else [reader.label],
            created_ms=moment(file.get("created_time"), "file.created_time"),
            source_extra={SOURCE: extra} if extra else {},
            **self._places(),
        )

    def _settle_status(self, document: _Json, is_complete: Any) -> None:
        """Of a row that is carried: where the entry's flag does not go with it, the flag is right."""
        projects = document.get("projects")
        project = next(iter(projects.values()), None) if isinstance(projects, dict) else None
        details = project.get("project_details") if isinstance(project, dict) else None
        if self.default_status is None and isinstance(details, dict) and isinstance(is_complete, bool):
            status = details.get("workflow_status")
            if is_complete is not (isinstance(status, str) and REVIEW_STATUSES.get(status) == DONE):
                details["workflow_status"] = "accepted" if is_complete else "review"

    @staticmethod
    def _media(kind: str, kept: _Json) -> _Json:
        told = kept.get(kind)
        media: _Json = {"asset_type": kind[:40]}
        if not isinstance(told, dict):
            return media
        for key in _MEDIA.get(kind, ()):
            value = told.pop(key, None)
            if key in ("width", "height"):
                value = size(value, f"{kind}.{key}")
            elif value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                raise BadMark(f"{kind}.{key} is {shown(value)}; expected a number")
            if value is not None:
                media[key] = value
        told.pop("original_filename", None)
        return media

    def _address(self, value: _Json, file: _Json) -> str:
        """Where the medium lies, without what opens it for some days."""
        assets = value.get("geo_assets")
        others = (
            value.get("text", {}).get("signed_url") if isinstance(value.get("text"), dict) else None,
            assets[0].get("signed_url")
            if isinstance(assets, list) and assets and isinstance(assets[0], dict)
            else None,
            value.get("point_cloud", {}).get("image_signed_url")
            if isinstance(value.get("point_cloud"), dict)
            else None,
        )
        address = next((one for one in (file.get("blob_url"), *others) if isinstance(one, str) and one), "")
        plain = without_signature(address)
        if plain != address:
            text = "signatures of the media's addresses, by which Diffgram opens them for some days"
            self.row_notes.add(NOT_KEPT, text)
        return plain

    def _word(self, is_complete: Any, *, is_annotated: bool) -> str:
        if is_complete is True:
            return "accepted"
        if self._info.get("source") == "job" and self._info.get("ann_is_complete") is True:
            text = "files of which a task is complete, and which are not marked complete themselves"
            self.row_notes.add(OTHER_NOTE, text)
            return "accepted"
        return "review" if is_annotated else "to_label"

    def _places(self) -> _Json:
        """The directory, or the job, of which the export is. A job's has a directory, too: where it puts things."""
        source = self._info.get("source")
        of = self._info.get(source) if isinstance(source, str) else None
        number, name = (of.get("id"), of.get("nickname") or of.get("name")) if isinstance(of, dict) else (None, None)
        number = str(number) if type(number) is int else ""
        name = name[:_MAX_NAME] if isinstance(name, str) else ""
        if source == "directory":
            return {"dataset": name, "dataset_id": number or None}
        return {"batch_id": number, "batch_name": name} if source == "job" else {}


def _pieces(stream: Any, *, keep: bool) -> Iterator[json_stream.Piece]:
    return json_stream.sections(stream, keep=keep, is_entry=_is_number)


def _is_number(key: str) -> bool:
    return key.isascii() and key.isdigit() and len(key) <= 18


def _value(element: Element, key: str) -> Any:
    if element.error is not None:
        raise UserError(f"{key}: {element.error}", field="file")
    try:
        return orjson.loads(element.raw)
    except orjson.JSONDecodeError as error:
        if (value := json_stream.loosely(element)) is not None:
            return value  # a bound of a slider may be NaN: it matters to nobody here
        raise UserError(f"{key} is not valid JSON: {error}", field="file") from None


def _refused(key: str, element: Element) -> Any:
    """What was refused, which tells at least its number; of one that cannot be read nobody knows which row of ours it
    carries, or which parts it has: then it tells of none that is known here.
    """
    try:
        value = json_stream.parse(element)
    except RowRefused:
        if (value := json_stream.loosely(element)) is None:
            return {"unreadable": key}
    return value if isinstance(value, dict) else {"file": {"id": key}}


def _plain(value: Any) -> Any:
    """Without what opens media for some days, and what is as it usually is."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: each
        for key, each in value.items()
        if not key.endswith(("signed_url", "signed_expiry")) and not (key in _USUAL and each == _USUAL[key])
    }


_FILE: Final = frozenset({"id", "original_filename", "blob_url", "created_time", "ann_is_complete", "type"})
_FORMS: Final = (
    Form(BOX, READ, ("box",), "whole pixels"),
    Form(POLYGON, READ, ("polygon",), "its points; its bounds follow from them"),
    Form(POLYLINE, READ, ("line",)),
    Form(POINT, READ, ("point",)),
    Form(CLASSIFICATION, READ, ("attribute_groups",), "of a global instance about the row, else about the object"),
    Form(CLASSIFICATION, READ, (TAG,), "an answer to the question tag: the label"),
    Form("Relationships", READ, ("relation",)),
    Form(
        "Frames",
        READ,
        ("sequence_list",),
        "by frames of the clip, from 1",
    ),
    *(Form(KINDS[kind], READ, (kind,), "as Diffgram has it") for kind in ("ellipse", "cuboid", "curve", "keypoints")),
    Form(OTHER, CARRIED, ("any other type", "box without sides"), "as Diffgram:<type>, under source_extra.diffgram"),
    Form("Rows", READ, ("file.ann_is_complete",), "true: accepted; else review, or to_label without an annotation"),
    Form("Rows", REFUSED, ("null",), "a file that Diffgram has no shape for, or could not write"),
)
