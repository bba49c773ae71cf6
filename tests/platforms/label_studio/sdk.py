"""Label Studio's own SDK, run by the Python of ``.venv-platforms`` against whatever speaks as Label Studio does."""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from tests.platforms.label_studio.server import PYTHON
from tests.support.paths import SHARED

PROGRAM: Final = Path(__file__).with_name("sdk_program.py")
# The platform's page has lost the indentation of its script: lines that stand deeper than their function's own.
_DEEPER: Final = {
    2: "54-57 59 63 66 74-79 102-104 123-125 135-140 142 146 149-152 161-166 179-180",
    3: "58 60-62 80 126-134 141 143-145 167",
}


@dataclass(frozen=True)
class Site:
    """Where the SDK is pointed at; ``api_key`` is what it is given, ``refresh_token`` the other sort of key."""

    address: str
    api_key: str
    project: int
    refresh_token: str = ""

    def with_key(self, api_key: str) -> Site:
        """For somebody else, or with the other sort of key."""
        return replace(self, api_key=api_key)


def page_script(site: Site) -> str:
    """The script of the platform's page about exports, word by word but for address, token and project."""
    (page,) = SHARED.glob("pages/004_*.txt")
    numbered = page.read_text("utf-8").partition("Example script")[2]
    lines = [re.fullmatch(r"(\d+)( ?)(.*)", line) for line in numbered.splitlines() if re.match(r"\d", line)]
    depths = {number: depth for depth, ranges in _DEEPER.items() for number in _numbers(ranges)}
    text = ""
    for number, line in enumerate(lines, 1):
        assert line is not None and int(line[1]) == number, f"the page is another one at line {number}"
        text += "    " * depths.get(number, len(line[2])) + line[3] + "\n"
    for before, after in (
        ("'YOUR_BASE_URL'", repr(site.address)),
        ("'YOUR_ACCESS_TOKEN'", repr(site.api_key)),
        ("PROJECT_ID=1 ", f"PROJECT_ID={site.project!r} "),
    ):
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    return text


def _numbers(ranges: str) -> list[int]:
    found: list[int] = []
    for part in ranges.split():
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


@dataclass(frozen=True)
class Ran:
    """A script to its end. ``output`` is what it logged, ``peak_mb`` the most memory that it held."""

    code: int
    output: str
    peak_mb: float
    cpu_s: float


def run_page_script(site: Site, folder: Path, *arguments: str, timeout_s: float = 600) -> Ran:
    """In ``folder``, where it leaves its files."""
    script = folder / "export_snapshots.py"
    script.write_text(page_script(site))
    log = folder / "script.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["timeout", "--signal=KILL", str(timeout_s), PYTHON, script, *arguments],
            cwd=folder,
            env=_environment(folder),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    return Ran(process.returncode, log.read_text(), usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime)


def _environment(folder: Path) -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "LANG": "C.UTF-8"}


class Sdk:
    """A process with the SDK in it; started once, as it takes seconds (pandas is imported)."""

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [PYTHON, PROGRAM],
            env=_environment(folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def call(self, site: Site, name: str, *, timeout: int | None = None, **arguments: Any) -> Any:
        """What the SDK gives for ``client.NAME(…)``, its timeout that of a script where none is given.

        Raises :class:`SdkError` with what it raised.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        client = {"base_url": site.address, "api_key": site.api_key, **({"timeout": timeout} if timeout else {})}
        order = {"client": client, "name": name, "arguments": arguments}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise SdkError(answer["error"], answer["status"], answer["body"])
        return answer["result"]

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)


class SdkError(Exception):
    """``kind`` is the name of the exception's class there; ``status`` and ``body`` are those of an ``ApiError``."""

    def __init__(self, kind: str, status: int | None, body: Any) -> None:
        super().__init__(f"{kind} {status or ''}: {str(body)[:300]}")
        self.kind, self.status, self.body = kind, status, body
