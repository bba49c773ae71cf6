"""Filters as Labelbox's SDK sends them (``searchQuery.query``), in the words of our conditions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from exportadmin.lib.errors import UserError
from exportadmin.lib.times import iso_utc, parse_ms, zone
from exports.spec.conditions.kinds import MAX_IDS
from exports.spec.scope import MAX_ID

_IDS: Final = {"data_row_id": "data_row_ids", "global_key": "global_keys", "batch": "batch_ids"}
_TIMES: Final = {"data_row_last_activity_at": "last_activity_at", "labeled_at": "label_created_at"}
# what the SDK lets rows be searched by, for the message
_STATUSES: Final = ("InReview", "InRework", "Done")
DATASET: Final = "dataset"
_STATUS: Final = "workflow_status"
# types of elements, by what is exported
OF_PROJECTS: Final = (*_TIMES, *_IDS, "task_queue_status", "task_queue_not_exist")
OF_THE_CATALOG: Final = (*_TIMES, "data_row_id", "global_key", DATASET)


def our_filter(query: Sequence[Any], known: Collection[str], field: str) -> dict[str, Any]:
    """All elements have to hold. ``known`` are the types that the export may be filtered by; the dataset that rows are
    of stands under :data:`DATASET`, which is no condition of ours. Raises :class:`UserError`."""
    found: dict[str, Any] = {}
    for place, element in enumerate(query):
        where = f"{field}[{place}]"
        if not isinstance(element, Mapping):
            raise UserError(f"{where} is no object", field=where)
        kind = str(element.get("type"))
        if kind not in known:
            raise UserError(
                f"type {kind[:60]!r} does not filter this; known: {', '.join(known)}", field=f"{where}.type"
            )
        key, value = _READERS[kind](element, where)
        if key in found:
            raise UserError(f"{kind} is given twice", field=where)
        found[key] = value
    return found


def place_of(query: Sequence[Mapping[str, Any]], key: str, field: str) -> str:
    """Where a query that :func:`our_filter` took says what it gave as ``key``."""
    for place, element in enumerate(query):
        kind, where = element["type"], f"{field}[{place}]"
        if key == _IDS.get(kind) or key == kind:
            return f"{where}.ids"
        if key == _TIMES.get(kind):
            return f"{where}.value.value"
        if key == _STATUS and kind.startswith("task_queue_"):
            return where
    return field


def _only(element: Mapping[str, Any], keys: Collection[str], where: str) -> None:
    for key in element:
        if key not in keys:
            raise UserError(
                f"unknown key {str(key)[:60]!r}; known: {', '.join(keys)}", field=f"{where}.{str(key)[:60]}"
            )
    for key in keys:
        if key not in element:
            raise UserError(f"{key} is missing", field=f"{where}.{key}")


def _ids(element: Mapping[str, Any], where: str) -> list[str]:
    """As many and as long as our conditions take: the database is asked with nothing else."""
    _only(element, ("type", "operator", "ids"), where)
    if element["operator"] != "is":
        raise UserError(f"operator {str(element['operator'])[:60]!r} is unknown; known: is", field=f"{where}.operator")
    ids, place = element["ids"], f"{where}.ids"
    if not isinstance(ids, list) or not ids:
        raise UserError("ids is a list of one or more", field=place)
    if len(ids) > MAX_IDS:
        raise UserError(f"ids has {len(ids):,} entries; at most {MAX_IDS:,} are taken", field=place)
    for number, each in enumerate(ids):
        if not isinstance(each, str) or not 0 < len(each) <= MAX_ID:
            raise UserError(
                f"{str(each)[:60]!r} is no id: an id is a text of 1 to {MAX_ID} characters", field=f"{place}[{number}]"
            )
    return ids


def _id_list(element: Mapping[str, Any], where: str) -> tuple[str, list[str]]:
    return _IDS[element["type"]], _ids(element, where)


def _dataset(element: Mapping[str, Any], where: str) -> tuple[str, str]:
    first, *more = _ids(element, where)
    if more:
        raise UserError("rows of one dataset are exported at a time", field=f"{where}.ids[1]")
    return DATASET, first


def _times(element: Mapping[str, Any], where: str) -> tuple[str, list[str | None]]:
    window: list[str | None]
    _only(element, ("type", "value"), where)
    value, inside = element["value"], f"{where}.value"
    if not isinstance(value, Mapping):
        raise UserError("value is an object", field=inside)
    _only(value, ("operator", "timezone", "value"), inside)
    named = value["timezone"]
    if not isinstance(named, str):
        raise UserError("timezone is the name of a zone", field=f"{inside}.timezone")
    zone(named, field=f"{inside}.timezone")
    bounds, place = value["value"], f"{inside}.value"
    if value["operator"] == "BETWEEN":
        if not isinstance(bounds, Mapping):
            raise UserError("BETWEEN takes min and max", field=place)
        _only(bounds, ("min", "max"), place)
        window = [_moment(bounds[end], named, f"{place}.{end}") for end in ("min", "max")]
    elif value["operator"] == "GREATER_THAN_OR_EQUAL":
        window = [_moment(bounds, named, place), None]
    elif value["operator"] == "LESS_THAN_OR_EQUAL":
        window = [None, _moment(bounds, named, place)]
    else:
        raise UserError(
            f"operator {str(value['operator'])[:60]!r} is unknown; known: BETWEEN, GREATER_THAN_OR_EQUAL,"
            " LESS_THAN_OR_EQUAL",
            field=f"{inside}.operator",
        )
    return _TIMES[element["type"]], window


def _moment(bound: Any, named: str, where: str) -> str:
    """With its offset: what a project's own zone is no longer matters."""
    if bound is None:
        raise UserError("null is no time: take the operator of the other bound, or leave the filter out", field=where)
    return iso_utc(parse_ms(bound, time_zone=named, field=where))


def _status(element: Mapping[str, Any], where: str) -> tuple[str, list[str]]:
    _only(element, ("type", "status"), where)
    if element["status"] not in _STATUSES:
        raise UserError(
            f"status {str(element['status'])[:60]!r} is unknown; known: {', '.join(_STATUSES)}",
            field=f"{where}.status",
        )
    return _STATUS, [element["status"]]


def _to_label(element: Mapping[str, Any], where: str) -> tuple[str, list[str]]:
    _only(element, ("type",), where)
    return _STATUS, ["ToLabel"]


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any], str], tuple[str, Any]]]] = {
    **dict.fromkeys(_IDS, _id_list),
    **dict.fromkeys(_TIMES, _times),
    DATASET: _dataset,
    "task_queue_status": _status,
    "task_queue_not_exist": _to_label,
}
