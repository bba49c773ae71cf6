"""``exportadmin invite USER``: an account, and a link behind which its person chooses a password."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from connections.access import invitations
from connections.access.lookup import find_user
from exportadmin.lib.command import AppCommand, shell_actor
from exportadmin.lib.errors import NotFoundError


class Command(AppCommand):
    """The address is the only line on stdout."""

    help = "Make an account without a password and print the link, once, behind which its person chooses one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags."""
        parser.add_argument("user")
        parser.add_argument("--email", default="")
        parser.add_argument("--again", action="store_true", help="another link, for an account that there is")
        parser.add_argument(
            "--site", default="", help="where this installation is reached: https://exports.example.org"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Invite and print."""
        actor, username = shell_actor(), options["user"]
        if options["again"]:
            user = find_user(username)
            if user is None:
                raise NotFoundError(f"no user {username!r}", field="user")
            invitation = invitations.invite_again(user=user, actor=actor)
        else:
            _, invitation = invitations.invite(username=username, email=options["email"], actor=actor)
        self.stdout.write(options["site"].rstrip("/") + invitations.path_for(invitation))
