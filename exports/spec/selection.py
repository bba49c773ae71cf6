"""The rows that an export takes, and the parts of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connections.rows.batch import PARTS


@dataclass(frozen=True, slots=True)
class Selection:
    """``conditions``: key → parsed value, by :data:`exports.spec.conditions.CONDITIONS`; all of them have to hold."""

    project_id: str
    conditions: Mapping[str, Any] = field(default_factory=dict)
    parts: frozenset[str] = frozenset(PARTS)
