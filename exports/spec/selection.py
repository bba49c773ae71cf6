"""The rows that an export takes, and the labels and parts of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from connections.rows.batch import PARTS
from exports.spec.labels import DEFAULT, LabelChoice
from exports.spec.scope import OF_PROJECT, Scope


@dataclass(frozen=True, slots=True)
class Selection:
    """``conditions``: key → parsed value, by :data:`exports.spec.conditions.CONDITIONS`; all of them have to hold.

    ``labels`` says which labels of each row leave. ``scope``: whether they are the project's, or of its connection's
    catalog. ``interpolated_frames``: the frames of videos between key frames are computed
    (:mod:`connections.rows.interpolation`).
    """

    project_id: str
    conditions: Mapping[str, Any] = field(default_factory=dict)
    parts: frozenset[str] = frozenset(PARTS)
    labels: LabelChoice = DEFAULT
    scope: Scope = OF_PROJECT
    interpolated_frames: bool = False
