"""Two installations: one mirrors the other through the Labellerr dialect, and has the same rows and bytes.

What Labellerr's shape does not hold of a row our own json for it carries beside (:mod:`connections.rows.labellerr`);
only embeddings are in neither. What is derived from a project's id (the ids of questions in labellerr_json, those of
ontology, data sets and schemas in ours) is each installation's own.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from connections.connection_actions import create_connection
from connections.models import Connection, Project
from connections.platforms.labellerr import names
from connections.rows.batch import PARTS
from connections.store.models import StoreRow, StoreTombstone
from connections.sync.actions import list_remote_projects, mirror_project
from connections.sync.models import FULL, INCREMENTAL, SyncRun
from tests.exports.dialects.labellerr.conftest import Site
from tests.rest.world import SHELL
from tests.support.full_circle import again, here, plain, there

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.usefixtures("near_home")]
WITHOUT_EMBEDDINGS = [part for part in PARTS if part != "embeddings"]


@pytest.fixture
def far(site: Site, db: None) -> Connection:
    """The other installation, as Labellerr."""
    return create_connection(
        kind="labellerr",
        name="The other one",
        config={
            "base_address": f"{site.address}/dialects/labellerr",
            "client_id": "1234",
            "private_address": urlsplit(site.address).netloc,
        },
        secrets={"api_key": site.token["token_id"], "api_secret": site.token["key"]},
        actor=SHELL,
    )


def bring(site: Site, path: Path, name: str) -> str:
    """Import a file there: the project's id."""
    result = site.installation.run("import_rows", str(path), "--project", name, "--json", timeout=400)
    return str(json.loads(result.stdout)["project"]["id"])


def mirror(far: Connection, project_id: str) -> tuple[Project, SyncRun]:
    project = mirror_project(connection=far, external_id=project_id, actor=SHELL)
    return project, again(project)


def must_be_equal(site: Site, project: Project) -> None:
    ids = (project.public_id, project.external_id)
    for key in ("csv", "coco_json", "png", "labellerr_json"):
        mine, theirs = here(project, key), there(site.installation, project.external_id, key)
        if key == "labellerr_json":
            mine, theirs = plain(mine, *ids), plain(theirs, *ids)
        assert mine == theirs, (project.name, key)
    asked = {"labels": "all", "include": WITHOUT_EMBEDDINGS}
    mine, theirs = here(project, "ndjson", **asked), there(site.installation, project.external_id, "ndjson", **asked)
    for one, two in zip(plain(mine, *ids).splitlines(), plain(theirs, *ids).splitlines(), strict=True):
        assert json.loads(one) == json.loads(two)


def test_the_demo(site: Site, far: Connection):
    listed = list_remote_projects(connection=far, actor=SHELL).offered
    assert site.project_id in {each.remote.external_id for each in listed}
    project, run = mirror(far, site.project_id)
    assert (project.name, run.mode, run.summary["refused_count"]) == ("Demo", FULL, 0)
    assert run.summary["not_understood"]["annotations of kind ImageEllipse, kept as they are"] == 5
    must_be_equal(site, project)


def test_taco(site: Site, far: Connection, shared: Path):
    project, run = mirror(far, bring(site, shared / "data" / "taco.coco.json", "TACO"))
    assert (run.summary["created"], run.summary["annotations"]) == (1500, 4784)
    must_be_equal(site, project)


def test_tasks_of_every_form(site: Site, far: Connection, shared: Path, tmp_path: Path):
    path = tmp_path / "edge.json"
    tool = shared / "tools" / "gen_label_studio_tasks.py"
    subprocess.run([sys.executable, str(tool), "400", str(path), "--mix", "edge"], check=True)
    project, run = mirror(far, bring(site, path, "Edge"))
    assert run.summary["created"] == 400
    must_be_equal(site, project)


def row(number: int, status: str, updated: datetime) -> dict[str, Any]:
    """A line of ndjson that says when it changed."""
    return {
        "data_row": {
            "id": f"row-{number}",
            "global_key": f"{number}.jpg",
            "row_data": f"{number}.jpg",
            "details": {"updated_at": updated.isoformat()},
        },
        "projects": {
            "p": {
                "project_details": {"workflow_status": status},
                "labels": [
                    {
                        "annotations": {
                            "objects": [
                                {"name": "car", "annotation_kind": "ImagePoint", "point": {"x": number, "y": 2.5}}
                            ]
                        }
                    }
                ],
            }
        },
    }


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_fifteen_statuses_changes_and_what_is_gone(site: Site, far: Connection, tmp_path: Path):
    """An incremental sync brings what a comparison of all rows finds, and a full one leaves a tombstone for each row
    that is gone."""
    ours = ["to_label" if word == "None" else word for word in names.STATUSES]
    assert len(ours) == 15
    before = datetime.now(UTC) - timedelta(days=1)
    rows = [row(number, ours[number % 15], before) for number in range(60)]
    project, run = mirror(far, bring(site, written(tmp_path / "first.ndjson", rows), "Statuses"))
    found = StoreRow.objects.filter(project=project)
    assert dict(found.values_list("global_key", "status")) == {f"{n}.jpg": ours[n % 15] for n in range(60)}
    must_be_equal(site, project)

    chance = random.Random(11)
    changed = sorted(chance.sample(range(60), 9))
    now = datetime.now(UTC) + timedelta(seconds=2)
    for number in changed:
        rows[number] = row(number, ours[(number + 1) % 15], now)
    rows += [row(number, "review", now) for number in range(60, 63)]
    bring(site, written(tmp_path / "second.ndjson", rows), "Statuses")
    known = dict(found.values_list("global_key", "digest"))
    run = again(project)
    assert run.mode == INCREMENTAL
    assert (run.summary["rows"], run.summary["updated"], run.summary["created"]) == (12, 9, 3)
    differing = {key for key, digest in found.values_list("global_key", "digest") if known.get(key) != digest}
    assert differing == {f"{number}.jpg" for number in [*changed, 60, 61, 62]}
    must_be_equal(site, project)

    gone = {"3.jpg", "17.jpg", "61.jpg"}
    keys = [word for key in sorted(gone) for word in ("--global-key", key)]
    deleted = site.installation.run("delete_rows", project.external_id, *keys, "--reason", "not ours")
    assert deleted.returncode == 0, deleted.stderr
    assert again(project).summary["gone"] == 0
    run = again(project, FULL)
    assert run.summary["gone"] == 3
    stones = StoreTombstone.objects.filter(project=project)
    assert {stone.global_key for stone in stones} == gone
    must_be_equal(site, project)
