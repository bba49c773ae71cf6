"""What a platform made for our runs alone (snapshots, views): taken away there when the run has ended, however it did.

It is written down before the request leaves, in the transaction that says so on the run's row. Whoever carries the run
out takes it away at its end; what that left, since it was killed, cancelled elsewhere or the platform did not answer,
a worker takes away later.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from django.db.models import Q
from django.utils import timezone

from connections.models import MadeThere
from connections.platforms import PLATFORMS
from connections.platforms.base import Platform, Wanted
from exportadmin.lib.errors import ExportAdminError, TransientError
from exportadmin.lib.masking import scrub_text
from exportadmin.runs import statuses
from exportadmin.runs.errors import LeaseLost, NotYet
from exportadmin.runs.lease import RunLease
from exportadmin.runs.models import Run
from exportadmin.runs.runners import RUNNERS

log = logging.getLogger(__name__)

AGAIN_AFTER: Final = timedelta(minutes=10)
GIVEN_UP_AFTER: Final = timedelta(days=7)
# what was asked for and has no id may be made so long after: until then it is looked for, by its name
MAY_BE_MADE: Final = timedelta(hours=1)
AT_ONCE: Final = 20


def write_down(run: Run, platform: Platform, external_id: str, wanted: Wanted) -> None:
    """Before the platform is asked, in a transaction with what the run keeps of that."""
    told = _told(wanted)
    for one in MadeThere.objects.filter(run_kind=run.kind, run_pk=run.pk):
        if one.wanted["name"] == wanted.name:
            return
    MadeThere.objects.create(
        run_kind=run.kind,
        run_pk=run.pk,
        connection=platform.connection,
        external_id=external_id,
        wanted=told,
        place=platform.place,
    )


def name(run: Run, wanted: Wanted, remote_id: str, as_wanted: Wanted) -> None:
    """It was made: so it is called there. ``as_wanted``: as it is taken away."""
    for one in MadeThere.objects.filter(run_kind=run.kind, run_pk=run.pk, remote_id=""):
        if one.wanted["name"] == wanted.name:
            MadeThere.objects.filter(pk=one.pk).update(remote_id=remote_id, wanted=_told(as_wanted))


def names_of_others(run: Run, platform: Platform) -> frozenset[str]:
    """What is known to be made, through that connection, for other runs that have not ended."""
    known = MadeThere.objects.filter(connection=platform.connection).exclude(remote_id="")
    mine = Q(run_kind=run.kind, run_pk=run.pk)
    return frozenset(known.exclude(mine).values_list("remote_id", flat=True))


def _told(wanted: Wanted) -> dict[str, Any]:
    return {**asdict(wanted), "options": dict(wanted.options)}


@contextmanager
def taken_away(run: Run, lease: RunLease) -> Iterator[None]:
    """Around a step of a run: where the run ends with it, what was made there for it goes. Who lost the run without
    having noticed takes nothing away from whoever goes on with it.
    """
    try:
        yield
    except (LeaseLost, NotYet, TransientError):  # it goes on
        raise
    except ExportAdminError:
        if lease.is_held():
            take_away(run)
        raise
    if run.status in statuses.TERMINAL:
        take_away(run)


def take_away(run: Run) -> None:
    """All that was made for it. Raises nothing: what cannot be taken away now is later."""
    for one in MadeThere.objects.filter(run_kind=run.kind, run_pk=run.pk).select_related("connection"):
        _take_away(one)


def tick() -> None:
    """What was left of runs that have ended."""
    now = timezone.now()
    for one in MadeThere.objects.filter(due_at__lte=now).select_related("connection").order_by("due_at")[:AT_ONCE]:
        if _has_ended(one):
            _take_away(one)
        else:
            MadeThere.objects.filter(pk=one.pk).update(due_at=now + AGAIN_AFTER)


def _has_ended(one: MadeThere) -> bool:
    runner = RUNNERS.get(one.run_kind)
    if runner is None:
        return True
    run = runner.model._default_manager.filter(pk=one.run_pk).values_list("status", flat=True).first()
    return run is None or run in statuses.TERMINAL


def _take_away(one: MadeThere) -> None:
    now = timezone.now()
    age = now - one.created_at
    try:
        reason = _tidied(one)
        if not reason and (one.remote_id or age > MAY_BE_MADE):
            one.delete()
            return
    except ExportAdminError as error:
        reason = str(error)
    except Exception as error:  # a fault of one of them is none of the others
        log.exception("%s could not be taken away at its platform", one)
        reason = type(error).__name__
    if age > GIVEN_UP_AFTER:
        log.warning("%s stays at its platform: %s", one, scrub_text(reason))
        one.delete()
        return
    MadeThere.objects.filter(pk=one.pk).update(due_at=now + AGAIN_AFTER)


def _tidied(one: MadeThere) -> str:
    """Why it was not tried; empty: it is not there any more, as far as anybody knows."""
    kind = PLATFORMS.get(one.connection.kind)
    if kind is None or one.connection.disabled_at is not None:
        return "its connection is disabled"
    platform = kind(one.connection)
    if platform.place != one.place:
        return f"its connection led to {one.place} then, and leads elsewhere now"
    platform.tidy(one.external_id, one.remote_id, _wanted(one.wanted))
    return ""


def _wanted(told: dict[str, Any]) -> Wanted:
    return Wanted(**{**told, "statuses": tuple(told["statuses"])})
