"""A backup taken while the installation works, restored elsewhere: all verified, the original untouched."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from exportadmin.installation.home import NAME
from tests.support import postgres
from tests.support.shell import DATABASE, PROGRAMS, Installation, maintenance

# SOAK=1: as often as is asked of the product
ROUNDS = 20 if os.environ.get("SOAK") else 2
ROWS = 400


def rows_file(folder: Path, begin: int) -> Path:
    file = folder / f"rows-{begin}.ndjson"
    box = {"name": "car", "bounding_box": {"top": 1, "left": 2, "height": 3, "width": 4}}
    objects = [{**box, "annotation_kind": "ImageBoundingBox"}]
    lines = []
    for number in range(begin, begin + ROWS):
        row = {"data_row": {"id": f"d{number}", "global_key": f"k{number}", "row_data": "x"}}
        label = {"id": f"l{number}", "annotations": {"objects": objects}}
        lines.append(json.dumps({**row, "media_attributes": {}, "projects": {"p": {"labels": [label]}}}))
    file.write_text("\n".join(lines) + "\n")
    return file


def reports(installation: Installation) -> list[str]:
    listed = installation.run("list_exports", "--json")
    assert listed.returncode == 0, listed.stderr
    return [report["report_id"] for report in json.loads(listed.stdout) if report["status"] == "completed"]


def export(installation: Installation) -> None:
    done = installation.run("run_export", "Harbour", "--format", "ndjson")
    assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def restored(copy: Path, name: str) -> Iterator[Installation]:
    """An installation of the copy: its folder as it is, its dump in a new database."""
    if (copy / DATABASE).exists():
        yield Installation(copy)
        return
    with maintenance() as connection:
        connection.execute(f"CREATE DATABASE {name}")
        url = postgres.url(os.environ["EXPORTADMIN_TEST_CLUSTER"], name)
        try:
            subprocess.run(
                ["pg_restore", "--no-owner", f"--dbname={url}", str(copy / "database.dump")],
                check=True,
                capture_output=True,
            )
            yield Installation(copy, url)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_copy_made_during_imports_and_exports_is_whole_and_lives_its_own_life(
    installation: Installation, tmp_path: Path
):
    assert installation.run("import_rows", str(rows_file(tmp_path, 0)), "--project", "Harbour").returncode == 0
    for number in range(1, ROUNDS + 1):
        export(installation)
        before = reports(installation)
        load = subprocess.Popen(
            [PROGRAMS / "exportadmin", "import_rows", rows_file(tmp_path, ROWS * number), "--project", "Harbour"],
            env=installation.environment,
            stdout=subprocess.DEVNULL,
        )
        copy = tmp_path / f"copy-{number}"
        made = installation.run("backup", str(copy))
        assert load.wait(timeout=120) == 0
        assert made.returncode == 0, made.stderr
        assert f"{len(before):,} deliveries" in made.stdout
        with restored(copy, f"copy_{number}") as other:
            refused_on_the_folder_of_the_original(other, installation, COMMANDS[:1])
            assert sorted(reports(other)) == sorted(before)
            assert owner(other)["installation"] != owner(installation)["installation"]
            refused_on_the_folder_of_the_original(other, installation, COMMANDS if number == 1 else COMMANDS[:1])
            assert other.run("verify_audit").returncode == 0
            for report in before:
                verified = other.run("verify", report)
                assert verified.returncode == 0, verified.stdout + verified.stderr
            export(other)
            removed = other.run("shell", "-c", REMOVE_ALL)
            assert removed.returncode == 0, removed.stderr
            assert "0 left" in removed.stdout
        for report in before:
            assert installation.run("verify", report).returncode == 0, "the original lost a file"
        shutil.rmtree(copy)


def owner(installation: Installation) -> dict[str, str]:
    told: dict[str, str] = json.loads((installation.home / "artifacts" / NAME).read_text())
    return told


COMMANDS = (
    ("retain",),
    ("run_export", "Harbour", "--format", "csv"),
    ("delete_project", "Harbour", "--confirm", "Harbour"),
    ("web", "--bind", "127.0.0.1:0"),
    ("worker",),
    ("up", "--bind", "127.0.0.1:0"),
)


def refused_on_the_folder_of_the_original(
    copy: Installation, original: Installation, commands: Sequence[tuple[str, ...]]
) -> None:
    """The database of the copy with a home folder that somebody forgot to change: every command says so, in a line."""
    url = copy.database_url or f"sqlite:///{copy.home / DATABASE}"
    mixed_up = Installation(original.home, url)
    before = sorted(path for path in (original.home / "artifacts").rglob("*"))
    for command in commands:
        done = mixed_up.run(*command)
        (line,) = done.stderr.splitlines()
        assert (done.returncode, line.startswith("error: ")) == (1, True)
        assert f"{original.home} holds the files of another installation" in line
        assert "exportadmin claim_home" in line
    assert sorted(path for path in (original.home / "artifacts").rglob("*")) == before


REMOVE_ALL = """
from exportadmin.lib.actor import Actor
from exports.actions import remove_files
from exports.models import ExportReport
actor = Actor(kind="user", name="tester", channel="shell")
for report in ExportReport.objects.all():
    remove_files(report=report, actor=actor, why="a drill")
print(ExportReport.objects.filter(files_removed_at=None).count(), "left")
"""


def test_nobody_else_can_read_it(installation: Installation, tmp_path: Path):
    assert installation.run("backup", str(tmp_path / "copy")).returncode == 0
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == 0o700
    for file in (tmp_path / "copy").glob("*.*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_a_folder_with_something_in_it_is_refused_and_left_alone(installation: Installation, tmp_path: Path):
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "mine").write_text("x")
    made = installation.run("backup", str(tmp_path / "copy"))
    assert (made.returncode, "not a new or empty folder" in made.stderr) == (2, True)
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["mine"]
    inside = installation.run("backup", str(installation.home / "copy"))
    assert (inside.returncode, "within the installation" in inside.stderr) == (2, True)


def test_a_delivery_that_is_not_there_is_named(installation: Installation, tmp_path: Path):
    assert installation.run("import_rows", str(rows_file(tmp_path, 0)), "--project", "Harbour").returncode == 0
    export(installation)
    shutil.rmtree(installation.home / "artifacts")
    made = installation.run("backup", str(tmp_path / "copy"))
    assert (made.returncode, "1 deliveries that the database knows were not there" in made.stderr) == (1, True)


def test_it_is_on_the_trail_of_both(installation: Installation, tmp_path: Path):
    assert installation.run("backup", str(tmp_path / "copy")).returncode == 0
    count = (
        "from exportadmin.audit.models import AuditEntry\n"
        "print(AuditEntry.objects.filter(event='installation.backed_up').count())"
    )
    assert installation.run("shell", "-c", count).stdout.strip().endswith("1")
    with restored(tmp_path / "copy", "copy_trail") as other:
        assert other.run("shell", "-c", count).stdout.strip().endswith("1")
