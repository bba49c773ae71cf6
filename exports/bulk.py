"""What can be done with several exports at once, and which of them it would leave out, and why."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from connections.access.permissions import MANAGE, START, ProjectVerbs
from exportadmin.lib import times
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ExportAdminError, NothingToDoError, TooManyError
from exportadmin.runs import statuses
from exports import actions
from exports.display.report_lines import retried_as
from exports.models import ExportReport

log = logging.getLogger(__name__)
T = TypeVar("T")

# confirmed and carried out in one request
MOST: Final = 500


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one: words, and the id of the export that was made, if one was."""

    message: str
    again: str = ""


@dataclass(frozen=True, slots=True)
class BulkAction:
    """``verb`` is what it takes in an export's project; ``may`` says that to who lacks it. ``why_not`` is given a
    report and its newest retry, and is empty where it can be done. ``act`` is given the moment of the plan, in
    milliseconds, and raises :class:`ExportAdminError`. ``warning`` stands above the button."""

    title: str
    verb: str
    may: str
    why_not: Callable[[ExportReport, ExportReport | None], str]
    act: Callable[[ExportReport, Actor, int], Done]
    warning: str = ""


@dataclass(frozen=True, slots=True)
class BulkPlan:
    """``doable`` in the order in which they were listed; ``left_out`` by reason."""

    doable: list[ExportReport] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)

    def leave_out(self, name: str, reason: str) -> None:
        """One of that name stays as it is."""
        self.left_out.setdefault(reason, []).append(name)

    @property
    def out(self) -> int:
        """How many are left out."""
        return sum(map(len, self.left_out.values()))


class Attempts:
    """One thing done with several exports: whatever becomes of one, the others are done. Only what a quota refuses in
    a project is not tried there again; ``too_many`` is the first such refusal."""

    def __init__(self) -> None:
        self._full: dict[int, TooManyError] = {}

    @property
    def too_many(self) -> TooManyError | None:
        """For the trail, which hears of it once."""
        return next(iter(self._full.values()), None)

    def attempt(self, report: ExportReport, act: Callable[[], T]) -> tuple[T | None, str]:
        """What came of it, or why nothing did."""
        if (full := self._full.get(report.project_id)) is not None:
            return None, full.message
        try:
            return act(), ""
        except TooManyError as error:
            self._full[report.project_id] = error
            return None, error.message
        except ExportAdminError as error:
            return None, str(error)
        except Exception:
            log.exception("export %s, one of several, met a fault", report.report_id)
            return None, "Stopped by a fault in Export Admin; its log has the details."


def _cancel(report: ExportReport, actor: Actor, planned_ms: int) -> Done:
    now = actions.cancel(report=report, actor=actor)
    return Done("Cancelled." if now.status == statuses.CANCELLED else "Asked to stop; it does so within seconds.")


def _no_cancel(report: ExportReport, retry: ExportReport | None) -> str:
    if report.status not in statuses.ACTIVE:
        return "ended already"
    return "asked to stop already" if report.cancel_requested else ""


def _retry(report: ExportReport, actor: Actor, planned_ms: int) -> Done:
    """Unless somebody was faster, or the same confirmation came twice."""

    def check() -> None:
        retry = retried_as([report.pk]).get(report.pk)
        reason = _no_retry(ExportReport.objects.get(pk=report.pk), retry)
        if not reason and retry is not None and times.from_datetime(retry.created_at) >= planned_ms:
            reason = "run again since this was confirmed"
        if reason:
            raise NothingToDoError(reason.capitalize() + ".")

    return Done("Requested again.", actions.retry(report=report, actor=actor, check=check).report_id)


def _no_retry(report: ExportReport, retry: ExportReport | None) -> str:
    """What was delivered may be run again as often as one likes, one after the other; of what failed, the last retry:
    whoever selects a whole chain of them means one export."""
    if report.status in statuses.ACTIVE:
        return "still in progress: cancel it first, or wait for its end"
    if retry is None:
        return ""
    if retry.status in statuses.ACTIVE:
        return "being run again already" if report.is_delivered else "being retried already"
    if report.is_delivered:
        return ""
    return f"retried already, {'with success' if retry.is_delivered else 'in vain: select the retry'}"


def _delete(report: ExportReport, actor: Actor, planned_ms: int) -> Done:
    actions.remove_files(report=report, actor=actor, why="deleted by hand")
    return Done("Files deleted; the export and its trail stay.")


def _no_delete(report: ExportReport, retry: ExportReport | None) -> str:
    if not report.is_delivered or report.files_removed_at is not None:
        return "has no files"
    return "" if report.is_ours else "delivered into a folder that is not ours to empty"


BULK_ACTIONS: Final[Mapping[str, BulkAction]] = {
    "cancel": BulkAction("Cancel", START, "you may not cancel exports of its project", _no_cancel, _cancel),
    "retry": BulkAction("Run again", START, "you may not run exports of its project", _no_retry, _retry),
    "delete": BulkAction(
        "Delete files",
        MANAGE,
        "you may not delete files of its project",
        _no_delete,
        _delete,
        "The files go for good. The exports, their check values and the trail stay.",
    ),
}


def plan_bulk(action: BulkAction, reports: Sequence[ExportReport], verbs: ProjectVerbs) -> BulkPlan:
    """One query. The actions decide again when it is carried out."""
    retries = retried_as(report.pk for report in reports)
    plan = BulkPlan()
    for report in reports:
        may = action.verb in verbs[report.project_id]
        if reason := action.why_not(report, retries.get(report.pk)) if may else action.may:
            plan.leave_out(report.name or report.report_id, reason)
        else:
            plan.doable.append(report)
    return plan
