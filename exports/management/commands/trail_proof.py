"""``exportadmin trail_proof REPORT_ID``: that the trail tells of a delivery, for whoever may not read the trail."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from exportadmin.lib.command import AppCommand, shell_actor
from exportadmin.lib.errors import PermanentError
from exports import actions, delivery_actions
from exports.delivery.receipt import TRAIL_PROOF


class Command(AppCommand):
    """See :mod:`exports.delivery.trail_proof`."""

    help = f"Write {TRAIL_PROOF}: a signed proof that the audit trail tells of a delivery. verify.py checks it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Of which, and where to."""
        parser.add_argument("report", metavar="REPORT_ID")
        parser.add_argument("--output", metavar="FILE", type=Path, default=Path(TRAIL_PROOF), help="(./%(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the file anew, and say where."""
        output: Path = options["output"]
        raw = delivery_actions.download_trail_proof(report=actions.find_report(options["report"]), actor=shell_actor())
        try:
            output.write_bytes(raw)
        except OSError as error:
            raise PermanentError(f"{output} cannot be written: {error.strerror}") from None
        self.stdout.write(f"{output}")
