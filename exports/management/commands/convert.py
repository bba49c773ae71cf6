"""``exportadmin convert REPORT --format F``: a delivered json or ndjson, exactly as it was, in another format."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from connections.rows.batch import PARTS
from exportadmin.lib.command import AppCommand, shell_actor
from exports import actions
from exports.management.commands._running import add_flags, delivering, named_values, print_report
from exports.spec.conversion import conversion_spec, parts_of


class Command(AppCommand):
    """Convert a delivery here and now, wait for its end and say what came out."""

    help = "Convert a delivered json or ndjson export, exactly as it was, to another format."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A report, and where to with it."""
        parser.add_argument("report", metavar="REPORT", help="id of a delivered json or ndjson report")
        add_flags(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run and print; exit code 1 when nothing was delivered."""
        report = actions.find_report(options["report"])
        body: dict[str, Any] = {
            "format": options["format"],
            "options": named_values(options["option"], "option"),
            "destination": named_values(options["destination"], "destination"),
        }
        if options["max_refused"] is not None:
            body["max_refused"] = options["max_refused"]
        if options["include"] is not None:
            body["include"] = options["include"]
        spec = delivering(conversion_spec(report, body), options)
        missing = [part for part in PARTS if part not in parts_of(report)]
        if missing and not options["json"]:
            self.stdout.write(f"note: the delivered file left out {', '.join(missing)}")
        made = actions.convert_report(report=report, spec=spec, actor=shell_actor(), name=options["name"], now=True)
        print_report(made, self.stdout, as_json=options["json"])
