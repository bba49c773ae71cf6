"""``label_studio``: Label Studio's tasks, as its JSON export and import files hold them.

A file is a JSON array of tasks or one task a line. Places are percent of the picture there, pixels here. Everything
that Label Studio says of a task, annotation or region beyond what a row has a place for is kept beside it under
``source_extra["label_studio"]``.

A task's id is the row's, an annotation's the label's. A task with several pictures becomes a row a picture, whose key
is the task's and the picture's: ``task-7/page-2``. A task is touched when one of its annotations is: its last activity
is the latest time that it or one of them says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import orjson

from connections.rows.body import BACKUP
from connections.rows.checks import MAX_COORDINATE, BadMark, moment
from connections.rows.label_studio.carried import carried_in, is_still
from connections.rows.label_studio.places import Picture
from connections.rows.label_studio.regions import ORDER, Places
from connections.rows.label_studio.tasks import PICTURE
from connections.rows.media import mime_type
from connections.store.import_row import IncomingLabel, IncomingRow
from connections.store.importers.detect import MINIFIED, NOT_MINIFIED
from connections.store.importers.forms import Form
from connections.store.importers.label_studio_forms import forms
from connections.store.importers.label_studio_kept import keep_results
from connections.store.importers.label_studio_pages import Page, address_of, controls_of, pages_of
from connections.store.importers.label_studio_regions import said_size
from connections.store.importers.label_studio_results import Results, all_results, results_of
from connections.store.importers.ndjson import NdjsonImporter
from connections.store.importers.row_file import RowFileImporter
from connections.store.models import MAX_ROW_ID
from connections.store.notes import CARRIED, OTHER, UNFINISHED, UNLABELLED
from exportadmin.lib.ids import derived_id

MAX_KEY: Final = 500
_NUMBERS: Final = frozenset({int, float})
# as seconds this is the year 5138, as milliseconds 1973
_MILLISECONDS_FROM: Final = 10**11
_BARE_NUMBER: Final = re.compile(r"-?\d{5,}(\.\d*)?", re.ASCII)
# a time without more digits than are kept
_AS_WE_WRITE_IT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}000Z", re.ASCII)
_CHANGED: Final = "tasks that carry a row of ours which they are no more, read as what they are"
_IDENTITIES: Final = frozenset({int, str, type(None)})
_PLAIN_LABEL_KEYS: Final = frozenset({"result", "was_cancelled", "created_at", "updated_at", "reviews", ORDER})

_Json = dict[str, Any]


class LabelStudioImporter(RowFileImporter):
    """See the module. Review status: ``to_label`` without annotations, ``skipped`` when all of them were skipped,
    ``accepted`` when one is ground truth, else ``review``."""

    key = "label_studio_json"
    title = "Label Studio JSON"

    # reads the rows of ours that tasks carry
    _rows: NdjsonImporter | None = None

    @classmethod
    def forms(cls) -> Iterable[Form]:
        return forms()

    @classmethod
    def keys_of(cls, value: Any) -> frozenset[str]:
        """Of its row, or of a row a picture; none where it cannot be told how many pictures there are. One that it
        carries is in the project under a key of its own.
        """
        identity = value.get("id") if isinstance(value, dict) else None
        if type(identity) not in (int, str) or identity == "":
            return frozenset()
        try:
            _check_task(value)
            pages = pages_of(value) if controls_of(value)[1] else []
        except (BadMark, KeyError, TypeError, AttributeError):
            return frozenset()
        key = f"task-{identity}"
        found = {key, *(f"{key}/{page.name}" for page in pages if page.name)}
        if (document := carried_in(value)) is not None:
            carried = NdjsonImporter.keys_of(document)
            return carried | found if carried else carried
        return frozenset(found)

    def rows_of(self, value: _Json, position: str) -> list[IncomingRow]:
        """A row a task; a row a picture, where a task has several (:mod:`.label_studio_pages`)."""
        _check_task(value)
        carried = carried_in(value) if "meta" in value else None
        if carried is not None:
            return [self._carried(carried, value, position)]
        if "predictions" in value or "drafts" in value:
            self._note_unfinished(value, position)
        controls, may_be_several = controls_of(value)
        pages = pages_of(value) if may_be_several else []
        if not pages:
            row = self.convert(value, position, controls=controls)
            row.is_whole = type(value.get("id")) is int
            return [row]
        if len(pages) > 1:
            example = f"{position}: {len(pages)} rows"
            self.row_notes.add(OTHER, "tasks with several pictures, each of which is a row of its own", example=example)
        rows: list[IncomingRow] = []
        for number, page in enumerate(pages, 1):
            try:
                row = self.convert(page.task, position, address=page.address)
            except BadMark as error:
                raise BadMark(f"picture {page.name}: {error}" if page.name else str(error)) from None
            if page.name:
                _make_page(row, value, page, f"{number} of {len(pages)}")
            if page.relations_away:
                text = "relations from one picture of a task to another, kept with the first"
                self.row_notes.add(CARRIED, text, count=page.relations_away, example=f"{position}, {page.name}")
            rows.append(row)
        return rows

    def _carried(self, document: _Json, value: _Json, position: str) -> IncomingRow:
        """The row of ours that a task carries, where it is still that; else the task, under the row's key and id."""
        if self._rows is None:
            self._rows = NdjsonImporter(
                self.path, default_status=self.default_status, project_key=self.project_key, project=self.project
            )
            self._rows.notes, self._rows.row_notes = self.notes, self.row_notes
            self._rows.classes, self._rows.project_extra = self.classes, self.project_extra
        if is_still(document, value):
            row = self._rows.convert(document, position)
            row.is_carried = True
            return row
        self.row_notes.add(OTHER, _CHANGED, example=position)
        # without what it carries, which is the row that it was
        meta = {key: kept for key, kept in value["meta"].items() if key != BACKUP}
        row = self.convert({**value, "meta": meta}, position)
        known = self._rows.convert(document, position)
        row.key, row.row_id, row.number, row.external_id = known.key, known.row_id, known.number, known.external_id
        return row

    def _note_unfinished(self, value: _Json, position: str) -> None:
        beside = [name for name in ("predictions", "drafts") if value.get(name) and type(value[name]) is list]
        for name in beside:
            self.row_notes.add(CARRIED, f"{name}, kept with their tasks", count=len(value[name]), example=position)
        if beside and not (value.get("annotations") or value.get("completions")):
            self.row_notes.add(UNFINISHED, "tasks that hold only predictions or drafts", example=position)

    def convert(
        self, value: _Json, position: str, address: str | None = None, controls: set[str] | None = None
    ) -> IncomingRow:
        """The row of a task with one picture, or none, whose address is looked for where it is not given."""
        _check_task(value)
        data = value["data"]
        annotations = value.get("annotations")
        if annotations is None:
            annotations = value.get("completions") or []  # the name before Label Studio 1.0
        if type(annotations) is not list or not all(type(annotation) is dict for annotation in annotations):
            raise BadMark("annotations is not a list of annotations with their results")
        labels: list[IncomingLabel] = []
        found: list[Results] = []
        picture: tuple[int, int] | None = None
        for index, annotation in enumerate(annotations):
            try:
                label, results = _label(annotation, value)
            except BadMark as error:
                raise BadMark(f"annotation {index + 1}: {error}") from None
            labels.append(label)
            found.append(results)
            picture = picture or results.picture
            if results.unlabelled or results.carried:
                self._note(results, f"{position}, annotation {index + 1}")
        if picture is None:
            picture = next(filter(None, map(said_size, all_results(value))), None)
        for annotation, label, results in zip(annotations, labels, found, strict=True):
            _keep(annotation, label, results, picture)
        if address is None:
            address, among = address_of(value, controls_of(value)[0] if controls is None else controls)
            if among:
                text = "tasks with several addresses in data, under no control's name: none is taken as the picture's"
                self.row_notes.add(OTHER, text, example=f"{position}: {', '.join(among)}")
        identity = value.get("id")
        external_id = data.get("external_id")
        updated = _moment(value.get("updated_at"), "updated_at")
        moments = [ms for label in labels for ms in (label.created_ms, label.updated_ms) if ms is not None]
        if updated is not None:
            moments.append(updated)
        return IncomingRow(
            position=position,
            key=_key(identity, address, data),
            row_data=address or _inline(data),
            status=self.default_status or _status(annotations),
            row_id=None if identity is None else str(identity),
            number=identity if type(identity) is int and identity > 0 else None,
            external_id=str(external_id) if type(external_id) in (str, int) else None,
            media_attributes=_media_attributes(address, picture),
            labels=labels,
            created_ms=_moment(value.get("created_at"), "created_at"),
            updated_ms=updated,
            activity_ms=max(moments, default=None),
            source_extra={
                "label_studio": {key: kept for key, kept in value.items() if key not in ("annotations", "completions")}
            },
        )

    def _note(self, results: Results, example: str) -> None:
        if results.unlabelled:
            self.row_notes.add(UNLABELLED, "regions without a label", count=results.unlabelled, example=example)
        for kind in results.carried:
            self.row_notes.add(CARRIED, f"regions of type {kind[:40]}, kept as they are", example=example)


