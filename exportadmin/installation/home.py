"""A folder of deliveries belongs to one installation and one database; whoever else starts on it is refused.

Without this a restored copy that is started on the folder of its original, by a variable that was forgotten, would
remove and overwrite the original's files: its rows name the same places. The first start writes a small file into the
artifacts folder, with the installation's id and which database that is in. Two databases can hold the same id (one is
a copy of the other), and two folders can be on one database (several machines): so both are compared.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, transaction

from exportadmin.audit.record import record
from exportadmin.installation.models import Installation
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import PermanentError

NAME: Final = ".installation.json"


@dataclass(frozen=True, slots=True)
class Owner:
    """``installation``: its id, empty where the database has none yet; ``database``: which one, for people too."""

    installation: str
    database: str


class AnothersHomeError(PermanentError):
    """The folder belongs to another installation, or to this one's database somewhere else."""


def refuse_anothers_home() -> None:
    """Raise :class:`AnothersHomeError` with one line. A folder that belongs to nobody is ours from now on.

    Without tables, or a database that answers, there is nothing to be compared: nothing can be done then either.
    """
    if connection.vendor == "sqlite" and not Path(connection.settings_dict["NAME"]).exists():
        return  # asking for it would make one
    try:
        owner = _of_database()
        kept = _of_folder()
        if kept is None:
            owner = _claim(owner)
            kept = _of_folder()
    except DatabaseError:
        return
    if kept is not None and kept != owner:
        raise AnothersHomeError(
            f"{settings.EXPORTADMIN_HOME} holds the files of another installation (its database: {kept.database}; "
            f"this one: {owner.database}): set EXPORTADMIN_HOME to a folder of its own; where this database takes the "
            "other's place, which is never started again: `exportadmin claim_home`"
        )


def claim_home(actor: Actor) -> Owner | None:
    """Make the folder ours, whosever it was, on the trail. Gives back whose it was. Raises :class:`PermanentError`."""
    before = _of_folder()
    with transaction.atomic():
        record(
            "home.claimed",
            actor=actor,
            details={"before": before.database if before else "", "installation": before and before.installation},
        )
        (settings.ARTIFACTS_DIR / NAME).unlink(missing_ok=True)
        _claim(_of_database())
    return before


def _of_database() -> Owner:
    return Owner(Installation.objects.values_list("public_id", flat=True).first() or "", _database())


def _database() -> str:
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        with contextlib.suppress(ValueError):  # one in the folder moves with it
            name = str(Path(name).relative_to(settings.EXPORTADMIN_HOME))
        return f"sqlite {name}"
    with connection.cursor() as cursor:
        # another one for each database that was ever made on a server: a copy may have the name that the original had
        cursor.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        (number,) = cursor.fetchone()
    return f"postgresql {name}, number {number}"


def _of_folder() -> Owner | None:
    path = settings.ARTIFACTS_DIR / NAME
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return Owner(str(kept["installation"]), str(kept["database"]))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = getattr(error, "strerror", None) or "it was changed"
        raise PermanentError(
            f"{path} cannot be read ({reason}), so nobody knows whose folder it is: "
            "if it is this installation's, `exportadmin claim_home` writes it anew"
        ) from error


def _claim(owner: Owner) -> Owner:
    """Where the folder cannot be written to, somebody else is told of that; it stays nobody's."""
    if not owner.installation:
        Installation.objects.bulk_create([Installation()], ignore_conflicts=True)
        owner = _of_database()
    path = settings.ARTIFACTS_DIR / NAME
    draft = path.with_name(f".write-check-{os.getpid()}")
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            draft.write_text(json.dumps(asdict(owner), indent=2) + "\n", encoding="utf-8")
            os.link(draft, path)  # fails where another process was first
        finally:
            draft.unlink(missing_ok=True)
    return owner
