"""``exportadmin disable_user USER``."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from connections.access.lookup import find_user
from connections.access.people import set_active
from exportadmin.lib.command import AppCommand, shell_actor
from exportadmin.lib.errors import NotFoundError


class Command(AppCommand):
    """Twice is no error."""

    help = "Nobody signs in with the account any more; its sessions, tokens and open links end."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose."""
        parser.add_argument("user")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it and say so."""
        user = find_user(options["user"])
        if user is None:
            raise NotFoundError(f"no user {options['user']!r}", field="user")
        set_active(user=user, is_active=False, actor=shell_actor())
        self.stdout.write(f"{user.username} is disabled")
