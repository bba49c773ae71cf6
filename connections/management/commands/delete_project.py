"""``exportadmin delete_project PROJECT --confirm NAME``: a project with all that belongs to it."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from connections import actions, deletion
from connections.access.lookup import find_project
from connections.models import Project
from exportadmin.lib.command import AppCommand, ProgressBar, shell_actor
from exportadmin.lib.errors import PermanentError


class Command(AppCommand):
    """Takes everything away before it ends; interrupted, a worker goes on."""

    help = "Delete a project with its rows, exports, delivered files, configs, links, roles and tokens."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags."""
        parser.add_argument("project", help="name or id")
        parser.add_argument("--confirm", required=True, metavar="NAME", help="the project's name once more")
        parser.add_argument("--json", action="store_true", help="print what went as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete and print; exit code 1 when something could not be removed yet."""
        project, actor = find_project(options["project"]), shell_actor()
        gone = actions.delete_project(project=project, confirm=options["confirm"], actor=actor)
        bar, done = ProgressBar("delete", unit="things", wanted=not options["json"]), 0
        try:
            for count in deletion.take_away(project, actor):
                bar(done := done + count, None)
        finally:
            bar.close()
        if options["json"]:
            shown = {"id": project.public_id, "name": project.name, **asdict(gone)}
            self.stdout.write(json.dumps(shown, ensure_ascii=False, indent=2))
        else:
            counts = ", ".join(f"{count:,} {name}" for name, count in gone.counts.items())
            self.stdout.write(f"project {project.name} deleted: {counts}")
            for address in gone.left_behind:
                self.stdout.write(f"not ours, stays: {address}")
        if Project.with_deleted.filter(pk=project.pk).exists():
            raise PermanentError("some files cannot be removed now, see the log; a worker tries again every hour")
