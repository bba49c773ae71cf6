"""Complete rows as ``json`` and ``ndjson`` print them; the first of a file has the project's backup."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import orjson

from connections.rows.backup import PART, project_backup, with_project
from connections.rows.batch import RowBatch
from connections.rows.body import BodyPrinter
from connections.rows.experiments import labels_shown, with_experiments
from connections.rows.frames import answers_of, objects_of
from connections.rows.kinds import CLASSIFICATION, KINDS
from exports.formats.base import FormatContext, Told


def printed_bodies(batch: RowBatch, parts: Collection[str], *, is_of_run: bool) -> Sequence[bytes]:
    """Marked bodies; ``is_of_run``: with the model runs of each row in the place of its projects. (Of a catalog the
    reader puts them beside those.)"""
    return with_experiments(batch.bodies, batch.experiments, parts) if is_of_run else batch.bodies


class CompleteRows:
    """The rows of one file, with these parts."""

    def __init__(self, context: FormatContext, parts: frozenset[str]) -> None:
        self._printer = BodyPrinter(parts, context.project_name)
        # without the optional parts, which hold no annotation and may be large
        self._bare = BodyPrinter(frozenset(), "")
        self._parts, self._is_of_run = parts, context.is_of_run
        self._last: Sequence[bytes] = ()
        self._project = project_backup(context.ontology, context.project_extra) if PART in parts else None

    def join(self, batch: RowBatch, separator: bytes) -> bytes:
        """The next rows with ``separator`` between them."""
        bodies = self._last = printed_bodies(batch, self._parts, is_of_run=self._is_of_run)
        if self._project is not None:
            bodies, self._project = with_project(bodies, self._project), None
        return self._printer.join(bodies, batch.embeddings, separator)

    def read_back(self, index: int) -> Counter[Told]:
        """As :meth:`exports.formats.base.Format.read_back`."""
        document = orjson.loads(self._bare.join(self._last[index : index + 1], (), b""))
        found: Counter[Told] = Counter()
        projects = [] if self._is_of_run else document["projects"].values()
        labels = [label for project in projects for label in project["labels"]]
        for label in labels_shown(document) if self._is_of_run else labels:
            annotations = label["annotations"]
            found.update((KINDS.of_mark(mark).key, mark["name"]) for mark in objects_of(annotations))
            found.update((CLASSIFICATION.key, answer["name"]) for answer in answers_of(annotations))
        return found
