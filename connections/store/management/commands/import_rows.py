"""``exportadmin import_rows FILE --project NAME``: rows into the built-in store."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from connections import actions
from connections.store.importers import IMPORTERS
from exportadmin.lib.command import AppCommand, ProgressBar, shell_actor

SHOWN = 20


class Command(AppCommand):
    """Import a COCO, Label Studio or ndjson file; running it again updates what changed and touches nothing else."""

    help = "Import a COCO, Label Studio or ndjson file into a project of the built-in store."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--project", required=True, help="name of the project; made if there is none")
        parser.add_argument("--format", default="auto", choices=["auto", *sorted(IMPORTERS)])
        parser.add_argument("--status", help="review status for every row, whatever the file says")
        parser.add_argument("--json", action="store_true", help="print the summary as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import and print the summary."""
        bar = ProgressBar("import", wanted=not options["json"])
        try:
            result = actions.import_rows(
                project_name=options["project"],
                path=options["file"],
                actor=shell_actor(),
                format=options["format"],
                status=options["status"],
                on_progress=bar,
            )
        finally:
            bar.close()
        if options["json"]:
            self.stdout.write(json.dumps(result.to_json(), ensure_ascii=False, indent=2))
            return
        summary = result.summary
        self.stdout.write(
            f"{result.project.name}: {summary.rows:,} rows read as {result.format} = {summary.created:,} created"
            f" + {summary.updated:,} updated + {summary.unchanged:,} unchanged + {summary.refused_count:,} refused;"
            f" {summary.annotations:,} annotations written"
        )
        if summary.pieces_refused:
            self.stdout.write(f"note: {summary.pieces_refused:,} pieces that belong to no row were refused, see below")
        for warning in summary.warnings:
            self.stdout.write(f"note: {warning}")
        for refused in summary.refused[:SHOWN]:
            self.stdout.write(f"refused: {refused.position}: {refused.reason}")
        more = summary.refused_count + summary.pieces_refused - SHOWN
        if more > 0:
            self.stdout.write(f"… and {more:,} more; --json lists the first 1,000")
