"""Who may use which connection, and what does.

A connection is used by projects to which it was granted: that is asked when something is requested or saved, and again
when it runs. Whoever may not use one does not learn its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import QuerySet

from connections.models import STORE, Connection, ConnectionGrant, Project
from exportadmin.lib.errors import ConflictError, UserError
from exportadmin.lib.registry import Registry

MOST_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class User:
    """One thing that uses a connection. ``id`` is its public id."""

    id: str
    name: str
    project: str


@dataclass(frozen=True, slots=True)
class Use:
    """How many things of a sort use a connection, and the first of them. ``what`` is their name: ``config``."""

    what: str
    count: int
    first: tuple[User, ...]
    # files of it lie where the connection leads, or soon will
    holds_files: bool = False

    def __str__(self) -> str:
        named = ", ".join(f"{user.name!r} of project {user.project!r}" for user in self.first[:MOST_NAMED])
        more = ", …" if self.count > MOST_NAMED else ""
        return f"{self.count:,} {self.what}{'s' if self.count > 1 else ''} ({named}{more})"


# what uses connections, of each app: called with a connection and the projects that are asked about
USES: Final[Registry[Callable[[Connection, QuerySet[Project]], Iterable[Use]]]] = Registry("use of connections", {})

# the same in numbers, of many connections at once
COUNTS: Final[Registry[Callable[[Sequence[Connection], QuerySet[Project]], Iterable[tuple[int, str, int]]]]] = Registry(
    "use of connections", {}
)


def use_counts(connections: Sequence[Connection], projects: QuerySet[Project]) -> dict[int, dict[str, int]]:
    """Key of a connection → what uses it in these projects → how many; a few queries for a whole list."""
    counts: dict[int, dict[str, int]] = {connection.pk: {} for connection in connections}
    for name in COUNTS:
        for key, what, count in COUNTS[name](connections, projects):
            if count:
                counts[key][what] = count
    return counts


def used_by(connection: Connection, projects: QuerySet[Project] | None = None) -> list[Use]:
    """What uses the connection and would miss it; ``projects``: only in these.

    Of projects that are being taken away too: their files are reached by it until they are gone.
    """
    asked = Project.with_deleted.all() if projects is None else projects
    uses = [use for name in USES for use in USES[name](connection, asked)]
    mirrored = asked.filter(connection=connection).order_by("name", "pk")
    first = tuple(User(project.public_id, project.name, project.name) for project in mirrored[:MOST_NAMED])
    return [use for use in (*uses, Use("project", mirrored.count(), first)) if use.count]


def granted_to(project: Project, kind: str) -> QuerySet[Connection]:
    """The connections of a kind that the people of a project may use; disabled ones too."""
    mine = ConnectionGrant.objects.filter(project=project).values("connection")
    return Connection.objects.exclude(kind=STORE).filter(kind=kind, pk__in=mine)


def named_connection(project: Project, kind: str, wanted: str, *, hold: bool = False) -> Connection:
    """The one that ``wanted`` names by its id or name.

    ``hold``: until the transaction ends it is not deleted; whoever deletes it sees what was made meanwhile. Raises
    :class:`UserError` where there is none, :class:`ConflictError` as :func:`check_usable` does.
    """
    granted = granted_to(project, kind)
    if hold:
        granted = granted.select_for_update(no_key=True)
    found = granted.filter(public_id=wanted).first() or granted.filter(name=wanted).first()
    if found is None:
        known = ", ".join(f"{one.public_id} ({one.name!r})" for one in granted)
        raise UserError(
            f"destination.connection names no connection of kind {kind} that project {project.name!r} may use; "
            f"known: {known or 'none yet'}",
            field="destination",
        )
    check_usable(found, project)
    return found


def check_usable(connection: Connection, project: Project) -> None:
    """May the project use it, now? Raises :class:`ConflictError`; the name is told to those who may use it only."""
    now = granted_to(project, connection.kind).filter(pk=connection.pk).first()
    if now is None:
        raise ConflictError(f"the connection is not granted to project {project.name!r}", field="destination")
    if now.disabled_at is not None:
        raise ConflictError(f"connection {now.name!r} is disabled", field="destination")
