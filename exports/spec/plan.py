"""The plan: what an export would deliver, without running it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import orjson
from django.core.cache import cache

from connections.models import Project
from connections.rows.batch import RUN_PARTS
from connections.rows.counts import REGION_ANSWERS, UNLABELLED
from connections.rows.kinds import KINDS
from connections.sinks.base import ReportKey, Sink
from connections.store.models import StoreProject
from connections.sync.models import Mirror
from exportadmin.lib import formatting
from exportadmin.lib.heavy import check_time
from exports.check_values import CheckValueCounter
from exports.delivery.destination import connection_of, connection_to, sink_of
from exports.delivery.files import UNKNOWN_ID, expected_names
from exports.formats import FORMATS
from exports.sources import source_of
from exports.sources.base import Source
from exports.sources.labels import LabelFilter
from exports.spec import duration, sample
from exports.spec.applied import applied_by_platform, applied_conditions
from exports.spec.conditions import CONDITIONS
from exports.spec.filters import RowFilter, resolved_times
from exports.spec.labels import ALL, labels_note
from exports.spec.labels import REASONS as LABEL_REASONS
from exports.spec.mirror import mirror_note
from exports.spec.platform_export import PlatformExport, usable_platform_of
from exports.spec.sample import Sample
from exports.spec.scope import Scope
from exports.spec.selection import Selection
from exports.spec.spec import ExportSpec

# embeddings are worth a word from this share of the rows' bytes on
LARGE_SHARE: Final = 0.3
_MOST_NAMED: Final = 3
_WHAT: Final = {UNLABELLED: "annotations without a class", REGION_ANSWERS: "answers about single objects"}
KEPT_SECONDS: Final = 600
# the figures of a plan that come from counting rows
_COUNTED: Final = (
    "rows_read",
    "rows_kept",
    "rows_dropped",
    "rows_by_status",
    "rows_by_media_type",
    "annotations",
    "annotations_by_class",
    "annotations_by_kind",
    "left_out_by_format",
    "labels",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """``answer`` is REST's form of it; ``missing`` are ids that were asked for and name no row, by filter key."""

    answer: dict[str, Any]
    sample: Sample = field(default_factory=Sample)
    estimate: duration.Estimate | None = None
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def plan(project: Project, spec: ExportSpec) -> dict[str, Any]:
    """The answer of :func:`build_plan`."""
    return build_plan(project, spec).answer


def build_plan(project: Project, spec: ExportSpec, *, live: bool = False) -> Plan:
    """Counts as in a report's check values, ``bytes_expected`` (an estimate from a sample), what would stop the run
    (``stops``: nothing can be delivered) and what an admin should know before (``warnings``), as sentences;
    ``files_expected``, by the names that they will have at the destination.

    Reads the filter columns of every row and the content of some (:mod:`exports.spec.sample`). ``live``: rows that were
    counted for the same conditions and have not changed since are not counted again, so that a form in which parts or
    names are chosen does not walk a large project at each step. Raises what reading raises.
    """
    if spec.platform_export is not None:
        return Plan(_plan_of_platform(project, spec, spec.platform_export))
    selection = spec.selection
    source = source_of(project, selection.scope)
    counted = (_counted_before if live else _counted)(source, selection, spec)
    rows = counted["rows_kept"]
    taken = sample.draw_sample(project, spec) if rows else Sample()
    missing = _missing(source, selection)
    size = taken.bytes_of(rows) if rows else 0
    sink = sink_of(spec.destination, connection_of(spec.destination, project))
    applied = applied_conditions(project, selection, source.pushed_down, rows_kept=rows)
    answer = {
        "project": {"id": project.public_id, "name": project.name},
        "format": spec.format,
        "resolved": resolved_times(selection),
        "conditions": applied,
        **counted,
        "bytes_expected": size,
        "files_expected": _files_expected(project, spec, sink),
        "stops": _stops(spec, sink, rows, size, taken),
        "warnings": [
            *_warnings(spec, selection, counted, taken, missing),
            *(f"{one['title']}: {one['note']}" for one in applied if one["note"]),
        ],
        "mirror": mirror_note(project, spec.sync_first),
        "scope": _scope(selection.scope),
    }
    return Plan(answer, taken, duration.estimate_duration(project, spec.format, rows, taken), missing)


