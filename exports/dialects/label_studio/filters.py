"""Filters of Label Studio's views, as conditions of ours and back.

Only what stands in :data:`_FIELDS`, with the operators that stand there, is a filter: no name that is sent becomes the
name of a column.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from connections.store.models import MAX_ID
from exportadmin.lib.errors import UserError
from exportadmin.lib.times import iso_utc, parse_ms
from exports.spec.conditions.labelling import BOTH, LABELLED, STATES, UNLABELLED, WAS_SKIPPED

NUMBER, DATETIME = "Number", "Datetime"
_ID, _UPDATED = "tasks:id", "tasks:updated_at"
_BEGINNING: Final = "filter:"
MOST_ITEMS: Final = 50
# field → states of a row's labels in which it has none of them, and in which it has some
_COUNTED: Final = {
    "tasks:total_annotations": (frozenset({UNLABELLED, WAS_SKIPPED}), frozenset({LABELLED, BOTH})),
    "tasks:cancelled_annotations": (frozenset({UNLABELLED, LABELLED}), frozenset({WAS_SKIPPED, BOTH})),
}
# how a table looks: there is none here
_LOOKS: Final = frozenset(
    {
        "type",
        "target",
        "gridWidth",
        "columnsWidth",
        "hiddenColumns",
        "columnsDisplayType",
        "gridFitImagesToWidth",
        "explore",
        "labeling",
        "query",
        "agreement_selected",
        "semantic_search",
        "threshold",
    }
)
_KEYS: Final = ("title", "filters", "ordering", "selectedItems")
_Json = dict[str, Any]


def parse_data(data: Mapping[str, Any]) -> tuple[str, _Json]:
    """``(title, filter of ours)`` of a view's data; the title may be empty. Raises :class:`UserError`."""
    for key in data:
        if key not in _KEYS and key not in _LOOKS:
            raise UserError(f"unknown key {key[:60]!r}; known: {', '.join(_KEYS)}", field="data")
    title = data.get("title") or ""
    if not isinstance(title, str):
        raise UserError("the title is no text", field="data.title")
    if data.get("ordering"):
        raise UserError(f"a view has no ordering: tasks come in the order of {_ID}", field="data.ordering")
    selected = data.get("selectedItems")
    if selected not in (None, {}, {"all": True, "excluded": []}, {"all": False, "included": []}):
        raise UserError(f"selected items are not kept: filter by {_ID}", field="data.selectedItems")
    return title, _parse_filters(data.get("filters"))


def _parse_filters(filters: Any) -> _Json:
    found: _Json = {}
    if filters is None or filters == {}:
        return found
    if not isinstance(filters, Mapping) or not isinstance(items := filters.get("items", []), list):
        raise UserError("filters is an object with conjunction and items", field="data.filters")
    for key in filters:
        if key not in ("conjunction", "items"):
            raise UserError(f"unknown key {key[:60]!r}; known: conjunction, items", field="data.filters")
    if len(items) > MOST_ITEMS:
        raise UserError(f"{len(items):,} filters; at most {MOST_ITEMS} are allowed", field="data.filters")
    if filters.get("conjunction", "and") != "and" and len(items) > 1:
        raise UserError("filters are joined by and", field="data.filters.conjunction")
    for place, item in enumerate(items):
        found = both(found, _parse_item(item, f"data.filters.items.{place}"), "data.filters")
    return found


def _parse_item(item: Any, at: str) -> _Json:
    if not isinstance(item, Mapping):
        raise UserError("a filter is an object with filter, operator, type and value", field=at)
    for key in item:
        if key not in ("filter", "operator", "type", "value"):
            raise UserError(f"unknown key {key[:60]!r}; known: filter, operator, type, value", field=at)
    name = item.get("filter")
    field = _FIELDS.get(name.removeprefix(_BEGINNING)) if isinstance(name, str) else None
    if field is None:
        known = ", ".join(f"{_BEGINNING}{each}" for each in _FIELDS)
        raise UserError(f"unknown filter {str(name)[:80]!r}; known: {known}", field=f"{at}.filter")
    kind, operators = field
    if item.get("type", kind) != kind:
        raise UserError(f"{name} is a {kind}, no {str(item['type'])[:40]!r}", field=f"{at}.type")
    operator = item.get("operator")
    if operator not in operators:
        raise UserError(
            f"unknown operator {str(operator)[:40]!r} of {name}; known: {', '.join(operators)}", field=f"{at}.operator"
        )
    return operators[operator](item.get("value"), f"{at}.value")


def both(first: Mapping[str, Any], second: Mapping[str, Any], field: str) -> _Json:
    """What satisfies both filters, of those that are made here. Raises :class:`UserError` where nothing does."""
    found = {key: value for key, value in first.items() if value is not None}
    for key, value in second.items():
        if value is None:
            continue
        before = found.get(key)
        found[key] = value if before is None else _JOINED[key](before, value)
        if found[key] == [] or (key == "row_numbers" and found[key][0] > found[key][1]):
            raise UserError("these filters exclude each other: no task satisfies all of them", field=field)
    return found


