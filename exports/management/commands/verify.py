"""``exportadmin verify REPORT_ID|DIR``: prove that a delivery is still what was delivered."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from exportadmin.lib.command import FAILED, AppCommand, shell_actor
from exportadmin.lib.errors import UserError
from exports import actions, delivery_actions
from exports.delivery.verify import verify_folder
from exports.models.proof import FULL, HOW


class Command(AppCommand):
    """Exit code 0: nothing was found; 1: something is not as it was delivered, and the files are named.

    What is in order, but not signed by this installation, is not called delivered: anybody can make that.
    """

    help = "Compare a delivery with its manifest: every file's size and sha256, nothing missing, nothing added."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags."""
        parser.add_argument("what", metavar="REPORT_ID|DIR", help="a report id, or a folder with a manifest.json")
        kinds = "; ".join(f"{key}: {help}" for key, (_, help) in HOW.items())
        parser.add_argument("--how", choices=[*HOW], default=FULL, help=f"of a report (default: %(default)s). {kinds}")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify and print the verdict."""
        folder = Path(options["what"])
        if folder.is_dir():
            if options["how"] != FULL:
                raise UserError("a folder is always read whole: --how is for reports", field="how")
            verdict = verify_folder(folder)
        else:
            report = actions.find_report(options["what"])
            verdict = delivery_actions.verify_report(report=report, actor=shell_actor(), how=options["how"])
        if options["json"]:
            self.stdout.write(json.dumps(verdict.to_json(), ensure_ascii=False, indent=2))
        if not verdict.ok:
            raise CommandError("; ".join(verdict.problems), returncode=FAILED)
        if not options["json"]:
            word = "verified" if verdict.as_delivered or verdict.is_in_database else "read"
            self.stdout.write(
                f"{'looked at' if verdict.unproven else word}: {verdict.files} file(s), {verdict.bytes:,} bytes, "
                f"{verdict.statement}"
            )
