"""``exportadmin claim_home``: make the home folder that of this database, whosever it was."""

from __future__ import annotations

from typing import Any

from exportadmin.installation.home import claim_home
from exportadmin.lib.command import AppCommand, shell_actor


class Command(AppCommand):
    """See :mod:`exportadmin.installation.home`."""

    help = (
        "Make the home folder that of this database. For a database that takes the place of another one, which is "
        "never started again: two that share a folder remove each other's files."
    )
    needs_own_home = False

    def handle(self, *args: Any, **options: Any) -> None:
        """One line: whose it was."""
        before = claim_home(shell_actor())
        self.stdout.write(f"the home folder is this database's; before: {before.database if before else 'nobody’s'}")
