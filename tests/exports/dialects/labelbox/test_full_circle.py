"""Two installations: one mirrors the other through the Labelbox dialect, and has the same rows and bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from connections.models import Connection, Project
from connections.platforms.labelbox.platform import LabelboxPlatform
from connections.rows.batch import PARTS
from connections.store.models import StoreRow, StoreTombstone
from connections.sync.actions import list_remote_projects
from connections.sync.models import FULL, INCREMENTAL
from tests.connections.platforms.contract import PlatformContract, Side
from tests.exportadmin.runs.world import until
from tests.exports.dialects.labelbox.circle import bring, connect, mirror
from tests.exports.dialects.labelbox.conftest import Site
from tests.exports.dialects.labelbox.rows import rows
from tests.rest.world import SHELL
from tests.support.full_circle import again, here, plain, there

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.usefixtures("near_home")]
# what is derived from a project's id
OF_PROJECT = ("ontology_id",)
# the ontology's numbers, which another installation gives anew
WITHOUT_BACKUP = [part for part in PARTS if part != "backup"]


@pytest.fixture
def far(site: Site, db: None) -> Connection:
    """The other installation, as Labelbox."""
    return connect(site.address, site.key)


def must_be_equal(site: Site, project: Project, *keys: str) -> None:
    ids = (project.public_id, project.external_id)
    asked = {"labels": "all", "include": WITHOUT_BACKUP}
    for key in ("ndjson", "labelbox_ndjson", *keys):
        more = asked if "ndjson" in key else {}
        mine, theirs = here(project, key, **more), there(site.installation, project.external_id, key, **more)
        assert plain(mine, *ids, keys=OF_PROJECT) == plain(theirs, *ids, keys=OF_PROJECT), (
            project.name,
            key,
        )


def test_rows_of_every_medium_are_equal_byte_for_byte(site: Site, far: Connection, tmp_path: Path):
    project, run = mirror(far, bring(site.installation, tmp_path / "all.ndjson", rows(), "Everything"))
    assert (run.mode, run.summary["created"], run.summary["refused_count"]) == (FULL, len(rows()), 0)
    must_be_equal(site, project, "coco_json", "csv")
    media = set(StoreRow.objects.filter(project=project).values_list("media_type", flat=True))
    assert media == {"image", "video", "text", "conversational", "document", "audio", "html", "llm", "geospatial"}


def test_the_demo_is_equal_but_for_statuses_of_which_labelbox_has_four(site: Site, far: Connection):
    listed = list_remote_projects(connection=far, actor=SHELL).offered
    assert site.project in {each.remote.external_id for each in listed}
    project, run = mirror(far, site.project)
    assert (project.name, run.summary["refused_count"]) == ("Demo", 0)
    ids = (project.public_id, project.external_id)
    asked = {"labels": "all", "include": WITHOUT_BACKUP}
    mine = here(project, "labelbox_ndjson", **asked)
    theirs = there(site.installation, project.external_id, "labelbox_ndjson", **asked)
    assert plain(mine, *ids, keys=OF_PROJECT) == plain(theirs, *ids, keys=OF_PROJECT)


def test_what_changed_and_what_is_gone(site: Site, far: Connection, tmp_path: Path):
    lines = rows()
    project, _ = mirror(far, bring(site.installation, tmp_path / "first.ndjson", lines, "Changing"))
    changed = rows()[2]
    changed["projects"]["p"]["project_details"]["priority"] = 7
    changed["data_row"]["details"]["last_activity_at"] = "2099-01-01T00:00:00.000+00:00"
    bring(site.installation, tmp_path / "second.ndjson", [changed], "Changing")
    run = again(project)
    assert (run.mode, run.summary["rows"], run.summary["updated"]) == (INCREMENTAL, 1, 1)
    must_be_equal(site, project)
    gone = lines[4]["data_row"]["global_key"]
    deleted = site.installation.run("delete_rows", project.external_id, "--global-key", gone, "--reason", "not ours")
    assert deleted.returncode == 0, deleted.stderr
    assert again(project, FULL).summary["gone"] == 1
    assert [stone.global_key for stone in StoreTombstone.objects.filter(project=project)] == [gone]
    must_be_equal(site, project)


class TestLabelboxHere(PlatformContract):
    """Our own platform in front of our own dialect."""

    @pytest.fixture
    def side(self, site: Site, far: Connection) -> Side:
        platform = LabelboxPlatform(far)
        count = platform.project(site.project).details["dataRowCount"]
        return Side(platform, site.project, count, lambda found, what: until(found, what, 120), has_masks=True)
