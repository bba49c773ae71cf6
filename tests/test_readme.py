"""The README tells the truth: its commands run and print what it shows, its targets, rooms and settings exist.

In a ``console`` block a line with ``$`` is a command, the lines below it are all that it prints. ``…`` stands for any
text within a line. A command whose output begins with ``error:`` exits with 1, every other one with 0. A fenced block
below ``<!-- file: NAME -->`` is the content of that file.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.shell import Installation

README = (ROOT / "README.md").read_text(encoding="utf-8")
FILE = re.compile(r"<!-- file: (?P<name>[\w.-]+) -->\n```\w*\n(?P<content>.*?)^```$", re.MULTILINE | re.DOTALL)
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Shown:
    """A command of the README with what it prints."""

    command: str
    output: str

    @property
    def exit_code(self) -> int:
        return 1 if self.output.startswith("error:") else 0

    @property
    def pattern(self) -> str:
        return "[^\n]*".join(re.escape(part) for part in self.output.split("…"))


def _shown_commands(text: str) -> list[Shown]:
    shown = []
    for block in CONSOLE.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            shown.append(Shown(command, output))
    return shown


def _run(shown: Shown, installation: Installation, cwd: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", shown.command],
        cwd=cwd,
        env=installation.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    assert done.returncode == shown.exit_code, f"$ {shown.command}\n{done.stdout}"
    assert re.fullmatch(shown.pattern, done.stdout), (
        f"$ {shown.command}\n--- printed\n{done.stdout}--- but the README shows\n{shown.output}"
    )


def test_the_commands_run_in_order_and_print_what_the_readme_shows(installation: Installation, tmp_path: Path) -> None:
    folder = tmp_path / "newcomer"
    folder.mkdir()
    for file in FILE.finditer(README):
        (folder / file["name"]).write_text(file["content"], encoding="utf-8")
    commands = _shown_commands(README)
    doors = {shown.command.split()[1] for shown in commands if shown.command.startswith("exportadmin ")}
    assert doors == {"import_rows", "run_export", "verify", "list_exports"}
    for shown in commands:
        _run(shown, installation, folder)


def test_output_that_differs_from_the_readme_is_noticed(installation: Installation, tmp_path: Path) -> None:
    for wrong in (Shown("echo two", "one\n"), Shown("echo one; echo more", "one\n"), Shown("false", "")):
        with pytest.raises(AssertionError):
            _run(wrong, installation, tmp_path)
    _run(Shown("echo one two three", "one … three\n"), installation, tmp_path)


def test_every_make_target_that_the_readme_names_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)`", README)) | set(
        re.findall(r"^make ([a-z-]+)$", README, re.MULTILINE)
    )
    assert {"run", "test", "lint", "bench", "lock"} <= named
    assert named <= targets


def test_every_room_that_the_map_draws_exists() -> None:
    drawn = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").partition("## Rooms")[2].partition("## Contracts")[0]
    rooms: list[str] = []
    top = ""
    for line in drawn.splitlines():
        names = re.findall(r"([\w-]+)/(?=\s|;|:)", re.split(r"\s{3,}|: ", line.lstrip("├└─ "))[0] + " ")
        if line[:1] in "├└":
            rooms += [f"{top}/{name}" for name in names]
        elif names:
            top = names[0]
            rooms += names
    assert {"exportadmin", "exportadmin/runs", "connections/sinks", "exports/formats", "exports/views", "tests"} <= set(
        rooms
    )
    assert [room for room in rooms if not (ROOT / room).is_dir()] == []


def test_the_settings_table_names_every_variable_that_the_code_reads_and_no_other() -> None:
    named = set(re.findall(r"^\| `EXPORTADMIN_(\w+)` \|", README, re.MULTILINE))
    read = {"HOME"}  # read by env.home()
    for package in ("exportadmin", "connections", "exports"):
        for source in (ROOT / package).rglob("*.py"):
            read |= set(
                re.findall(
                    r"\benv\.(?:text|flag|number|choice|time_of_day|strings)\(\s*\"(\w+)\"",
                    source.read_text(encoding="utf-8"),
                )
            )
    assert named == read
