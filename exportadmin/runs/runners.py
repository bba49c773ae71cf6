"""The kinds of runs: a key, and who carries it out. Apps register theirs in ``AppConfig.ready``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, TypeVar

from exportadmin.lib.registry import Registry
from exportadmin.runs.lease import RunLease
from exportadmin.runs.models import Run

RunType = TypeVar("RunType", bound=Run)


class Runner(ABC, Generic[RunType]):
    """What is done with a run of one kind, at each turn of its life."""

    model: ClassVar[type[Run]]

    @abstractmethod
    def run(self, run: RunType, lease: RunLease) -> None:
        """Do the work and write its successful end with :func:`exportadmin.runs.ends.end`.

        Whatever it raises becomes a state, see :func:`exportadmin.runs.execute.carry_out`; :class:`NotYet` waits.
        """

    @abstractmethod
    def ended(self, run: RunType) -> None:
        """In the transaction that writes any end: the line in the trail, and what belongs to it.

        ``run`` has its new ``status`` and ``error``. What this raises undoes the end.
        """

    def clean_up(self, run: RunType) -> None:
        """Take away what a dead process left half-made. May be called again for the same run."""

    def reason_not_to_resume(self, run: RunType) -> str:
        """Why no worker may go on with a run whose process died; empty: it may."""
        return ""


RUNNERS: Registry[type[Runner[Any]]] = Registry("kind of run", {})


def runner_of(run: Run) -> Runner[Any]:
    """Who carries out ``run``."""
    return RUNNERS[run.kind]()
