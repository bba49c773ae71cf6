"""``exportadmin verify_audit``: is the trail what was written?"""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

from exportadmin.audit import triggers
from exportadmin.audit.verify import parse_head, verify
from exportadmin.lib.errors import UserError


class Command(BaseCommand):
    """Exit 0 with one line, 1 with the first bad entry and its kind, 2 for wrong use."""

    requires_system_checks = []  # a trail is verified also where the rest of the installation is in disorder
    help = "Walk the audit trail from its first entry to its head and say whether it is unbroken."

    def add_arguments(self, parser: CommandParser) -> None:
        """``--head`` and ``--json``."""
        parser.add_argument(
            "--head",
            metavar="SEQUENCE:HASH",
            help="a head that was kept elsewhere, for example in a manifest: the trail must still contain it",
        )
        parser.add_argument("--json", action="store_true", help="print the verdict as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the verdict."""
        try:
            kept = parse_head(options["head"]) if options["head"] else None
        except UserError as error:
            raise CommandError(f"--head: {error.message}", returncode=2) from None
        verdict = verify(kept)
        gone = triggers.missing(connection)
        if options["json"]:
            self.stdout.write(json.dumps({**verdict.as_json(), "missing_triggers": gone}, indent=2))
        if gone:
            self.stderr.write(f"warning: the database does not guard the trail, triggers missing: {', '.join(gone)}")
        if not verdict.unbroken:
            raise CommandError(verdict.summary, returncode=1)
        if not options["json"]:
            self.stdout.write(verdict.summary)
