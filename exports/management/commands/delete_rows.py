"""``exportadmin delete_rows PROJECT …``: rows leave the built-in store for good."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from connections.access.lookup import find_project
from exportadmin.lib.command import AppCommand, shell_actor
from exports import actions
from exports.display.representation import deleted_rows_json
from exports.management.commands._filter import filter_of


class Command(AppCommand):
    """Delete the rows with these ids or global keys, or those that satisfy a filter."""

    help = "Delete rows of a project: by their ids or global keys, or those that satisfy a filter."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags."""
        parser.add_argument("project", help="name or id")
        parser.add_argument("--id", action="append", dest="ids", metavar="ID", help="data row id; repeatable")
        parser.add_argument("--global-key", action="append", dest="global_keys", metavar="KEY", help="repeatable")
        parser.add_argument("--filter", metavar="JSON", help="filter as a JSON object")
        parser.add_argument("--reason", default="", help="why; stays with each row that was deleted")
        parser.add_argument("--dry-run", action="store_true", help="only find and count them")
        parser.add_argument("--json", action="store_true", help="print what became of them as REST does")

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete and say how many."""
        project = find_project(options["project"])
        body = {key: options[key] for key in ("ids", "global_keys") if options[key]}
        if options["filter"]:
            body["filter"] = filter_of(options["filter"])
        dry_run = options["dry_run"]
        done = actions.delete_rows(
            project=project, body=body, reason=options["reason"], actor=shell_actor(), dry_run=dry_run
        )
        if options["json"]:
            self.stdout.write(json.dumps(deleted_rows_json(done, dry_run=dry_run), ensure_ascii=False, indent=2))
            return
        selected = len(done.selected.pks)
        if dry_run:
            self.stdout.write(f"{project.name}: {selected:,} rows would be deleted; nothing was done")
        else:
            self.stdout.write(f"{project.name}: {done.deleted:,} of {selected:,} rows deleted")
        if done.kept:
            self.stdout.write(f"note: {done.kept:,} rows were written meanwhile, they stay")
        for name in done.selected.missing:
            self.stdout.write(f"note: there is no row {name!r}")
