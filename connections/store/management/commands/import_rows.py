"""``exportadmin import_rows FILE --project NAME``: rows into the built-in store, in the foreground."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from connections.store.importers import IMPORTERS
from connections.store.imports import files
from connections.store.imports.actions import ImportSpec, import_here
from connections.store.imports.representation import FIRST_REFUSED, import_json
from connections.store.imports.runner import AUTO
from connections.store.models import ImportRun
from connections.store.notes import KINDS as NOTE_KINDS
from connections.store.notes import describe
from exportadmin.lib.command import FAILED, AppCommand, ProgressBar, shell_actor
from exportadmin.runs import statuses


class Command(AppCommand):
    """Import a COCO, Label Studio or ndjson file; running it again updates what changed and touches nothing else."""

    help = "Import a COCO, Label Studio or ndjson file into a project of the built-in store."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The file, where its rows go, and how it is read."""
        parser.add_argument("file", type=Path)
        parser.add_argument("--project", required=True, help="name or id of the project; made if there is none")
        parser.add_argument("--format", default=AUTO, choices=[AUTO, *sorted(IMPORTERS)])
        parser.add_argument("--status", default="", help="review status for every row, whatever the file says")
        parser.add_argument("--dataset", default="", help="goes in front of every key: NAME/task-1")
        parser.add_argument(
            "--replace",
            action="store_true",
            help="rows take the place of those with their keys whose picture is another; otherwise they are refused",
        )
        parser.add_argument(
            "--model-run", default="", metavar="NAME", help="of coco_results: whose predictions they are"
        )
        parser.add_argument("--json", action="store_true", help="print the import as REST does")

    def handle(self, *args: Any, **options: Any) -> None:
        """Import and print the summary; exit code 1 unless every row went in."""
        path: Path = options["file"]
        asked = [options[name] for name in ("format", "status", "dataset", "replace", "model_run")]
        spec = ImportSpec(options["project"], path.name, *asked)
        bar = ProgressBar("import", wanted=not options["json"])
        try:
            run = import_here(spec=spec, path=path, actor=shell_actor(), on_progress=bar)
        finally:
            bar.close()
        if options["json"]:
            self.stdout.write(json.dumps(import_json(run, with_refused=True), ensure_ascii=False, indent=2))
        elif run.summary is not None:
            self._print(run, run.summary)
        if run.status != statuses.COMPLETED:
            listed = files.refused_of(run)
            where = f"all refused rows are in {listed}" if listed.exists() else ""
            reason = "; ".join(filter(None, (run.error, where)))
            raise CommandError(f"import {run.status}: {reason}", returncode=FAILED)

    def _print(self, run: ImportRun, summary: dict[str, Any]) -> None:
        self.stdout.write(
            f"{run.project.name}: {summary['rows']:,} rows read as {run.format} = {summary['created']:,} created"
            f" + {summary['updated']:,} updated + {summary['unchanged']:,} unchanged"
            f" + {summary['refused_count']:,} refused; {summary['annotations']:,} annotations written"
            + (f", {summary['predictions']:,} predictions" if summary["predictions"] else "")
        )
        counts = [
            # in their own order, not in that of a database's JSON
            f"{count:,} {NOTE_KINDS[kind]}"
            for kind in NOTE_KINDS
            if (count := summary["note_counts"].get(kind))
        ]
        if summary["pieces_refused"]:
            counts.insert(0, f"{summary['pieces_refused']:,} refused that belong to no row")
        if counts:
            self.stdout.write(f"of note: {', '.join(counts)}")
        for note in summary["notes"]:
            self.stdout.write(f"{note['kind'].replace('_', ' ')}: {describe(note)}")
        for refused in files.first_refused(run, FIRST_REFUSED):
            self.stdout.write(f"refused: {refused['position']}: {refused['reason']}")
        more = summary["refused_count"] + summary["pieces_refused"] - FIRST_REFUSED
        if more > 0:
            self.stdout.write(f"… and {more:,} more")