def _moment(value: Any, what: str) -> int | None:
    """Milliseconds. Numbers are seconds since 1970, also as texts: so Label Studio wrote times before 1.0."""
    if type(value) is str and _BARE_NUMBER.fullmatch(value):
        value = float(value)
    if type(value) in _NUMBERS and abs(value) < _MILLISECONDS_FROM:
        value = round(value * 1000)
    return moment(value, what)


# --- the task --------------------------------------------------------------------------------------------------------


def _check_task(value: _Json) -> None:
    if type(value.get("data")) is dict:
        return
    if MINIFIED & value.keys():
        raise BadMark(NOT_MINIFIED)
    raise BadMark("a task has its media under data; this one has none")


def _make_page(row: IncomingRow, task: _Json, page: Page, place: str) -> None:
    """The row of one of a task's pictures, which has no number and id of its own there."""
    identity = task.get("id")
    if identity is not None:
        row.part_of = f"task-{identity}"
        row.key = f"{row.part_of}/{page.name}"
        row.row_id = row_id if len(row_id := f"{identity}/{page.name}") <= MAX_ROW_ID else None
    row.number = None
    picture: _Json = {"name": page.name, "place": place}
    if page.path:
        picture["list"] = list(page.path)
    row.source_extra["label_studio"][PICTURE] = picture


