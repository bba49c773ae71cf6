"""Which place a run has in the queue: how many are begun before it, as projects take turns and as things are now.

:mod:`exportadmin.runs.turns` settles whose turn it is when a worker is free. The place is that order carried on, run by
run, without going through the queue: a project that has ``n`` of the workers now has its ``r``-th waiting run begun at
level ``n + r - 1``, levels come in their order, and within a level those who began there come before those who came
from the level below, each in the order of their last turns.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Min, Q
from django.db.models.functions import Now

from exportadmin.runs import statuses
from exportadmin.runs.lease import DUE
from exportadmin.runs.models import Run, run_models
from exportadmin.runs.turns import RunTurn

_WAITS = DUE & Q(status=statuses.QUEUED, cancel_requested=False)
_IS_WORKED_ON = Q(status=statuses.RUNNING, lease_until__gte=Now())


@dataclass(frozen=True, slots=True)
class Place:
    """Begun as the ``number``-th of ``of`` that wait now, of every kind and project."""

    number: int
    of: int


@dataclass(slots=True)
class _Line:
    """What waits and runs of one project; ``first`` is the oldest that waits."""

    waiting: int = 0
    running: int = 0
    first: datetime | None = None
    served: datetime | None = None
    ahead: dict[int, int] = field(default_factory=dict)

    @property
    def turn(self) -> tuple[bool, datetime | None]:
        """Who was never served comes before those who were (as in :mod:`exportadmin.runs.turns`)."""
        return self.served is not None, self.served or self.first

    def before(self, level: int, line: _Line) -> int:
        """How many of this project's are begun before the run of ``line`` that is begun at ``level``."""
        if not self.waiting:
            return 0
        lower = min(self.waiting, max(0, level - self.running))
        is_at_level = 0 <= level - self.running < self.waiting
        # who has more of the workers now has had no turn since, when the others have caught up with them
        comes_first = (-self.running, *self.turn) < (-line.running, *line.turn)
        return lower + (is_at_level and comes_first)


def places(runs: Iterable[Run]) -> dict[Run, Place]:
    """Of those of ``runs`` that wait and are due; a query for each kind of run, and one more."""
    asked = [run for run in runs if run.status == statuses.QUEUED and not run.cancel_requested]
    if not asked:
        return {}
    lines: dict[int, _Line] = {}
    due: set[int] = set()
    for model in run_models():
        _count(model, asked, lines, due)
    past = RunTurn.objects.filter(project__in=lines, served_at__lte=Now())
    for project, served in past.values_list("project", "served_at"):
        lines[project].served = served
    everything = sum(line.waiting for line in lines.values())
    return {run: Place(_number(run, number, lines), everything) for number, run in enumerate(asked) if number in due}


def _count(model: type[Run], asked: list[Run], lines: dict[int, _Line], due: set[int]) -> None:
    """Add what there is of one kind. Of the same kind the older one has the lower key; others are told by the time."""
    ahead = {f"ahead_{number}": Count("pk", filter=_WAITS & _older(model, run)) for number, run in enumerate(asked)}
    itself = {
        f"due_{number}": Count("pk", filter=_WAITS & Q(pk=run.pk))
        for number, run in enumerate(asked)
        if isinstance(run, model)
    }
    active = model._default_manager.filter(status__in=statuses.ACTIVE).order_by()
    counted = active.values(model.turn_field).annotate(
        waiting=Count("pk", filter=_WAITS),
        running=Count("pk", filter=_IS_WORKED_ON),
        first=Min("created_at", filter=_WAITS),
        **ahead,
        **itself,
    )
    for row in counted:
        line = lines.setdefault(row[model.turn_field], _Line())
        line.waiting += row["waiting"]
        line.running += row["running"]
        line.first = min(filter(None, (line.first, row["first"])), default=None)
        for number in range(len(asked)):
            line.ahead[number] = line.ahead.get(number, 0) + row[f"ahead_{number}"]
            if row.get(f"due_{number}"):
                due.add(number)


def _older(model: type[Run], run: Run) -> Q:
    """Of the run's project, itself left out."""
    project = getattr(run, type(run).turn_field)
    older = Q(pk__lt=run.pk) if isinstance(run, model) else Q(created_at__lt=run.created_at)
    return Q(**{model.turn_field: project}) & older


def _number(run: Run, number: int, lines: dict[int, _Line]) -> int:
    project = getattr(run, type(run).turn_field)
    line = lines[project]
    level = line.running + line.ahead[number]
    others = sum(other.before(level, line) for key, other in lines.items() if key != project)
    return line.ahead[number] + 1 + others
