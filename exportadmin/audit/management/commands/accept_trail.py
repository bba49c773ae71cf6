"""``exportadmin accept_trail``: say that a trail that is not the one that was witnessed is right, and why."""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandParser

from exportadmin.audit import actions
from exportadmin.lib.command import AppCommand, shell_actor


class Command(AppCommand):
    """See :mod:`exportadmin.audit.checkpoints.accepting`."""

    help = (
        "Accept that the audit trail is not the one that its checkpoints have witnessed, because the database was "
        "restored from a backup, or that checkpoints were lost. It stays visible in every checkpoint from now on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """The reason."""
        parser.add_argument("--why", required=True, metavar="TEXT", help="the reason, in words for whoever asks later")

    def handle(self, *args: Any, **options: Any) -> None:
        """What was accepted, and how the trail stands now."""
        before, after = actions.accept_trail(options["why"], shell_actor())
        self.stdout.write(f"accepted: {before.summary}")
        for note in after.notes:
            self.stdout.write(f"note: {note}")
        self.stdout.write(after.summary)