def _inline(data: _Json) -> str:
    """What is annotated where there is no media file: the text, else the data as they are."""
    text = data.get("text")
    return text if type(text) is str else orjson.dumps(data).decode()


def _key(identity: Any, address: str, data: _Json) -> str:
    if identity is not None:
        if type(identity) not in (int, str) or identity == "":
            raise BadMark(f"the task's id {identity!r} is neither a number nor a text")
        return f"task-{identity}"
    if 0 < len(address) <= MAX_KEY:
        return address
    if address:
        return "media-" + derived_id(address)
    return "data-" + derived_id(orjson.dumps(data, option=orjson.OPT_SORT_KEYS).decode())


def _status(annotations: list[_Json]) -> str:
    if not annotations:
        return "to_label"
    if all(map(_is_skipped, annotations)):
        return "skipped"
    if any(annotation.get("ground_truth") for annotation in annotations):
        return "accepted"
    return "review"


def _media_attributes(address: str, picture: tuple[int, int] | None) -> _Json:
    mime = mime_type(address) if address else None
    kind = mime.split("/")[0] if mime else None
    attributes: _Json = {}
    if picture:
        attributes["height"], attributes["width"] = picture[1], picture[0]
    if picture or mime or not address:
        # sizes are of pictures, unless the address says that it is a film
        attributes["asset_type"] = "image" if picture and kind != "video" else kind or "text"
    if mime:
        attributes["mime_type"] = mime
    return attributes


# --- an annotation ---------------------------------------------------------------------------------------------------


def _label(annotation: _Json, task: _Json) -> tuple[IncomingLabel, Results]:
    result = annotation.get("result")
    if result is None:
        result = []
    if type(result) is not list:
        raise BadMark("result is not a list of regions")
    results = results_of(result, task)
    completed_by: Any = annotation.get("completed_by")
    lead_time: Any = annotation.get("lead_time")
    identity: Any = annotation.get("id")
    if identity is None:
        identity = annotation.get("unique_id")
    if type(identity) not in _IDENTITIES:
        raise BadMark(f"the id {identity!r} is neither a number nor a text")
    reviews: Any = annotation.get("reviews")
    if reviews is not None and (type(reviews) is not list or not {dict}.issuperset(map(type, reviews))):
        raise BadMark("reviews is not a list of objects")
    performance: _Json = {}
    if type(lead_time) in _NUMBERS and 0 <= lead_time <= MAX_COORDINATE:
        performance["seconds_to_create"] = round(lead_time)
    performance["skipped"] = _is_skipped(annotation)
    kept = {key: value for key, value in annotation.items() if key not in _PLAIN_LABEL_KEYS}
    if annotation.get("ground_truth"):
        performance["benchmark_reference_label"] = True
    label = IncomingLabel(
        objects=results.objects,
        classifications=results.classifications,
        relationships=results.relationships,
        label_id=None if identity is None else str(identity)[:MAX_KEY],
        created_ms=_moment(annotation.get("created_at"), "created_at"),
        updated_ms=_moment(annotation.get("updated_at"), "updated_at"),
        reviews=reviews or [],
        created_by=_person(completed_by),
        performance=performance,
        extra={"source_extra": {"label_studio": kept}} if kept else {},
    )
    return label, results


def _keep(annotation: _Json, label: IncomingLabel, results: Results, picture: Picture) -> None:
    """What is needed to write the annotation again as it was."""
    kept: _Json = label.extra["source_extra"]["label_studio"] if label.extra else {}
    for key in ("created_at", "updated_at"):
        said = annotation.get(key)
        if said is not None and not (type(said) is str and _AS_WE_WRITE_IT.fullmatch(said)):
            kept[key] = said
    if annotation.get("reviews") == []:
        kept["reviews"] = []
    places = annotation.get(ORDER)
    order = places if type(places) is Places else ()
    written = keep_results(kept, results, annotation.get("result") or [], picture, order)
    label.label_studio_results = written
    if kept:
        label.extra = {"source_extra": {"label_studio": kept}}


def _is_skipped(annotation: _Json) -> bool:
    """``skipped`` was the word before Label Studio 1.0."""
    return bool(annotation.get("was_cancelled") or annotation.get("skipped"))


def _person(completed_by: Any) -> str | None:
    """Who it was: the e-mail address, else the id."""
    if type(completed_by) is dict:
        completed_by = next((completed_by[key] for key in ("email", "id", "username") if completed_by.get(key)), None)
    return None if completed_by is None else str(completed_by)
