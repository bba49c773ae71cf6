"""``exportadmin verify_audit``: is the trail what was written?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from exportadmin.audit import triggers
from exportadmin.audit.checkpoints.comparing import verify_file, verify_here
from exportadmin.audit.trails import ExportedTrail
from exportadmin.audit.verify import Verdict, parse_head, verify
from exportadmin.lib.errors import UserError


class Command(BaseCommand):
    """Exit 0 with one line, 1 with the first bad entry and its kind, 2 for wrong use."""

    requires_system_checks = []  # a trail is verified also where the rest of the installation is in disorder
    help = "Walk the audit trail from its first entry to its head and say whether it is unbroken."

    def add_arguments(self, parser: CommandParser) -> None:
        """What it is compared with, which trail it is, and ``--json``."""
        parser.add_argument(
            "--head",
            metavar="SEQUENCE:HASH",
            help="a head that was kept elsewhere, for example in a manifest: the trail must still contain it",
        )
        parser.add_argument(
            "--checkpoints",
            metavar="FILE",
            type=Path,
            help="compare with the checkpoints of this file only: the trail must reach the last of them; without it "
            "with all that are found, copies and manifests among them",
        )
        parser.add_argument(
            "--export",
            metavar="FILE",
            type=Path,
            help="verify the whole trail as it was exported (ndjson), not the database; without --checkpoints it may "
            "end before the checkpoints of this machine do",
        )
        parser.add_argument("--json", action="store_true", help="print the verdict as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the verdict."""
        try:
            verdict = _verify(options["head"], options["checkpoints"], options["export"])
        except UserError as error:
            raise CommandError(f"--{error.field}: {error.message}", returncode=2) from None
        gone = [] if options["export"] else triggers.missing(connection)
        if options["json"]:
            self.stdout.write(json.dumps({**verdict.as_json(), "missing_triggers": gone}, indent=2))
        if gone:
            self.stderr.write(f"warning: the database does not guard the trail, triggers missing: {', '.join(gone)}")
        if not options["json"]:
            for note in verdict.notes:
                self.stderr.write(f"note: {note}")
        if not verdict.unbroken:
            raise CommandError(verdict.summary, returncode=1)
        if not options["json"]:
            self.stdout.write(verdict.summary)


def _verify(head: str, checkpoints: Path | None, export: Path | None) -> Verdict:
    kept = parse_head(head) if head else None
    trail = ExportedTrail(export) if export else None
    if checkpoints is not None:
        return verify_file(checkpoints, kept, trail=trail)
    if trail is None:
        return verify_here(kept, everywhere=True)
    if settings.CHECKPOINTS_FILE.is_file():
        return verify_file(settings.CHECKPOINTS_FILE, kept, trail=trail, must_reach=False)
    return verify(kept, trail=trail)
