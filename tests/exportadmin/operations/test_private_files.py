"""What an installation keeps is its owner's alone, also in a folder that was there before and was open."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from exportadmin.lib import env
from exportadmin.operations import checks
from tests.support.paths import ROOT
from tests.support.shell import PROGRAMS, Installation, plain_environment

ROWS = '{"data_row": {"id": "d1", "global_key": "k1", "row_data": "x"}, "projects": {}}\n'


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def program(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """In a shell whose umask is the usual one, whatever this test process has."""
    return subprocess.run(
        ["sh", "-c", 'umask 022; exec "$@"', "sh", str(PROGRAMS / "exportadmin"), *arguments],
        env={**plain_environment(), "EXPORTADMIN_HOME": str(home), **variables},
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_folder_that_was_open_is_closed_and_all_that_is_made_in_it_is_private(tmp_path: Path):
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o755)
    assert program(home, "migrate").returncode == 0
    assert mode(home) == 0o700
    made = [path for path in home.rglob("*") if path.name != ".gitignore"]
    assert any(path.name == "exportadmin.sqlite3" for path in made)
    assert [path for path in made if mode(path) & 0o077] == []


def test_a_delivery_here_is_private_and_one_into_a_folder_of_ones_own_is_as_ones_files_are(installation: Installation):
    rows = installation.home / "rows.ndjson"
    rows.write_text(ROWS)
    variables = {"EXPORTADMIN_DATABASE_URL": installation.database_url} if installation.database_url else {}
    own = installation.home / "own"
    for arguments in (
        ("import_rows", str(rows), "--project", "P"),
        ("run_export", "P", "--format", "json"),
        ("run_export", "P", "--format", "json", "--output", str(own)),
    ):
        done = program(installation.home, *arguments, **variables)
        assert done.returncode == 0, done.stderr
    delivered = list((installation.home / "artifacts").rglob("*"))
    assert any(path.suffix == ".json" for path in delivered)
    assert [path for path in delivered if mode(path) & 0o077] == []
    assert mode(own) == 0o755
    assert {mode(path) for path in own.iterdir()} == {0o644}


def test_a_folder_that_is_not_ours_to_close_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EXPORTADMIN_HOME", str(tmp_path))
    tmp_path.chmod(0o755)

    def not_ours(self: Path, mode: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", not_ours)
    with pytest.raises(ImproperlyConfigured, match=r"can be opened by others \(mode 0755\).*chmod 700"):
        env.home(tmp_path)


def test_what_lies_elsewhere_is_looked_at_at_boot(tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch):
    database, artifacts = tmp_path / "elsewhere.sqlite3", tmp_path / "artifacts"
    database.touch(0o644)
    artifacts.mkdir()
    database.chmod(0o644)
    artifacts.chmod(0o755)
    settings.EXPORTADMIN_HOME = tmp_path / "home"
    settings.ARTIFACTS_DIR = artifacts
    monkeypatch.setitem(settings.DATABASES, "default", {"ENGINE": "django.db.backends.sqlite3", "NAME": str(database)})
    found = {problem.variable: problem for problem in checks._open_to_others()}
    assert (found["DATABASE_URL"].stops, "chmod 600" in str(found["DATABASE_URL"])) == (True, True)
    assert (found["ARTIFACTS_URL"].stops, "chmod 700" in str(found["ARTIFACTS_URL"])) == (False, True)
    database.chmod(0o600)
    artifacts.chmod(0o700)
    assert list(checks._open_to_others()) == []


WSGI = """
import contextlib, os
os.umask(0o022)
with contextlib.suppress(Exception):  # there is no database
    import exportadmin.wsgi
print(os.umask(0))
"""


def test_the_web_server_writes_private_files_too(tmp_path: Path):
    environment = {**plain_environment(), "EXPORTADMIN_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", WSGI], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert int(done.stdout) == 0o077, done.stderr
