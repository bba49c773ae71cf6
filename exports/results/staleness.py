"""What has changed in a project since an export of it was read."""

from __future__ import annotations

from connections.store.overview import Changes, changes_since
from exportadmin.lib.times import from_datetime
from exports.display.progress import reading_began
from exports.models import ExportReport


def changes_after(report: ExportReport) -> Changes | None:
    """Rows that came or changed since a delivered report began to read; ``None`` where the source cannot tell."""
    began = reading_began(report)
    if not report.is_delivered or began is None:
        return None
    return changes_since(report.project.public_id, from_datetime(began))


def changes_words(changes: Changes) -> str:
    """``3 rows came and 2 changed since.``"""
    parts = []
    if changes.added:
        parts.append(f"{changes.added:,} {'row' if changes.added == 1 else 'rows'} came")
    if changes.changed:
        noun = "" if parts else " row" if changes.changed == 1 else " rows"
        parts.append(f"{changes.changed:,}{noun} changed")
    return f"{' and '.join(parts)} since." if parts else "Nothing has changed since."
