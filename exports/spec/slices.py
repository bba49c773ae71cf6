"""What a slice selects by: the filters that say something of a data row, whatever project it is in."""

from __future__ import annotations

from typing import Any

from connections.models import Project
from exportadmin.lib.errors import UserError
from exports.spec.conditions import CONDITIONS, Condition
from exports.spec.filters import parse_filter


def slice_conditions() -> dict[str, Condition[Any]]:
    """Those that a slice may have, by key."""
    return {key: condition for key, condition in CONDITIONS.items() if condition.is_in_catalog}


def parse_slice_filter(raw: object, project: Project) -> dict[str, Any]:
    """As it was given, without what it does not ask for. Raises :class:`UserError` for a filter that is no slice's, and
    for none: what selects everything is the catalog itself."""
    parsed = parse_filter(raw, time_zone=project.time_zone)
    known = slice_conditions()
    for key in parsed:
        if key not in known:
            raise UserError(
                f"the filter {key} says nothing of a data row alone; a slice takes {', '.join(known)}",
                field=f"filter.{key}",
            )
    if not parsed:
        raise UserError("the filter has no condition: it would select the whole catalog", field="filter")
    assert isinstance(raw, dict)
    return {key: value for key, value in raw.items() if key in parsed}
