"""What has changed in a project since the moment that an export of it saw."""

from __future__ import annotations

from connections.store.overview import ChangeCount, changes_since
from exports.models import ExportReport


def changes_after(report: ExportReport) -> ChangeCount | None:
    """Rows that are not as a delivered report saw them; ``None`` where the source cannot tell."""
    if not report.is_delivered or report.revision is None:
        return None
    return changes_since(report.project.public_id, report.revision)


def changes_text(changes: ChangeCount) -> str:
    """``3 rows came, 2 changed and 1 was deleted``; empty where nothing has changed."""
    parts: list[str] = []
    deleted = "was deleted" if changes.removed == 1 else "were deleted"
    for count, verb in ((changes.added, "came"), (changes.changed, "changed"), (changes.removed, deleted)):
        if count:
            noun = "" if parts else " row" if count == 1 else " rows"
            parts.append(f"{count:,}{noun} {verb}")
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
