"""Delivered files do not stay for ever where ``EXPORTADMIN_RETENTION_DAYS`` says so; report and trail do.

Two duties. Deliveries that are old enough are removed through :func:`exports.actions.remove_files`, like by hand. And
what lies about without a report that needs it is swept away: drafts and spools of dead runs, folders of reports that
were never delivered or whose files were removed. A whole delivery (it has a manifest) of which the database has never
heard is kept: that looks like the wrong database, or an old backup of the right one.

Everything here may run twice, at the same time, and be killed anywhere.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import Error, transaction
from django.utils import timezone

from connections.sinks.local import MANIFEST_NAME
from exportadmin.audit.record import record
from exportadmin.lib.actor import system
from exportadmin.lib.errors import ConflictError
from exportadmin.lib.ids import LENGTH
from exports import actions, statuses
from exports.models import ExportReport

log = logging.getLogger(__name__)

DOOR: Final = "retention"
BATCH: Final = 200
# younger leftovers may be somebody's at this moment
LEFTOVER_AGE: Final = timedelta(days=1)
EVERY_SECONDS: Final = 3600.0
SLICE_SECONDS: Final = 2.0

EXPIRED, DRAFT, FOLDER, SCRATCH, UNKNOWN = "expired", "draft", "folder", "scratch", "unknown"
_ID: Final = rf"[a-z2-7]{{{LENGTH}}}"
_DRAFT: Final = re.compile(rf"\.({_ID})\.\d+\.part", re.ASCII)
_FOLDER: Final = re.compile(rf"({_ID})", re.ASCII)
_SCRATCH: Final = re.compile(rf"({_ID})\.\d+", re.ASCII)


@dataclass(frozen=True)
class Step:
    """One thing that was (or, dry, would be) done. ``kind`` ``unknown``: kept, for a person to look at."""

    kind: str
    report_id: str
    path: Path


@dataclass
class Summary:
    """What was done: paths by kind."""

    paths: dict[str, list[Path]] = field(
        default_factory=lambda: {kind: [] for kind in (EXPIRED, DRAFT, FOLDER, SCRATCH, UNKNOWN)}
    )

    def add(self, step: Step) -> None:
        """Count it in."""
        self.paths[step.kind].append(step.path)


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
    """For the worker's loop: :meth:`tick` does a little now and then, and never holds the loop up for long."""

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
                log.log(level, "retention: %s %s", "kept, not known:" if step.kind == UNKNOWN else step.kind, step.path)
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
    """Deliveries into our own folder only: what was delivered into a folder that somebody named is theirs."""
    days = settings.RETENTION_DAYS if days is None else days
    if days <= 0:
        return
    old = ExportReport.objects.filter(
        status__in=statuses.DELIVERED, files_removed_at=None, finished_at__lt=now - timedelta(days=days)
    ).select_related("project")
    last = 0
    while batch := list(old.filter(pk__gt=last).order_by("pk")[:BATCH]):
        for report in batch:
            last = report.pk
            if (report.config.get("destination") or {}).get("folder"):
                continue
            if not dry and not _remove(report, days):
                continue
            yield Step(EXPIRED, report.report_id, Path(report.location))


def _remove(report: ExportReport, days: int) -> bool:
    try:
        actions.remove_files(report=report, actor=system(DOOR), why=f"older than {days} days")
    except ConflictError:  # somebody else was faster
        return False
    return True


# --- what lies about -------------------------------------------------------------------------------------------------


def leftovers(now: datetime, *, dry: bool = False) -> Iterator[Step]:
    """Only what bears a name that we give, is older than a day and a real folder; links are never followed."""
    before = (now - LEFTOVER_AGE).timestamp()
    for project in _folders(settings.ARTIFACTS_DIR):
        if not _FOLDER.fullmatch(project.name):
            continue
        yield from _sweep(project, _DRAFT, DRAFT, before, dry=dry)
        yield from _sweep(project, _FOLDER, FOLDER, before, dry=dry)
    yield from _sweep(settings.EXPORTADMIN_HOME / "scratch", _SCRATCH, SCRATCH, before, dry=dry)


def _sweep(parent: Path, name: re.Pattern[str], kind: str, before: float, *, dry: bool) -> Iterator[Step]:
    found = ((match[1], path) for path in _folders(parent) if (match := name.fullmatch(path.name)))
    old = ((report_id, path) for report_id, path in found if _last_change(path) < before)
    while batch := list(islice(old, BATCH)):
        known = {
            report.report_id: report
            for report in ExportReport.objects.select_related("project").filter(
                report_id__in=[report_id for report_id, _ in batch]
            )
        }
        for report_id, path in batch:
            report = known.get(report_id)
            if _is_needed(report, kind, path):
                continue
            if kind == FOLDER and report is None and (path / MANIFEST_NAME).exists():
                yield Step(UNKNOWN, report_id, path)
                continue
            if not dry:
                _take_away(report_id, report, kind, path)
            yield Step(kind, report_id, path)


def _is_needed(report: ExportReport | None, kind: str, path: Path) -> bool:
    if report is None:
        return False
    if report.status in statuses.ACTIVE:  # the next attempt may adopt it
        return True
    is_kept = report.is_delivered and report.files_removed_at is None
    # by name, not by path: an installation may have been moved since
    return kind == FOLDER and is_kept and Path(report.location).name == path.name


def _take_away(report_id: str, report: ExportReport | None, kind: str, path: Path) -> None:
    if kind != FOLDER:  # never visible to anybody, so nothing for the trail
        shutil.rmtree(path, ignore_errors=True)
        return
    with transaction.atomic():
        record(
            "artifact.removed",
            actor=system(DOOR),
            project=report.project if report else None,
            obj=report or ("export_report", report_id, report_id),
            details={"folder": f"{path.parent.name}/{path.name}"},
            reason="a folder without a delivery",
        )
        transaction.on_commit(lambda: shutil.rmtree(path, ignore_errors=True))


def _folders(parent: Path) -> Iterator[Path]:
    try:
        with os.scandir(parent) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return
    yield from (parent / name for name in names)


def _last_change(folder: Path) -> float:
    """Seconds since 1970 of the last change in the folder or to a file directly in it; infinite: it is gone already."""
    try:
        times = [folder.stat().st_mtime]
        with os.scandir(folder) as entries:
            times += [entry.stat(follow_symlinks=False).st_mtime for entry in entries]
    except FileNotFoundError:
        return float("inf")
    return max(times)
