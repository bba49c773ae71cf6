"""Labelbox's own SDK of three releases, run by the Pythons of ``.venv-labelbox``."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.paths import ROOT

ENVIRONMENT: Final = ROOT / ".venv-labelbox"
PROGRAM: Final = Path(__file__).with_name("sdk_program.py")
RELEASES: Final = {"7": "7.17.0", "5": "5.2.1", "3": "3.77.1"}
ADVICE: Final = "NOT RUN: Labelbox's SDK is not in .venv-labelbox; `make test-platforms` installs it"


def python(release: str) -> Path:
    """The interpreter beside a release."""
    return ENVIRONMENT / release / "bin" / "python"


def source(release: str) -> Path:
    """The source distribution of a release, which has its tests; skips where it could not be fetched."""
    found = ENVIRONMENT / f"{release}-source" / f"labelbox-{RELEASES[release]}.tar.gz"
    if not found.exists():
        pytest.skip(f"NOT RUN: there is no {found.relative_to(ROOT)}; `make test-platforms` fetches it")
    return found


def is_installed() -> bool:
    """All three."""
    return all(python(release).exists() for release in RELEASES)


@dataclass(frozen=True)
class Ran:
    """What a script printed, and what it raised (``Kind: message``)."""

    output: str
    error: str

    @property
    def lines(self) -> list[str]:
        return self.output.splitlines()


class Sdk:
    """A process with one release in it; started once, as it takes seconds."""

    def __init__(self, release: str, folder: Path) -> None:
        self.release = release
        environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "LANG": "C.UTF-8"}
        self._process = subprocess.Popen(
            [python(release), "-W", "ignore", PROGRAM],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, before: str, script: str) -> Ran:
        """To its end."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"before": before, "script": script}) + "\n")
        self._process.stdin.flush()
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return Ran(**answer)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
