"""A running installation with a project, and Labellerr's client in front of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.exports.dialects.labellerr.sdk import Client
from tests.support.cast import PASSWORD
from tests.support.shell import Installation, new_installation
from tests.support.up import up


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
        with up(installation) as (address, _):
            yield Site(installation, address, project["id"], json.loads(issued.stdout))
