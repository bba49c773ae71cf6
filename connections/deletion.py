"""What goes with a project that is deleted, and how: in pieces of bounded size.

:func:`connections.actions.delete_project` makes the project invisible, in one short transaction. What belonged to it is
taken away afterwards: a million rows take minutes, for which nobody's request can wait, and one transaction that long
would stop everybody else's writing. The worker does it beside its other work (:class:`Sweep`), the shell at once; both
may be killed anywhere and begin again.

Tables that point to a project are found by their foreign keys. What is more than rows of a table an app takes away
itself, as a :class:`ProjectPart`.
"""

from __future__ import annotations

import logging
import shutil
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import models, transaction

from connections.models import Project
from exportadmin.audit.record import record
from exportadmin.lib.actor import Actor, system
from exportadmin.lib.registry import Registry
from exportadmin.runs import statuses
from exportadmin.runs.models import run_models

log = logging.getLogger(__name__)

PIECE: Final = 500  # rows a transaction
SLICE_SECONDS: Final = 2.0
LATER_SECONDS: Final = 3600.0


class ProjectPart(ABC):
    """What an app keeps of projects."""

    @abstractmethod
    def contents(self, project: Project) -> dict[str, int]:
        """What there is, counted: ``{"rows": 20}``."""

    def left_behind(self, project: Project) -> list[str]:
        """Addresses of what stays because it is not ours to remove."""
        return []

    def close(self, project: Project) -> None:  # noqa: B027 - most have nothing to end
        """In the transaction that deletes the project: end at once what would go on without it."""

    def take_away(self, project: Project) -> Iterator[int]:
        """Take away what does not go with the tables by itself; yields how many things after each bounded piece.

        What cannot be removed now is left, together with the row of a table that protects the project.
        """
        yield from ()


PARTS: Final[Registry[type[ProjectPart]]] = Registry("part of a project", {})


@dataclass(frozen=True, slots=True)
class Contents:
    """What goes with a project (``counts`` by name), and the addresses of files that stay."""

    counts: dict[str, int]
    left_behind: list[str]


def contents_of(project: Project) -> Contents:
    """What deleting the project would take away, a few queries."""
    counts: dict[str, int] = {}
    left_behind: list[str] = []
    for part in _parts():
        counts |= part.contents(project)
        left_behind += part.left_behind(project)
    counts["members"] = project.memberships.count()
    counts["tokens"] = project.tokens.count()
    return Contents(counts, left_behind)


def active_runs(project: Project) -> list[str]:
    """The runs of every kind that have not ended, as ``export <id>``. While there are any, the project stays."""
    active: dict[str, Any] = {"project": project, "status__in": statuses.ACTIVE}
    return [
        f"{model.kind} {getattr(run, 'public_id', None) or getattr(run, 'report_id', run.pk)}"
        for model in run_models()
        for run in model._default_manager.filter(**active).order_by("pk")
    ]


def close(project: Project) -> None:
    """In the transaction that deletes the project: nobody has a role in it or a token for it any more."""
    project.memberships.all().delete()
    project.tokens.all().delete()
    for part in _parts():
        part.close(project)


def take_away(project: Project, actor: Actor | None = None) -> Iterator[int]:
    """Everything of a deleted project, at last the project itself, which the trail is told.

    Yields the number of things after each piece. Something that cannot be removed now leaves the project for the next
    time, with a line in the log.
    """
    for part in _parts():
        yield from part.take_away(project)
    for relation in Project._meta.related_objects:
        if getattr(relation, "on_delete", None) is not models.PROTECT:
            yield from _rows(project, relation)
    shutil.rmtree(settings.MEDIA_DIR / project.public_id, ignore_errors=True)
    try:
        with transaction.atomic():
            if _lock(project):
                Project.with_deleted.filter(pk=project.pk).delete()
                record("project.purged", actor=actor or system("worker"), project=project, obj=project)
    except models.ProtectedError as error:
        log.warning("deleted project %s cannot be taken away entirely yet: %s", project.public_id, error.args[0])


def _rows(project: Project, relation: Any) -> Iterator[int]:
    """The rows of one table, and by cascade those of the tables that point to it."""
    manager: models.Manager[Any] = relation.related_model._base_manager
    mine = manager.filter(**{relation.field.name: project.pk}).order_by("pk")
    while True:
        with transaction.atomic():
            if not _lock(project):
                return
            keys = list(mine.values_list("pk", flat=True)[:PIECE])
            manager.filter(pk__in=keys).only("pk").delete()
        if not keys:
            return
        yield len(keys)


def _lock(project: Project) -> bool:
    """Two that take away the same project take turns. ``False``: it is gone."""
    return bool(Project.with_deleted.select_for_update().filter(pk=project.pk).values_list("pk"))


def _parts() -> list[ProjectPart]:
    return [part() for part in PARTS.values()]


class Sweep:
    """For the worker's loop: each :meth:`tick` takes away a little of the projects that were deleted."""

    def __init__(self) -> None:
        self._running: Iterator[int] | None = None
        self._later: dict[int, float] = {}

    def tick(self) -> None:
        """Some seconds of work at most. Raises what the database says; any other failure is tried again in an hour."""
        until = time.monotonic() + SLICE_SECONDS
        if self._running is None and (project := self._next()) is not None:
            self._later[project.pk] = time.monotonic() + LATER_SECONDS
            self._running = take_away(project)
        try:
            for _ in self._running or ():
                if time.monotonic() > until:
                    return
        except DatabaseError:
            self._running = None
            self._later.clear()
            raise
        except Exception:
            log.exception("a deleted project could not be taken away; it is tried again in an hour")
        self._running = None

    def _next(self) -> Project | None:
        now = time.monotonic()
        self._later = {pk: moment for pk, moment in self._later.items() if moment > now}
        return Project.with_deleted.exclude(deleted_at=None).exclude(pk__in=self._later).order_by("pk").first()
