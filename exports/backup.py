"""A copy of the whole installation, made while it runs: the database of one moment, and the files that it knows of.

The copy is a home folder of its own. With SQLite it is complete: start `exportadmin up` on it. With PostgreSQL it holds
a dump (``database.dump``, for ``pg_restore``). Deliveries are found relative to the home folder, so a copy reads, and
removes, its own files only; and it has no id of an installation: it gets its own at its first start, and is refused
where it is started on the folder of the original (:mod:`exportadmin.installation.home`). Nobody refuses a copy that is
started with the original's ``EXPORTADMIN_ARTIFACTS_URL``: a store has no such owner, and both would be its masters.
The checkpoints of the trail in a copy end where its database does, so that its trail is whole.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import connection, connections, transaction
from django.db.models import Q

from connections.models import ConnectionSecret
from connections.sinks.base import DeliveredFileError, Delivery
from exportadmin.audit.checkpoints.file import copy_as_of, size
from exportadmin.audit.models import CheckpointSeries
from exportadmin.audit.record import record
from exportadmin.installation.models import Installation
from exportadmin.lib import env
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import PermanentError, UserError
from exports.delivery.destination import sink_of
from exports.models import ExportReport

DUMP: Final = "database.dump"
# what is in a home folder beside the database and the deliveries, and cannot be made again
FOLDERS: Final = ("keys", "media", "uploads")
CHECKPOINTS: Final = "audit-checkpoints.ndjson"
CHUNK_BYTES: Final = 1 << 20
_SERIES: Final = f"SELECT series, number FROM {CheckpointSeries._meta.db_table}"  # noqa: S608 - our own name


@dataclass(slots=True)
class Copied:
    """``missing`` are locations of deliveries that were not there: removed by hand, or since the moment of the copy."""

    deliveries: int = 0
    files: int = 0
    bytes: int = 0
    missing: list[str] = field(default_factory=list)


def back_up(target: Path, actor: Actor) -> Copied:
    """Into ``target``, a new or empty folder, which appears when everything is in it.

    Raises :class:`UserError` for a folder that cannot be used, :class:`PermanentError` for what went wrong.
    """
    target = target.expanduser().absolute()
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise UserError(f"{target} is not a new or empty folder", field="folder")
    if target.is_relative_to(settings.EXPORTADMIN_HOME):
        raise UserError(f"{target} lies within the installation that is copied", field="folder")
    # the line first: it is in the copy, too
    with transaction.atomic():
        record("installation.backed_up", actor=actor, details={"folder": target.name})
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        draft.mkdir(mode=0o700, parents=True)
        checkpoints = size(settings.CHECKPOINTS_FILE)
        with _database(draft) as (locations, known):
            copied = _files(draft, locations)
            copy_as_of(settings.CHECKPOINTS_FILE, draft / CHECKPOINTS, size=checkpoints, known=known)
        if target.is_dir():
            target.rmdir()
        draft.rename(target)
    except OSError as error:
        raise PermanentError(f"the backup stopped: {error.strerror or error} ({error.filename or target})") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return copied


def not_in_it() -> Iterator[str]:
    """What a copy needs and has not, because it is kept elsewhere: a sentence each."""
    for variable, what in (
        ("ENCRYPTION_KEY", "stored secrets are read with it"),
        ("SIGNING_KEY", "it signs manifests"),
    ):
        if env.text(variable):
            yield f"{env.PREFIX}{variable} is not in it ({what}): keep it, too"
    references = {secret.reference for secret in ConnectionSecret.objects.all()} - {""}
    if references:
        yield f"secrets that are kept elsewhere are not in it: {', '.join(sorted(references))}"


@contextmanager
def _database(draft: Path) -> Iterator[tuple[list[str], dict[str, int]]]:
    """Copies it, and says where the deliveries lie that it knows of, and the last checkpoint of each series."""
    if connection.vendor == "sqlite":
        name = Path(connection.settings_dict["NAME"]).name
        copy = draft / name
        with connections["default"].cursor() as cursor:
            cursor.execute("VACUUM INTO %s", [str(copy)])
        copy.chmod(0o600)
        with closing(sqlite3.connect(copy)) as database:
            sql, params = _delivered().query.sql_with_params()
            rows = database.execute(sql.replace("%s", "?"), params).fetchall()
            known = dict(database.execute(_SERIES).fetchall())
            with database:  # the copy is an installation of its own
                database.execute(f"DELETE FROM {Installation._meta.db_table}")  # noqa: S608 - our own name
        yield [location for (location,) in rows], known
        return
    reader = connections.create_connection("default")
    reader.settings_dict = {**connection.settings_dict}
    try:
        with reader.cursor() as cursor:
            cursor.execute("BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT pg_export_snapshot()")
            (snapshot,) = cursor.fetchone()
            _dump(reader.settings_dict, snapshot, draft / DUMP)
            cursor.execute(*_delivered().query.sql_with_params())
            locations = [location for (location,) in cursor.fetchall()]
            cursor.execute(_SERIES)
            known = dict(cursor.fetchall())
    finally:
        reader.close()
    yield locations, known


def _delivered() -> Any:
    kept = ExportReport.objects.filter(is_ours=True, files_removed_at=None)
    kept = kept.filter(Q(destination=None) | Q(is_there=True))  # of what a platform delivered, the manifest is here
    return kept.exclude(location="").order_by("pk").values_list("location")


def _dump(database: dict[str, Any], snapshot: str, file: Path) -> None:
    """The password goes by the environment: a command line is everybody's to read."""
    names = {"HOST": "PGHOST", "PORT": "PGPORT", "USER": "PGUSER", "PASSWORD": "PGPASSWORD", "NAME": "PGDATABASE"}
    environment = {**os.environ, **{name: str(database[key]) for key, name in names.items() if database.get(key)}}
    for option, name in (("host", "PGHOST"), ("port", "PGPORT")):
        if value := database.get("OPTIONS", {}).get(option):
            environment[name] = str(value)
    command = ["pg_dump", "--format=custom", "--no-owner", f"--snapshot={snapshot}", f"--file={file}"]
    # the copy is an installation of its own
    command.append(f"--exclude-table-data={Installation._meta.db_table}")
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise PermanentError(
            "pg_dump is not installed: PostgreSQL's own programs make the copy of a database"
        ) from None
    if done.returncode:
        raise PermanentError(f"pg_dump failed: {' '.join(done.stderr.split())[:500]}")
    file.chmod(0o600)


