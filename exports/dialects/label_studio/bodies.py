"""What Label Studio's SDK sends, read strictly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rest_framework import serializers
from rest_framework.request import Request

from connections.rows.backup import PART as BACKUP
from connections.rows.batch import PARTS
from exportadmin.lib.errors import UserError
from exportadmin.lib.rest import Choice, Flag, Query, StrictSerializer, Text, Whole, WholeNumber
from exports.actions import MAX_NAME
from exports.dialects.label_studio.filters import both
from exports.dialects.label_studio.formats import SNAPSHOT, ExportType
from exports.dialects.label_studio.tokens import LONGEST_JWT
from exports.spec.conditions.kinds import MAX_IDS
from exports.spec.conditions.labelling import BOTH, LABELLED, STATES, WAS_SKIPPED
from exports.spec.labels import ALL

PAGE_SIZE, LARGEST_PAGE = 30, 500
_MODES: Final = ("only", "exclude")
_ANY: Final = frozenset({LABELLED, WAS_SKIPPED, BOTH})
# which states of a row's labels are meant by what is asked of tasks
_MODES_OF: Final = {
    "skipped": frozenset({WAS_SKIPPED, BOTH}),
    "finished": _ANY,
    "annotated": frozenset({LABELLED, BOTH}),
}
# every annotation, as the option of our format has it
EVERY: Final = "all"
# sorts of annotations → the states of rows that have any
_WITH: Final = {
    EVERY: _ANY,
    "usual+ground_truth": frozenset({LABELLED, BOTH}),
    "skipped": frozenset({WAS_SKIPPED, BOTH}),
    "usual+ground_truth+skipped": _ANY,
}
_COMPLETED_BY: Final = "annotations__completed_by"
# of a whole number in a query
_LARGEST: Final = 10**18 - 1


class TrueOrFalse(serializers.Field):  # type: ignore[type-arg]
    """``true`` or ``false`` in a query, in whatever letters: its two SDKs write it differently."""

    _KNOWN: Final = {"true": True, "false": False, "1": True, "0": False}

    def to_internal_value(self, data: Any) -> bool:
        """Raises ``ValidationError``."""
        found = self._KNOWN.get(str(data).lower())
        if found is None:
            raise serializers.ValidationError("true or false is expected")
        return found

    def to_representation(self, value: Any) -> Any:
        """As it is."""
        return value


class ProjectQuery(Query):
    """One project. ``members_limit`` is about what we do not tell."""

    members_limit = WholeNumber(min_value=0, max_value=10_000, required=False, help_text="ignored")


class ProjectsQuery(Query):
    """A page of projects."""

    page = WholeNumber(min_value=1, max_value=10**9, required=False, help_text="from 1")
    page_size = WholeNumber(min_value=1, max_value=LARGEST_PAGE, required=False, help_text=f"{PAGE_SIZE} by default")
    title = Text(max_length=MAX_NAME, required=False, help_text="part of the title")


class ExportsQuery(Query):
    """Which snapshots: always the newest first."""

    ordering = Text(required=False, help_text="-created_at, which is how they come")


class CreateQuery(Query):
    """The SDK before 1.0 sends this beside the body."""

    interpolate_key_frames = TrueOrFalse(required=False, help_text="true or false")


class DownloadQuery(Query):
    """In what format."""

    exportType = Text(required=False, max_length=60, help_text="an export type, JSON by default")  # noqa: N815


class TaskFilterOptions(StrictSerializer):
    """Which tasks."""

    view = Whole(required=False, allow_null=True)
    skipped = Choice(_MODES, required=False, allow_null=True)
    finished = Choice(_MODES, required=False, allow_null=True)
    annotated = Choice(_MODES, required=False, allow_null=True)
    only_with_annotations = Flag(required=False, allow_null=True)


class AnnotationFilterOptions(StrictSerializer):
    """Which annotations of them: all that are of one of these sorts."""

    usual = Flag(required=False, allow_null=True, default=True)
    ground_truth = Flag(required=False, allow_null=True)
    skipped = Flag(required=False, allow_null=True)


class SerializationOption(StrictSerializer):
    """Whole objects, or their ids."""

    only_id = Flag(required=False, default=False)


class SerializationOptions(StrictSerializer):
    """What is said of them."""

    drafts = SerializationOption(required=False)
    predictions = SerializationOption(required=False)
    annotations__completed_by = SerializationOption(required=False)
    include_annotation_history = Flag(required=False, allow_null=True)
    interpolate_key_frames = Flag(required=False, allow_null=True)


class CreateExport(StrictSerializer):
    """A snapshot."""

    title = Text(required=False, max_length=MAX_NAME)
    task_filter_options = TaskFilterOptions(required=False)
    annotation_filter_options = AnnotationFilterOptions(required=False)
    serialization_options = SerializationOptions(required=False)


class Convert(StrictSerializer):
    """Another format of a snapshot."""

    export_type = Text(max_length=60)
    download_resources = Flag(required=False, default=False)


class Refresh(StrictSerializer):
    """A refresh token."""

    refresh = Text(max_length=LONGEST_JWT)


class EasyQuery(Query):
    """An export without a snapshot. The SDK writes ``export_type`` and ``ids``, the documentation the other two."""

    lists = frozenset({"ids", "ids[]"})
    export_type = Text(required=False, max_length=60, help_text="an export type, JSON by default")
    exportType = Text(required=False, max_length=60, help_text="the same")  # noqa: N815
    download_all_tasks = TrueOrFalse(required=False, help_text="true: also tasks without annotations")
    download_resources = TrueOrFalse(required=False, help_text="true: with their pictures")
    interpolate_key_frames = TrueOrFalse(required=False, help_text="true or false")

    def get_fields(self) -> dict[str, Any]:
        """Two of them have names that Python has not."""
        ids = {
            name: serializers.ListField(
                child=WholeNumber(min_value=0, max_value=_LARGEST), max_length=MAX_IDS, required=False
            )
            for name in sorted(self.lists)
        }
        return {**super().get_fields(), **ids}


class ViewsQuery(Query):
    """Of which project."""

    project = WholeNumber(min_value=0, max_value=_LARGEST, help_text="a project's number")


class ViewQuery(Query):
    """The page of the original sends these."""

    project = WholeNumber(min_value=0, max_value=_LARGEST, required=False, help_text="the view's project")
    interaction = Text(required=False, max_length=40, help_text="ignored")


class ViewBody(StrictSerializer):
    """A view that is to be, or is to be another."""

    project = Whole(required=False)

    def get_fields(self) -> dict[str, Any]:
        """``data`` is a name that serializers have themselves."""
        return {**super().get_fields(), "data": serializers.DictField(required=False)}


def described(sent: Mapping[str, Any], view: Mapping[str, Any]) -> dict[str, Any]:
    """The export that a checked :class:`CreateExport` asks for, in our words; ``view`` is the filter of its view.

    Raises :class:`UserError` for what selects nothing.
    """
    tasks = sent.get("task_filter_options", {})
    states = [_states(tasks[key], wanted) for key, wanted in _MODES_OF.items() if tasks.get(key)]
    labels, annotations = ALL.text, _annotations(sent.get("annotation_filter_options"))
    if tasks.get("only_with_annotations"):
        if annotations not in _WITH:
            raise UserError(
                "only_with_annotations does not go with these annotation_filter_options: it goes with "
                "skipped, with usual and ground_truth, or with all three of them",
                field="task_filter_options.only_with_annotations",
            )
        states.append(_WITH[annotations])
    return {
        "format": SNAPSHOT,
        "labels": labels,
        # a task without some of its annotations carries no row with all of them
        "include": [part for part in PARTS if part != BACKUP or annotations == EVERY],
        "filter": both(view, {"labelling": _all_of(states)}, "task_filter_options"),
        "options": {"annotations": annotations, **_serialization(sent.get("serialization_options", {}))},
    }


def _states(mode: str, wanted: frozenset[str]) -> frozenset[str]:
    return wanted if mode == "only" else frozenset(STATES) - wanted


def _all_of(states: Sequence[frozenset[str]]) -> list[str] | None:
    """Those that are in each; ``None``: nothing was asked."""
    if not states:
        return None
    return [state for state in STATES if all(state in each for each in states)]


def _annotations(sent: Mapping[str, Any] | None) -> str:
    """As an option of our format. Raises :class:`UserError`."""
    if sent is None:
        return EVERY
    sorts = [sort for sort in ("usual", "ground_truth", "skipped") if sent.get(sort)]
    if not sorts:
        raise UserError(
            "no sort of annotations is asked for; ask for one of usual, ground_truth, skipped, or leave it out for all",
            field="annotation_filter_options",
        )
    return "+".join(sorts)


def _serialization(sent: Mapping[str, Any]) -> dict[str, str]:
    """As options of our format: what is not asked for whole has its id."""
    whole = {key: key in sent and not sent[key]["only_id"] for key in ("drafts", "predictions", _COMPLETED_BY)}
    return {
        "drafts": "full" if whole["drafts"] else "only_id",
        "predictions": "full" if whole["predictions"] else "only_id",
        "completed_by": "full" if whole[_COMPLETED_BY] else "only_id",
        "annotation_history": "yes" if sent.get("include_annotation_history") else "no",
        "interpolate_key_frames": "yes" if sent.get("interpolate_key_frames") else "no",
    }


def described_easily(sent: Mapping[str, Any], wanted: ExportType, row_ids: Sequence[str] | None) -> dict[str, Any]:
    """The same for an export without a snapshot, of the rows with these ids (``None``: all). Raises
    :class:`UserError`."""
    if sent.get("interpolate_key_frames") and wanted.format != SNAPSHOT:
        raise UserError("interpolate_key_frames goes with JSON alone", field="interpolate_key_frames")
    of_rows: dict[str, Any] = {} if sent.get("download_all_tasks") else {"labelling": sorted(_ANY)}
    if row_ids is not None:
        of_rows["data_row_ids"] = list(row_ids)
    options = dict(wanted.options)
    if wanted.format == SNAPSHOT:
        options |= {"annotations": EVERY, **_serialization(sent)}
    return {"format": wanted.format, "labels": ALL.text, "filter": of_rows, "options": options}


def checked_ordering(params: Mapping[str, Any]) -> None:
    """Raises :class:`UserError` for an order that a list does not have."""
    if params.get("ordering", "-created_at") != "-created_at":
        raise UserError(f"unknown ordering {params['ordering'][:60]!r}; known: -created_at", field="ordering")


def body_of(request: Request) -> Mapping[str, Any]:
    """The JSON body; ``{}`` where not a byte was sent. Raises :class:`UserError` for what is no object, though empty: a
    list, a zero, ``null``."""
    if request.META.get("CONTENT_LENGTH") in (None, "", "0"):
        return {}
    if not isinstance(request.data, Mapping):
        raise UserError("a JSON object is expected")
    return request.data
