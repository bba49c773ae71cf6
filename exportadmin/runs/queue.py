"""Telling a worker of a run. The row is the truth: a task of django-q2 may get lost, come twice or late, and which run
is begun with it is settled when a worker has it (:mod:`exportadmin.runs.turns`)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django_q.brokers import get_broker
from django_q.tasks import async_task

from exportadmin.runs import limits, statuses
from exportadmin.runs.lease import DUE
from exportadmin.runs.models import Run, run_models

TASK: Final = "exportadmin.runs.execute.take_turn"
# A queue as long as this is long enough; and so many are enqueued again in one pass. Bounds what a backlog costs.
MAX_TASKS: Final = 50
# The task of a new run comes right after its commit. Younger ones without a task are not lost, they are on the way.
NEW: Final = timedelta(seconds=5)


def enqueue(run: Run) -> None:
    """Tell a worker, once the transaction around this call has committed. The reaper makes good one that fails."""
    model, pk = type(run), run.pk
    transaction.on_commit(lambda: send_task(model, pk), robust=True)


def send_task(model: type[Run], pk: int, condition: Q | None = None) -> bool:
    """Tell a worker now. ``False``: it is not queued any more, or ``condition`` does not hold (another was faster)."""
    with transaction.atomic():
        queued = model._default_manager.filter(condition or Q(), pk=pk, status=statuses.QUEUED)
        if not queued.update(queued_at=Now()):
            return False
        async_task(TASK, model.kind, pk, task_name=f"{model.kind} {pk}")
    return True


def forget_task(model: type[Run], pk: int) -> None:
    """A worker that is stopping got the task: nobody has been told of the run."""
    model._default_manager.filter(pk=pk, status=statuses.QUEUED).update(queued_at=None)


def enqueue_lost(*, after_restart: bool) -> int:
    """Tell a worker of every run that waits and whose task is not on its way. How many those were.

    ``after_restart``: tasks that an earlier worker had taken off the queue are gone, so age does not count.
    """
    # times in the future come from a clock that was set back since, and are not believed
    is_old = Q(created_at__lt=Now() - NEW) | Q(created_at__gt=Now())
    is_overdue = Q(queued_at__lt=Now() if after_restart else Now() - limits.LEASE) | Q(queued_at__gt=Now())
    lost = DUE & (is_overdue | (Q(queued_at=None) & (Q() if after_restart else is_old)))
    sent = 0
    for model in run_models():
        waiting = model._default_manager.filter(lost, status=statuses.QUEUED, cancel_requested=False)
        pks = list(
            waiting.order_by(F("queued_at").asc(nulls_first=True), "pk").values_list("pk", flat=True)[:MAX_TASKS]
        )
        if pks and get_broker().queue_size() < MAX_TASKS:
            sent += sum(send_task(model, pk, lost) for pk in pks)
    return sent


def is_stalled(slots: int) -> bool:
    """Is a run waiting although a worker must be free? ``slots``: workers of this machine's cluster.

    Runs on other machines count as ours: with many machines this errs on the quiet side.
    """
    running = waiting = 0
    for model in run_models():
        rows = model._default_manager
        waiting += rows.filter(DUE, status=statuses.QUEUED, cancel_requested=False, queued_at__lt=Now()).exists()
        running += rows.filter(status=statuses.RUNNING, lease_until__gte=Now()).count()
    return bool(waiting) and running < slots
