"""A running installation with a project, and Labelbox's client in front of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.exports.dialects.labelbox.sdk import Client
from tests.support.cast import PASSWORD
from tests.support.shell import Installation, new_installation
from tests.support.up import up


@dataclass
class Site:
    """``address`` is the installation's; ``project`` the id of the demo's."""

    installation: Installation
    address: str
    project: str
    key: str

    @property
    def base(self) -> str:
        return f"{self.address}/dialects/labelbox"

    def client(self) -> Client:
        return Client(self.key, f"{self.base}/graphql")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Web and worker under ``exportadmin up``."""
    with new_installation(tmp_path_factory.mktemp("site")) as installation:
        assert installation.run("load_demo").returncode == 0
        installation.extra["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
        installation.run("createsuperuser", "--noinput", "--username", "sue", "--email", "sue@example.test")
        issued = installation.run("issue_token", "sue", "--scope", "exports:read", "--scope", "exports:run", "--json")
        with up(installation) as (address, _):
            made = Site(installation, address, "", json.loads(issued.stdout)["key"])
            made.project = made.client().projects()[0]["id"]
            yield made
