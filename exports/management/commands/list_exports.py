"""``exportadmin list_exports``: the export history."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from exportadmin.lib.command import AppCommand
from exports.display.representation import report_json
from exports.models import ExportReport


class Command(AppCommand):
    """Newest first."""

    help = "List the exports, newest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags."""
        parser.add_argument("--json", action="store_true", help="print the reports as REST does")
        parser.add_argument("--limit", type=int, default=50)

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the list."""
        reports = ExportReport.objects.select_related("project", "saved_config").prefetch_related("artifacts")
        reports = reports[: options["limit"]]
        if options["json"]:
            self.stdout.write(json.dumps([report_json(report) for report in reports], ensure_ascii=False, indent=2))
            return
        for report in reports:
            rows = report.check_values["rows_kept"] if report.check_values else report.rows_done
            shown = f"{rows:>11,}" if rows is not None else f"{'?':>11}"
            self.stdout.write(
                f"{report.report_id}  {report.created_at:%Y-%m-%d %H:%M:%S}Z  {report.status:<9}  {report.format:<10}"
                f"  {shown} rows  {report.project.name}  {report.name}"
            )
        if not reports:
            self.stdout.write("no exports yet")
