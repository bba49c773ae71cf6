"""The plan: what an export would deliver, without running it (issue 3)."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from django.conf import settings
from django.core.cache import cache

from connections.models import Project
from connections.store.overview import overview
from exports.check_values import Tally
from exports.formats import FORMATS
from exports.sources import source_of
from exports.sources.base import Source
from exports.spec import duration, sample
from exports.spec.filters import RowFilter, resolved_windows
from exports.spec.sample import Sample
from exports.spec.selection import Selection
from exports.spec.spec import ExportSpec

# embeddings are worth a word from this share of the rows' bytes on
LARGE_SHARE: Final = 0.3
# column of a batch for the ids that a filter names
_ID_COLUMNS: Final = {"global_keys": "global_keys", "data_row_ids": "row_ids"}
_ID_WORDS: Final = {"global_keys": "global keys", "data_row_ids": "data row ids"}
_MOST_NAMED: Final = 3
KEPT_SECONDS: Final = 600


@dataclass(frozen=True, slots=True)
class Plan:
    """``answer`` is REST's form of it; ``missing`` are ids that were asked for and name no row, by filter key."""

    answer: dict[str, Any]
    sample: Sample = field(default_factory=Sample)
    pace: duration.Pace | None = None
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def plan(project: Project, asked: ExportSpec) -> dict[str, Any]:
    """The answer of :func:`build_plan`."""
    return build_plan(project, asked).answer


def build_plan(project: Project, asked: ExportSpec, *, live: bool = False) -> Plan:
    """Counts as in a report's check values, ``bytes_expected`` (an estimate from a sample), what would stop the run
    (``stops``: nothing can be delivered) and what an admin should know before (``warnings``), as sentences.

    Reads the filter columns of every row and the content of some (:mod:`exports.spec.sample`). ``live``: rows that were
    counted for the same conditions and have not changed since are not counted again, so that a form in which parts or
    names are chosen does not walk a large project at each step. Raises what reading raises.
    """
    selection = asked.selection(project)
    source = source_of(project)
    counted = (_counted_before if live else _counted)(source, selection, asked)
    rows = counted["rows_kept"]
    taken = sample.take(project, asked) if rows else Sample()
    missing = _missing(source, selection)
    size = taken.bytes_of(rows) if rows else 0
    answer = {
        "project": {"id": project.public_id, "name": project.name},
        "format": asked.format,
        "resolved": resolved_windows(selection),
        **counted,
        "bytes_expected": size,
        "stops": _stops(size, taken),
        "warnings": _warnings(asked, selection, counted, taken, missing),
    }
    return Plan(answer, taken, duration.expected(project, asked.format, rows, taken), missing)


def _counted(source: Source, selection: Selection, asked: ExportSpec) -> dict[str, Any]:
    with source.open(selection, frozenset()) as reader:
        decider = RowFilter(selection, source.pushed_down)
        tally = Tally(reader.ontology, FORMATS.pick(asked.format).supported_kinds())
        for batch in reader.batches():
            batch = decider.keep(batch)
            if len(batch):
                tally.add(batch)
        counted = tally.result(Counter(reader.dropped_at_source) + decider.dropped, [])
        if reader.removed_since is not None:
            counted["removed_since"] = reader.removed_since
    return {key: value for key, value in counted.items() if key not in ("files", "bytes")}


def _counted_before(source: Source, selection: Selection, asked: ExportSpec) -> dict[str, Any]:
    """As :func:`_counted`, kept until a row comes or changes."""
    stand = overview(selection.project_id)
    said = [
        selection.project_id,
        stand.revision,
        [asked.statuses, asked.filter, asked.time_zone],
        [kind.key for kind in FORMATS.pick(asked.format).supported_kinds()],
    ]
    key = f"plan.{hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()}"
    kept: dict[str, Any] | None = cache.get(key)
    if kept is None:
        kept = _counted(source, selection, asked)
        cache.set(key, kept, KEPT_SECONDS)
    return kept


def _missing(source: Source, selection: Selection) -> dict[str, tuple[str, ...]]:
    """Asks the source for the named rows alone: whatever else was asked does not make an id wrong."""
    missing = {}
    for key, column in _ID_COLUMNS.items():
        wanted: frozenset[str] | None = getattr(selection, key)
        if wanted is None:
            continue
        found: set[str] = set()
        named: dict[str, Any] = {key: wanted}
        alone = Selection(selection.project_id, **named)
        with source.open(alone, frozenset()) as reader:
            for batch in reader.batches():
                found.update(getattr(batch, column))
        missing[key] = tuple(sorted(wanted - found))
    return missing


def _stops(size: int, taken: Sample) -> list[str]:
    stops = [taken.refused] if taken.refused else []
    free = shutil.disk_usage(settings.EXPORTADMIN_HOME).free
    if size > free:
        stops.append(f"about {size:,} bytes are expected, but the disk has room for {free:,}")
    return stops


def _warnings(
    asked: ExportSpec,
    selection: Selection,
    counted: Mapping[str, Any],
    taken: Sample,
    missing: Mapping[str, tuple[str, ...]],
) -> list[str]:
    warnings: list[str] = []
    if not counted["rows_kept"]:
        warnings.append("no row matches: the delivery would be empty")
    for kind, count in counted["left_out_by_format"].items():
        title = FORMATS.pick(asked.format).title
        warnings.append(f"{title} cannot hold {count:,} annotations of kind {kind}: they stay out")
    for key, values in missing.items():
        if values:
            named = ", ".join(map(repr, values[:_MOST_NAMED])) + (" …" if len(values) > _MOST_NAMED else "")
            of = len(getattr(selection, key))
            warnings.append(f"{len(values):,} of {of:,} {_ID_WORDS[key]} are not in this project: {named}")
    if taken.embeddings_share >= LARGE_SHARE:
        share = round(100 * taken.embeddings_share)
        warnings.append(f"embeddings are about {share} % of the size: leave them out if nobody needs them")
    return warnings
