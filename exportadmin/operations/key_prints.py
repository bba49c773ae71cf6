"""Machines that share a database and a store have to have the same keys: told apart by fingerprints in the database.

With other keys a machine would read no secret that another one stored, take its links for forged and sign manifests by
a key that nobody has heard of; nothing of that would be found before it does harm. Of a key that is replaced the former
stays behind it in its variable, so that each start knows one of the keys before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Final

from django.conf import settings
from django.db import models, transaction

from exportadmin.lib import env, signing

VARIABLES: Final = ("SECRET_KEY", "ENCRYPTION_KEY", "SIGNING_KEY")


class KeyPrint(models.Model):
    """``fingerprint`` of a key that was used under ``variable`` at the last start of any machine."""

    variable = models.CharField(max_length=40)
    fingerprint = models.CharField(max_length=32)

    class Meta:
        app_label = "exportadmin"
        constraints = [models.UniqueConstraint(fields=["variable", "fingerprint"], name="key_print_once")]

    def __str__(self) -> str:
        return f"{self.variable}: {self.fingerprint}"


def keys_are_shared() -> bool:
    """May other machines stand beside this one? SQLite and a folder belong to one machine."""
    return bool(settings.ARTIFACTS_STORE) and not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")


def keys() -> Mapping[str, list[str]]:
    """By variable, the one in use first."""
    return {
        "SECRET_KEY": [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS],
        "ENCRYPTION_KEY": settings.ENCRYPTION_KEYS,
        "SIGNING_KEY": [
            # a public half and the whole key are the same key
            text.removeprefix(signing.PUBLIC) if signing.is_public(text) else signing.SigningKey(text).public.text
            for text in settings.SIGNING_KEYS
        ],
    }


def refusals() -> Iterator[str]:
    """Why this machine must not start beside those before, a line for each variable; where there is nothing to say, its
    keys are those that the next one is compared with. Raises what the database says.
    """
    mine = {variable: {_fingerprint(variable, text) for text in texts} for variable, texts in keys().items()}
    with transaction.atomic():
        known: dict[str, set[str]] = {variable: set() for variable in mine}
        for variable, fingerprint in KeyPrint.objects.values_list("variable", "fingerprint"):
            known.setdefault(variable, set()).add(fingerprint)
        wrong = [variable for variable in mine if known[variable] and not known[variable] & mine[variable]]
        if not wrong and known != mine:
            accept()
    for variable in wrong:
        yield (
            f"{env.PREFIX}{variable}: another machine, or this one before, used another key with this database; give "
            "all machines the same, and put the former behind a new one, with a comma between (where it is lost: "
            "exportadmin accept_keys)"
        )


def accept() -> None:
    """From now on others are compared with the keys of this machine."""
    with transaction.atomic():
        KeyPrint.objects.all().delete()
        KeyPrint.objects.bulk_create(
            (
                KeyPrint(variable=variable, fingerprint=print_)
                for variable, texts in keys().items()
                for print_ in {_fingerprint(variable, text) for text in texts}
            ),
            ignore_conflicts=True,  # of two machines that start together
        )


def _fingerprint(variable: str, text: str) -> str:
    """Of a key of many random bytes: nobody finds it by trying."""
    return hashlib.sha256(f"{variable}\n{text}".encode()).hexdigest()[:32]
