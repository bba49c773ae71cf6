"""A delivered export of a catalog as a source: its rows have the labels of any number of projects, and predictions."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import orjson

from connections.models import Project
from connections.rows.batch import BODY, SEVERAL, RowBatch
from connections.rows.body import join_body, named_project, render_body, render_labels, split_body
from connections.rows.counts import count_annotations, sum_of_counts
from connections.rows.experiments import KEY as EXPERIMENTS
from connections.rows.experiments import Run, RunOfRow, members_of
from connections.rows.frames import objects_of
from exports.delivery.snapshot import NOWHERE
from exports.models import Artifact, DeliveredRows
from exports.sources.catalog_rows import status_of_several
from exports.sources.snapshot import SnapshotReader, completed, status_of
from exports.spec.scope import Scope

Document = dict[str, Any]


class CatalogSnapshotReader(SnapshotReader):
    """One reading of the file, for a format that holds rows of one project, or (``columns`` has :data:`SEVERAL`) of
    several. ``parts`` are those of the conversion."""

    def __init__(
        self, artifact: Artifact, described: Mapping[str, Any], columns: frozenset[str], parts: Collection[str]
    ) -> None:
        super().__init__(artifact, described, columns - {SEVERAL})
        self._holds_several = SEVERAL in columns
        self._parts = parts
        settled = Scope.from_json(artifact.report.config).settled
        if settled is not None and len(settled.labels_of) == 1:
            (self.project_id,) = settled.labels_of
        found = dict(Project.objects.filter(public_id__in=described["origins"]).values_list("public_id", "pk"))
        # of a project that was deleted since nothing is kept
        self._projects = [found.get(public_id) for public_id in described["origins"]]
        delivered = DeliveredRows.objects.filter(report=artifact.report, revision__isnull=False).order_by()
        told = delivered.exclude(project=artifact.report.project_id).values_list("project", "revision").distinct()
        self.other_revisions = {pk: revision for pk, revision in told if revision is not None}

    def _batch(self, lines: list[bytes], numbers: Iterator[tuple[int, ...]]) -> RowBatch:
        told = [next(numbers, (0, 0)) for _ in lines]
        documents = [completed(orjson.loads(line)) for line in lines]
        of_one = [orjson.dumps(self._as_of_one(document)) for document in documents]
        batch = super()._batch(of_one, iter([each[:2] for each in told]))
        origins = [zip(self._projects, each[2:], strict=True) for each in told]
        batch.origins = [
            {pk: number for pk, number in origin if pk is not None and number != NOWHERE} for origin in origins
        ]
        batch.statuses = [
            status_of_several([status_of(project) for project in document["projects"].values()])
            for document in documents
        ]
        for place, document in enumerate(documents):
            if len(document["projects"]) > 1:
                self._add_up(batch, place, document)
        if any(EXPERIMENTS in document for document in documents):
            batch.experiments = [self._runs(document) for document in documents]
        if BODY in self._columns and self._holds_several:
            batch.bodies = [self._body(document, batch, place) for place, document in enumerate(documents)]
        return batch

    def _as_of_one(self, document: Document) -> Document:
        """The row as one of a single project, with the labels of all."""
        projects = list(document["projects"].values())
        labels = [label for project in projects for label in project["labels"]]
        first = projects[0] if projects else {"project_tags": [], "project_details": {}}
        one = {key: value for key, value in first.items() if key != "source_extra"} | {"labels": labels}
        return {**document, "projects": {next(iter(document["projects"]), self.project_id): one}}

    def _add_up(self, batch: RowBatch, place: int, document: Document) -> None:
        """What is counted of a row in several projects: of each apart, as what a row keeps of its source is."""
        counted = [
            count_annotations(self._of_project(document, each), self._classes, self._questions)
            for each in document["projects"]
        ]
        batch.class_counts[place] = sum_of_counts([each.text for each in counted])  # type: ignore[index]
        batch.annotation_counts[place] = sum(each.total for each in counted)  # type: ignore[index]
        batch.label_flags[place] = 0  # type: ignore[index]

    @staticmethod
    def _of_project(document: Document, project_id: str) -> Document:
        project = document["projects"][project_id]
        extra = project.get("source_extra") or (
            document.get("source_extra") if len(document["projects"]) == 1 else None
        )
        one = {key: value for key, value in document.items() if key not in ("source_extra", EXPERIMENTS)}
        return one | {"projects": {project_id: project}} | ({"source_extra": extra} if extra else {})

    def _body(self, document: Document, batch: RowBatch, place: int) -> bytes:
        """As :class:`exports.sources.catalog_rows.CatalogRows` puts it together."""
        entries, head, extra = [], b"", b""
        several = len(document["projects"]) > 1
        for public_id, project in document["projects"].items():
            head, entry, extra = split_body(render_body(self._of_project(document, public_id))[0])
            entries.append(named_project(entry, project["name"], extra if several else b""))
        if not entries:
            head, _, _ = split_body(render_body(self._as_of_one(document))[0])
        experiments = members_of(batch.experiments[place], self._parts) if batch.experiments else None
        return join_body(head, entries, b"" if several else extra, experiments)

    def _runs(self, document: Document) -> list[RunOfRow]:
        return [
            self._run(Run(model_id, model["name"], run_id, run["name"]), run)
            for model_id, model in document.get(EXPERIMENTS, {}).items()
            for run_id, run in model["runs"].items()
        ]

    def _run(self, run: Run, told: Document) -> RunOfRow:
        predictions = told.get("predictions")
        unscored = [
            [mark for mark in objects_of(label["annotations"]) if mark.get("confidence") is None]
            for label in predictions or ()
        ]
        return RunOfRow(
            run,
            told["run_data_row_id"],
            told.get("annotation_group_id", ""),
            told.get("split", ""),
            b"" if predictions is None else render_labels(predictions),
            self._counts(predictions or []),
            self._counts([{"annotations": {"objects": marks}} for marks in unscored]),
            labels=render_labels(told["labels"]),
        )

    def _counts(self, labels: list[Document]) -> str:
        return count_annotations({"projects": {"": {"labels": labels}}}, self._classes, self._questions).text
