"""``diffgram_json``: one object with an entry a file, as Diffgram's own exports of version 1.0 are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from connections.rows.backup import PART, project_backup
from connections.rows.batch import RowBatch
from connections.rows.body import BACKUP, BodyPrinter
from connections.rows.counts import DRAFTS, PREDICTIONS
from connections.rows.diffgram import (
    CARRIED,
    DIRECTORY,
    GLOBAL,
    JOB,
    SOURCE,
    Group,
    Numbers,
    Written,
    kind_of,
    place_number,
    written_row,
)
from connections.rows.kinds import CLASSIFICATION, KINDS, MASK
from connections.rows.kinds.base import Kind
from connections.rows.labels import kept_of
from connections.rows.review_statuses import DONE, statuses_in
from exportadmin.lib.times import to_datetime
from exports.formats.base import CannotHoldError, Format, FormatContext, Told
from exports.formats.diffgram_info import Place, chosen_by, export_json

VERSION: Final = "1.0"
NO_PLACE: Final = "no_place"
OTHER_MEDIA: Final = "other_media"
UNREADABLE: Final = "unreadable"
_HELD_MEDIA: Final = frozenset({"image", "video", "text"})
_PARTS_READ: Final = frozenset({"data_row_details", "project_details"})
_BROKEN: Final = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError)
_README: Final = {
    "coordinates": "whole pixels, origin top left; frames count from 0",
    "check_values": "export_info.check_values: what this file holds, counted while it was written",
    "made_by": "Export Admin",
}


class DiffgramJsonFormat(Format):
    """An entry a file, by the file's id, which is the row's number; then what Diffgram has beside its files, in the
    order of their names: ``attribute_groups_reference, export_info, label_colour_map, label_map, readme``.

    They stand at the end because they tell of all files: which attributes were met, and how many files there are
    (``export_info.file_list_length`` and ``.check_values``). :mod:`connections.rows.diffgram` writes an entry; where
    the part ``backup`` was asked for, each carries the row as our json has it.
    """

    key = "diffgram_json"
    title = "JSON as Diffgram writes it"
    as_of = "Diffgram"
    help = (
        "One object with an entry a file, for scripts made for Diffgram's exports, and for its import. Boxes are whole "
        "pixels there, and masks, polygons of several rings and relationships have no place; with the part backup each "
        "entry has the row as our JSON has it. New work: JSON."
    )
    extension = "json"
    media_type = "application/json"
    importer = "diffgram_json"
    importer_needs = PART
    cannot_hold = frozenset({PREDICTIONS, DRAFTS})
    refusals = {UNREADABLE: "an annotation cannot be read"}
    note_texts = {
        NO_PLACE: "annotations, relationships and answers below answers have no place in Diffgram's shape",
        OTHER_MEDIA: "files are of media that Diffgram does not export: nothing but answers about them is written",
    }
    prints_report = True

    def __init__(self, context: FormatContext) -> None:
        super().__init__(context)
        classes = {one.name: one.number for one in context.ontology if not one.is_question}
        self._numbers = Numbers(classes, {one.name: one.number for one in context.ontology if one.is_question})
        self._names: dict[int | None, str] = {number: name for name, number in classes.items()} | {None: ""}
        self._groups: dict[int, Group] = {}
        self._printer = BodyPrinter(context.parts & _PARTS_READ, "")
        self._carried, self._project = None, None
        if PART in context.parts:
            self._carried = BodyPrinter(context.parts - {"embeddings"}, context.project_name)
            self._project = project_backup(context.ontology, context.project_extra)
        self._tells_status = "project_details" in context.parts
        self._done = statuses_in([DONE])
        self._last: list[tuple[bytes, Written]] = []
        self._lead = b"\n"
        self._notes: Counter[str] = Counter()
        self._files = self._complete = 0
        # id and name of the batch and of the dataset of the first row
        self._batch = self._dataset = ("", "")
        self._instances: Counter[str] = Counter()

    @classmethod
    def supports(cls, kind: Kind) -> bool:
        return kind is not MASK

    def header(self) -> Iterable[bytes]:
        return (b"{",)

    def rows(self, batch: RowBatch) -> Iterable[bytes]:
        self._last = []
        for index in range(len(batch)):
            try:
                written = self._written(batch, index)
            except _BROKEN as error:
                wrong = f"{error} is missing" if isinstance(error, KeyError) else str(error)
                reason = f"an annotation is not as it should be: {wrong}"
                self.refuse(batch, index, CannotHoldError(UNREADABLE, reason))
                continue
            entry = orjson.dumps(written.packet)
            self._count(written)
            written.packet = {}
            self._last.append((entry, written))
            yield b'%b"%d":%b' % (self._lead, batch.numbers[index], entry)
            self._lead = b",\n"

    def _written(self, batch: RowBatch, index: int) -> Written:
        document = orjson.loads(self._printer.join([batch.bodies[index]], (), b""))
        is_complete = batch.statuses[index] in self._done if self._tells_status else None
        if not self._files:
            whole = orjson.loads(BodyPrinter(_PARTS_READ, "").join([batch.bodies[index]], (), b""))
            self._batch, self._dataset = _named(whole, "batch"), _named(whole, "dataset")
        written = written_row(document, batch.numbers[index], self._numbers, is_complete=is_complete)
        if self._carried is not None:
            row = orjson.loads(self._carried.join([batch.bodies[index]], (), b""))
            if self._project is not None:
                row.setdefault(BACKUP, {})["project"], self._project = self._project, None
            written.packet[CARRIED] = row
        return written

    def _count(self, written: Written) -> None:
        file = written.packet["file"]
        self._files += 1
        self._complete += bool(file["ann_is_complete"])
        self._instances.update(one["type"] for one, _ in _instances_of(written.packet))
        if missing := [kind for kind, _ in written.left_out if kind != MASK.key]:
            self._notes[NO_PLACE] += len(missing)
        if file["type"] not in _HELD_MEDIA:
            self._notes[OTHER_MEDIA] += 1
        for identity, met in written.groups.items():
            group = self._groups.setdefault(identity, met)
            group.options |= met.options
            group.labels |= met.labels

    def notes(self) -> dict[str, int]:
        return dict(self._notes)

    def read_back(self, index: int) -> Counter[Told]:
        entry, written = self._last[index]
        found: Counter[Told] = Counter(told for told in written.left_out if told[0] in KINDS and told[0] != MASK.key)
        for one, is_framed in _instances_of(orjson.loads(entry)):
            if one["type"] == GLOBAL and one["label_file_id"] is None:
                found.update((CLASSIFICATION.key, self._groups[int(key)].name) for key in one["attribute_groups"])
                continue
            found[kind_of(one["type"], is_framed=is_framed).key, self._names[one["label_file_id"]]] += 1
        return found

    def footer(self) -> Iterable[bytes]:
        kept = kept_of(SOURCE, {"source_extra": self.context.project_extra})
        colours: Any = kept.get("label_colour_map")
        colours = colours if isinstance(colours, dict) else {}
        labels = {str(one.number): one.name for one in self.context.ontology if not one.is_question}
        beside = {
            "attribute_groups_reference": self._reference(kept.get("attribute_groups_reference"), colours),
            "export_info": self._about(),
            "label_colour_map": {key: colours.get(key) for key in labels},
            "label_map": labels,
            "readme": _README,
        }
        for key, value in beside.items():
            yield b'%b"%b":%b' % (self._lead, key.encode(), orjson.dumps(value))
            self._lead = b",\n"
        yield b"\n}\n"

    def _about(self) -> dict[str, Any]:
        context, number = self.context, self.context.project_number
        chosen = chosen_by(context.conditions)
        job = dataset = None
        if chosen.job is not None:
            name = self._batch[1] if self._batch[0] == chosen.job else ""
            job = Place(place_number(number, JOB, chosen.job), chosen.job, name or chosen.job)
        if len(chosen.datasets) == 1 and not chosen.datasets.isdisjoint(self._dataset):
            key, name = self._dataset
            dataset = Place(place_number(number, DIRECTORY, key), key, name or key)
        whole = Place(place_number(number), "", context.project_name)
        told = export_json(context.report_number, context.report_id, chosen, whole=whole, dataset=dataset, job=job)
        return told | {
            "export_format_version": VERSION,
            "user_created_email": None,
            "created_time": to_datetime(context.made_ms).strftime("%Y-%m-%d %H:%M:%S.%f"),
            "project": {"name": context.project_name, "project_string_id": context.project_id},
            "file_list_length": self._files,
            "check_values": {
                "files": self._files,
                "files_complete": self._complete if self._tells_status else None,
                "instances": self._instances.total(),
                "instances_by_type": dict(sorted(self._instances.items())),
                "left_out": self._notes[NO_PLACE],
            },
        }

    def _reference(self, kept: Any, colours: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Those that were kept as they came, and those that were met."""
        listed = kept if isinstance(kept, list) else []
        known = {one["id"]: one for one in listed if isinstance(one, dict) and isinstance(one.get("id"), int)}
        made = {identity: self._group(identity, one, colours) for identity, one in self._groups.items()}
        return [known.get(identity) or made[identity] for identity in sorted({*known, *made})]

    def _group(self, identity: int, group: Group, colours: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "id": identity,
            "kind": group.kind,
            "is_root": True,
            "name": group.name,
            "is_read_only": False,
            "prompt": group.name,
            "ordinal": 0,
            "show_prompt": True,
            "time_updated": "None",
            "default_value": None,
            "min_value": None,
            "max_value": None,
            "default_id": None,
            "is_global": not group.labels,
            "global_type": "file",
            "attribute_template_list": [
                {
                    "id": number,
                    "name": name,
                    "value_type": None,
                    "archived": False,
                    "parent_id": None,
                    "group_id": identity,
                    "display_order": place,
                }
                for place, (number, name) in enumerate(sorted(group.options.items()))
            ],
            "label_file_list": [
                {
                    "id": number,
                    "type": "label",
                    "label": {"id": number, "name": self._names[number]},
                    "colour": colours.get(str(number)),
                }
                for number in sorted(group.labels)
            ],
        }


def _named(document: Mapping[str, Any], what: str) -> tuple[str, str]:
    """Id and name of the batch or the dataset of a row, empty where it is of none."""
    (project,) = document["projects"].values()
    about = {**(document["data_row"].get("details") or {}), **(project.get("project_details") or {})}
    return about.get(f"{what}_id") or "", about.get(f"{what}_name") or ""


def _instances_of(packet: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], bool]]:
    """All instances of an entry, and whether each lies in a frame."""
    for key in ("instance_list", "parent_instance_list"):
        for one in packet.get(key) or ():
            yield one, False
    for sequence in packet.get("sequence_list") or ():
        for one in sequence["instance_list"]:
            yield one, True