_JOINED: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "row_numbers": lambda one, other: [max(one[0], other[0]), min(one[1], other[1])],
    "labelling": lambda one, other: [state for state in STATES if state in one and state in other],
    "updated_after": max,  # of one form, see _after
}


# --- fields ---------------------------------------------------------------------------------------------------------


def _whole(value: Any, field: str) -> int:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 19:
        value = int(value)
    if type(value) is not int or not 0 <= value < MAX_ID:
        raise UserError(f"{str(value)[:40]!r} is no whole number from 0 up", field=field)
    return value


def _numbers(span: Callable[[int], tuple[int, int]]) -> Callable[[Any, str], _Json]:
    def parse(value: Any, field: str) -> _Json:
        first, last = span(_whole(value, field))
        if first > last:
            raise UserError("no task has such an id", field=field)
        return {"row_numbers": [first, last]}

    return parse


def _number_in(value: Any, field: str) -> _Json:
    if not isinstance(value, Mapping) or set(value) != {"min", "max"}:
        raise UserError('expected {"min": …, "max": …}', field=field)
    first, last = (_whole(value[bound], field) for bound in ("min", "max"))
    if first > last:
        raise UserError("min is more than max", field=field)
    return {"row_numbers": [first, last]}


def _after(value: Any, field: str) -> _Json:
    """In one form, so that texts are in the order of times."""
    return {"updated_after": iso_utc(parse_ms(value, time_zone="UTC", field=field))}


def _count(some: frozenset[str], none: frozenset[str], least: int | None) -> Callable[[Any, str], _Json]:
    """Of a number of annotations only whether there are any is known; ``least`` is the number that asks for some."""

    def parse(value: Any, field: str) -> _Json:
        number = _whole(value, field)
        if number == 0 and least is None:
            return {"labelling": [state for state in STATES if state in none]}
        if number == least:
            return {"labelling": [state for state in STATES if state in some]}
        text = "0" if least is None else str(least)
        raise UserError(f"{number} cannot be asked for with this operator, only {text}", field=field)

    return parse


# field → its type, and its operators
_FIELDS: Final[dict[str, tuple[str, dict[str, Callable[[Any, str], _Json]]]]] = {
    _ID: (
        NUMBER,
        {
            "equal": _numbers(lambda number: (number, number)),
            "less": _numbers(lambda number: (0, number - 1)),
            "greater": _numbers(lambda number: (number + 1, MAX_ID)),
            "less_or_equal": _numbers(lambda number: (0, number)),
            "greater_or_equal": _numbers(lambda number: (number, MAX_ID)),
            "in": _number_in,
        },
    ),
    _UPDATED: (DATETIME, {"greater": _after}),
    **{
        name: (
            NUMBER,
            {
                "equal": _count(some, none, None),
                "greater": _count(some, none, 0),
                "greater_or_equal": _count(some, none, 1),
            },
        )
        for name, (none, some) in _COUNTED.items()
    },
}


# --- and back -------------------------------------------------------------------------------------------------------


def in_utc(conditions: Mapping[str, Any], time_zone: str) -> _Json:
    """The same conditions; times that say no zone are of that one, and say UTC then."""
    found = dict(conditions)
    if found.get("updated_after") is not None:
        found["updated_after"] = iso_utc(parse_ms(found["updated_after"], time_zone=time_zone))
    return found


def items_of(conditions: Mapping[str, Any]) -> list[_Json] | None:
    """The same as items of a view's filters; ``None``: a view cannot say it."""
    items: list[_Json] = []
    for key, value in conditions.items():
        if value is None:
            continue
        found = _ITEMS[key](value) if key in _ITEMS else None
        if found is None:
            return None
        items += found
    return items


def _item(name: str, operator: str, value: Any) -> _Json:
    return {"filter": f"{_BEGINNING}{name}", "operator": operator, "type": _FIELDS[name][0], "value": value}


def _number_items(value: Sequence[int | None]) -> list[_Json]:
    first, last = value
    if first == last:
        return [_item(_ID, "equal", first)]
    found = [_item(_ID, "greater_or_equal", first)] if first else []
    return found + ([] if last is None or last == MAX_ID else [_item(_ID, "less_or_equal", last)])


def _labelling_items(value: Sequence[str]) -> list[_Json] | None:
    wanted, items, states = frozenset(value), [], frozenset(STATES)
    for name, (none, some) in _COUNTED.items():
        if wanted <= none:
            items.append(_item(name, "equal", 0))
            states &= none
        elif wanted <= some:
            items.append(_item(name, "greater", 0))
            states &= some
    return items if states == wanted else None


_ITEMS: Final[dict[str, Callable[[Any], list[_Json] | None]]] = {
    "row_numbers": _number_items,
    "labelling": _labelling_items,
    "updated_after": lambda value: [_item(_UPDATED, "greater", iso_utc(parse_ms(value)))],
}