def _plan_of_platform(project: Project, spec: ExportSpec, wanted: PlatformExport) -> dict[str, Any]:
    """What the platform will put into it nobody knows before: figures are ``None``, and a warning says so."""
    platform = usable_platform_of(project)
    request = wanted.wanted("an export")
    warnings = [
        f"{platform.title} makes this file itself: its rows, annotations and size are known only when it is made",
        *([] if wanted.remote_id else platform.doubts_of(project.external_id, request)),
    ]
    stops: list[str] = []
    if wanted.is_there:
        place = platform.delivers_to(request)
        files = [f"{place}<files of {platform.title}>"]
        if connection_to(place, project) is None:
            warnings.append(
                f"project {project.name!r} has no connection that reaches {place}: what {platform.title} delivers "
                "there cannot be proved"
            )
    else:
        sink = sink_of(spec.destination, connection_of(spec.destination, project))
        address = sink.address(ReportKey(UNKNOWN_ID, project.public_id))
        files = [f"{address}{name}" for name in expected_names(project, f"<extension of {platform.title}>")]
        stops += [f"the destination cannot be written: {why}"] if (why := sink.why_not()) else []
    return {
        "project": {"id": project.public_id, "name": project.name},
        "format": spec.format,
        "resolved": wanted.resolved,
        "conditions": applied_by_platform(wanted),
        **dict.fromkeys(_COUNTED),
        "bytes_expected": None,
        "files_expected": files,
        "stops": stops,
        "warnings": warnings,
        "scope": None,
    }


def _counted(source: Source, selection: Selection, spec: ExportSpec) -> dict[str, Any]:
    with source.open(selection, frozenset()) as reader:
        row_filter = RowFilter(selection, source.pushed_down)
        writer = FORMATS.pick(spec.format)
        counter = CheckValueCounter.of(writer, reader.ontology)
        label_filter = LabelFilter(selection, reader, (), writer.cannot_hold)
        for batch in reader.batches():
            check_time()
            batch = label_filter.apply(row_filter.apply(batch))
            if len(batch):
                counter.add(batch)
        dropped = Counter(reader.dropped_at_source) + row_filter.dropped + label_filter.dropped
        counted = counter.result(dropped, [], labels=label_filter.counts)
        if reader.removed_since is not None:
            counted["removed_since"] = reader.removed_since
    return {key: value for key, value in counted.items() if key not in ("files", "bytes", "rows_refused", "notes")}


def _counted_before(source: Source, selection: Selection, spec: ExportSpec) -> dict[str, Any]:
    """As :func:`_counted`, kept until a row comes or changes."""
    writer = FORMATS.pick(spec.format)
    counted_for = [
        selection.project_id,
        _revisions(selection),
        selection.scope.to_json(),
        [spec.beside, spec.filter, spec.time_zone, selection.labels.text, selection.interpolated_frames],
        [kind.key for kind in writer.supported_kinds()],
        [sorted(writer.cannot_hold), writer.needs_scores],
        [kind.key for kind in writer.predicted_kinds()] if selection.scope.takes_runs else [],
        [part for part in RUN_PARTS if part in selection.parts],
    ]
    key = f"plan.{hashlib.sha256(orjson.dumps(counted_for, option=orjson.OPT_SORT_KEYS)).hexdigest()}"
    kept: dict[str, Any] | None = cache.get(key)
    if kept is None:
        kept = _counted(source, selection, spec)
        cache.set(key, kept, KEPT_SECONDS)
    return kept


def _revisions(selection: Selection) -> list[int]:
    """Of the projects that are read."""
    settled = selection.scope.settled
    projects = settled.projects if settled else (selection.project_id,)
    found = StoreProject.objects.filter(project__public_id__in=projects).order_by("project_id")
    return list(found.values_list("revision", flat=True))


def _bare(scope: Scope) -> Scope:
    """The scope without whose labels and predictions are taken."""
    return scope if scope.settled is None else replace(scope, settled=replace(scope.settled, labels_of=(), runs=()))


def _missing(source: Source, selection: Selection) -> dict[str, tuple[str, ...]]:
    """Asks the source for the named rows alone: whatever else is asked for does not make an id wrong."""
    missing = {}
    for key, condition in CONDITIONS.items():
        if not condition.names_rows or key not in selection.conditions:
            continue
        left = set(selection.conditions[key])
        named = Selection(selection.project_id, {key: frozenset(left)}, labels=ALL, scope=_bare(selection.scope))
        with source.open(named, frozenset()) as reader:
            for batch in reader.batches():
                check_time()
                left.difference_update(condition.named_rows(batch))
        missing[key] = tuple(sorted(left))
    return missing


