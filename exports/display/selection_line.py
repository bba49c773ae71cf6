"""What an export selects, as one line for lists: from the frozen config, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from exportadmin.lib import times
from exportadmin.lib.errors import UserError

EVERYTHING: Final = "every row"
LONG: Final = "a long selection: open the export to see it"  # what was not read for a line (exports.lists.report_query)
MOST_VALUES: Final = 3
MOST_CHARACTERS: Final = 160
# conditions whose values say little to a reader: counted
_COUNTED: Final[dict[str, tuple[str, str]]] = {
    "global_keys": ("global key", "global keys"),
    "data_row_ids": ("data row", "data rows"),
}
_NAMED: Final[dict[str, tuple[str, str]]] = {
    "batch_ids": ("batch", "batches"),
    "workflow_status": ("workflow group", "workflow groups"),
}
_WINDOWS: Final[dict[str, str]] = {"last_activity_at": "last activity", "label_created_at": "label created"}


def one_line(config: object) -> str:
    """``accepted or review; changed after 2026-01-31 00:00 UTC``. Takes any JSON, since old reports stay."""
    if not isinstance(config, Mapping):
        return ""
    line = "; ".join(_conditions(config)) or EVERYTHING
    return line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…"


def _conditions(config: Mapping[str, Any]) -> Iterator[str]:
    asked, resolved = (value if isinstance(value := config.get(key), Mapping) else {} for key in ("filter", "resolved"))
    for statuses in (config.get("statuses"), asked.get("statuses")):
        if words := _texts(statuses):
            yield _some(words, "or")
    for key, value in asked.items():
        # what was resolved is a moment for ever; what was written depends on the project's zone
        yield from _condition(str(key), value, resolved.get(key) or value)


def _condition(key: str, value: Any, resolved: Any) -> Iterator[str]:
    words = _texts(value)
    if value in (None, [], {}, "") or key == "statuses":
        return
    if key in _COUNTED and words:
        one, many = _COUNTED[key]
        yield f"{len(words):,} {one if len(words) == 1 else many}"
    elif key in _NAMED and words:
        one, many = _NAMED[key]
        yield f"{one if len(words) == 1 else many} {_some(words, 'or')}"
    elif key == "since_revision":
        yield f"changed since revision {value}"
    elif key == "updated_after":
        yield f"changed after {_moment(resolved)}"
    elif key in _WINDOWS and isinstance(resolved, Sequence) and len(resolved) == 2:
        yield f"{_WINDOWS[key]} {_window(*resolved)}"
    elif key == "with_annotations" and isinstance(value, bool):
        yield "with annotations" if value else "without annotations"
    else:
        yield f"{key.replace('_', ' ')} {_some(words, 'or') if words else value}"


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value] if value else []
    return [str(each) for each in value] if isinstance(value, Sequence) else []


def _some(words: Sequence[str], last: str) -> str:
    """``a``, ``a or b``, ``a, b or c``, ``a, b, c or 4 more``."""
    shown = list(words) if len(words) <= MOST_VALUES else [*words[:MOST_VALUES], f"{len(words) - MOST_VALUES:,} more"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} {last} {shown[-1]}"


def _window(start: Any, end: Any) -> str:
    if start is None or end is None:
        return f"until {_moment(end)}" if start is None else f"since {_moment(start)}"
    return f"{_moment(start)} to {_moment(end)}"


def _moment(value: Any) -> str:
    try:
        return f"{times.to_datetime(times.parse_ms(value)):%Y-%m-%d %H:%M} UTC"
    except UserError:
        return str(value)
