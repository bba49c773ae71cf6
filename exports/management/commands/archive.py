"""``exportadmin archive REPORT``: an export leaves the lists of other platforms' clients, or comes back."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from exportadmin.lib.command import AppCommand, shell_actor
from exports import actions
from exports.display.representation import report_json


class Command(AppCommand):
    """As the buttons of its page do it."""

    help = (
        "Leave an export out of the lists that other platforms' own clients ask for, or put it back; twice is no error."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags."""
        parser.add_argument("report", metavar="REPORT", help="a report id")
        parser.add_argument("--undo", action="store_true", help="put it back")
        parser.add_argument("--json", action="store_true", help="print the report as REST does")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it and say so."""
        act = actions.unarchive if options["undo"] else actions.archive
        report = act(report=actions.find_report(options["report"]), actor=shell_actor())
        if options["json"]:
            self.stdout.write(json.dumps(report_json(report), ensure_ascii=False, indent=2))
            return
        self.stdout.write(f"{report.report_id}: {'archived' if report.archived_at else 'not archived'}")
