"""``exportadmin list_projects``: the projects, by name."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from connections.access.api.serializers import ProjectSerializer
from connections.models import Project
from exportadmin.lib.command import AppCommand


class Command(AppCommand):
    """Those that were deleted are not there."""

    help = "List the projects with their ids, by name."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags."""
        parser.add_argument("--json", action="store_true", help="print the projects as REST does")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the list."""
        projects = Project.objects.select_related("connection")
        if options["json"]:
            shown = ProjectSerializer(projects, many=True).data
            self.stdout.write(json.dumps(shown, ensure_ascii=False, indent=2))
            return
        for project in projects:
            self.stdout.write(f"{project.public_id}  {project.connection.name}  {project.name}")
        if not projects:
            self.stdout.write("no projects yet")
