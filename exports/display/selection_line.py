"""What an export selects, as one line for lists: from the frozen description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from exports.spec.conditions import CONDITIONS
from exports.spec.labels import DEFAULT, label_text
from exports.spec.platform_export import KEY as PLATFORM_EXPORT
from exports.spec.scope import scope_text
from exports.spec.spec import beside_filter

EVERYTHING: Final = "every row"
LONG: Final = "a long selection: open the export to see it"  # what was not read for a line (exports.lists.report_query)
MOST_CHARACTERS: Final = 160


def one_line(config: object) -> str:
    """``accepted or review; updated after 2026-01-31 00:00 UTC``. Takes any JSON, since old reports stay."""
    if not isinstance(config, Mapping):
        return ""
    if isinstance(wanted := config.get(PLATFORM_EXPORT), Mapping):
        line = _of_platform(wanted)
        return line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…"
    line = "; ".join(filter(None, [scope_text(config), *_conditions(config)])) or EVERYTHING
    if (labels := config.get("labels")) not in (None, DEFAULT.text):
        line += f"; labels: {label_text(labels)}"
    return line if len(line) <= MOST_CHARACTERS else line[: MOST_CHARACTERS - 1] + "…"


def _of_platform(wanted: Mapping[str, Any]) -> str:
    if wanted.get("remote_id"):
        return f"export {wanted['remote_id']} of the platform"
    statuses = wanted.get("statuses")
    parts = [" or ".join(map(str, statuses))] if isinstance(statuses, list) and statuses else []
    parts += [f"updated after {wanted['updated_after']}"] if wanted.get("updated_after") is not None else []
    return "; ".join(parts) or EVERYTHING


def _conditions(config: Mapping[str, Any]) -> Iterator[str]:
    given, resolved = (value if isinstance(value := config.get(key), Mapping) else {} for key in ("filter", "resolved"))
    for key, value in [*((key, config.get(key)) for key in beside_filter()), *given.items()]:
        if value in (None, [], {}, ""):
            continue
        # what was resolved is a moment for ever; what was written depends on the project's zone
        if key in CONDITIONS:
            yield CONDITIONS[key].short(value, resolved.get(key) or value)
        else:
            yield f"{str(key).replace('_', ' ')} {value}"
