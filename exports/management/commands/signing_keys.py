"""``exportadmin signing_keys [--rotate]``: the public keys by which this installation's manifests are verified."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.db import transaction

from exportadmin.audit.record import record
from exportadmin.lib import env
from exportadmin.lib.command import AppCommand, shell_actor
from exportadmin.lib.errors import UserError
from exportadmin.lib.signing import PUBLIC, SigningKey, known_keys


class Command(AppCommand):
    """The first key signs; those behind it are older ones, whose signatures stay known."""

    help = (
        "Print the public keys that manifests are verified with; with --rotate make a new key that signs from now on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The flags."""
        parser.add_argument("--rotate", action="store_true", help="sign with a new key; the old one stays known")
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """One line a key: its id and the key, the one that signs first."""
        if options["rotate"]:
            _rotate()
        keys = [{"key_id": key.key_id, "public_key": key.text} for key in known_keys()]
        if options["json"]:
            self.stdout.write(json.dumps(keys, indent=2))
        else:
            self.stdout.write("\n".join(f"{key['key_id']}  {key['public_key']}" for key in keys))
        if options["rotate"]:
            self.stderr.write("web and workers sign with the new key when they are started again")


def _rotate() -> None:
    """Of the old key only its public half is kept."""
    if env.text("SIGNING_KEY"):
        public = f"{PUBLIC}{known_keys()[0].text}"
        raise UserError(
            f"EXPORTADMIN_SIGNING_KEY is set: put a new key in front there, and {public} in the place of the old one"
        )
    old, secret = known_keys(), env.new_secret()
    keys = [secret, *(f"{PUBLIC}{key.text}" for key in old)]
    with transaction.atomic():
        new = SigningKey(secret).public
        details = {"key_id": new.key_id, "old_id": old[0].key_id}
        record("signing_key.rotated", actor=shell_actor(), details=details)
        try:
            env.replace_secret(settings.EXPORTADMIN_HOME, "signing_key", "\n".join(keys))
        except OSError as error:
            raise UserError(f"the new key cannot be kept: {error.strerror}") from error
    settings.SIGNING_KEYS = keys
