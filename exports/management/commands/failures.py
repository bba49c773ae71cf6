"""``exportadmin failures``: what failed lately and was not retried, by reason; ``--retry KEY`` retries all of one."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from connections.models import Project
from exportadmin.lib import formatting
from exportadmin.lib.command import AppCommand, shell_actor
from exports.display.representation import failures_json, retried_json
from exports.failures import failures, find_group, retry_group


class Command(AppCommand):
    """What home and REST do with them, here."""

    help = "List the exports that failed in the last 14 days and were not retried, by reason, or retry those of one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags."""
        parser.add_argument("--retry", metavar="KEY", help="request all that failed for this reason again")
        parser.add_argument("--json", action="store_true", help="print as REST does")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the groups, or what came of each that was retried."""
        everything = Project.objects.all()
        if options["retry"] is None:
            found = failures(everything, everything)
            if options["json"]:
                self.stdout.write(json.dumps(failures_json(found), ensure_ascii=False, indent=2))
                return
            for group in found.groups:
                exports = formatting.counted(len(group.reports), "export", "exports")
                more = "at least " if group.is_cut else ""
                self.stdout.write(f"{group.key}  {more}{exports}: {group.reason or 'no reason was kept'}")
            if not found.groups:
                self.stdout.write("nothing failed that was not retried")
            if found.is_cut:
                self.stdout.write("more failed in these days than was looked at: the newest are listed, and retried")
            return
        chosen = find_group(options["retry"], everything, everything)
        digest = chosen.digest if chosen else ""
        done = retry_group(
            key=options["retry"], digest=digest, actor=shell_actor(), seen=everything, startable=everything
        ).done
        if options["json"]:
            self.stdout.write(json.dumps([retried_json(one) for one in done], ensure_ascii=False, indent=2))
            return
        for one in done:
            came = one.again.report_id if one.again else f"refused: {one.refusal}"
            self.stdout.write(f"{one.report.report_id} -> {came}")
