"""The plan: what an export would deliver, without running it (issue 3)."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from django.conf import settings

from connections.models import Project
from connections.sources import SOURCES
from connections.sources.base import RowBatch
from exports.asked import Asked
from exports.check_values import Tally
from exports.filters import Decider, resolved_windows
from exports.formats import FORMATS
from exports.formats.base import FormatContext

# rows that are really written, to learn how large a row is
SAMPLE_ROWS = 200


def plan(project: Project, asked: Asked) -> dict[str, Any]:
    """Counts as in a report's check values, ``bytes_expected`` (an estimate from a sample), what would stop the run
    (``stops``: nothing can be delivered) and what an admin should know before (``warnings``), as sentences.

    Reads the filter columns of every row and the content of at most :data:`SAMPLE_ROWS`. Raises what reading raises.
    """
    selection = asked.selection(project)
    writer_class = FORMATS.pick(asked.format)
    source = SOURCES.pick(project.connection.kind)()
    with source.open(selection, frozenset()) as reader:
        decider = Decider(selection, source.honours)
        tally = Tally(reader.ontology, writer_class.holds)
        for batch in reader.batches():
            batch = decider.keep(batch)
            if len(batch):
                tally.add(batch)
        counted = tally.result(Counter(reader.dropped_at_source) + decider.dropped, [])
    for key in ("files", "bytes"):
        del counted[key]
    size = _expected_bytes(project, asked, counted["rows_kept"])
    free = shutil.disk_usage(settings.EXPORTADMIN_HOME).free
    stops: list[str] = []
    warnings: list[str] = []
    if size > free:
        stops.append(f"about {size:,} bytes are expected, but the disk has room for {free:,}")
    if not counted["rows_kept"]:
        warnings.append("no row matches: the delivery would be empty")
    for kind, count in counted["left_out_by_format"].items():
        warnings.append(f"{writer_class.title} cannot hold {count:,} annotations of kind {kind}: they stay out")
    return {
        "project": {"id": project.public_id, "name": project.name},
        "format": asked.format,
        "resolved": resolved_windows(selection),
        **counted,
        "bytes_expected": size,
        "stops": stops,
        "warnings": warnings,
    }


def _expected_bytes(project: Project, asked: Asked, rows: int) -> int:
    """The size of a sample's rows, times the rows."""
    if not rows:
        return 0
    selection = asked.selection(project)
    writer_class = FORMATS.pick(asked.format)
    source = SOURCES.pick(project.connection.kind)()
    with (
        tempfile.TemporaryDirectory(prefix="exportadmin-plan-") as scratch,
        source.open(selection, writer_class.needs) as reader,
    ):
        context = FormatContext(
            project.public_id, reader.project_name, reader.ontology, selection.parts, Path(scratch), asked.options
        )
        writer = writer_class(context)
        decider = Decider(selection, source.honours)
        frame = sum(map(len, writer.header()))
        sampled = 0
        written = 0
        for batch in reader.batches():
            batch = decider.keep(batch)
            sample: RowBatch = batch.take(range(min(len(batch), SAMPLE_ROWS - sampled)))
            if len(sample):
                written += sum(map(len, writer.rows(sample)))
                sampled += len(sample)
            if sampled >= SAMPLE_ROWS:
                break
        frame += sum(map(len, writer.footer()))
    return frame + (written * rows // sampled if sampled else 0)
