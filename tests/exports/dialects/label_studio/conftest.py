"""A running installation with a project, and Label Studio's client in front of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.exports.dialects.label_studio.sdk import Client
from tests.support.cast import PASSWORD
from tests.support.shell import Installation, new_installation
from tests.support.up import up


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
        with up(installation) as (address, _):
            made = Site(installation, address, 0, json.loads(issued.stdout)["key"])
            (project,) = made.client().call("GET", "api/projects/")["results"]
            made.project = project["id"]
            yield made
