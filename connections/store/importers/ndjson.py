"""``ndjson``: our own rows back in, one a line or as one array; the shape is the Labelbox export row.

Any part of a row may be missing. Ids and times are taken over: a row that went out comes in again as the same row. Keys
that the shape does not have stay where they are in details and among a label's annotations (``frames``, ``segments``).
Others are kept under ``source_extra``, by their names where they stood in the row itself, under ``"data_row"`` and
``"project"`` where they stood inside. Not read is ``ontology_id``: a project has its own.

Where the file has the part ``backup``, rows and classes get the numbers that they had, as far as these are free.

An id may be a text or a whole number, which is kept as a text.

``experiments`` are model runs with what they say of the row (:mod:`.experiments`). A row that has them and no
``projects`` is said for its predictions alone: one that is there stays as it is, and where there is none it is made,
with the labels that the runs show.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from connections.rows import backup
from connections.rows.checks import BadMark, moment, shown, size
from connections.rows.frames import LAST_FRAME, answers_of, objects_of
from connections.rows.kinds import KINDS, MASK, VIDEO_MASK
from connections.rows.kinds.mask import has_pixels
from connections.rows.labels import is_skipped
from connections.rows.review_statuses import REVIEW_STATUSES
from connections.store import coco_head
from connections.store.import_row import IncomingClass, IncomingLabel, IncomingPredictions, IncomingRow
from connections.store.importers.backup import (
    UsedClasses,
    check_all_taken,
    spread_annotation_ids,
    take_all_classes,
    take_annotation_ids,
    take_image_id,
    take_project_extra,
)
from connections.store.importers.coco_references import References, settle_head
from connections.store.importers.experiments import KEY as EXPERIMENTS
from connections.store.importers.experiments import take_experiments
from connections.store.importers.forms import Form
from connections.store.importers.ndjson_forms import forms
from connections.store.importers.row_file import RowFileImporter
from connections.store.models import MAX_ROW_ID
from connections.store.notes import CARRIED, UNLABELLED, Notes
from connections.store.ontology import give_numbers

# Labelbox's names of statuses, as its rows and its filters have them → ours
LABELBOX_STATUSES: Final = {
    "TO_LABEL": "to_label",
    "ToLabel": "to_label",
    "IN_REVIEW": "review",
    "InReview": "review",
    "IN_REWORK": "rejected",
    "InRework": "rejected",
    "DONE": "accepted",
    "Done": "accepted",
}
_MAX_NAME: Final = 500
_UNKNOWN: Final = "rows with keys that a row does not have, kept under source_extra"
_UNKNOWN_OF_RUNS: Final = (
    "rows with keys that a model run does not have, kept under source_extra of rows that are new, left out of others"
)
_MASKS: Final = frozenset([*MASK.annotation_kinds, *VIDEO_MASK.annotation_kinds])
_Json = dict[str, Any]


class NdjsonImporter(RowFileImporter):
    """See the module. ``default_status`` replaces what the rows say."""

    key = "ndjson"
    title = "Export Admin rows (json, ndjson)"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._references = References.of_categories({})
        self._used_classes = UsedClasses()

    @classmethod
    def forms(cls) -> Iterable[Form]:
        return forms()

    @classmethod
    def keys_of(cls, value: Any) -> frozenset[str]:
        data_row = value.get("data_row") if isinstance(value, dict) else None
        if not isinstance(data_row, dict):
            return frozenset()
        ids = (data_row.get(name) for name in ("global_key", "external_id", "id"))
        return frozenset([str(one) for one in ids if type(one) in (str, int) and one != ""][:1])

    def convert(self, value: _Json, position: str) -> IncomingRow:
        rest = dict(value)
        ours = _object(rest.pop(backup.KEY, None), backup.KEY)
        if "project" in ours:  # it is the file's, whatever becomes of this row
            self._take_project(take_project_extra(ours), take_all_classes(ours))
        data_row = _object(rest.pop("data_row", None), "data_row")
        if not data_row:
            raise BadMark("a row has a data_row; this one has none")
        details = _object(data_row.pop("details", None), "data_row.details")
        media = _object(rest.pop("media_attributes", None), "media_attributes")
        project, other_projects = self._project(rest.pop("projects", None))
        project_details = _object(project.pop("project_details", None), "project_details")
        global_key = _id(data_row.pop("global_key", None), "global_key", _MAX_NAME)
        external_id = _id(data_row.pop("external_id", None), "external_id", _MAX_NAME)
        row_id = _id(data_row.pop("id", None), "data_row.id", MAX_ROW_ID)
        if row_id == "":
            raise BadMark("data_row.id is empty")
        key = global_key or external_id or row_id
        if not key:
            raise BadMark("a row needs a global_key, an external_id or a data_row.id to be recognised by")
        for side in ("height", "width"):
            if size(media.get(side), f"media's {side}") is None:
                media.pop(side, None)
        labels = [
            _label(label, index, media) for index, label in enumerate(_list(project.pop("labels", None), "labels"))
        ]
        predictions: list[IncomingPredictions] = []
        unknown_of_runs: _Json = {}
        if EXPERIMENTS in rest:
            predictions, shown_labels, unknown_of_runs = take_experiments(
                rest.pop(EXPERIMENTS), media, _label, self._used_classes
            )
            if "projects" not in value:
                labels = shown_labels
        spread_annotation_ids(ours, labels)
        status = self._status(project_details.pop("workflow_status", None), labels)
        priority = project_details.pop("priority", None)
        if priority is not None and (type(priority) is not int or not -(2**31) <= priority < 2**31):
            raise BadMark(f"priority {priority!r} is not a whole number")
        row = IncomingRow(
            position=position,
            key=key,
            row_data=_text(data_row.pop("row_data", None), "row_data") or "",
            status=status,
            row_id=row_id,
            number=take_image_id(ours),
            external_id=external_id,
            media_attributes=media,
            attachments=_objects(rest.pop("attachments", None), "attachments"),
            metadata_fields=_objects(rest.pop("metadata_fields", None), "metadata_fields"),
            embeddings=_objects(rest.pop("embeddings", None), "embeddings"),
            labels=labels,
            dataset=_text(details.pop("dataset_name", None), "dataset_name", _MAX_NAME) or "",
            dataset_id=_id(details.pop("dataset_id", None), "dataset_id", _MAX_NAME) or None,
            batch_id=_id(project_details.pop("batch_id", None), "batch_id", 64) or "",
            batch_name=_text(project_details.pop("batch_name", None), "batch_name", _MAX_NAME) or "",
            priority=priority,
            created_ms=moment(details.pop("created_at", None), "data_row.details.created_at"),
            updated_ms=moment(details.pop("updated_at", None), "data_row.details.updated_at"),
            activity_ms=moment(details.pop("last_activity_at", None), "data_row.details.last_activity_at"),
            created_by=_id(details.pop("created_by", None), "created_by"),
            project_tags=_list(project.pop("project_tags", None), "project_tags"),
            more_details=details,
            classes=self._used_classes.take(ours),
            predictions=predictions,
            is_of_model_run=bool(predictions) and "projects" not in value,
        )
        check_all_taken(ours)
        project_details.pop("ontology_id", None)
        row.project_details = project_details
        project.pop("name", None)
        extra = dict(_object(rest.pop("source_extra", None), "source_extra"))
        unknown = {
            "data_row": data_row,
            "project": project,
            "projects": other_projects,
            EXPERIMENTS: unknown_of_runs,
            **rest,
        }
        for name, kept in unknown.items():
            if kept or name in rest:
                extra[name if name not in extra else f"row.{name}"] = kept
                is_left_out = name == EXPERIMENTS and row.is_of_model_run
                self.row_notes.add(
                    CARRIED, _UNKNOWN_OF_RUNS if is_left_out else _UNKNOWN, example=f"{position}: {name[:80]!r}"
                )
        row.source_extra = extra
        if self._references.is_needed:
            self._follow(row)
        self._note_objects(row)
        return row

    def _take_project(self, extra: _Json, classes: list[IncomingClass]) -> None:
        """Of a file's first row; where two files were put together, of a later one too."""
        has_head = coco_head.KEY in extra
        head = _object(extra.pop(coco_head.KEY, None), f"{backup.KEY}.project.source_extra.{coco_head.KEY}")
        objects = [entry for entry in classes if not entry.is_question]
        numbers = give_numbers(objects, self.project.class_numbers())
        moved = {entry.number: numbers[entry.name] for entry in objects if numbers[entry.name] != entry.number}
        self._references = References.of_categories({old: new for old, new in moved.items() if old is not None})
        before = self.project_extra.get(coco_head.KEY, {})
        known, _ = coco_head.merge_heads(self.project.coco_head, before, Notes())
        head = settle_head(head, known, self._references, self.notes)
        self.classes += classes
        self.project_extra.update(extra)
        if has_head:
            self.project_extra[coco_head.KEY], _ = coco_head.merge_heads(before, head, Notes())

    def _follow(self, row: IncomingRow) -> None:
        """What the row says of classes and entries of lists that have another id in the project follows them."""
        self._references.follow_in_row(row.source_extra)
        for label in row.labels:
            for mark in label.objects:
                if type(mark.get("source_extra")) is dict:
                    self._references.follow_in_row(mark["source_extra"])

    def _note_objects(self, row: IncomingRow) -> None:
        known = KINDS.by_annotation_kind
        for label in row.labels:
            objects: Sequence[Mapping[str, Any]] = label.objects
            if label.more_annotations:
                objects = [*objects, *objects_of(label.more_annotations)]
            plain = _MASKS.isdisjoint([mark["annotation_kind"] for mark in objects])
            if plain and not [True for mark in objects if not mark["name"] or mark["annotation_kind"] not in known]:
                continue
            for number, mark in enumerate(objects, 1):
                kind, example = mark["annotation_kind"], f"{row.position}, object {number}"
                if kind not in known:
                    text = f"annotations of kind {kind[:40]}, kept as they are"
                    self.row_notes.add(CARRIED, text, example=example)
                elif kind in _MASKS and not has_pixels(mark):
                    text = "masks of which only the address of their picture is known, kept as they are"
                    self.row_notes.add(CARRIED, text, example=example)
                if not mark["name"]:
                    self.row_notes.add(UNLABELLED, "annotations without a class", example=example)

    def _project(self, projects: Any) -> tuple[_Json, _Json]:
        """``(the row's project, others that it names too)``."""
        projects = _object(projects, "projects")
        chosen = self.project_key
        if chosen not in projects:
            if not projects or self.takes_that_project_alone:
                return {}, projects
            if len(projects) > 1:
                raise BadMark(f"a row of one project is expected; this one names {len(projects)}")
            chosen = next(iter(projects))
        return _object(projects.pop(chosen), f"projects[{chosen[:40]!r}]"), projects

    def _status(self, given: Any, labels: list[IncomingLabel]) -> str:
        if self.default_status is not None:
            return self.default_status
        if given is None:
            if labels and all(is_skipped({"performance_details": label.performance}) for label in labels):
                return "skipped"
            return "review" if labels else "to_label"
        status = LABELBOX_STATUSES.get(given, given) if type(given) is str else None
        if status not in REVIEW_STATUSES:
            raise BadMark(f"unknown review status {given!r}; known: {', '.join(REVIEW_STATUSES)}")
        return status


