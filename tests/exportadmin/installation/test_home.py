"""A home folder belongs to one installation: who starts on another's is refused in one line, with what to do."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from exportadmin.installation.home import NAME
from tests.support.paths import ROOT
from tests.support.shell import DATABASE, Installation, new_installation


@pytest.fixture
def other(tmp_path: Path):
    """A second installation, with a database of its own."""
    home = tmp_path / "other"
    home.mkdir()
    with new_installation(home) as made:
        yield made


def owner(installation: Installation) -> dict[str, str]:
    told: dict[str, str] = json.loads((installation.home / "artifacts" / NAME).read_text())
    return told


def listed(installation: Installation) -> str:
    """What the refusal says; nothing where there is none."""
    done = installation.run("list_exports")
    if done.returncode == 0:
        return ""
    (line,) = done.stderr.splitlines()
    assert (done.returncode, line.startswith("error: ")) == (1, True)
    return line


def on_the_home_of(database: Installation, home: Installation) -> Installation:
    if not database.database_url:  # a copy of a template; outside of a home that is closed it is to be closed itself
        (database.home / DATABASE).chmod(0o600)
    return Installation(home.home, database.database_url or f"sqlite:///{database.home / DATABASE}")


def test_the_first_start_claims_the_folder_and_the_next_ones_find_it_theirs(installation):
    assert listed(installation) == ""
    first = owner(installation)
    assert len(first["installation"]) > 10
    assert listed(installation) == ""
    assert owner(installation) == first


def test_another_database_is_refused_and_changes_nothing(installation, other):
    assert listed(installation) == listed(other) == ""
    first = owner(installation)
    line = listed(on_the_home_of(other, installation))
    assert f"{installation.home} holds the files of another installation" in line
    assert first["database"] in line
    assert "set EXPORTADMIN_HOME to a folder of its own" in line
    assert owner(installation) == first


def test_a_database_that_is_new_is_refused_too(installation, other):
    """It has no id yet: whose files these are, only the folder knows."""
    assert listed(installation) == ""
    assert "another installation" in listed(on_the_home_of(other, installation))


def test_claiming_it_is_one_command_and_stands_on_the_trail(installation, other):
    assert listed(installation) == ""
    before = owner(installation)
    taker = on_the_home_of(other, installation)
    done = taker.run("claim_home")
    assert done.returncode == 0
    assert before["database"] in done.stdout
    assert listed(taker) == ""
    assert "another installation" in listed(installation)
    told = taker.run(
        "shell", "-c", "from exportadmin.audit.models import AuditEntry as A\nprint(A.objects.get().details)"
    )
    assert before["installation"] in told.stdout


def test_a_home_that_was_moved_with_its_database_is_still_its_own(installation, tmp_path):
    moved = Installation(tmp_path / "moved", installation.database_url)
    assert listed(installation) == ""
    installation.home.rename(moved.home)
    assert listed(moved) == ""


def test_several_homes_on_one_database_are_several_machines(installation, tmp_path):
    (tmp_path / "second").mkdir()
    second = on_the_home_of(installation, Installation(tmp_path / "second"))
    assert listed(installation) == listed(second) == ""
    assert owner(installation)["installation"] == owner(second)["installation"]


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"\xff", b'{"installation": "x"}'])
def test_a_file_that_was_damaged_is_a_line_not_a_traceback(installation, raw):
    assert listed(installation) == ""
    path = installation.home / "artifacts" / NAME
    path.unlink()
    path.write_bytes(raw)
    line = listed(installation)
    assert str(path) in line
    assert "exportadmin claim_home" in line


def test_where_the_folder_cannot_be_written_it_stays_nobodys(installation):
    (installation.home / "artifacts").write_text("no folder")
    assert listed(installation) == ""
    (installation.home / "artifacts").unlink()
    assert listed(installation) == ""
    assert owner(installation)


def test_without_tables_the_command_says_so_itself(tmp_path):
    done = Installation(tmp_path).run("list_exports")
    assert "a new installation needs `exportadmin migrate` first" in done.stderr
    assert not (tmp_path / "artifacts").exists()


def test_the_wsgi_application_refuses_too(installation, other):
    assert listed(installation) == listed(other) == ""
    environment = on_the_home_of(other, installation).environment
    done = subprocess.run(
        [sys.executable, "-c", "import exportadmin.wsgi"],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode != 0
    assert "holds the files of another installation" in done.stderr.splitlines()[-1]


def test_a_copy_of_the_whole_folder_is_its_own(installation, tmp_path):
    assert listed(installation) == ""
    shutil.copytree(installation.home, tmp_path / "copy")
    assert listed(Installation(tmp_path / "copy", installation.database_url)) == ""
