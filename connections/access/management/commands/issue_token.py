"""``exportadmin issue_token USER --scope S … [--project P]``: a key for a script, printed once."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth import get_user_model

from connections.access.lookup import find_project
from connections.access.roles import SCOPES
from connections.access.tokens import issue_token
from exportadmin.lib.command import AppCommand, shell_actor
from exportadmin.lib.errors import NotFoundError


class Command(AppCommand):
    """The key is the only line on stdout, so that a script can catch it."""

    help = "Issue an API token and print its key, once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags."""
        parser.add_argument("user")
        parser.add_argument("--scope", action="append", required=True, choices=sorted(SCOPES))
        parser.add_argument("--project", help="name or id; the token then works in this project only")
        parser.add_argument("--name", default="issued in the shell")
        parser.add_argument("--days", type=int, help="ends after so many days")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Issue and print."""
        user = get_user_model().objects.filter(username=options["user"]).first()
        if user is None:
            raise NotFoundError(f"no user {options['user']!r}", field="user")
        project = find_project(options["project"]) if options["project"] else None
        token, key = issue_token(
            user=user,
            name=options["name"],
            scopes=options["scope"],
            actor=shell_actor(),
            project=project,
            expires_in_days=options["days"],
        )
        if options["json"]:
            self.stdout.write(json.dumps({"token_id": token.public_id, "key": key, "scopes": token.scopes}))
        else:
            self.stdout.write(key)
