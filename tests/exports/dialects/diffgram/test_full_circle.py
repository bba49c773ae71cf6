"""Two installations: one mirrors the other through the Diffgram dialect, and has the same rows and bytes.

What Diffgram's shape does not hold of a row our own diffgram_json carries beside (:mod:`connections.rows.diffgram`);
only embeddings are in neither. What is derived from a project's id is each installation's own.
"""

from __future__ import annotations

import json
from urllib.parse import urlsplit

import pytest

from connections.connection_actions import create_connection
from connections.models import Connection, Project
from connections.store.models import StoreRow
from connections.sync.actions import list_remote_projects, mirror_project
from tests.exports.dialects.labellerr.conftest import Site
from tests.exports.dialects.labellerr.conftest import site as far_site  # noqa: F401 - a fixture
from tests.exports.dialects.labellerr.test_full_circle import WITHOUT_EMBEDDINGS, mirror
from tests.rest.world import SHELL
from tests.support.full_circle import again, here, plain, there

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.usefixtures("near_home")]


@pytest.fixture
def far(far_site: Site, db: None) -> Connection:  # noqa: F811
    """The other installation, as Diffgram."""
    return create_connection(
        kind="diffgram",
        name="The other one",
        config={
            "base_address": f"{far_site.address}/dialects/diffgram",
            "project_string_id": far_site.project_id,
            "client_id": far_site.token["token_id"],
            "private_address": urlsplit(far_site.address).netloc,
        },
        secrets={"client_secret": far_site.token["key"]},
        actor=SHELL,
    )


def must_be_equal(site: Site, project: Project) -> None:
    ids = (project.public_id, site.project_id)
    for key in ("csv", "coco_json", "png"):
        assert here(project, key) == there(site.installation, site.project_id, key), key
    asked = {"labels": "all", "include": WITHOUT_EMBEDDINGS}
    mine, theirs = here(project, "ndjson", **asked), there(site.installation, site.project_id, "ndjson", **asked)
    for one, two in zip(plain(mine, *ids).splitlines(), plain(theirs, *ids).splitlines(), strict=True):
        assert json.loads(one) == json.loads(two)


def test_the_demo(far_site: Site, far: Connection):  # noqa: F811
    """By the directory that is all of it; a batch of it is a job, whose rows are the same."""
    listed = {one.remote.external_id: one.remote for one in list_remote_projects(connection=far, actor=SHELL).offered}
    whole = next(key for key, one in listed.items() if one.name.startswith("Demo ("))
    project = mirror_project(connection=far, external_id=whole, actor=SHELL, name="Demo")  # COCO says it
    run = again(project)
    assert run.summary["refused_count"] == 0
    assert not [note for note in run.summary["notes"] if "not what their entry says" in note["text"]]
    must_be_equal(far_site, project)
    assert again(project).summary["unchanged"] == run.summary["rows"]
    of_batch = StoreRow.objects.filter(project=project).exclude(batch_id="")
    jobs = [key for key in listed if key.startswith("job:")]
    if jobs:
        job, run = mirror(far, jobs[0])
        mine = set(StoreRow.objects.filter(project=job).values_list("global_key", "digest"))
        assert mine and mine <= set(of_batch.values_list("global_key", "digest"))
