"""What a delivered export can be converted to, and the spec of that. Its rows are read by
:mod:`exports.sources.snapshot`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from connections.rows.batch import PARTS, RUN_PARTS
from exportadmin.lib.errors import ConflictError, UserError
from exports.formats import FORMATS
from exports.models import ExportReport
from exports.spec.catalog import check_holds
from exports.spec.labels import ALL, SKIPPED_LABELS
from exports.spec.scope import KEY as SCOPE
from exports.spec.scope import MODEL_RUN, scope_text
from exports.spec.spec import ExportSpec

CONVERSION_KEYS: Final = ("format", "options", "include", "destination", "max_refused")
# the part by which a skipped label is known
_SAYS_SKIPPED: Final = "performance_details"


def is_convertible(report: ExportReport) -> bool:
    """Does it hold rows that can be read back? (Its files may be gone.) A list, which reads no descriptions, tells it
    by the format alone."""
    writer = FORMATS.get(report.format)
    if writer is None or not writer.is_snapshot():
        return False
    if "config" in report.get_deferred_fields():
        return True
    if writer.importer:  # which reads rows of one project
        return SCOPE not in report.config and (not writer.importer_needs or writer.importer_needs in parts_of(report))
    return not _is_of_run(report)


def _is_of_run(report: ExportReport) -> bool:
    return (report.config.get(SCOPE) or {}).get("kind") == MODEL_RUN


def parts_of(report: ExportReport) -> tuple[str, ...]:
    """The parts that the report's file holds."""
    return tuple(part for part in PARTS if part in report.config.get("include", ()))


def conversion_spec(report: ExportReport, body: Mapping[str, Any]) -> ExportSpec:
    """The spec of the report, with the format, options, parts and destination of ``body``.

    The labels are those of the file: they were chosen when it was made. Raises :class:`ConflictError` for a report
    without rows to read back, :class:`UserError` for what is wrong in the body: a part, for example, that the file left
    out.
    """
    if _is_of_run(report):
        raise ConflictError(
            f"report {report.report_id} is of {scope_text(report.config)}: its rows have the run in the place of their "
            "project, and cannot be converted; export it again in the other format"
        )
    if not is_convertible(report):
        if SCOPE in report.config and report.format in FORMATS and FORMATS.pick(report.format).importer:
            raise ConflictError(
                f"report {report.report_id} is {report.format} of {scope_text(report.config)}: rows of several "
                "projects are read back from json and ndjson alone; export it again in the other format"
            )
        if report.format in FORMATS and (needs := FORMATS.pick(report.format).importer_needs):
            raise ConflictError(
                f"report {report.report_id} is {report.format} without the part {needs}, and does not hold all of its "
                f"rows: export it again with {needs} in include"
            )
        raise ConflictError(
            f"report {report.report_id} is {report.format}, which holds no rows that could be converted; known: "
            f"{', '.join(key for key in FORMATS if FORMATS.pick(key).is_snapshot())}"
        )
    for key in body:
        if key not in CONVERSION_KEYS:
            raise UserError(f"unknown key {key!r}; known: {', '.join(CONVERSION_KEYS)}", field=str(key))
    parts = parts_of(report)
    wanted = ExportSpec.parse({"include": list(parts), **body}, report.project)
    if missing := [part for part in wanted.include if part not in parts]:
        raise UserError(
            f"the file of report {report.report_id} left out {', '.join(missing)}: what is not in it cannot be "
            f"converted; it has {', '.join(parts) or 'no optional parts'}",
            field="include",
        )
    before = ExportSpec.from_json(report.config, report.project)
    scope = before.selection.scope
    if scope.settled is not None:
        check_holds(wanted, scope, len(scope.settled.labels_of))
    writer = FORMATS.pick(wanted.format)
    if before.selection.labels == ALL and SKIPPED_LABELS in writer.cannot_hold and _SAYS_SKIPPED not in parts:
        raise UserError(
            f"the file of report {report.report_id} holds skipped labels too and left out {_SAYS_SKIPPED}, which says "
            f"which ones they are: {writer.title} holds none, so it cannot be converted to it",
            field="format",
        )
    return dataclasses.replace(
        before,
        format=wanted.format,
        options=wanted.options,
        max_refused=wanted.max_refused,
        selection=dataclasses.replace(
            before.selection, parts=wanted.selection.parts | before.selection.parts.intersection(RUN_PARTS)
        ),
        destination=wanted.destination,
        sync_first=None,
    )
