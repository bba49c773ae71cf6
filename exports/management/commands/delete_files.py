"""``exportadmin delete_files REPORT``: the delivered files of an export are taken away."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from exportadmin.lib.command import AppCommand, shell_actor
from exports import actions
from exports.display.representation import report_json


class Command(AppCommand):
    """As the button of its page does it."""

    help = "Delete the delivered files of an export; its report, check values and trail stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags."""
        parser.add_argument("report", metavar="REPORT", help="a report id")
        parser.add_argument("--why", default="deleted by hand", help="stays with the report (default: %(default)s)")
        parser.add_argument("--json", action="store_true", help="print the report as REST does")

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete them and say how many."""
        report = actions.find_report(options["report"])
        report = actions.remove_files(report=report, actor=shell_actor(), why=options["why"])
        if options["json"]:
            self.stdout.write(json.dumps(report_json(report), ensure_ascii=False, indent=2))
            return
        self.stdout.write(f"{report.report_id}: {report.artifacts.count():,} file(s) deleted; report and trail stay")
