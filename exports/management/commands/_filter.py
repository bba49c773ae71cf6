"""The flag ``--filter JSON``."""

from __future__ import annotations

import json
from typing import Any

from exportadmin.lib.errors import UserError


def filter_of(text: str) -> dict[str, Any]:
    """The JSON object. Raises :class:`UserError` for anything else, and for a key that occurs twice."""
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise UserError(f"--filter is not a JSON object: {error}", field="filter") from None
    if not isinstance(found, dict):
        raise UserError("--filter is not a JSON object", field="filter")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"key {key!r} occurs twice")
        found[key] = value
    return found
