"""Rows of several projects, datasets, slices and model runs, mirrored from another installation: the same rows and
bytes as there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import pytest

from connections.models import Connection, Project
from connections.rows.batch import PARTS, PREDICTIONS, RUN_PARTS
from connections.sync.actions import change_mirror
from connections.sync.models import FULL
from tests.exports.dialects.labelbox.circle import bring, connect, mirror
from tests.exports.dialects.labelbox.rows import rows, with_consensus
from tests.platforms.labelbox.conftest import Site
from tests.rest.world import SHELL
from tests.support.full_circle import again, here, plain, there

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("near_home")]
RUN, NAMES = "run-circle", ("Alpha circle", "Beta circle")
DATASET: Final = {"kind": "dataset", "id": "ds-1"}
SLICE: Final = """
from connections.models import Project
from exports.models import Slice
wanted = {"data_row_ids": ["row-1", "row-3", "row-9"]}
print(Slice.objects.create(project=Project.objects.get(name="Alpha circle"), name="Three", filter=wanted).public_id)
"""
# "backup" has the ontology's numbers, which another installation gives anew
WHOLE: Final[dict[str, Any]] = {"labels": "all", "include": [part for part in PARTS if part != "backup"]}
OF_DATA_ROWS: Final = ("data_row", "media_attributes", "attachments", "metadata_fields", "embeddings")


@dataclass
class There:
    """Two projects of another installation, by id, of which the second has every other data row of the first; a slice
    of three of them."""

    site: Site
    ids: list[str]
    slice_id: str

    def file(self, key: str, **asked: Any) -> bytes:
        return self._named(there(self.site.installation, self.ids[0], key, **asked))

    def file_here(self, project: Project, *others: Project, key: str, **asked: Any) -> bytes:
        """Of mirrors, as if they were called as they are there."""
        made = here(project, key, **asked)
        for one, identity, name in zip([project, *others], self.ids, NAMES, strict=False):
            made = made.replace(one.public_id.encode(), identity.encode()).replace(one.name.encode(), name.encode())
        return self._named(made)

    def _named(self, data: bytes) -> bytes:
        return plain(data, keys=("ontology_id",))


@pytest.fixture(scope="session")
def far(growing_site: Site, tmp_path_factory: pytest.TempPathFactory) -> There:
    second = rows()[::2]
    for line in second:
        line["projects"]["p"]["project_details"]["batch_id"] = "batch-2"
        for label in line["projects"]["p"]["labels"]:
            label["id"] = f"other-{label['id']}"
    path = tmp_path_factory.mktemp("circle") / "rows.ndjson"
    lines = (with_consensus(rows(), "model-circle", RUN), second)
    ids = [bring(growing_site.installation, path, *each) for each in zip(lines, NAMES, strict=True)]
    made = growing_site.installation.run("shell", "--no-imports", "-c", SLICE)
    assert made.returncode == 0, made.stderr
    return There(growing_site, ids, made.stdout.strip())


@pytest.fixture
def connection(far: There, db: None) -> Connection:
    return connect(far.site.address, far.site.key)


def test_labels_of_several_people_and_of_several_projects(far: There, connection: Connection):
    near = [mirror(connection, identity)[0] for identity in far.ids]
    for key in ("ndjson", "labelbox_ndjson", "csv", "coco_json"):
        asked = WHOLE if "ndjson" in key else {}
        assert far.file_here(near[0], key=key, **asked) == far.file(key, **asked)
    scope = WHOLE | {"scope": DATASET}
    for key in ("ndjson", "labelbox_ndjson"):
        mine = far.file_here(*near, key=key, **scope, project_ids=[one.public_id for one in near])
        assert mine == far.file(key, **scope, project_ids=far.ids)
    assert b"other-label-3" in mine and b"label-3-again" in mine


def test_a_dataset_with_a_model_run(far: There, connection: Connection):
    first = far.ids[0]
    near, run = mirror(connection, "dataset:ds-1", project_ids=[first], model_run_ids=[RUN])
    assert run.summary["refused_count"] == 0
    asked = WHOLE | {"scope": DATASET, "model_run_ids": [RUN], "include": [*WHOLE["include"], PREDICTIONS]}
    for key in ("ndjson", "labelbox_ndjson"):
        mine = far.file_here(near, key=key, **asked, project_ids=[near.public_id])
        assert mine == far.file(key, **asked, project_ids=[first])
    assert b'"confidence":0.75' in mine
    for key in ("csv", "coco_json"):
        assert far.file_here(near, key=key) == far.file(key, scope=DATASET, project_ids=[first])

    change_mirror(project=near, actor=SHELL, options={"project_ids": far.ids, "model_run_ids": []})
    again(near, FULL)
    mine = far.file_here(near, key="labelbox_ndjson", **WHOLE)
    theirs = far.file("labelbox_ndjson", **WHOLE, scope=DATASET, project_ids=far.ids)
    for one, two in zip(map(json.loads, mine.splitlines()), map(json.loads, theirs.splitlines()), strict=True):
        # labels of a second project are carried
        one["projects"] |= one.pop("source_extra", {}).get("projects", {})
        assert one == two

    change_mirror(project=near, actor=SHELL, options={"project_ids": []})
    again(near, FULL)
    mine = far.file_here(near, key="ndjson", **WHOLE)
    theirs = far.file("ndjson", **WHOLE, scope=DATASET)
    for one, two in zip(map(json.loads, mine.splitlines()), map(json.loads, theirs.splitlines()), strict=True):
        assert one["projects"][first]["labels"] == [] and not two.get("projects")
        assert {name: one[name] for name in OF_DATA_ROWS} == {name: two[name] for name in OF_DATA_ROWS}


def test_a_slice_and_a_model_run(far: There, connection: Connection):
    sliced, _ = mirror(connection, f"slice:{far.slice_id}", project_ids=far.ids[:1])
    of_run, _ = mirror(connection, f"model_run:{RUN}")
    scope = {"kind": "slice", "id": far.slice_id}
    of_runs: dict[str, Any] = {
        "labels": "all",
        "scope": {"kind": "model_run", "id": RUN},
        "include": ["data_row_details", *OF_DATA_ROWS[2:], *RUN_PARTS],
    }
    for key in ("ndjson", "labelbox_ndjson"):
        mine = far.file_here(sliced, key=key, **WHOLE)
        assert mine == far.file(key, **WHOLE, scope=scope, project_ids=far.ids[:1]) and mine.count(b"\n") == 3
        mine = far.file_here(of_run, key=key, **of_runs)
        assert mine == far.file(key, **of_runs)
    assert b'"split":"Validation"' in mine and b'"annotation_group_id"' in mine
