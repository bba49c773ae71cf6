"""Everything that an export was asked to select, parsed."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from connections.rows.batch import PARTS


@dataclass(frozen=True, slots=True)
class Window:
    """Inclusive bounds in milliseconds; ``None`` is open."""

    start_ms: int | None = None
    end_ms: int | None = None

    def holds(self, ms: int) -> bool:
        """Is ``ms`` inside?"""
        return (self.start_ms is None or ms >= self.start_ms) and (self.end_ms is None or ms <= self.end_ms)


@dataclass(frozen=True, slots=True)
class Selection:
    """Everything that was asked, frozen. ``None`` means "not asked"; all that is asked is ANDed.

    ``since_revision`` and ``updated_after_ms`` are exclusive (what changed exactly then was already seen), the windows
    are inclusive.
    """

    project_id: str
    statuses: frozenset[str] | None = None
    since_revision: int | None = None
    updated_after_ms: int | None = None
    last_activity: Window | None = None
    label_created: Window | None = None
    workflow_groups: frozenset[str] | None = None
    batch_ids: frozenset[str] | None = None
    global_keys: frozenset[str] | None = None
    data_row_ids: frozenset[str] | None = None
    with_annotations: bool | None = None
    parts: frozenset[str] = frozenset(PARTS)

    def is_everything(self) -> bool:
        """True when no row can be dropped."""
        return dataclasses.replace(self, parts=frozenset()) == Selection(self.project_id, parts=frozenset())
