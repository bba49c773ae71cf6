"""Delivered files do not stay for ever where ``EXPORTADMIN_RETENTION_DAYS`` says so; report and trail do.

Two duties. Deliveries that are old enough are removed through :func:`exports.actions.remove_files`, like by hand. And
what lies about without a report that needs it is swept away: drafts and spools of dead runs, folders of reports that
were never delivered or whose files were removed. A whole delivery (it has a manifest) of which the database has never
heard is kept: that looks like the wrong database, or an old backup of the right one. Where others may deliver to the
same place, everything that the database does not know is theirs.

Everything here may run twice, at the same time, and be killed anywhere.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

from django.conf import settings
from django.db import Error, transaction
from django.db.models import QuerySet
from django.utils import timezone

from connections.models import Connection
from connections.sinks import SINKS
from connections.sinks.base import Leftover, Sink
from exportadmin.audit.record import record
from exportadmin.lib.actor import system
from exportadmin.lib.errors import ConflictError, ExportAdminError, PermanentError, UserError
from exportadmin.lib.text import one_line
from exportadmin.runs import statuses
from exports import actions
from exports.delivery.destination import delivery_of, key_of, sink_for, sink_of
from exports.models import ExportReport, SinkSweep
from exports.models.sweep import DRAFT, FOLDER, UNKNOWN
from exports.run import scratch

log = logging.getLogger(__name__)

ACTOR: Final = "retention"
BATCH: Final = 200
# younger leftovers may be somebody's at this moment; they are listed, those of this moment are not
LEFTOVER_AGE: Final = timedelta(days=1)
LISTED_AGE: Final = timedelta(minutes=10)
MOST_LISTED: Final = 100
# so many that cannot be taken away, and a place is left alone until the next time
MOST_FAILURES: Final = 3
EVERY_SECONDS: Final = 3600.0
SLICE_SECONDS: Final = 2.0

EXPIRED, SCRATCH = "expired", "scratch"


@dataclass(frozen=True)
class Step:
    """One thing that was (or, dry, would be) done. ``kind`` ``unknown``: kept, for a person to look at."""

    kind: str
    report_id: str
    address: str


@dataclass
class Summary:
    """What was done: addresses by kind."""

    addresses: dict[str, list[str]] = field(
        default_factory=lambda: {kind: [] for kind in (EXPIRED, DRAFT, FOLDER, SCRATCH, UNKNOWN)}
    )

    def add(self, step: Step) -> None:
        """Count it in."""
        self.addresses[step.kind].append(step.address)


def remove_expired(now: datetime, *, days: int | None = None) -> int:
    """Remove the files of deliveries that ended more than ``days`` ago (default: the setting; 0: none). How many."""
    return sum(1 for _ in expired(now, days=days))


def retain(now: datetime, *, days: int | None = None, dry: bool = False) -> Summary:
    """Both duties, to the end."""
    summary = Summary()
    for step in steps(now, days=days, dry=dry):
        summary.add(step)
    return summary


def steps(now: datetime, *, days: int | None = None, dry: bool = False) -> Iterator[Step]:
    """Both duties, one thing at a time: whoever has little time may stop anywhere and begin again later."""
    yield from expired(now, days=days, dry=dry)
    yield from leftovers(now, dry=dry)


class Hourly:
    """For the worker: :meth:`tick` does a little now and then. Other machines are asked, which may take their time."""

    def __init__(self) -> None:
        self._next = 0.0
        self._running: Iterator[Step] | None = None

    def tick(self) -> None:
        """Some seconds of work at most (one big folder may take longer). Raises what the database says; any other
        failure waits for the next hour, in the log.
        """
        started = time.monotonic()
        if self._running is None:
            if started < self._next:
                return
            self._next = started + EVERY_SECONDS
            self._running = steps(timezone.now())
        try:
            for step in self._running:
                level = logging.WARNING if step.kind == UNKNOWN else logging.INFO
                log.log(
                    level, "retention: %s %s", "kept, not known:" if step.kind == UNKNOWN else step.kind, step.address
                )
                if time.monotonic() - started > SLICE_SECONDS:
                    return
        except Error:
            self._running = None
            raise
        except Exception:
            log.exception("retention stopped; it goes on in an hour")
        self._running = None


# --- deliveries that are old enough ----------------------------------------------------------------------------------


def expired(now: datetime, *, days: int | None = None, dry: bool = False) -> Iterator[Step]:
    """Only what is ours: a folder that somebody named is theirs."""
    days = settings.RETENTION_DAYS if days is None else days
    if days <= 0:
        return
    old = ExportReport.objects.filter(
        is_ours=True,
        status__in=statuses.SUCCESSFUL,
        files_removed_at=None,
        finished_at__lt=now - timedelta(days=days),
    ).select_related("project")
    last = 0
    while batch := list(old.filter(pk__gt=last).order_by("pk")[:BATCH]):
        for report in batch:
            last = report.pk
            address = delivery_of(report).address
            if not dry and not _remove(report, days):
                continue
            yield Step(EXPIRED, report.report_id, address)


def _remove(report: ExportReport, days: int) -> bool:
    try:
        actions.remove_files(report=report, actor=system(ACTOR), why=f"older than {days} days")
    except ConflictError:  # somebody else was faster
        return False
    return True


# --- what lies about -------------------------------------------------------------------------------------------------


def leftovers(now: datetime, *, dry: bool = False) -> Iterator[Step]:
    """Of every sink that there is, and spools: only what is ours and older than a day."""
    for sink in _sinks():
        look, error = _Look(), ""
        try:
            yield from _sweep(sink, now, look, dry=dry)
        except ExportAdminError as problem:  # one that cannot be reached keeps the others from nothing
            error = one_line(problem)
            log.warning("retention: leftovers of %s were not looked for: %s", sink.connection or sink.title, error)
        if not dry:
            _keep(sink, now, look, error)
    for report_id, folder in scratch.older_than(now - LEFTOVER_AGE):
        if not _is_active(report_id):
            if not dry:
                scratch.discard(report_id)
            yield Step(SCRATCH, report_id, str(folder))


def _sinks() -> Iterator[Sink]:
    yield sink_of({}, None)
    for connection in Connection.objects.filter(kind__in=list(SINKS)):
        yield sink_of({"kind": connection.kind}, connection)


@dataclass
class _Look:
    """What was found at one place: what stays there, as :class:`SinkSweep` keeps it, and how many went."""

    found: list[dict[str, str]] = field(default_factory=list)
    found_total: int = 0
    removed: int = 0
    failures: int = 0

    def stays(self, kind: str, leftover: Leftover, error: str = "") -> None:
        """Until the next time, or for ever."""
        self.found_total += 1
        if len(self.found) < MOST_LISTED:
            at = leftover.changed_at.astimezone(UTC).isoformat(timespec="seconds")
            about = {"report_id": leftover.report_id, "address": leftover.address, "changed_at": at}
            self.found.append({"kind": kind, **about, "error": error})


def _keep(sink: Sink, now: datetime, look: _Look, error: str) -> None:
    connection = sink.connection
    values: dict[str, Any] = {"connection": connection, "swept_at": now, "error": error}
    if not error:
        values |= {"found": look.found, "found_total": look.found_total, "removed": look.removed}
    SinkSweep.objects.update_or_create(place=connection.public_id if connection else "", defaults=values)


def _sweep(sink: Sink, now: datetime, look: _Look, *, dry: bool) -> Iterator[Step]:
    """Raises :class:`ExportAdminError` where the place cannot be asked."""
    if sink.connection is not None and sink.connection.disabled_at is not None:
        raise ConflictError("the connection is disabled: what was left there is not looked for")
    old = sink.leftovers(now - LISTED_AGE)
    while batch := list(islice(old, BATCH)):
        ids = [leftover.report_id for leftover in batch]
        reports = ExportReport.objects.select_related("project", "destination").filter(report_id__in=ids)
        known = {report.report_id: report for report in reports}
        for leftover in batch:
            report = known.get(leftover.report_id)
            kind = DRAFT if leftover.is_draft else FOLDER
            if report is not None and _is_needed(report, sink, leftover):
                continue
            is_young = leftover.changed_at >= now - LEFTOVER_AGE
            if _is_somebodys(report, sink, leftover):
                look.stays(UNKNOWN, leftover)
                if not is_young:
                    yield Step(UNKNOWN, leftover.report_id, leftover.address)
            elif is_young:
                look.stays(kind, leftover)
            elif dry or _is_taken_away(sink, leftover, report, look):
                yield Step(kind, leftover.report_id, leftover.address)


def _is_active(report_id: str) -> bool:
    return ExportReport.objects.filter(report_id=report_id, status__in=statuses.ACTIVE).exists()


def _is_needed(report: ExportReport, sink: Sink, leftover: Leftover) -> bool:
    if report.status in statuses.ACTIVE:  # the next attempt may adopt it
        return True
    is_kept = report.is_delivered and report.files_removed_at is None
    # of a bucket, another connection may lead to the same place
    is_its_own = report.location == leftover.location and (sink.is_remote or _destination(report) == sink.connection)
    return not leftover.is_draft and is_kept and is_its_own


def _destination(report: ExportReport) -> Connection | None:
    """Where what we delivered of it lies: where a platform delivers itself, the manifest lies with us."""
    return None if report.is_there else report.destination


def _is_somebodys(report: ExportReport | None, sink: Sink, leftover: Leftover) -> bool:
    """Is it perhaps not ours to take away? Where others deliver and copy too, only what lies where the report's own
    delivery goes is ours."""
    if not sink.is_remote:
        return report is None and leftover.is_whole
    if report is None or _destination(report) != sink.connection:
        return True
    try:
        return sink_for(report).address(key_of(report)) != leftover.address
    except UserError:
        return True


def _is_taken_away(sink: Sink, leftover: Leftover, report: ExportReport | None, look: _Look) -> bool:
    """Raises the :class:`PermanentError` of the last one, where too many stay."""
    try:
        _take_away(sink, leftover, report)
    except PermanentError as error:
        log.warning("retention: %s cannot be taken away: %s", leftover.address, error)
        look.stays(DRAFT if leftover.is_draft else FOLDER, leftover, one_line(error))
        look.failures += 1
        if look.failures >= MOST_FAILURES:
            raise
        return False
    look.removed += 1
    return True


def _take_away(sink: Sink, leftover: Leftover, report: ExportReport | None) -> None:
    if leftover.is_draft:  # never visible to anybody, so nothing for the trail
        sink.remove_leftover(leftover)
        return
    # first: the trail must not say that something is gone which stays
    sink.remove_leftover(leftover)
    with transaction.atomic():
        record(
            "artifact.removed",
            actor=system(ACTOR),
            project=report.project if report else None,
            obj=report or ("export_report", leftover.report_id, leftover.report_id),
            details={"location": leftover.location},
            reason="a folder without a delivery",
        )


def sweeps() -> QuerySet[SinkSweep]:
    """What lies about, by place: this installation first. Of connections that are not deleted."""
    return SinkSweep.objects.exclude(connection__deleted_at__isnull=False).select_related("connection")
