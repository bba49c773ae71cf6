"""Exports that failed lately and were not tried again, together with those that failed for the same reason."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from connections.models import Project
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, DeniedError, NothingToDoError, TooManyError
from exportadmin.runs import statuses
from exports import actions
from exports.bulk import Attempts
from exports.lists.listing import within
from exports.models import ExportReport

DAYS: Final = 14
# so many of each status are looked at, the latest first: what a page asks for must not grow with what fails
MOST: Final = 250
_LONGEST: Final = 2_000
_OTHER: Final = "…"
# What differs between failures of one cause: names in quotation marks, paths and addresses, ids, figures. The status
# that another side answered is the cause itself.
_DIFFERS: Final = re.compile(
    r"""
      (?<!\w)'[^']*'(?!\w) | "[^"]*" | “[^”]*” | ‘[^’]*’
    | (?:\w+:/)?/[^\s,;)]+
    | \b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b | \b(?=[a-z2-7]*[2-7])[a-z2-7]{24}\b | \b[0-9a-f]{16,}\b
    | (?<!answered\ )(?<!status\ )(?<!HTTP\ )(?<![\w.])\d[\d,.:]*(?<![,.:])
    """,
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """``key`` names the reason, the same for everybody who sees it. ``reports`` are the latest first; of them
    ``retryable`` are in projects in which the one who asks may start exports. ``is_exact``: all say the very same.
    ``is_cut``: older ones were not looked at, of which some may be of this reason."""

    key: str
    reason: str
    is_exact: bool
    reports: tuple[ExportReport, ...]
    retryable: tuple[ExportReport, ...]
    is_cut: bool = False

    @property
    def digest(self) -> str:
        """Of what is retryable: whoever confirms it means these and no others."""
        return _digest("\n".join(report.report_id for report in self.retryable))

    @property
    def projects(self) -> list[str]:
        """Their names, that of the latest failure first."""
        return list(dict.fromkeys(report.project.name for report in self.reports))


@dataclass(frozen=True, slots=True)
class Failures:
    """The groups, that with the latest failure first. ``is_cut``: older ones of these days were not looked at."""

    groups: tuple[FailureGroup, ...]
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Retried:
    """What came of one: the new report, or why there is none."""

    report: ExportReport
    again: ExportReport | None
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class GroupRetried:
    """``too_many``: a quota was used up on the way, and not all that could be tried was."""

    done: list[Retried]
    too_many: TooManyError | None


def reason_of(error: str) -> str:
    """What the failures of one cause have in common: ``row 'gk-7' has no width`` → ``row … has no width``."""
    return _DIFFERS.sub(_OTHER, " ".join(error.split()))


def failures(seen: QuerySet[Project], startable: QuerySet[Project]) -> Failures:
    """Of the projects that somebody may see, and those in which they may start exports. At most four queries."""
    reports = within(ExportReport.objects.all(), seen)
    found = list(_lately(reports))
    counts = Counter(report.status for report in found)
    is_cut = any(count > MOST for count in counts.values())
    by_reason: dict[str, list[ExportReport]] = {}
    for report in sorted(found, key=lambda report: (report.created_at, report.pk), reverse=True):
        by_reason.setdefault(reason_of(report.error), []).append(report)
    projects = {report.project_id for report in found}
    mine = set(startable.filter(pk__in=projects).values_list("pk", flat=True)) if found else ()
    return Failures(tuple(_group(reason, same, mine, is_cut) for reason, same in by_reason.items()), is_cut)


def find_group(key: str, seen: QuerySet[Project], startable: QuerySet[Project]) -> FailureGroup | None:
    """``None``: nothing that can be seen failed for that reason lately, or it was retried."""
    return next((group for group in failures(seen, startable).groups if group.key == key), None)


def retry_group(
    *, key: str, digest: str, actor: Actor, seen: QuerySet[Project], startable: QuerySet[Project]
) -> GroupRetried:
    """Retry what of a group may be retried: each by :func:`exports.actions.retry`, a refusal of one leaves the others
    be.

    ``digest`` is what was confirmed (:attr:`FailureGroup.digest`). Raises :class:`ConflictError` where it is another
    by now, :class:`NothingToDoError` where there is none left, :class:`DeniedError` where the actor may start none of
    them, :class:`TooManyError` where a quota leaves room for none.
    """
    group = find_group(key, seen, startable)
    if group is None:
        raise NothingToDoError("nothing that failed for this reason is left to retry; it may have been retried already")
    retryable = group.retryable
    if not retryable:
        latest = group.reports[0]
        about = {"project": latest.project, "obj": latest}
        raise DeniedError(f"{actor.name} may not start exports in project {latest.project.name!r}", about=about)
    if group.digest != digest:
        raise ConflictError(
            f"others than were confirmed failed for this reason by now; {len(retryable)} can be retried: look again",
            field="digest",
        )
    attempts = Attempts()
    done = [Retried(report, *attempts.attempt(report, partial(_retry, report, actor))) for report in retryable]
    if attempts.too_many is not None and not any(one.again for one in done):
        raise attempts.too_many
    return GroupRetried(done, attempts.too_many)


def _retry(report: ExportReport, actor: Actor) -> ExportReport:
    def check() -> None:
        if report.retries.exists():
            raise NothingToDoError("It was retried just now.")

    return actions.retry(report=report, actor=actor, check=check)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


_STATUSES: Final = (statuses.FAILED, statuses.ERRORED)


def _lately(reports: QuerySet[ExportReport]) -> Iterator[ExportReport]:
    """Of each status by its own index by time: for both at once SQLite would sort all there are. One more than is
    looked at tells that there is more."""
    since = timezone.now() - timedelta(days=DAYS)
    again = ExportReport.objects.filter(retry_of=OuterRef("pk"))
    open_ones = reports.filter(~Exists(again), created_at__gte=since).order_by("-created_at", "-pk")
    big = ("config", "check_values", "description", "location", "phases", "state")
    for status in _STATUSES:
        yield from open_ones.filter(status=status).select_related("project").defer(*big)[: MOST + 1]


def _group(reason: str, same: list[ExportReport], mine: Iterable[int], is_cut: bool) -> FailureGroup:
    errors = {" ".join(report.error.split()) for report in same}
    return FailureGroup(
        key=_digest(reason),
        reason=(errors.pop() if len(errors) == 1 else reason)[:_LONGEST],
        is_exact=not errors,
        reports=tuple(same),
        retryable=tuple(report for report in same if report.project_id in mine),
        is_cut=is_cut,
    )
