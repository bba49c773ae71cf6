"""How an entry is hashed: which fields, in which form."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from exportadmin.audit.canonical import canonical

# Part of what is hashed: a later form of the entry will carry another name.
SCHEME = "exportadmin-audit-1"

JSON_FIELDS: dict[str, str] = {"before_json": "before", "after_json": "after", "details_json": "details"}
# every stored column but the hash itself
HASHED: tuple[str, ...] = (
    "sequence",
    "at_ms",
    "event",
    "outcome",
    "reason",
    "actor_kind",
    "actor_name",
    "actor_user_id",
    "actor_token_id",
    "channel",
    "request_id",
    "address",
    "project_id",
    "project_name",
    "object_kind",
    "object_id",
    "object_name",
    *JSON_FIELDS,
    "previous_hash",
)
STORED: tuple[str, ...] = (*HASHED, "hash")
_EMPTY: dict[str, Any] = {"null": None, "{}": {}}


def document(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is hashed, from an entry's columns (:data:`HASHED`).

    Raises ``ValueError`` or ``TypeError`` where a JSON column is not in the canonical form that ``record()`` writes.
    """
    kept: dict[str, Any] = {"scheme": SCHEME}
    for column in HASHED:
        value = values[column]
        name = JSON_FIELDS.get(column)
        kept[name or column] = value if name is None else _parsed(value)
    return kept


def _parsed(text: Any) -> Any:
    if text in _EMPTY:
        return _EMPTY[text]
    if not isinstance(text, str):
        raise TypeError("a JSON column holds something else than text")
    value = json.loads(text)
    if canonical(value) != text.encode("utf-8"):
        raise ValueError("a JSON column is not in canonical form")
    return value


def digest(values: Mapping[str, Any]) -> str:
    """The hash of an entry: sha256 over the canonical JSON of :func:`document`, 64 hex digits. Raises as it does."""
    return hashlib.sha256(canonical(document(values))).hexdigest()
