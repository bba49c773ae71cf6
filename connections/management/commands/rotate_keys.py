"""``exportadmin rotate_keys``: every stored secret encrypted with the newest key."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.conf import settings

from connections.secret_keys import rotate_keys
from exportadmin.lib.command import AppCommand, shell_actor
from exportadmin.lib.errors import PermanentError


class Command(AppCommand):
    """The installation may run meanwhile."""

    help = (
        "Encrypt every stored secret with the first key of EXPORTADMIN_ENCRYPTION_KEY; without that variable, with a "
        "new key that is made and kept."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags."""
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit code 1 when a secret could not be read: it stays as it is."""
        done = rotate_keys(shell_actor())
        if options["json"]:
            self.stdout.write(json.dumps(asdict(done), ensure_ascii=False, indent=2))
        else:
            self.stdout.write(f"{done.count:,} secrets encrypted anew, with key {done.key_id}")
        if done.unreadable:
            raise PermanentError(f"{len(done.unreadable):,} stay as they are: {'; '.join(done.unreadable)}")
        if settings.ENCRYPTION_KEY_FILE is None and not options["json"]:
            self.stdout.write(
                "nothing is encrypted with another one: take the older keys out of EXPORTADMIN_ENCRYPTION_KEY, once "
                "no process runs any more that was started before this one was in front"
            )
