"""``exportadmin accept_keys``: after a key was lost, those of this machine are the installation's."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from exportadmin.audit.record import record
from exportadmin.lib.command import AppCommand, shell_actor
from exportadmin.operations import key_prints


class Command(AppCommand):
    """See :mod:`exportadmin.operations.key_prints`."""

    help = (
        "Have every machine use the keys that this one has in its environment, after the former were lost: what they "
        "encrypted and signed is lost with them."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """On the trail."""
        with transaction.atomic():
            record("keys.accepted", actor=shell_actor())
            key_prints.accept()
        self.stdout.write("the keys of this machine are those that all others are compared with from now on")
