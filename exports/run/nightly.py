"""The nightly proof of all deliveries that are not expired: the one that was longest not proved comes first.

A worker's loop queues a few proofs at a time, so that exports do not wait behind them, until all are made, the night's
hours are over, or so many bytes were read: then the rest is looked at by attributes. Of several workers the one that
has locked the night's row goes on with it. A place that cannot be reached does not stop the others.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone

from exportadmin.lib.actor import system
from exportadmin.lib.times import last_beginning
from exportadmin.runs import statuses
from exports.models import ExportReport, Proof, ProofNight
from exports.models.proof import ATTRIBUTES
from exports.run import proofs

log = logging.getLogger(__name__)

# queued together: so many at most, and no more than one where it has to read more than so much
BATCH: Final = 20
BATCH_BYTES: Final = 1 << 28
# so many failures at one connection, and the night leaves it alone
MOST_FAILURES: Final = 3
NIGHTS_KEPT: Final = 30


class Nightly:
    """For the worker's loop."""

    def __init__(self, now: Callable[[], datetime] = timezone.now) -> None:
        self._now = now
        self._over: datetime | None = None

    def tick(self) -> None:
        """A few queries at night, none in the day. Raises what the database says."""
        if settings.PROOF_AT is None:
            return
        now = self._now()
        began = last_beginning(now, settings.PROOF_AT)
        if began != self._over and not go_on(began, now):
            self._over = began


def go_on(began: datetime, now: datetime) -> bool:
    """Queue the next proofs of a night. ``False``: it is over, for every worker."""
    is_late = now - began >= timedelta(hours=settings.PROOF_HOURS)
    if is_late and not ProofNight.objects.filter(began_at=began).exists():
        return False
    ProofNight.objects.get_or_create(began_at=began)
    with transaction.atomic():
        night = ProofNight.objects.select_for_update().get(began_at=began)
        if night.ended_at is not None:
            return False
        if night.proofs.filter(status__in=statuses.ACTIVE).exists():
            return True
        chosen = [] if is_late else list(_next(night))
        for report, how in chosen:
            with suppress(IntegrityError), transaction.atomic():  # somebody has just asked for one of it
                proofs.create(report, how, system(), night)
        if chosen:
            return True
        _end(night, now)
        return False


def to_prove(before: datetime) -> QuerySet[ExportReport]:
    """Deliveries that are ours, there, within reach, and were not proved since ``before``."""
    there = ExportReport.objects.filter(
        is_ours=True,
        files_removed_at=None,
        status__in=statuses.SUCCESSFUL,
        project__deleted_at=None,
        destination__disabled_at=None,
    )
    return there.filter(Q(proved_at=None) | Q(proved_at__lt=before))


def _next(night: ProofNight) -> Iterator[tuple[ExportReport, str]]:
    """The next deliveries, and how each is looked at."""
    left = settings.PROOF_BYTES - (night.proofs.aggregate(sum=Sum("bytes_done"))["sum"] or 0)
    failing = night.proofs.filter(status=statuses.FAILED, report__destination__isnull=False)
    by_place = failing.order_by().values("report__destination").annotate(count=Count("pk"))
    away = [row["report__destination"] for row in by_place if row["count"] >= MOST_FAILURES]
    waiting = to_prove(night.began_at).exclude(destination__in=away).exclude(proofs__status__in=statuses.ACTIVE)
    waiting = waiting.exclude(proofs__night=night)  # one that was cancelled is not asked for again
    waiting = waiting.select_related("project").defer("config")
    batch = 0
    # one after the other, each by the index of reports to prove: for both at once all of them would be sorted
    never = list(waiting.filter(proved_at=None).order_by("pk")[:BATCH])
    for report in never or waiting.exclude(proved_at=None).order_by("proved_at", "pk")[:BATCH]:
        how: str = settings.PROOF_HOW
        if (needed := proofs.bytes_to_read(report, how)) > left:
            how, needed = ATTRIBUTES, 0
        if batch and batch + needed > BATCH_BYTES:
            return
        batch += needed
        left -= needed
        yield report, how


def _end(night: ProofNight, now: datetime) -> None:
    """Everything was looked at, or it was not: then its ``note`` says why."""
    notes = []
    if missed := to_prove(night.began_at).count():
        why = "their store did not answer, or the hours were over (EXPORTADMIN_PROOF_HOURS)"
        notes.append(f"{missed:,} were not looked at: {why}")
    by_attributes = night.proofs.filter(how=ATTRIBUTES).count() if settings.PROOF_HOW != ATTRIBUTES else 0
    if by_attributes:
        notes.append(f"{by_attributes:,} by attributes only: enough was read (EXPORTADMIN_PROOF_BYTES)")
    night.ended_at, night.note = now, "; ".join(notes)
    night.save()
    old = ProofNight.objects.order_by("-began_at").values_list("pk", flat=True)[NIGHTS_KEPT:]
    ProofNight.objects.filter(pk__in=list(old)).delete()
    log.info("nightly proof: %d deliveries looked at%s", night.proofs.count(), f"; {night.note}" if notes else "")


def last_night() -> ProofNight | None:
    """The one that is under way, or was."""
    return ProofNight.objects.order_by("-began_at").first()


def counts_of(night: ProofNight, among: QuerySet[ExportReport]) -> dict[str, int]:
    """How many proofs of that night had which result (or state, where there is none) among these reports."""
    found = Proof.objects.filter(night=night, report__in=among).order_by()
    rows = found.values("result", "status").annotate(count=Count("pk"))
    counts: dict[str, int] = {}
    for row in rows:
        key = row["result"] or row["status"]
        counts[key] = counts.get(key, 0) + row["count"]
    return counts
