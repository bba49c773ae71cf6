"""The keys that stored secrets are encrypted with: which of them there are, and all secrets under the newest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.models import QuerySet

from connections.models import ConnectionSecret
from exportadmin.audit.record import record
from exportadmin.lib import crypto, env
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import PermanentError

# secrets a transaction
PIECE: Final = 100


@dataclass(frozen=True, slots=True)
class Rotated:
    """``count`` secrets were encrypted anew with key ``key_id``; ``unreadable`` could not, each with the reason."""

    key_id: str
    count: int
    unreadable: tuple[str, ...]


class MissingKeyError(PermanentError):
    """Secrets are stored whose key is not in the ring."""


def refuse_without_keys() -> None:
    """Raise :class:`MissingKeyError` with one line where stored secrets cannot be read for want of their keys.

    Without tables, or a database that answers, there is nothing to be read.
    """
    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        return  # asking for it would make one
    known = crypto.known_key_ids()
    lost: Counter[str] = Counter()
    connections: set[str] = set()
    try:
        for value, name in _encrypted().values_list("value", "connection__name"):
            if (key_id := value.split(":", 2)[1]) not in known:
                lost[key_id] += 1
                connections.add(name)
    except DatabaseError:
        return
    if lost:
        where = "" if settings.ENCRYPTION_KEY_FILE is None else f" in {settings.ENCRYPTION_KEY_FILE}"
        of = ", ".join(map(repr, sorted(connections)))
        raise MissingKeyError(
            f"{crypto.VARIABLE}: {sum(lost.values()):,} stored secrets (of {of}) are encrypted with key "
            f"{' and '.join(sorted(lost))}, which is not among the keys{where}: put it back, behind the first one "
            "(where it is lost: exportadmin connections rotate-secret)"
        )


def rotate_keys(actor: Actor) -> Rotated:
    """Encrypt every stored secret with the first key of the ring.

    Where the installation keeps its keys itself, a new one is made first, and put in front of the file: web and
    workers that run take it from there. The one before stays in the file, for what was just being written with it;
    older ones go when nothing is encrypted with them any more. Others may set secrets meanwhile. What cannot be read
    stays as it is. Raises :class:`PermanentError` when the new key cannot be kept, or
    would be known to one of several machines.
    """
    if settings.ENCRYPTION_KEY_FILE is not None:
        if settings.ARTIFACTS_STORE:
            raise PermanentError(
                f"other machines may share this database, and none of them knows a key that is made here: set "
                f"{crypto.VARIABLE} on all of them, with a new key in front"
            )
        _put_new_key_in_front(actor)
    count = 0
    unreadable: dict[int, str] = {}
    while behind := list(_behind().exclude(pk__in=unreadable).order_by("pk")[:PIECE]):
        with transaction.atomic():
            for secret in behind:
                before = secret.value
                try:
                    secret.put(secret.reveal())
                except PermanentError as error:
                    unreadable[secret.pk] = str(error)
                    continue
                # one that was set anew meanwhile stays as it is, and is looked at again
                count += ConnectionSecret.objects.filter(pk=secret.pk, value=before).update(value=secret.value)
    first = crypto.known_key_ids()[0]
    with transaction.atomic():
        details = {"key_id": first, "count": count, "unreadable": len(unreadable)}
        record("encryption_key.rotated", actor=actor, details=details)
    return Rotated(first, count, tuple(unreadable.values()))


def _encrypted() -> QuerySet[ConnectionSecret]:
    return ConnectionSecret.objects.filter(value__startswith=f"{crypto.PREFIX}:")


def _behind() -> QuerySet[ConnectionSecret]:
    """Those that are encrypted with another key than the first one of this moment: somebody else may rotate, too."""
    first = crypto.known_key_ids()[0]
    return _encrypted().exclude(value__startswith=f"{crypto.PREFIX}:{first}:").select_related("connection")


def _put_new_key_in_front(actor: Actor) -> None:
    new = env.new_secret()
    with transaction.atomic():
        # the trail's head is locked from here on: of two who rotate at once the second finds the first one's key
        record("encryption_key.added", actor=actor, details={"key_id": crypto.key_id_of(new)})
        old = crypto.known_keys()
        used = {value.split(":", 2)[1] for value in _encrypted().values_list("value", flat=True)}
        kept = [text for place, (key_id, text) in enumerate(old) if place == 0 or key_id in used]
        try:
            env.replace_secret(settings.EXPORTADMIN_HOME, "encryption_key", "\n".join([new, *kept]))
        except OSError as error:
            raise PermanentError(f"the new key cannot be kept: {error.strerror}") from error
