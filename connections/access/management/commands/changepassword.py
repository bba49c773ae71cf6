"""``exportadmin changepassword [USER]``: in the place of Django's, so that the trail tells of it."""

from __future__ import annotations

import getpass
from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from connections.access.people import change_password
from exportadmin.lib.command import AppCommand, shell_actor
from exportadmin.lib.errors import ExportAdminError, NotFoundError

TRIES = 3


class Command(AppCommand):
    """The password is asked for, never given as an argument: those are seen by everybody on the machine."""

    help = "Give an account another password, which is asked for twice."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose."""
        parser.add_argument("username", nargs="?", help="yours, as the operating system knows you, by default")
        parser.add_argument("--keep-keys", action="store_true", help="tokens and open links of the account stay")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask, change and say so."""
        username = options["username"] or getpass.getuser()
        user = User.objects.filter(username=username).first()
        if user is None:
            raise NotFoundError(f"no user {username!r}", field="username")
        change_password(
            user=user, password=self._asked(user), actor=shell_actor(), keep_keys=bool(options["keep_keys"])
        )
        self.stdout.write(f"{username} has a new password")

    def _asked(self, user: User) -> str:
        for _ in range(TRIES):
            password = getpass.getpass(f"New password of {user.get_username()}: ")
            if not password:
                raise ExportAdminError("no password was given: nothing was changed")
            if password != getpass.getpass("Once more: "):
                self.stderr.write("the two are not the same")
                continue
            try:
                validate_password(password, user)
            except ValidationError as error:
                self.stderr.write(" ".join(error.messages))
                continue
            return password
        raise ExportAdminError(f"no good password in {TRIES} tries: nothing was changed")
