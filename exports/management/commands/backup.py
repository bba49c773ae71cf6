"""``exportadmin backup DIR``: the whole installation, copied while it runs."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from exportadmin.lib.command import FAILED, AppCommand, shell_actor
from exports.backup import back_up, not_in_it


class Command(AppCommand):
    """See :mod:`exports.backup`."""

    help = "Copy database, deliveries, keys and media into a new folder, while the installation runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to."""
        parser.add_argument("folder", type=Path, help="a new or empty folder")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit code 1 when a delivery was not there."""
        folder: Path = options["folder"]
        copied = back_up(folder, shell_actor())
        self.stdout.write(
            f"backed up into {folder}: the database, {copied.deliveries:,} deliveries; {copied.files:,} files, "
            f"{copied.bytes:,} bytes"
        )
        for sentence in not_in_it():
            self.stdout.write(f"note: {sentence}")
        if copied.missing:
            raise CommandError(
                f"{len(copied.missing):,} deliveries that the database knows were not there, the first: "
                f"{copied.missing[0]}",
                returncode=FAILED,
            )
