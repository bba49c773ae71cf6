"""``exportadmin change_project PROJECT``: another name, description or time zone."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from connections import actions
from connections.access.api.serializers import ProjectSerializer
from connections.access.lookup import find_project
from exportadmin.lib.command import AppCommand, shell_actor


class Command(AppCommand):
    """What is not given stays."""

    help = "Change a project's name, description or time zone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags."""
        parser.add_argument("project", help="name or id")
        parser.add_argument("--name")
        parser.add_argument("--description")
        parser.add_argument("--time-zone", metavar="ZONE", help="IANA name")
        parser.add_argument("--json", action="store_true", help="print the project as REST does")

    def handle(self, *args: Any, **options: Any) -> None:
        """Change and print."""
        settings = {field: options[field] for field in actions.SETTINGS}
        project = actions.change_project(project=find_project(options["project"]), actor=shell_actor(), **settings)
        if options["json"]:
            self.stdout.write(json.dumps(ProjectSerializer(project).data, ensure_ascii=False, indent=2))
        else:
            self.stdout.write(f"{project.public_id}  {project.time_zone}  {project.name}")
