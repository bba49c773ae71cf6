"""An installation of ours that runs as a user's does, with a project of Label Studio tasks."""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests

from tests.exportadmin.runs.world import descendants
from tests.platforms.label_studio.sdk import Site
from tests.support.shell import PLAIN_STATIC_FILES, Installation, new_installation
from tests.support.up import up

# what the dialect needs for all that it does
SCOPES: Final = ("exports:read", "exports:run", "admin")


@dataclass
class Ours:
    """``address`` is where it answers; ``token`` is sue's, who may do everything."""

    installation: Installation
    address: str
    token: dict[str, Any]
    process: subprocess.Popen[bytes]

    def bring(self, path: Path, project: str, *more: str, timeout_s: float = 600) -> dict[str, Any]:
        """Import a file of Label Studio tasks; what the command says of it."""
        arguments = (str(path), "--project", project, "--format", "label_studio_json", "--json", *more)
        done = self.installation.run("import_rows", *arguments, timeout=timeout_s)
        assert done.returncode == 0, done.stdout + done.stderr
        return dict(json.loads(done.stdout))

    def site(self, project: str) -> Site:
        """As the SDK is pointed at it, with both sorts of key; a project has a number there."""
        headers = {"Authorization": f"Token {self.token['key']}"}

        def call(method: str, path: str) -> Any:
            answer = requests.request(method, base + path, headers=headers, timeout=60)
            assert answer.ok, f"{path}: {answer.status_code} {answer.text[:300]}"
            return answer.json()

        base = f"{self.address}/dialects/label_studio/"
        numbers = {one["title"]: one["id"] for one in call("GET", "api/projects/")["results"]}
        return Site(base, self.token["key"], numbers[project], call("POST", "api/token/")["token"])

    @property
    def processes(self) -> set[int]:
        """All that run of it: supervisor, web and workers."""
        return {self.process.pid} | descendants(self.process.pid)


@contextlib.contextmanager
def running(home: Path, **variables: str) -> Iterator[Ours]:
    """Web and worker under ``exportadmin up``, with nothing in it, for the length of the block."""
    home.mkdir(parents=True, exist_ok=True)
    with new_installation(home) as installation:
        installation.extra |= {"DJANGO_SUPERUSER_PASSWORD": secrets.token_urlsafe(12), **variables}
        installation.run("createsuperuser", "--noinput", "--username", "sue", "--email", "sue@example.test")
        issued = installation.run(
            "issue_token", "sue", *(word for one in SCOPES for word in ("--scope", one)), "--json"
        )
        assert issued.returncode == 0, issued.stdout + issued.stderr
        with up(installation, **PLAIN_STATIC_FILES) as (address, process):
            yield Ours(installation, address, json.loads(issued.stdout), process)
