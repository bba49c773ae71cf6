"""Filters as Labelbox's SDK sends them (``searchQuery.query``), in the words of our conditions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from exportadmin.lib.errors import UserError
from exportadmin.lib.times import iso_utc, parse_ms, zone

_IDS: Final = {"data_row_id": "data_row_ids", "global_key": "global_keys", "batch": "batch_ids"}
_TIMES: Final = {"data_row_last_activity_at": "last_activity_at", "labeled_at": "label_created_at"}
# what the SDK lets rows be searched by, for the message
_STATUSES: Final = ("InReview", "InRework", "Done")
DATASET: Final = "dataset"
# types of elements, by what is exported
OF_PROJECTS: Final = (*_TIMES, *_IDS, "task_queue_status", "task_queue_not_exist")
OF_THE_CATALOG: Final = (*_TIMES, "data_row_id", "global_key")


def our_filter(query: Sequence[Any], known: Collection[str], field: str) -> dict[str, Any]:
    """All elements have to hold. ``known`` are the types that the export may be filtered by. Raises
    :class:`UserError`."""
    found: dict[str, Any] = {}
    for place, element in enumerate(query):
        where = f"{field}[{place}]"
        if not isinstance(element, Mapping):
            raise UserError(f"{where} is no object", field=where)
        kind = str(element.get("type"))
        if kind not in known:
            raise UserError(f"type {kind[:60]!r} does not filter this; known: {', '.join(known)}", field=where)
        key, value = _READERS[kind](element, where)
        if key in found:
            raise UserError(f"{kind} is given twice", field=where)
        found[key] = value
    return found


def dataset_of(query: Sequence[Any], field: str) -> tuple[str | None, list[Any]]:
    """``(the dataset that rows are of, the other elements)``. Raises :class:`UserError`."""
    places = [place for place, one in enumerate(query) if isinstance(one, Mapping) and one.get("type") == DATASET]
    if not places:
        return None, list(query)
    where = f"{field}[{places[0]}]"
    ids = _ids(query[places[0]], where)
    if len(places) > 1 or len(ids) > 1:
        raise UserError("rows of one dataset are exported at a time", field=where)
    return ids[0], [one for place, one in enumerate(query) if place != places[0]]


def _only(element: Mapping[str, Any], keys: Collection[str], where: str) -> None:
    for key in element:
        if key not in keys:
            raise UserError(f"unknown key {str(key)[:60]!r}; known: {', '.join(keys)}", field=where)
    for key in keys:
        if key not in element:
            raise UserError(f"{key} is missing", field=where)


def _ids(element: Mapping[str, Any], where: str) -> list[Any]:
    _only(element, ("type", "operator", "ids"), where)
    if element["operator"] != "is":
        raise UserError(f"operator {str(element['operator'])[:60]!r} is unknown; known: is", field=where)
    if not isinstance(element["ids"], list) or not element["ids"]:
        raise UserError("ids is a list of one or more", field=f"{where}.ids")
    return element["ids"]


def _id_list(element: Mapping[str, Any], where: str) -> tuple[str, list[Any]]:
    return _IDS[element["type"]], _ids(element, where)


def _times(element: Mapping[str, Any], where: str) -> tuple[str, list[str | None]]:
    _only(element, ("type", "value"), where)
    value = element["value"]
    if not isinstance(value, Mapping):
        raise UserError("value is an object", field=f"{where}.value")
    _only(value, ("operator", "timezone", "value"), f"{where}.value")
    bounds = value["value"]
    if value["operator"] == "BETWEEN":
        if not isinstance(bounds, Mapping):
            raise UserError("BETWEEN takes min and max", field=f"{where}.value.value")
        _only(bounds, ("min", "max"), f"{where}.value.value")
        window = [bounds["min"], bounds["max"]]
    elif value["operator"] in ("GREATER_THAN_OR_EQUAL", "LESS_THAN_OR_EQUAL"):
        window = [bounds, None] if value["operator"].startswith("G") else [None, bounds]
    else:
        raise UserError(
            f"operator {str(value['operator'])[:60]!r} is unknown; known: BETWEEN, GREATER_THAN_OR_EQUAL,"
            " LESS_THAN_OR_EQUAL",
            field=f"{where}.value.operator",
        )
    named = value["timezone"]
    if not isinstance(named, str):
        raise UserError("timezone is the name of a zone", field=f"{where}.value.timezone")
    zone(named)
    return _TIMES[element["type"]], [_moment(bound, named, where) for bound in window]


def _moment(bound: Any, named: str, where: str) -> str | None:
    """With its offset: what a project's own zone is no longer matters."""
    return None if bound is None else iso_utc(parse_ms(bound, time_zone=named, field=where))


def _status(element: Mapping[str, Any], where: str) -> tuple[str, list[str]]:
    _only(element, ("type", "status"), where)
    if element["status"] not in _STATUSES:
        raise UserError(
            f"status {str(element['status'])[:60]!r} is unknown; known: {', '.join(_STATUSES)}", field=where
        )
    return "workflow_status", [element["status"]]


def _to_label(element: Mapping[str, Any], where: str) -> tuple[str, list[str]]:
    _only(element, ("type",), where)
    return "workflow_status", ["ToLabel"]


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any], str], tuple[str, Any]]]] = {
    **dict.fromkeys(_IDS, _id_list),
    **dict.fromkeys(_TIMES, _times),
    "task_queue_status": _status,
    "task_queue_not_exist": _to_label,
}
