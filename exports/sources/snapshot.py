"""A delivered export as a source: its rows, exactly as they were, for another format.

Of json and ndjson every row is parsed, and its fragments are rendered anew by the same functions that the store used,
so that what comes out has the bytes that an export of that moment would have had. Parts that the file left out are not
there. What another format holds of rows its importer reads (:attr:`exports.formats.base.Format.importer`); as long as
no row has changed since, the store has the same ones, and they are read from there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import orjson

from connections.rows.backup import render_backup
from connections.rows.batch import BODY, COCO, CSV, OntologyClass, RowBatch
from connections.rows.body import render_body
from connections.rows.coco import annotation_ids, render_coco
from connections.rows.coco_lists import render_lists
from connections.rows.counts import Counts, count_annotations, labels_of
from connections.rows.csv import render_csv
from connections.rows.labels import label_flags
from connections.rows.media_types import kinds_in, media_type_of
from connections.sinks.base import MANIFEST_NAME, DeliveredFileError
from connections.store.importers import IMPORTERS
from connections.store.importers.base import Importer
from connections.store.models import StoreProject
from connections.store.ontology import OntologyBook
from connections.store.row_document import complete_document
from exportadmin.lib.errors import ConflictError, PermanentError, TransientError, UserError
from exportadmin.lib.ids import derived_id
from exportadmin.lib.times import from_datetime
from exports.delivery import manifest, snapshot
from exports.delivery.destination import delivery_of
from exports.delivery.reading import open_delivered
from exports.delivery.verify import read_whole
from exports.formats import FORMATS
from exports.models import Artifact, ExportReport
from exports.results.reader import read_rows
from exports.sources.base import Reader, Source
from exports.sources.store import StoreSource
from exports.spec.conversion import is_convertible
from exports.spec.labels import ALL
from exports.spec.scope import KEY as SCOPE
from exports.spec.selection import Selection

# rows are parsed: a batch is closed at this many, or so many bytes
BATCH_ROWS: Final = 200
BATCH_BYTES: Final = 1 << 18
# a review status that the file does not say, since it left the project's details out
UNKNOWN_STATUS: Final = "unknown"


class SnapshotSource(Source):
    """Reads one delivered report. Its rows and their labels were chosen when it ran: no condition is tested again."""

    key = "snapshot"
    title = "A delivered export"
    pushed_down = frozenset()

    def __init__(self, report: ExportReport) -> None:
        super().__init__(report.project)
        self.report = report

    def undecided(self, selection: Selection) -> Selection:
        return Selection(selection.project_id, parts=selection.parts, labels=ALL)

    @contextmanager
    def open(self, selection: Selection, columns: frozenset[str]) -> Iterator[Reader]:
        """Raises :class:`PermanentError` when the file or its manifest are not what was delivered."""
        artifact, described = _as_delivered(self.report)
        if importer := FORMATS.pick(self.report.format).importer:
            yield ImportedReader(artifact, described, columns, IMPORTERS.pick(importer))
        elif self.report.config.get(SCOPE):
            from exports.sources.catalog_snapshot import CatalogSnapshotReader

            yield CatalogSnapshotReader(artifact, described, columns, selection.parts)
        else:
            yield SnapshotReader(artifact, described, columns)


def _as_delivered(report: ExportReport) -> tuple[Artifact, Mapping[str, Any]]:
    """The file of rows and the manifest's ``snapshot``, both checked against what the database knows."""
    if not is_convertible(report):
        raise ConflictError(f"report {report.report_id} is {report.format}: its rows cannot be read back")
    is_imported = bool(FORMATS.pick(report.format).importer)
    files = report.artifacts.all() if is_imported else report.artifacts.filter(lines__isnull=False)
    artifact = files.order_by("pk").first()
    if not report.is_delivered or artifact is None:
        raise PermanentError(f"report {report.report_id} has no file of rows")
    try:
        raw = read_whole(delivery_of(report), MANIFEST_NAME)
        described = manifest.read(raw).get("snapshot")
        with open_delivered(artifact) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except DeliveredFileError as error:
        raise PermanentError(f"{MANIFEST_NAME} of report {report.report_id} {error}") from None
    except OSError as error:
        raise PermanentError(f"files of report {report.report_id} cannot be read: {error.strerror or error}") from None
    except UserError as error:
        raise PermanentError(f"report {report.report_id}: {error}") from None
    if digest != artifact.sha256 or hashlib.sha256(raw).hexdigest() != report.manifest_sha256:
        changed = artifact.name if digest != artifact.sha256 else MANIFEST_NAME
        raise PermanentError(f"{changed} of report {report.report_id} is not what was delivered: it was changed since")
    if not isinstance(described, dict):
        raise PermanentError(f"{MANIFEST_NAME} of report {report.report_id} does not say what reading it back takes")
    return artifact, described


