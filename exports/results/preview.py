"""The first rows of an export, all or of one medium, few and bounded: from the delivered file where it holds rows, else
from the source."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

import orjson

from connections.rows.batch import BODY
from connections.rows.body import BodyPrinter
from connections.rows.media_types import UNKNOWN
from exportadmin.lib.errors import ExportAdminError, UserError
from exportadmin.lib.formatting import number
from exportadmin.lib.heavy import check_time
from exports.delivery.files import is_errors_file
from exports.formats import FORMATS
from exports.formats.complete_rows import printed_bodies
from exports.models import Artifact, ExportReport
from exports.results import reader
from exports.results.previews.reading import read_row
from exports.sources import source_of
from exports.sources.labels import LabelFilter
from exports.spec.filters import RowFilter
from exports.spec.scope import MODEL_RUN
from exports.spec.spec import ExportSpec

ROWS: Final = 5
MOST_BYTES: Final = 2_000_000
# batches of the source that are looked through for rows that the filter keeps
MOST_BATCHES: Final = 40
# rows, and bytes of them, that are looked through for those of a medium
MOST_LOOKED: Final = 20_000
MOST_LOOKED_BYTES: Final = 100_000_000


@dataclass(slots=True)
class FirstRows:
    """``documents`` are rows. ``is_delivered``: they are the file's, not the source's of this moment.

    ``trouble`` says in words what could not be shown.
    """

    is_delivered: bool
    documents: list[dict[str, Any]] = field(default_factory=list)
    trouble: str = ""


def rows_artifact(report: ExportReport) -> Artifact | None:
    """The delivered file that can be read row by row, if the format has one."""
    return report.artifacts.filter(lines__isnull=False).first()


def errors_artifact(report: ExportReport, artifacts: Iterable[Artifact]) -> Artifact | None:
    """Of the report's artifacts, the list of the rows that were refused, a line each."""
    for artifact in artifacts:
        if is_errors_file(artifact.name):
            artifact.lines = sum((report.check_values or {}).get("rows_refused", {}).values())
            return artifact
    return None


def first_rows(report: ExportReport, artifact: Artifact | None, medium: str = "") -> FirstRows:
    """At most :data:`ROWS` rows of at most :data:`MOST_BYTES` together; of one ``medium``, a key of
    :data:`connections.rows.media_types.MEDIA_TYPES` or :data:`~connections.rows.media_types.UNKNOWN`, or of all.

    Raises :class:`UserError` as :func:`exports.results.reader.read_rows` does.
    """
    found = FirstRows(is_delivered=artifact is not None)
    size = looked = looked_bytes = 0
    try:
        with closing(_from_file(artifact) if artifact is not None else _from_source(report)) as lines:
            for line in lines:
                if looked % 500 == 0:
                    check_time()
                looked += 1
                looked_bytes += len(line)
                if looked > MOST_LOOKED or looked_bytes > MOST_LOOKED_BYTES:
                    found.trouble = f"Only the first {number(looked - 1)} rows were looked through."
                    break
                is_large = len(line) > MOST_BYTES
                document = {} if is_large else orjson.loads(line)
                if not isinstance(document, dict):
                    raise orjson.JSONDecodeError("not a row", "", 0)
                if medium and not is_large and (read_row(document, report.project).medium or UNKNOWN) != medium:
                    continue
                size += len(line)
                if size > MOST_BYTES:
                    found.trouble = f"Row {number(looked)} is too large to be shown here, and ends the preview."
                    break
                found.documents.append(document)
                if len(found.documents) == ROWS:
                    break
    except orjson.JSONDecodeError:
        found.trouble = f"Row {number(looked)} cannot be read: it is not the JSON object that a row is."
    except UserError:
        raise
    except (ExportAdminError, OSError) as error:
        found.trouble = f"The rows cannot be read now: {error}."
    return found


def _from_file(artifact: Artifact) -> Generator[bytes]:
    """Lines; the last may be cut where it alone is too large."""
    with closing(reader.read_rows(artifact)) as stream:
        held = b""
        for chunk in stream:
            *lines, held = (held + chunk).split(b"\n")
            yield from lines
            if len(held) > MOST_BYTES:
                break
        if held:
            yield held


def _from_source(report: ExportReport) -> Generator[bytes]:
    selection = ExportSpec.from_json(report.config, report.project).selection
    source = source_of(report.project, selection.scope)
    row_filter = RowFilter(selection, source.pushed_down)
    with source.open(selection, frozenset({BODY})) as reader:
        label_filter = LabelFilter(selection, reader, {BODY}, FORMATS.pick(report.format).cannot_hold)
        printer = BodyPrinter(selection.parts, reader.project_name)
        for batch in islice(reader.batches(), MOST_BATCHES):
            kept = label_filter.apply(row_filter.apply(batch))
            for begin in range(0, len(kept), ROWS):  # few at a time: more may not be wanted
                few = kept.take(range(begin, min(begin + ROWS, len(kept))))
                bodies = printed_bodies(few, selection.parts, is_of_run=selection.scope.kind == MODEL_RUN)
                for place, body in enumerate(bodies):
                    embeddings = few.embeddings[place : place + 1] if few.embeddings else ()
                    yield printer.join([body], embeddings, b"")
