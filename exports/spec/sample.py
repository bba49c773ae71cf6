"""A sample of an export: the first rows, really written, to learn their size and pace and to show how they look."""

from __future__ import annotations

import io
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from connections.models import Project
from connections.rows.batch import RowBatch
from exportadmin.lib.errors import PermanentError, UserError
from exportadmin.lib.heavy import check_time
from exports.formats import FORMATS
from exports.formats.base import Format, FormatContext, RefusedRow
from exports.sources import source_of
from exports.sources.labels import LabelFilter
from exports.spec.filters import RowFilter
from exports.spec.scope import MODEL_RUN
from exports.spec.spec import ExportSpec

# rows that are written to learn how large one is; rows and bytes that are shown
SAMPLE_ROWS: Final = 200
# a sample is an estimate: no more rows are written once it has taken so long
SAMPLE_SECONDS: Final = 3.0
SHOWN_ROWS: Final = 3
SHOWN_BYTES: Final = 4_096
SHOWN_FRAME_BYTES: Final = 600


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of the file as text, and how many bytes after it are not shown."""

    text: str
    left_out: int


@dataclass(frozen=True, slots=True)
class Sample:
    """``rows`` were written as ``bytes`` (of which ``embeddings``) in ``seconds``; ``frame`` are the bytes around them.

    ``pieces`` (begin, first rows, end) show a text format, ``members`` (name, bytes) what a zip holds of those rows.
    ``of_projects``: of the first rows that can be seen, how many each project has, by its key, where rows are of
    several. ``refused`` are those that the format cannot hold. ``error``: writing them failed with these words, as the
    export would.
    """

    rows: int = 0
    bytes: int = 0
    frame: int = 0
    embeddings: int = 0
    seconds: float = 0.0
    pieces: tuple[Piece, ...] = ()
    members: tuple[tuple[str, int], ...] = ()
    of_projects: Mapping[int, int] = field(default_factory=dict)
    refused: tuple[RefusedRow, ...] = ()
    error: str = ""

    def bytes_of(self, rows: int) -> int:
        """Expected of so many rows."""
        return self.frame + (self.bytes * rows // self.rows if self.rows else 0)

    @property
    def shown(self) -> int:
        """Rows of which something can be seen."""
        return min(SHOWN_ROWS, self.rows) if self.pieces or self.members else 0

    @property
    def embeddings_share(self) -> float:
        """0 to 1, of the rows' bytes."""
        return self.embeddings / self.bytes if self.bytes else 0.0


def draw_sample(project: Project, spec: ExportSpec) -> Sample:
    """Write the first rows, and keep none of it. Raises what reading raises; what writing raises is in ``error``."""
    selection = spec.selection
    writer_class = FORMATS.pick(spec.format)
    columns = writer_class.reads(spec.options)
    source = source_of(project, selection.scope)
    began = time.perf_counter()
    with (
        tempfile.TemporaryDirectory(prefix="exportadmin-sample-") as scratch,
        source.open(selection, columns) as reader,
    ):
        row_filter = RowFilter(selection, source.pushed_down)
        label_filter = LabelFilter(selection, reader, columns, writer_class.cannot_hold)
        batches: list[RowBatch] = []
        taken = 0
        for batch in reader.batches():
            batch = label_filter.apply(row_filter.apply(batch))
            if len(batch):
                batches.append(batch.take(range(min(len(batch), SAMPLE_ROWS - taken))))
                taken += len(batches[-1])
            if taken >= SAMPLE_ROWS:
                break

        def writer(folder: str) -> Format:
            spools = Path(scratch) / folder
            spools.mkdir()
            return writer_class(
                FormatContext(
                    project_id=reader.project_id,
                    project_name=reader.project_name,
                    ontology=reader.ontology,
                    parts=selection.parts,
                    is_of_run=selection.scope.kind == MODEL_RUN,
                    scratch=spools,
                    options=spec.options,
                    project_extra=reader.project_extra,
                )
            )

        try:
            frame = _size_without_rows(writer("empty"))
            return _write(writer("measured"), writer("shown"), batches, began, frame)
        except (UserError, PermanentError) as error:
            return Sample(error=str(error))


def _size_without_rows(writer: Format) -> int:
    return sum(map(len, writer.header())) + sum(map(len, writer.footer()))


def _write(measured: Format, shown: Format, batches: list[RowBatch], began: float, frame: int) -> Sample:
    """What the footer holds of the rows (images of COCO, the directory of a zip) is theirs, so that it grows with them:
    all bytes beyond the ``frame`` are."""
    written = sum(map(len, measured.header())) - frame
    rows_written = 0
    measured_batches: list[RowBatch] = []
    for piece in _growing(batches):
        check_time()
        written += sum(map(len, measured.rows(piece)))
        rows_written += len(piece)
        measured_batches.append(piece)
        if time.perf_counter() - began > SAMPLE_SECONDS:
            break
    written += sum(map(len, measured.footer()))
    seconds = time.perf_counter() - began
    embeddings = 0
    if "embeddings" in measured.context.parts:
        embeddings = sum(len(vectors) for piece in measured_batches for vectors in piece.embeddings if vectors != b"[]")
    begin, rows, end = b"".join(shown.header()), b"".join(_first_rows(shown, batches)), b"".join(shown.footer())
    return Sample(
        rows=rows_written,
        bytes=max(written, 0),
        frame=frame,
        embeddings=embeddings,
        seconds=seconds,
        of_projects=_of_projects(batches),
        refused=tuple(measured.take_refused()),
        pieces=()
        if shown.is_archive
        else (_cut(begin, SHOWN_FRAME_BYTES), _cut(rows, SHOWN_BYTES), _cut(end, SHOWN_FRAME_BYTES)),
        members=_members(begin + rows + end) if shown.is_archive else (),
    )


def _growing(batches: list[RowBatch]) -> Iterator[RowBatch]:
    """The same rows in pieces of 1, 2, 4 … rows: one row may be a picture of 200 megapixels."""
    most = 1
    for batch in batches:
        first = 0
        while first < len(batch):
            piece = batch.take(range(first, min(first + most, len(batch))))
            yield piece
            first += len(piece)
            most *= 2


def _first_rows(writer: Format, batches: list[RowBatch]) -> Iterable[bytes]:
    for first in _shown(batches):
        yield from writer.rows(first)


def _shown(batches: list[RowBatch]) -> Iterator[RowBatch]:
    left = SHOWN_ROWS
    for batch in batches:
        first = batch.take(range(min(left, len(batch))))
        left -= len(first)
        if len(first):
            yield first


def _of_projects(batches: list[RowBatch]) -> Mapping[int, int]:
    return Counter(project for first in _shown(batches) for origin in first.origins for project in origin)


def _cut(text: bytes, most: int) -> Piece:
    shown = text[:most]
    return Piece(shown.decode("utf-8", "ignore" if len(text) > most else "replace"), len(text) - len(shown))


def _members(archive: bytes) -> tuple[tuple[str, int], ...]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return tuple((each.filename, each.file_size) for each in opened.infolist())
