"""Our own platform in front of our own dialect: another installation is a Labellerr to us."""

from __future__ import annotations

import json

import pytest

from connections.connection_actions import create_connection
from connections.platforms.labellerr.platform import LabellerrPlatform
from tests.connections.platforms.contract import PlatformContract, Side
from tests.exportadmin.runs.world import until
from tests.exports.dialects.labellerr.conftest import Site
from tests.rest.world import SHELL


class TestLabellerrHere(PlatformContract):
    @pytest.fixture
    def side(self, site: Site, db: None) -> Side:
        address = site.address.removeprefix("http://")
        connection = create_connection(
            kind="labellerr",
            name="The other one",
            config={
                "base_address": f"{site.address}/dialects/labellerr",
                "client_id": "any",
                "private_address": address,
            },
            secrets={"api_key": site.token["token_id"], "api_secret": site.token["key"]},
            actor=SHELL,
        )
        listed = json.loads(site.installation.run("list_exports", "--json").stdout)
        rows = max(one["progress"]["rows_done"] for one in listed)
        return Side(LabellerrPlatform(connection), site.project_id, rows, lambda found, what: until(found, what, 120))
