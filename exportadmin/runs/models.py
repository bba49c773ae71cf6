"""Run: the columns that everything has that is queued, carried out by a worker and ends."""

from __future__ import annotations

from typing import ClassVar

from django.apps import apps
from django.conf import settings
from django.db import models

from exportadmin.runs import statuses


class Run(models.Model):
    """``kind`` is the key of the :class:`~exportadmin.runs.runners.Runner` that carries it out.

    ``error`` is one line that an admin can act on. ``created_by_name`` outlives the account. Rows done are counted
    from the beginning of ``counted_phase``. Times are the database's.
    """

    kind: ClassVar[str]
    counted_phase: ClassVar[str] = "reading"
    # whose runs take turns (exportadmin.runs.turns): the column that says it
    turn_field: ClassVar[str] = "project_id"
    # before a worker begins it; whoever asked may end it then
    waiting_statuses: ClassVar[tuple[str, ...]] = (statuses.QUEUED,)

    status = models.CharField(max_length=20, default=statuses.QUEUED, choices=statuses.choices)
    phase = models.CharField(max_length=40, blank=True)
    # of the last attempt: [{"phase": …, "at": ISO 8601}, …]
    phases = models.JSONField(default=list, blank=True)
    error = models.TextField(blank=True)
    rows_expected = models.PositiveBigIntegerField(null=True)
    rows_done = models.PositiveBigIntegerField(default=0)
    bytes_done = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    created_by_name = models.CharField(max_length=200, blank=True)
    # who asked, also when the account is gone: a deleted account has no rights any more, "nobody" is the shell's run
    requested_by = models.BigIntegerField(null=True)
    # who works on it (fence), until when that is believed (lease), how often it was begun (attempts)
    attempts = models.PositiveSmallIntegerField(default=0)
    fence = models.PositiveBigIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    # when a worker was last told of it; and before when it is not to be begun
    queued_at = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    cancel_requested = models.BooleanField(default=False)
    # what a step keeps for the next one, see :class:`~exportadmin.runs.errors.NotYet`
    state = models.JSONField(default=dict, blank=True)

    class Meta:
        abstract = True

    @property
    def label(self) -> str:
        """For the log."""
        return f"{self.kind} {self.pk}"

    @property
    def rows_known(self) -> int | None:
        """Rows done; ``None``: nobody counts them."""
        return self.rows_done

    @property
    def bytes_known(self) -> int | None:
        """As :attr:`rows_known`."""
        return self.bytes_done

    @property
    def is_active(self) -> bool:
        """Has it not ended yet?"""
        return self.status in statuses.ACTIVE


def run_models() -> list[type[Run]]:
    """The tables of every kind of run."""
    return [model for model in apps.get_models() if issubclass(model, Run)]
