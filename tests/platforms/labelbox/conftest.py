"""Labelbox's SDK of three releases, and an installation of ours with what they ask for."""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.exportadmin.runs.world import descendants
from tests.platforms.labelbox import rows, sdk
from tests.platforms.labelbox.sdk import Sdk
from tests.support.shell import PLAIN_STATIC_FILES, Installation, new_installation
from tests.support.up import up

collect_ignore = ["their_conftest.py"]

SLICE = """
from connections.models import Project
from exports.models import Slice
project = Project.objects.get(name="Image Annotation Demo")
wanted = {"data_row_ids": ["row-001", "row-002"]}
print(Slice.objects.create(project=project, name="Last year", filter=wanted).public_id)
"""


@dataclass
class Site:
    """``projects`` by name: their ids; ``process`` is above web and worker."""

    installation: Installation
    address: str
    key: str
    projects: dict[str, str]
    slice_id: str
    admin_key: str
    process: subprocess.Popen[bytes]

    @property
    def project(self) -> str:
        return self.projects["Image Annotation Demo"]

    @property
    def workers(self) -> set[int]:
        """The processes that carry out what is asked for."""
        every = descendants(self.process.pid)
        return {pid for pid in every if Path(f"/proc/{pid}/cmdline").read_bytes().endswith(b"\0worker\0")}

    @property
    def client(self) -> str:
        """The lines that make the client, which are all that a script needs to be changed by."""
        base = f"{self.address}/dialects/labelbox"
        return (
            f"client = lb.Client(api_key={self.key!r}, endpoint={base + '/graphql'!r}, "
            f"rest_endpoint={base + '/api/v1'!r}, app_url={base!r})\n"
        )

    @property
    def before(self) -> str:
        """Of a page's scripts: the names that they take for granted."""
        return f"{self.client}project = client.get_project({self.project!r})\n"


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """For tests that change nothing in it."""
    with _started(tmp_path_factory.mktemp("labelbox-site")) as started:
        yield started


@pytest.fixture(scope="session")
def growing_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """For tests that add projects of their own."""
    with _started(tmp_path_factory.mktemp("labelbox-growing-site")) as started:
        yield started


@contextlib.contextmanager
def _started(home: Path) -> Iterator[Site]:
    """Web and worker under ``exportadmin up``."""
    if not sdk.is_installed():
        pytest.skip(sdk.ADVICE)
    with new_installation(home) as installation:
        installation.extra["DJANGO_SUPERUSER_PASSWORD"] = secrets.token_urlsafe(12)
        installation.run("createsuperuser", "--noinput", "--username", "sue", "--email", "sue@example.test")
        projects = {}
        for name, path in rows.write(home).items():
            projects[name] = _told(installation, "import_rows", str(path), "--project", name)["project"]["id"]
        scopes = ["--scope", "exports:read", "--scope", "exports:run"]
        token = _told(installation, "issue_token", "sue", *scopes)
        admin = _told(installation, "issue_token", "sue", "--scope", "admin")
        made = installation.run("shell", "--no-imports", "-c", SLICE)
        assert made.returncode == 0, made.stderr
        with up(installation, **PLAIN_STATIC_FILES) as (address, process):
            yield Site(installation, address, token["key"], projects, made.stdout.strip(), admin["key"], process)


def _told(installation: Installation, *arguments: str) -> Any:
    done = installation.run(*arguments, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def current(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sdk]:
    """The current release."""
    yield from _running("7", tmp_path_factory.mktemp("sdk-7"))


@pytest.fixture(scope="session", params=["5", "3"])
def older(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sdk]:
    """Those that stream from any byte or line on."""
    yield from _running(request.param, tmp_path_factory.mktemp(f"sdk-{request.param}"))


def _running(release: str, folder: Path) -> Iterator[Sdk]:
    if not sdk.is_installed():
        pytest.skip(sdk.ADVICE)
    started = Sdk(release, folder)
    yield started
    started.close()