# --- labels ----------------------------------------------------------------------------------------------------------


def _label(value: Any, index: int, media: _Json) -> IncomingLabel:
    what = f"label {index + 1}"
    rest = _object(value, what)
    details = _object(rest.pop("label_details", None), f"{what}: label_details")
    annotations = _object(rest.pop("annotations", None), f"{what}: annotations")
    objects = _objects(annotations.pop("objects", None), f"{what}: objects")
    for number_, each in enumerate(objects):
        try:
            check_object(each, media)
        except BadMark as error:
            raise BadMark(f"{what}, object {number_ + 1}: {error}") from None
    answers = _objects(annotations.pop("classifications", None), f"{what}: classifications")
    for number_, each in enumerate(answers):
        check_answer(each, f"{what}, classification {number_ + 1}")
        _tidy_ids(each, f"{what}, classification {number_ + 1}: ")
    ours = _object(rest.pop(backup.KEY, None), f"{what}: {backup.KEY}")
    annotation_ids = take_annotation_ids(ours, "annotation_ids", f"{what}: ")
    check_all_taken(ours, f"{what}: ")
    relationships = _objects(annotations.pop("relationships", None), f"{what}: relationships")
    for number_, each in enumerate(relationships):
        _tidy_relationship(each, f"{what}, relationship {number_ + 1}: ")
    label = IncomingLabel(
        objects=objects,
        classifications=answers,
        relationships=relationships,
        annotation_ids=annotation_ids,
        label_id=_id(rest.pop("id", None), f"{what}: id", _MAX_NAME),
        created_ms=moment(details.pop("created_at", None), f"{what}: created_at"),
        updated_ms=moment(details.pop("updated_at", None), f"{what}: updated_at"),
        content_updated_ms=moment(details.pop("content_last_updated_at", None), f"{what}: content_last_updated_at"),
        created_by=_id(details.pop("created_by", None), f"{what}: created_by"),
        reviews=_objects(details.pop("reviews", None), f"{what}: reviews"),
        performance=_object(rest.pop("performance_details", None), f"{what}: performance_details"),
    )
    if annotations:
        _check_beside(annotations, what, media)
    label.more_details, label.more_annotations, label.extra = details, annotations, rest
    return label


