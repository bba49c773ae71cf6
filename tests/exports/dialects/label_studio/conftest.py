"""A running installation with a project, and Label Studio's client in front of it."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.exportadmin.runs.world import until
from tests.exports.dialects.label_studio.sdk import Client
from tests.support.cast import PASSWORD
from tests.support.shell import PROGRAMS, Installation, new_installation

_ADDRESS = re.compile(r"Export Admin is at (http://127\.0\.0\.1:\d+)/")


@dataclass
class Site:
    """``address`` is the installation's; ``project`` the number of the demo's."""

    installation: Installation
    address: str
    project: int
    key: str

    @property
    def base(self) -> str:
        return f"{self.address}/dialects/label_studio/"

    def client(self, key: str = "") -> Client:
        return Client(self.base, key or self.key)

    def refresh_token(self) -> str:
        made: dict[str, Any] = self.client().call("POST", "api/token/")
        return str(made["token"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Web and worker under ``exportadmin up``."""
    with new_installation(tmp_path_factory.mktemp("site")) as installation:
        assert installation.run("load_demo").returncode == 0
        installation.extra["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
        installation.run("createsuperuser", "--noinput", "--username", "sue", "--email", "sue@example.test")
        issued = installation.run("issue_token", "sue", "--scope", "admin", "--json")
        log = Path(installation.home, "up.log")
        with log.open("wb") as out:
            process = subprocess.Popen(
                [PROGRAMS / "exportadmin", "up", "--bind", "127.0.0.1:0"],
                env=installation.environment,
                cwd=installation.home,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            found = until(lambda: process.poll() is not None or _ADDRESS.search(log.read_text()), "the address", 180)
            assert isinstance(found, re.Match), log.read_text()
            made = Site(installation, found[1], 0, json.loads(issued.stdout)["key"])
            (project,) = made.client().call("GET", "api/projects/")["results"]
            made.project = project["id"]
            yield made
        finally:
            process.terminate()
            process.wait(timeout=60)
