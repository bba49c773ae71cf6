"""``exportadmin retain``: remove deliveries that are old enough, and what dead runs left. The worker does it hourly."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.utils import timezone

from exportadmin.lib.command import AppCommand
from exports.models.sweep import DRAFT, FOLDER, UNKNOWN
from exports.run import retention

_TITLES = {
    retention.EXPIRED: "files of an old delivery",
    DRAFT: "half-made delivery",
    FOLDER: "folder without a delivery",
    retention.SCRATCH: "spool of a dead run",
    UNKNOWN: "kept: a delivery that the database does not know",
}


class Command(AppCommand):
    """Says what it takes away."""

    help = "Remove files of deliveries older than EXPORTADMIN_RETENTION_DAYS (0: none) and what dead runs left."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags."""
        parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")
        parser.add_argument("--json", action="store_true", help="print what was removed as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Remove and print."""
        dry = options["dry_run"]
        summary = retention.retain(timezone.now(), dry=dry)
        if options["json"]:
            document = {"dry_run": dry, "retention_days": settings.RETENTION_DAYS, **summary.addresses}
            self.stdout.write(json.dumps(document, ensure_ascii=False, indent=2))
            return
        for kind, found in summary.addresses.items():
            for address in found:
                self.stdout.write(f"{_TITLES[kind]}: {address}")
        removed = sum(len(found) for kind, found in summary.addresses.items() if kind != UNKNOWN)
        self.stdout.write(f"{removed:,} {'would be removed' if dry else 'removed'}")
