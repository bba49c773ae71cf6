"""The counts that somebody compares before they rely on an export: what we counted, and what the platform said.

Of a platform's own export that is what it said of this very one; of an export from a mirror what it said in the last
full sync before it, where nothing was brought in part since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q

from connections.platforms import PLATFORMS
from connections.platforms.base import COMPLETE, IN_FILE
from connections.rows.review_statuses import DONE, statuses_in
from connections.sync.models import FULL, SyncRun
from connections.sync.runner import FOUND
from exportadmin.lib.times import in_words
from exportadmin.runs import statuses
from exports.models import ExportReport
from exports.spec.conditions.base import texts_of
from exports.spec.conditions.workflow_status import WorkflowStatus

EQUAL, DIFFERENT, ALONE, LOOSE = "equal", "different", "alone", "loose"
VERDICTS: Final = {
    EQUAL: "As the platform said",
    DIFFERENT: "Not what the platform said",
    ALONE: "The platform said nothing of it",
    LOOSE: "The platform counts another thing, or at another moment",
}
# how statuses say that a row is done: ours, and what Diffgram's files say
_DONE: Final = statuses_in([DONE]) | {"complete"}
# counters of a sync that brought something
_CHANGES: Final = ("created", "updated", "replaced", "gone")
# a count there, what it is called, whether it is loose
_Figure = tuple[int | None, str, bool]


@dataclass(frozen=True, slots=True)
class Line:
    """``here`` and ``there`` are counts, ``None`` where nobody knows; ``called`` is what the platform calls its own.
    ``is_loose``: whether they are equal says nothing."""

    key: str
    title: str
    here: int | None
    there: int | None = None
    called: str = ""
    is_loose: bool = False

    @property
    def verdict(self) -> str:
        """A key of :data:`VERDICTS`."""
        if self.here is None or self.there is None:
            return ALONE
        if self.is_loose:
            return LOOSE
        return EQUAL if self.here == self.there else DIFFERENT

    @property
    def words(self) -> str:
        """The verdict for people."""
        return VERDICTS[self.verdict]

    def to_json(self) -> dict[str, Any]:
        """For REST."""
        return {
            "key": self.key,
            "title": self.title,
            "here": self.here,
            "there": self.there,
            "called": self.called,
            "verdict": self.verdict,
        }


@dataclass(frozen=True, slots=True)
class Compared:
    """``platform`` is a title, empty where there is none; ``source`` says which of its words are compared."""

    platform: str
    source: str
    lines: tuple[Line, ...]

    @property
    def is_told(self) -> bool:
        """Did the platform say anything?"""
        return any(line.there is not None for line in self.lines)

    @property
    def is_compared(self) -> bool:
        """Did it say anything that has to be equal?"""
        return any(line.verdict in (EQUAL, DIFFERENT) for line in self.lines)

    @property
    def is_as_told(self) -> bool:
        """Is nothing other than it said?"""
        return not any(line.verdict == DIFFERENT for line in self.lines)

    def to_json(self) -> dict[str, Any]:
        """For REST."""
        return {
            "platform": self.platform,
            "source": self.source,
            "as_told": self.is_as_told if self.is_compared else None,
            "lines": [line.to_json() for line in self.lines],
        }


def compared(report: ExportReport) -> Compared | None:
    """``None`` while the report has no check values. One query for an export that this program made."""
    values = report.check_values
    if not isinstance(values, Mapping) or "rows_read" not in values:
        return None
    kept, read = values.get("rows_kept"), values.get("rows_read")
    out = None if kept is None or read is None else read - kept
    title, source = "", ""
    in_all: _Figure = (None, "", False)
    files = complete = in_all
    if report.made_by:
        title, source = _title(report.made_by), "of this very export"
        told = values.get("told") or {}
        files, complete = _figure(report.made_by, told, IN_FILE), _figure(report.made_by, told, COMPLETE)
    elif (sync := _sync_before(report)) is not None:
        kind, told = sync.project.connection.kind, (sync.summary or {})["told"]
        title = _title(kind)
        source = f"in the full sync of {in_words(sync.asked_at)}" if sync.asked_at else "in the last full sync"
        in_all = (told.get(FOUND), FOUND, False)
        if _has_all_that_are_done(report, values):
            complete = _figure(kind, told, COMPLETE)
    lines = (
        Line("in", "In: rows that were read", read, *in_all),
        Line("files", "In the file: rows that were written", kept, *files),
        Line("complete", f"Complete: rows of these in the workflow group {DONE}", _done_in(values), *complete),
        Line("out", "Out: rows that a filter left out, or that were refused", out),
        Line("removed", "Removed: rows deleted since the export before", values.get("removed_since")),
    )
    return Compared(title, source, lines)


def _done_in(values: Mapping[str, Any]) -> int | None:
    """In our words or, of what a platform made, in its own."""
    by_status: Mapping[str, int] | None = values.get("rows_by_status")
    if by_status is None:
        return None
    return sum(count for status, count in by_status.items() if status in _DONE)


def _has_all_that_are_done(report: ExportReport, values: Mapping[str, Any]) -> bool:
    """Did nothing leave out rows that are done?"""
    dropped = {*(values.get("rows_dropped") or ()), *(values.get("rows_refused") or ())}
    if not dropped:
        return True
    groups = texts_of((report.config.get("filter") or {}).get(WorkflowStatus.key))
    return dropped == {WorkflowStatus.key} and DONE in groups


def _figure(kind: str, told: Mapping[str, int], what: str) -> _Figure:
    """The platform's own figure of that sort, what it calls it, and whether it is a loose one."""
    if (platform := PLATFORMS.get(kind)) is None:
        return None, "", False
    found = (name for name, sort in platform.figures.items() if sort == what and name in told)
    return next(((told[name], name, name in platform.loose_figures) for name in found), (None, "", False))


def _title(kind: str) -> str:
    return PLATFORMS[kind].title if kind in PLATFORMS else kind


def _sync_before(report: ExportReport) -> SyncRun | None:
    """The full sync that told what the export found; ``None`` where there is none, or what came since in part is not in
    its figures."""
    before = SyncRun.objects.filter(project_id=report.project_id, status__in=statuses.SUCCESSFUL)
    before = before.filter(finished_at__lte=report.started_at or report.created_at)
    full = before.filter(mode=FULL).select_related("project__connection").order_by("-pk").first()
    if full is None or not (full.summary or {}).get("told"):
        return None
    changed = Q()
    for counter in _CHANGES:
        changed |= Q(**{f"summary__{counter}__gt": 0})
    return None if before.filter(changed, pk__gt=full.pk).exists() else full