def _check_beside(annotations: _Json, what: str, media: _Json) -> None:
    """What a label holds beside its objects and answers (:mod:`connections.rows.frames`), checked and tidied in
    place."""
    if annotations.get("frames"):
        _check_frames(annotations["frames"], what, media)
    for name, group in _object(annotations.get("groups"), f"{what}: groups").items():
        where = f"{what}, group {name[:40]!r}"
        for number, answer in enumerate(_objects(_object(group, where).get("classifications"), where)):
            check_answer(answer, f"{where}, classification {number + 1}")
        _check_frames(group.get("frames"), where, {})
    for number, said in enumerate(answers_of({"timestamp": annotations.get("timestamp")})):
        check_answer(dict(said), f"{what}, timestamp, classification {number + 1}")
    for name, spans in _object(annotations.get("segments"), f"{what}: segments").items():
        _check_spans(spans, f"{what}: segments[{name[:40]!r}]")
    if annotations.get("key_frame_feature_map"):
        named = _object(annotations["key_frame_feature_map"], f"{what}: key_frame_feature_map")
        for name, keys in named.items():
            named[name] = _key_frames(keys, f"{what}: key_frame_feature_map[{name[:40]!r}]")


def _check_spans(spans: Any, what: str, *, is_of_group: bool = False) -> None:
    """When a feature is there; by group where a label has groups."""
    if type(spans) is dict and not is_of_group:
        for name, each in spans.items():
            _check_spans(each, f"{what}[{name[:40]!r}]", is_of_group=True)
        return
    for span in _list(spans, what):
        if not (type(span) is list and [*map(type, span)] == [int, int] and 0 <= span[0] <= span[1] <= LAST_FRAME):
            raise BadMark(f"{what} has {shown(span)}; expected [first, last], two whole numbers from 0 on")


