"""A running installation with a project, and Labellerr's client in front of it."""

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
from tests.exports.dialects.labellerr.sdk import Client
from tests.support.cast import PASSWORD
from tests.support.shell import PROGRAMS, Installation, new_installation

_ADDRESS = re.compile(r"Export Admin is at (http://127\.0\.0\.1:\d+)/")


@dataclass
class Site:
    """``address`` is the installation's; ``project_id`` the demo's."""

    installation: Installation
    address: str
    project_id: str
    token: dict[str, Any]

    def client(self, generation: str = "C", **other: str) -> Client:
        keys = {"api_key": self.token["token_id"], "api_secret": self.token["key"], **other}
        return Client(f"{self.address}/dialects/labellerr", **keys, generation=generation)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Web and worker under ``exportadmin up``."""
    with new_installation(tmp_path_factory.mktemp("site")) as installation:
        assert installation.run("load_demo").returncode == 0
        installation.extra["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
        installation.run("createsuperuser", "--noinput", "--username", "sue", "--email", "sue@example.test")
        scopes = ["--scope", "exports:read", "--scope", "exports:run", "--scope", "links:issue"]
        issued = installation.run("issue_token", "sue", *scopes, "--json")
        project = json.loads(installation.run("run_export", "Demo", "--format", "csv", "--json").stdout)["project"]
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
            yield Site(installation, found[1], project["id"], json.loads(issued.stdout))
        finally:
            process.terminate()
            process.wait(timeout=60)
