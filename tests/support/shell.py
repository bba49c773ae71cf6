"""The shell commands as a user has them: the ``exportadmin`` program, in a folder and a database of its own."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exportadmin.lib.ids import new_id
from tests.support import postgres, warm_program
from tests.support.paths import ROOT

if TYPE_CHECKING:
    import psycopg

PROGRAMS = Path(sys.executable).parent
# for a web server of whose pages a test looks at no picture: collecting static files takes it seven seconds
PLAIN_STATIC_FILES = {"DJANGO_SETTINGS_MODULE": "tests.outage.settings", "PYTHONPATH": str(ROOT)}
DATABASE = "exportadmin.sqlite3"
# what a test process has in its environment and a user's shell has not
_TEST_ONLY = ("DJANGO_", "EXPORTADMIN_", "PYTEST_", "COVERAGE_", "COV_")


def plain_environment() -> dict[str, str]:
    """This process's environment as a user's shell would have it, with our programs first on the PATH."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_TEST_ONLY)}
    ours = {
        "PATH": f"{PROGRAMS}{os.pathsep}{kept.get('PATH', os.defpath)}",
        "PYTHONUNBUFFERED": "1",
        "EXPORTADMIN_PROOF_AT": "off",  # what a worker does must not depend on the time of day
    }
    return {**kept, **ours}


@dataclass
class Installation:
    """An installation beside the one that the test process itself uses, reached through its programs only."""

    home: Path
    database_url: str | None = None
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """What its programs are started with."""
        environment = {**plain_environment(), "EXPORTADMIN_HOME": str(self.home), **self.extra}
        if self.database_url:
            environment["EXPORTADMIN_DATABASE_URL"] = self.database_url
        return environment

    def run(self, *arguments: str, cwd: Path | None = None, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """``exportadmin ARGUMENTS…``, to its end. The exit code is the caller's to check."""
        return warm_program.run(list(arguments), environment=self.environment, folder=cwd or self.home, timeout=timeout)


@contextlib.contextmanager
def new_installation(home: Path) -> Iterator[Installation]:
    """An installation in ``home`` with empty tables, on the database that the suite runs on."""
    if os.environ.get("EXPORTADMIN_TEST_CLUSTER"):
        with _own_database(template=_ready_made_database()) as database_url:
            yield Installation(home, database_url)
        return
    installation = Installation(home)
    if (ready := _ready_made_file()) is not None:
        shutil.copyfile(ready, home / DATABASE)
    else:
        migrate(installation)
    yield installation


def migrate(installation: Installation) -> None:
    """Make its tables."""
    made = installation.run("migrate", "--verbosity", "0")
    assert made.returncode == 0, made.stdout + made.stderr


def _ready_made_file() -> Path | None:
    """A SQLite file with empty tables, made once a session and process: five seconds that every test saves."""
    root = os.environ.get("EXPORTADMIN_TEST_ROOT")
    if root is None:
        return None
    folder = Path(root) / f"ready-made-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    if not folder.exists():
        draft = folder.with_suffix(".draft")
        draft.mkdir()
        migrate(Installation(draft))
        with contextlib.closing(sqlite3.connect(draft / DATABASE)) as database:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        draft.rename(folder)
    return folder / DATABASE


@functools.cache
def _ready_made_database() -> str:
    """The name of a PostgreSQL database with empty tables, made once a process: a template for those of the tests."""
    name = f"ready_{new_id()}"
    with maintenance() as connection:
        connection.execute(f"CREATE DATABASE {name}")
    with tempfile.TemporaryDirectory() as home:
        migrate(Installation(Path(home), postgres.url(os.environ["EXPORTADMIN_TEST_CLUSTER"], name)))
    return name


@contextlib.contextmanager
def _own_database(*, template: str) -> Iterator[str]:
    name = f"own_{new_id()}"
    with maintenance() as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield postgres.url(os.environ["EXPORTADMIN_TEST_CLUSTER"], name)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def maintenance() -> psycopg.Connection[Any]:
    import psycopg

    return psycopg.connect(postgres.url(os.environ["EXPORTADMIN_TEST_CLUSTER"], "postgres"), autocommit=True)
