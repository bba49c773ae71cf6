"""``exportadmin register``: what was taken, by whom and where to."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from exportadmin.audit import actions
from exportadmin.lib.command import AppCommand, shell_actor
from exportadmin.lib.times import iso_utc
from exports.register.files import as_csv, as_json
from exports.register.lines import FILTERS, KINDS, NOBODY, lines, register_entries


class Command(AppCommand):
    """Newest first."""

    help = "Who took what, when, where to, under which filter and whether completely, newest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags."""
        parser.add_argument("--project", help="its name or id")
        parser.add_argument("--person", help=f"user name, or {NOBODY!r}")
        parser.add_argument("--export", help="a report's id")
        parser.add_argument("--kind", help=", ".join(KINDS))
        parser.add_argument("--channel", help="web, rest, link, worker, shell, dialect:…")
        parser.add_argument("--after", help="not before, in UTC where it says no zone")
        parser.add_argument("--before", help="not after")
        parser.add_argument("--limit", type=int, default=50, help="of the newest (CSV: all of them)")
        form = parser.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="print the lines as REST does")
        form.add_argument("--csv", action="store_true", help="print all of them as CSV")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the lines; a line of the trail, as any reading of it."""
        asked = {name: options[name] for name in FILTERS if options[name]}
        entries = register_entries(asked)
        actions.record_reading("register", asked, shell_actor())
        if options["csv"]:
            for text in as_csv(entries):
                self.stdout.write(text, ending="")
            return
        found = lines(entries[: max(0, options["limit"])])
        if options["json"]:
            self.stdout.write(json.dumps([as_json(line) for line in found], ensure_ascii=False, indent=2))
            return
        for line in found:
            rows = "?" if line.rows is None else f"{line.rows:,}"
            size = "?" if line.bytes is None else f"{line.bytes:,}"
            to = f"  to {line.for_whom}" if line.for_whom else ""
            self.stdout.write(
                f"{iso_utc(line.at_ms)[:19]}Z  {line.who}  {line.kind}  {line.project}  {line.export}  {rows} rows  "
                f"{size} bytes  {line.channel} {line.address}{to}  complete: {line.complete}  #{line.sequence}"
            )
        if not found:
            self.stdout.write("nothing was taken")
