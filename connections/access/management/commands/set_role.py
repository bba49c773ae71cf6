"""``exportadmin set_role USER PROJECT ROLE``: a person's role in a project."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model

from connections.access.lookup import find_project
from connections.access.members import set_role
from connections.access.roles import ROLES
from exportadmin.lib.command import AppCommand, shell_actor
from exportadmin.lib.errors import NotFoundError


class Command(AppCommand):
    """Superusers need no role."""

    help = "Give a person a role in a project: admin, operator or reviewer."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The arguments."""
        parser.add_argument("user")
        parser.add_argument("project", help="name or id")
        parser.add_argument("role", choices=sorted(ROLES))

    def handle(self, *args: Any, **options: Any) -> None:
        """Set and say so."""
        user = get_user_model().objects.filter(username=options["user"]).first()
        if user is None:
            raise NotFoundError(f"no user {options['user']!r}", field="user")
        project = find_project(options["project"])
        set_role(project=project, user=user, role=options["role"], actor=shell_actor())
        self.stdout.write(f"{user.get_username()} is {options['role']} in {project.name}")