class SnapshotReader:
    """One reading of the file."""

    def __init__(self, artifact: Artifact, described: Mapping[str, Any], columns: frozenset[str]) -> None:
        self._artifact = artifact
        self._columns = columns
        self._numbers: str = described["numbers"]
        self._origins = len(described.get("origins", ()))
        self.project_id: str = artifact.report.project.public_id
        self.project_name: str = described["project_name"]
        self.ontology: Sequence[OntologyClass] = snapshot.ontology_of(described)
        self.project_extra: Mapping[str, Any] = snapshot.project_extra_of(described)
        self._classes = {one.name: one.number for one in self.ontology if not one.is_question}
        self._questions = {one.name: one.number for one in self.ontology if one.is_question}
        self.rows_expected: int | None = artifact.lines
        self.dropped_at_source: Mapping[str, int] = {}
        self.removed_since: int | None = None
        self.revision = artifact.report.revision
        self.other_revisions: Mapping[int, int] = {}
        self._lines: dict[int, bytes] = {}

    def batches(self) -> Iterator[RowBatch]:
        """Rows in the order of the file."""
        numbers = snapshot.read_numbers(self._numbers, self._origins)
        lines: list[bytes] = []
        size = 0
        with closing(self._read()) as stream:
            for line in stream:
                lines.append(line)
                size += len(line)
                if len(lines) == BATCH_ROWS or size > BATCH_BYTES:
                    yield self._batch(lines, numbers)
                    lines, size = [], 0
        if lines:
            yield self._batch(lines, numbers)

    def _read(self) -> Generator[bytes, None, None]:
        """Row by row, as JSON."""
        with closing(read_rows(self._artifact)) as stream:
            yield from stream.lines()

    def documents(self, numbers: Sequence[int]) -> Iterator[dict[str, Any]]:
        """See :class:`exports.sources.base.Reader`."""
        return (completed(orjson.loads(self._lines[number])) for number in numbers)

    def choose_labels(self, cannot_hold: Collection[str]) -> None:
        """See :class:`exports.sources.base.Reader`."""
        return

    def _batch(self, lines: list[bytes], numbers: Iterator[tuple[int, ...]]) -> RowBatch:
        pairs = [next(numbers, (0, 0)) for _ in lines]
        documents = [completed(orjson.loads(line)) for line in lines]
        self._lines = dict(zip((number for number, _ in pairs), lines, strict=True))
        try:
            counted = [count_annotations(document, self._classes, self._questions) for document in documents]
            batch = RowBatch(
                row_ids=[document["data_row"]["id"] for document in documents],
                global_keys=[document["data_row"]["global_key"] for document in documents],
                statuses=[status_of(project) for document in documents for project in document["projects"].values()],
                # no condition is tested, so nobody asks for batches and times
                label_times=[" ".join("0" * len(labels_of(document))) for document in documents],
                annotation_counts=[each.total for each in counted],
                class_counts=[each.text for each in counted],
                numbers=[number for number, _ in pairs],
                annotation_starts=[start for _, start in pairs],
                label_flags=[label_flags(labels_of(document)) for document in documents],
                media_types=[_media_type(document) for document in documents],
            )
            self._add_groups(batch, documents, counted)
        except KeyError as error:
            raise PermanentError(f"a row of {self._artifact.name} cannot be read back: {error} is missing") from None
        return batch

    def _add_groups(self, batch: RowBatch, documents: list[dict[str, Any]], counted: list[Counts]) -> None:
        # a source that handed out no annotation ids left the rendering to the writer, which counts from 1
        has_ids = any(batch.annotation_starts)
        starts = zip(documents, batch.annotation_starts, strict=True)
        ids = [annotation_ids(document, start) for document, start in starts]
        if BODY in self._columns or not has_ids:
            bodies = [
                render_body(
                    document, render_backup(document, number, counts, self._classes, self._questions, ids_of_row)
                )
                for document, number, counts, ids_of_row in zip(documents, batch.numbers, counted, ids, strict=True)
            ]
            batch.bodies = [body for body, _ in bodies]
            if any(embeddings != b"[]" for _, embeddings in bodies):
                batch.embeddings = [embeddings for _, embeddings in bodies]
        if COCO in self._columns and has_ids:
            drawn = [
                render_coco(document, number=number, ids=ids_of_row, class_numbers=self._classes)
                for document, number, ids_of_row in zip(documents, batch.numbers, ids, strict=True)
            ]
            batch.coco_images = [image for image, _ in drawn]
            batch.coco_annotations = [annotations for _, annotations in drawn]
            batch.coco_lists = [
                render_lists(document, number=number) for document, number in zip(documents, batch.numbers, strict=True)
            ]
        if CSV in self._columns:
            lines = [
                render_csv(document, number=number) for document, number in zip(documents, batch.numbers, strict=True)
            ]
            batch.csv_exact = [exact for exact, _ in lines]
            batch.csv_safe = [safe or exact for exact, safe in lines]


