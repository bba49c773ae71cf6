"""Who made a label, as Label Studio's formats say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from connections.rows.labels import creator_of

_NOTHING: Final[Mapping[str, Any]] = {}


def annotator_of(label: Mapping[str, Any]) -> str | int:
    """An e-mail address or a number; empty where nobody says, or the part that does was not asked for."""
    source = (label.get("source_extra") or _NOTHING).get("label_studio") or _NOTHING
    by: Any = source.get("completed_by")
    if isinstance(by, dict):
        by = by.get("email") or by.get("id")
    return by if type(by) in (int, str) else creator_of(label)
