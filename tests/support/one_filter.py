"""One filter over mirrors of several platforms which hold the same rows: the same rows come of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from connections.connection_actions import create_connection
from connections.models import Project
from connections.platforms import PLATFORMS
from connections.sync.actions import mirror_project, sync_now
from exportadmin.runs import statuses
from exports.sources import source_of
from exports.sources.labels import LabelFilter
from exports.spec.applied import HOW, IMPOSSIBLE, applied_conditions
from exports.spec.filters import RowFilter
from exports.spec.spec import ExportSpec
from tests.rest.world import SHELL
from tests.support.diffgram_server import DiffgramServer
from tests.support.label_studio_server import LabelStudioServer
from tests.support.labelbox_server import LabelboxServer
from tests.support.labellerr_server import LabellerrServer
from tests.support.same_rows import (
    SameRow,
    as_diffgram,
    as_label_studio,
    as_labelbox,
    as_labellerr,
    filters,
    kept,
    same_rows,
)


@dataclass
class SameProject:
    """A mirror of a platform that holds the rows; ``row_id`` is what it calls them."""

    project: Project
    row_id: Callable[[int], str]

    @classmethod
    def mirrored(cls, server: Any, kind: str, external_id: str, row_id: Callable[[int], str]) -> SameProject:
        connection = create_connection(kind=kind, name=kind, config=server.config, secrets=server.secrets, actor=SHELL)
        project = mirror_project(connection=connection, external_id=external_id, actor=SHELL)
        run = sync_now(project=project, actor=SHELL)
        assert (run.status, run.error) == (statuses.COMPLETED, "")
        return cls(project, row_id)

    def spec(self, wanted: Mapping[str, Any]) -> ExportSpec:
        """An export with the filter in this project's words."""
        given = dict(wanted)
        if "numbers" in given:
            given["data_row_ids"] = [self.row_id(number) for number in given.pop("numbers")]
        beside = {key: given.pop(key) for key in ("statuses",) if key in given}
        return ExportSpec.parse({"format": "json", "filter": given, **beside}, self.project)


Mirrors = Callable[[int], list[SameProject]]


@pytest.fixture
def mirrors(
    labellerr_server: LabellerrServer,
    label_studio_server: LabelStudioServer,
    labelbox_server: LabelboxServer,
    diffgram_server: DiffgramServer,
    tmp_path: Path,
    settings: Any,
) -> Mirrors:
    """So many of the same rows, mirrored from every platform."""
    settings.EXPORTADMIN_HOME = tmp_path

    def make(count: int) -> list[SameProject]:
        rows = same_rows(count)
        labellerr_server.serve("one", [as_labellerr(row) for row in rows])
        label_studio_server.serve(1, [as_label_studio(row) for row in rows])
        labelbox_server.serve("one", [as_labelbox(row) for row in rows])
        diffgram_server.serve({row.number: as_diffgram(row) for row in rows})
        return [
            SameProject.mirrored(labellerr_server, "labellerr", "one", "file-{}".format),
            SameProject.mirrored(label_studio_server, "label_studio", "1", str),
            SameProject.mirrored(labelbox_server, "labelbox", "one", "row-{}".format),
            SameProject.mirrored(diffgram_server, "diffgram", "job:42", str),
        ]

    return make


def check_filters(projects: list[SameProject], count: int, examples: int) -> None:
    """So many filters over the mirrors of ``count`` rows, the same ones each time."""
    rows = same_rows(count)

    @hypothesis.settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(filters(count))
    def check(wanted: Mapping[str, Any]) -> None:
        check_filter(rows, projects, wanted)

    check()


def check_filter(rows: list[SameRow], projects: list[SameProject], wanted: Mapping[str, Any]) -> None:
    """What a platform does not tell has to be said, and is left out then."""
    for same in projects:
        platform = PLATFORMS[same.project.connection.kind]
        told = applied_conditions(
            same.project, same.spec(wanted).selection, source_of(same.project).pushed_down, rows_kept=0
        )
        assert all(one["applied"] in HOW for one in told)
        assert {one["key"] for one in told if one["applied"] == IMPOSSIBLE} == platform.untold.keys() & wanted.keys()
        not_told = platform.untold.keys() | platform.stand_ins.keys()
        possible = {key: value for key, value in wanted.items() if key not in not_told}
        assert _ids(same, possible) == {same.row_id(number) for number in kept(rows, possible)}, same.project


def _ids(same: SameProject, wanted: Mapping[str, Any]) -> set[str]:
    """As an export reads them."""
    selection, source = same.spec(wanted).selection, source_of(same.project)
    found: set[str] = set()
    with source.open(selection, frozenset()) as reader:
        row_filter, label_filter = RowFilter(selection, source.pushed_down), LabelFilter(selection, reader, ())
        for batch in reader.batches():
            found.update(label_filter.apply(row_filter.apply(batch)).row_ids)
    return found
