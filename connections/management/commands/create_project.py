"""``exportadmin create_project NAME``: an empty project of the built-in store."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from connections import actions
from connections.access.api.serializers import ProjectSerializer
from exportadmin.lib.command import AppCommand, shell_actor


class Command(AppCommand):
    """The id is the only line on stdout, so that a script can catch it."""

    help = "Make an empty project and print its id."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags."""
        parser.add_argument("name")
        parser.add_argument("--description", default="")
        parser.add_argument("--time-zone", default="UTC", metavar="ZONE", help="IANA name (UTC)")
        parser.add_argument("--json", action="store_true", help="print the project as REST does")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make and print."""
        settings = {field: options[field] for field in actions.SETTINGS}
        project = actions.create_project(actor=shell_actor(), **settings)
        shown = json.dumps(ProjectSerializer(project).data, ensure_ascii=False, indent=2)
        self.stdout.write(shown if options["json"] else project.public_id)
