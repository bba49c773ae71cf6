"""Who made a label, as Label Studio's formats say it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connections.rows.labels import creator_of, kept_of


def annotator_of(label: Mapping[str, Any]) -> str | int:
    """An e-mail address or a number; empty where nobody says, or the part that does was not asked for."""
    by: Any = kept_of("label_studio", label).get("completed_by")
    if isinstance(by, dict):
        by = by.get("email") or by.get("id")
    return by if type(by) in (int, str) else creator_of(label)
