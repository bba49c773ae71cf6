"""What is exported, how it ran, what came out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from exports.models import ExportReport


def _record_reaped(report: ExportReport, status: str) -> None:
    """The trail's line for a report that the reaper ended, in its transaction."""
    from exports.delivery.publication import unpublish
    from exports.run import pipeline  # late: every shell command loads this file, few need the pipeline

    report.refresh_from_db(fields=["error"])
    unpublish(report)
    pipeline.record_end(report, status, report.error)


class ExportsConfig(AppConfig):
    """Export configs, reports, artifacts, links."""

    name = "exports"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Have ends that the reaper writes recorded like all others; tell the trail's pages about exports."""
        from exports import runs, trail

        runs.on_ended.append(_record_reaped)
        trail.fill()
