"""Rules of the house that no linter knows: held here, so that they are seen the day they are broken."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.paths import ROOT

# what stood beside the project while it was written: whoever has a clone has none of it
FOREIGN = re.compile(r"\b(DESIGN|HOUSE|PARTS|SPEED|FORMATS|SCALE)\.md\b|\bcontracts/\w|\b[Ii]ssue \d")


def _sources(*endings: str) -> dict[str, str]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = [name for name in listed.split("\n") if name.endswith(endings) and name != "tests/test_house.py"]
    return {name: (ROOT / name).read_text(encoding="utf-8") for name in names if (ROOT / name).is_file()}


@pytest.mark.parametrize("endings", [(".py",), (".html", ".css", ".js"), (".md", "Makefile", ".toml", ".sh", ".in")])
def test_nothing_refers_to_a_document_that_a_cloner_does_not_have(endings):
    found = [
        f"{name}:{number}: {line.strip()}"
        for name, text in _sources(*endings).items()
        for number, line in enumerate(text.splitlines(), 1)
        if FOREIGN.search(line)
    ]
    assert found == []


# Django's own flush of a database, which has no public name
_PRIVATE_OF_OTHERS = ("_fixture_teardown", "os._exit")
_PATCH = re.compile(r"""(?:setattr|delattr|patch|patch\.object)\(\s*[^"'()\n]*\s*["'](?:[\w.]*\.)?_[a-z]\w*["']""")
_ASSIGNED = re.compile(r"^\s*(?!self\b|cls\b)[a-z]\w*\._[a-z]\w* = ", re.MULTILINE)


def test_no_test_patches_a_private_name():
    found = [
        f"{name}: {match[0].strip()}"
        for name, text in _sources(".py").items()
        if name.startswith("tests/")
        for pattern in (_PATCH, _ASSIGNED)
        for match in pattern.finditer(text)
        if not match[0].strip("\"'").endswith(_PRIVATE_OF_OTHERS)
    ]
    assert found == []


# from below to above: a room imports what is below it, and itself
_FLOORS = ("exportadmin.lib", "exportadmin.audit", "exportadmin.runs", "connections", "exports")
_IMPORT = re.compile(r"^\s*(?:from|import) ([\w.]+)", re.MULTILINE)


def _floor_of(module: str) -> int | None:
    return next((n for n, floor in enumerate(_FLOORS) if module == floor or module.startswith(f"{floor}.")), None)


def test_imports_only_go_down():
    found = [
        f"{name}: {match[1]}"
        for name, text in _sources(".py").items()
        if (mine := _floor_of(name.removesuffix(".py").replace("/", "."))) is not None
        for match in _IMPORT.finditer(text)
        if (theirs := _floor_of(match[1])) is not None and theirs > mine
    ]
    assert found == []


# what can reach another machine, and the files that may import it
_OUTBOUND = ("requests", "urllib3", "urllib.request", "http.client", "socket", "boto3", "botocore", "s3transfer")
_OUTBOUND += ("httpx", "aiohttp", "ftplib", "smtplib", "imaplib", "poplib", "telnetlib", "xmlrpc.client", "asyncio")
_MAY_REACH_OUT = {
    "exportadmin/lib/http.py": {"requests", "urllib3", "http.client", "socket"},
    "exportadmin/lib/boto.py": {"boto3", "botocore"},
    "connections/s3/client.py": {"boto3", "botocore"},
    # listen, speak to our own processes on this machine, or ask for its name
    "exportadmin/runs/worker.py": {"socket"},
    "exportadmin/lib/processes.py": {"socket"},
    "exportadmin/operations/web_worker.py": {"socket"},
    "exports/management/commands/up.py": {"http.client", "socket"},
}


def _imported(text: str) -> set[str]:
    """Of what can reach another machine, wherever in the file it is imported; not for types alone."""
    found: set[str] = set()
    for node in _run_imports(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            names = [f"{node.module}.{alias.name}" for alias in node.names if not node.level]
        found |= {one for one in _OUTBOUND for name in names if f"{name}.".startswith(f"{one}.")}
    return found


def _run_imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            continue
        else:
            yield from _run_imports(node)


def test_nobody_reaches_another_machine_but_through_the_guard():
    found = {
        name: more
        for name, text in _sources(".py").items()
        if name.startswith(("exportadmin/", "connections/", "exports/"))
        if (more := _imported(text) - _MAY_REACH_OUT.get(name, set()))
    }
    assert found == {}


def test_every_boto3_session_is_guarded():
    found = [
        name
        for name, text in _sources(".py").items()
        if name.startswith(("exportadmin/", "connections/", "exports/"))
        if "boto3" in _imported(text) and "guard_botocore(" not in text
    ]
    assert found == []