class ImportedReader(SnapshotReader):
    """One whose rows its format's importer reads: of them it has what the format holds."""

    def __init__(
        self,
        artifact: Artifact,
        described: Mapping[str, Any],
        columns: frozenset[str],
        importer: type[Importer],
    ) -> None:
        super().__init__(artifact, described, columns)
        project = artifact.report.project
        self.rows_expected = artifact.report.rows_done
        self._project_id = project.public_id
        self._book = OntologyBook(project)  # numbers are for ever; what is new in it is not saved
        self._importer = importer(
            Path(artifact.name),
            default_status=None,
            project_key=project.public_id,
            open_file=lambda: cast(BinaryIO, open_delivered(artifact)),
        )
        self._made_ms = from_datetime(artifact.report.created_at)

    def _read(self) -> Generator[bytes, None, None]:
        for row in self._importer.rows():
            times = [ms for ms in (row.created_ms, row.updated_ms, row.activity_ms) if ms is not None]
            when = max(times, default=self._made_ms)
            document, _ = complete_document(
                row,
                row.row_id or derived_id(self._project_id, row.key),
                self._project_id,
                self._book,
                created_ms=when if row.created_ms is None else row.created_ms,
                updated_ms=when if row.updated_ms is None else row.updated_ms,
                activity_ms=when if row.activity_ms is None else row.activity_ms,
                now_ms=self._made_ms,
                old_label_times=[],
            )
            yield orjson.dumps(document)
        for refused in self._importer.refused:
            raise PermanentError(f"{self._artifact.name} cannot be read back: {refused.position}: {refused.reason}")


class UnchangedStoreSource(StoreSource):
    """The store, where no row has come, changed or gone since the report read it: the same rows, the short way."""

    key = "unchanged"

    def __init__(self, report: ExportReport) -> None:
        super().__init__(report.project)
        self.report = report

    @classmethod
    def is_possible(cls, report: ExportReport, options: Mapping[str, str]) -> bool:
        """For a conversion with these ``options``. What options left out of its file stays out only by the same, and
        rows that its format refused are not in it whatever another one would take."""
        if any((report.check_values or {}).get("rows_refused", {}).values()):
            return False
        revision = StoreProject.objects.filter(project=report.project).values_list("revision", flat=True).first()
        chosen = FORMATS.pick(report.format).left_out(report.config["options"])
        return revision == report.revision and all(options.get(key) == value for key, value in chosen.items())

    @contextmanager
    def open(self, selection: Selection, columns: frozenset[str]) -> Iterator[Reader]:
        """Raises :class:`TransientError` where rows have changed in the last moment: then the file is read."""
        with super().open(selection, columns) as reader:
            if reader.revision != self.report.revision:
                raise TransientError(f"rows changed since report {self.report.report_id}: its file is read instead")
            yield reader


def completed(document: dict[str, Any]) -> dict[str, Any]:
    """Parts that the file left out as if the row had none: they are left out again."""
    document["data_row"].setdefault("details", {})
    for part in ("attachments", "metadata_fields", "embeddings"):
        document.setdefault(part, [])
    for project in document["projects"].values():
        project.setdefault("project_details", {})
        for label in project["labels"]:
            label.setdefault("label_details", {})
            label.setdefault("performance_details", {})
    return document


def _media_type(document: Mapping[str, Any]) -> str:
    kinds = (kind for label in labels_of(document) for kind in kinds_in(label["annotations"]))
    return media_type_of(document["media_attributes"], document["data_row"].get("row_data") or "", kinds)


def status_of(project: Mapping[str, Any]) -> str:
    """The review status in the entry of a row's project."""
    status: str = project["project_details"].get("workflow_status", UNKNOWN_STATUS)
    return status
