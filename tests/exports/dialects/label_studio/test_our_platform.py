"""Our own platform in front of our own dialect: another installation is a Label Studio to us."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connections.connection_actions import create_connection
from connections.models import Connection
from connections.platforms.base import Wanted
from connections.platforms.label_studio.platform import LabelStudioPlatform
from connections.store.models import StoreRow
from connections.sync.actions import mirror_project, sync_now
from exportadmin.runs import statuses
from tests.connections.platforms.contract import PlatformContract, Side
from tests.exportadmin.runs.world import until
from tests.exports.dialects.label_studio.conftest import Site
from tests.rest.world import SHELL


def connected(site: Site, token: str) -> Connection:
    address = site.address.removeprefix("http://")
    config = {"base_address": site.base.rstrip("/"), "private_address": address}
    return create_connection(
        kind="label_studio", name="The other", config=config, secrets={"token": token}, actor=SHELL
    )


class TestLabelStudioHere(PlatformContract):
    @pytest.fixture
    def side(self, site: Site, db: None) -> Side:
        tasks = site.client().call("GET", f"api/projects/{site.project}/")["task_number"]
        platform = LabelStudioPlatform(connected(site, site.key))
        return Side(platform, str(site.project), tasks, lambda found, what: until(found, what, 120))

    @pytest.mark.slow
    def test_every_format_is_made_and_fetched(self, side: Side, tmp_path: Path):
        """Of those that it has for the project."""
        listed = side.platform.client.formats(side.external_id)  # type: ignore[attr-defined]
        names = [one["name"] for one in listed if not one.get("disabled")]
        assert {"JSON", "COCO", "YOLO"} <= set(names) <= {one.key for one in side.platform.remote_formats}
        for name in names:
            folder = tmp_path / name
            folder.mkdir()
            (file,) = side.fetched(Wanted(f"contract-{name}", name, "all of it"), folder)
            assert file.bytes
            assert file.rows in (side.rows, None)


@pytest.mark.django_db(transaction=True)
def test_one_installation_mirrors_the_other_and_leaves_nothing_there(site: Site, tmp_path: Path, settings: Any):
    settings.EXPORTADMIN_HOME = tmp_path / "near"
    settings.EXPORTADMIN_HOME.mkdir()
    connection = connected(site, site.refresh_token())
    project = mirror_project(connection=connection, external_id=str(site.project), actor=SHELL)
    run = sync_now(project=project, actor=SHELL)
    assert (run.status, run.error, run.summary["refused_count"]) == (statuses.COMPLETED, "", 0)
    told = site.client().call("GET", f"api/projects/{site.project}/")
    assert StoreRow.objects.filter(project=project).count() == told["task_number"]
    again = sync_now(project=project, actor=SHELL)
    assert (again.status, again.error, again.mode) == (statuses.COMPLETED, "", "incremental")
    titles = {one["title"] for one in site.client().call("GET", f"api/projects/{site.project}/exports/")}
    assert not {run.remote_name, again.remote_name} & titles
    views = site.client().call("GET", f"api/dm/views/?project={site.project}")
    assert again.remote_name not in {view["data"].get("title") for view in views}