def _scope(scope: Scope) -> dict[str, Any] | None:
    """What is read, and whose labels and predictions go with it; ``None``: the project's own rows."""
    settled = scope.settled
    if settled is None:
        return None
    names = dict(Project.objects.filter(public_id__in=settled.projects).values_list("public_id", "name"))
    listed = [
        {"id": each, "name": names.get(each, ""), "labels": each in settled.labels_of} for each in settled.projects
    ]
    runs = [{"id": each.id, "name": each.name, "project": names.get(each.project, "")} for each in settled.runs]
    return {"text": scope.text, "projects": listed, "model_runs": runs}


def _files_expected(project: Project, spec: ExportSpec, sink: Sink) -> list[str]:
    address = sink.address(ReportKey(UNKNOWN_ID, project.public_id))
    return [f"{address}{name}" for name in expected_names(project, FORMATS.pick(spec.format).extension)]


def _stops(spec: ExportSpec, sink: Sink, rows: int, size: int, taken: Sample) -> list[str]:
    stops = [taken.error] if taken.error else []
    if len(taken.refused) > (allowed := spec.refusals_allowed(rows)):
        stops.append(f"{_refused(spec, taken)}; of all {rows:,} rows, max_refused allows {allowed:,}")
    free = sink.free_bytes()
    if free is not None and size > free:
        stops.append(
            f"about {formatting.size(size)} are expected, but the destination has room for {formatting.size(free)}"
        )
    return stops


def _refused(spec: ExportSpec, taken: Sample) -> str:
    first, title = taken.refused[0], FORMATS.pick(spec.format).title
    return (
        f"{title} cannot hold {len(taken.refused):,} of the first {taken.rows:,} rows; the first of them is row "
        f"{first.row_id} ({first.global_key!r}): {first.reason}"
    )


def _warnings(
    spec: ExportSpec,
    selection: Selection,
    counted: Mapping[str, Any],
    taken: Sample,
    missing: Mapping[str, tuple[str, ...]],
) -> list[str]:
    warnings: list[str] = []
    settled = selection.scope.settled
    if settled is not None and not settled.labels_of:
        beside = "beside predictions " if settled.runs else ""
        warnings.append(
            f"{beside}no annotation is in the file: rows of {selection.scope.text} come without labels unless projects "
            "are named (project_ids), or all of them are taken (all_projects)"
        )
    if settled is not None and not spec.sync_first and (mirrored := _mirrors(settled.projects)):
        warnings.append(
            f"{formatting.counted(mirrored, 'project', 'projects')} of those that are read mirror a platform's, and "
            "are read as they were brought up to date last"
        )
    if not counted["rows_kept"]:
        warnings.append("no row matches: the delivery would be empty")
    warnings += _label_warnings(spec, counted["labels"])
    for name, count in counted["left_out_by_format"].items():
        if name in LABEL_REASONS:
            continue
        title = FORMATS.pick(spec.format).title
        what = f"annotations of kind {name}" if name in KINDS else _WHAT.get(name, name.replace("_", " "))
        warnings.append(f"{title} cannot hold {count:,} {what}: they stay out")
    if taken.refused:
        allowed = spec.refusals_allowed(counted["rows_kept"])
        warnings.append(f"{_refused(spec, taken)}; with more than {allowed:,} such rows the run fails")
    for key, values in missing.items():
        if values:
            named = ", ".join(map(repr, values[:_MOST_NAMED])) + (" …" if len(values) > _MOST_NAMED else "")
            of, label = len(selection.conditions[key]), CONDITIONS[key].label.lower()
            where = selection.scope.text if selection.scope.is_of_catalog else "this project"
            warnings.append(f"{len(values):,} of {of:,} {label} are not in {where}: {named}")
    if FORMATS.pick(spec.format).fetches_pictures(spec.options):
        warnings.append(
            "the pictures themselves are fetched when it runs: their bytes and that time are not in these figures"
        )
    if taken.embeddings_share >= LARGE_SHARE:
        share = round(100 * taken.embeddings_share)
        warnings.append(f"embeddings are about {share} % of the size: leave them out if nobody needs them")
    return warnings


def _mirrors(projects: Collection[str]) -> int:
    """How many of these projects (public ids) mirror one of a platform."""
    return Mirror.objects.filter(project__public_id__in=projects).count()


def _label_warnings(spec: ExportSpec, labels: Mapping[str, Any]) -> Iterator[str]:
    if not (note := labels_note(labels)):
        return
    yield note
    if labels["rows_leaving_with_several"]:
        yield (
            "what several people marked is in the file once for each of them: choose “latest” or “ground truth” "
            "for one label a row"
        )
    if labels["left_out"] and FORMATS.pick(spec.format).is_line_based:
        yield "what the choice of labels leaves out cannot be imported again from this file: a full backup takes all"