def _files(draft: Path, locations: list[str]) -> Copied:
    copied = Copied()
    for location in locations:
        if not _copy_delivery(sink_of({}, None).delivery(location), draft / "artifacts" / location, copied):
            copied.missing.append(location)
            continue
        copied.deliveries += 1
    for name in FOLDERS:
        if (settings.EXPORTADMIN_HOME / name).is_dir():
            _copy(settings.EXPORTADMIN_HOME / name, draft / name, copied)
    return copied


def _copy_delivery(delivery: Delivery, target: Path, copied: Copied) -> bool:
    """All that lies there, wherever that is; ``False``: nothing does."""
    entries = [entry for entry in delivery.entries() if "/" not in entry.name]
    for entry in entries:
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            file = delivery.open(entry.name)
        except DeliveredFileError:  # no plain file, or gone meanwhile
            continue
        with closing(file), (target / entry.name).open("xb") as copy:
            while chunk := file.read(CHUNK_BYTES):
                copy.write(chunk)
                copied.bytes += len(chunk)
        copied.files += 1
    return bool(entries)


def _copy(source: Path, target: Path, copied: Copied) -> None:
    """Plain files only, never what a link leads to. What goes away meanwhile was not to be kept."""
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.scandir(source) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _copy(Path(entry.path), target / entry.name, copied)
            elif entry.is_file(follow_symlinks=False):
                try:
                    shutil.copy2(entry.path, target / entry.name, follow_symlinks=False)
                except FileNotFoundError:
                    continue
                copied.files += 1
                copied.bytes += (target / entry.name).stat().st_size