def _key_frames(keys: Any, what: str) -> Any:
    """A list of frames; from ``{"13": true, "18": false}`` too, and by group where a label has groups."""
    if type(keys) is list:
        if not {int}.issuperset(map(type, keys)):
            raise BadMark(f"{what} is not a list of frames")
        return keys
    frames = _object(keys, what)
    if frames and {dict, list}.issuperset(map(type, frames.values())):
        return {name: _key_frames(each, f"{what}[{name[:40]!r}]") for name, each in frames.items()}
    for frame, is_key in frames.items():
        if type(is_key) is not bool or not _is_frame(frame):
            raise BadMark(f"{what}[{frame[:20]!r}] is {shown(is_key)}; expected frames with true or false")
    return sorted(int(frame) for frame, is_key in frames.items() if is_key)


def _is_frame(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 19


def _check_frames(frames: Any, what: str, media: _Json) -> None:
    """The marks of a video, by frame, each as its kind has it."""
    for frame, content in _object(frames, f"{what}: frames").items():
        where = f"{what}, frame {frame[:20]!r}"
        if not _is_frame(frame):
            raise BadMark(f"{where}: expected the number of a frame")
        content = _object(content, where)
        objects = content.get("objects")
        if type(objects) is not dict:
            objects = dict(enumerate(_list(objects, f"{where}: objects")))
        for name, each in objects.items():
            here = f"{where}, object {str(name)[:80]!r}"
            if not _text(_object(each, here).get("name"), f"{here}: name", _MAX_NAME):
                raise BadMark(f"{here} has no class name")
            kind = _text(each.get("annotation_kind"), f"{here}: annotation_kind") or ""
            _tidy_ids(each, f"{here}: ")
            try:
                KINDS.of(kind).tidy(each, media)
            except BadMark as error:
                raise BadMark(f"{here}: {error}") from None
            for number, answer in enumerate(_objects(each.get("classifications"), f"{here}: classifications")):
                check_answer(answer, f"{here}, classification {number + 1}")
        for number, answer in enumerate(_objects(content.get("classifications"), f"{where}: classifications")):
            check_answer(answer, f"{where}, classification {number + 1}")
            _tidy_ids(answer, f"{where}, classification {number + 1}: ")


def check_object(mark: _Json, media: _Json) -> None:
    """Check and tidy an annotation in place, as its kind does."""
    name, kind, answers = mark.get("name"), mark.get("annotation_kind"), mark.get("classifications")
    if (type(name) is not str or len(name) > _MAX_NAME) and _text(name, "name", _MAX_NAME) is None:
        raise BadMark("has no class name (an empty one says that it has no class)")
    if type(kind) is not str or not kind:
        _text(kind, "annotation_kind")
        raise BadMark("has no annotation_kind")
    _tidy_ids(mark)
    if answers != []:
        for number, answer in enumerate(_objects(answers, "classifications")):
            check_answer(answer, f"classification {number + 1}")
    KINDS.of(kind).tidy(mark, media)


def check_answer(answer: _Json, what: str) -> None:
    """An answer to a question, and the answers below it. Raises :class:`BadMark`."""
    if not _text(answer.get("name"), f"{what}: name", _MAX_NAME):
        raise BadMark(f"{what} has no name")
    chosen: list[_Json] = []
    of = "conversational_" if "message_id" in answer else ""
    if f"{of}checklist_answers" in answer:
        chosen = _objects(answer[f"{of}checklist_answers"], f"{what}: {of}checklist_answers")
    if answer.get(f"{of}radio_answer"):
        chosen = [_object(answer[f"{of}radio_answer"], f"{what}: {of}radio_answer"), *chosen]
    for option in chosen:
        if _text(option.get("name"), f"{what}: the name of its answer") is None:
            raise BadMark(f"{what}: an answer has no name")
        if option.get("classifications") in (None, []):
            continue
        for number, below in enumerate(_objects(option["classifications"], f"{what}: classifications")):
            check_answer(below, f"{what}, classification {number + 1} below {option['name'][:40]!r}")
    if f"{of}text_answer" in answer:
        _object(answer[f"{of}text_answer"], f"{what}: {of}text_answer")


def _tidy_ids(value: _Json, what: str = "") -> None:
    """Ids of an object or an answer become texts; one that is null is none, and the store gives another."""
    if type(value.get("feature_id")) is str and type(value.get("feature_schema_id")) is str:
        return
    for key in ("feature_id", "feature_schema_id"):
        given = value.get(key)
        if type(given) is not str and key in value:
            if given is None:
                del value[key]
            else:
                value[key] = _id(given, f"{what}{key}")


def _tidy_relationship(value: _Json, what: str) -> None:
    """As :func:`_tidy_ids`; the two that it relates are named by their feature ids."""
    _tidy_ids(value, what)
    for key, ends in value.items():
        if key.endswith("_relationship") and type(ends) is dict:
            ends.update((end, _id(given, f"{what}{key}.{end}")) for end, given in ends.items() if type(given) is int)


# --- plain values ----------------------------------------------------------------------------------------------------


def _object(value: Any, what: str) -> _Json:
    if value is None:
        return {}
    if type(value) is not dict:
        raise BadMark(f"{what} is not an object")
    return value


def _list(value: Any, what: str) -> list[Any]:
    if value is None:
        return []
    if type(value) is not list:
        raise BadMark(f"{what} is not a list")
    return value


def _objects(value: Any, what: str) -> list[_Json]:
    values = _list(value, what)
    if not {dict}.issuperset(map(type, values)):
        raise BadMark(f"{what} is not a list of objects")
    return values


def _text(value: Any, what: str, longest: int | None = None) -> str | None:
    if value is None:
        return None
    if type(value) is not str:
        raise BadMark(f"{what} is not a text but {shown(value)}")
    if longest is not None and len(value) > longest:
        raise BadMark(f"{what} has {len(value):,} characters; at most {longest} are kept")
    return value


def _id(value: Any, what: str, longest: int | None = None) -> str | None:
    """A text, also of a whole number: ids are numbers in many places."""
    return _text(str(value) if type(value) is int else value, what, longest)
