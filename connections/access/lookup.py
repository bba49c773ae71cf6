"""How any channel comes by what an address names: what may not be seen is answered as if it were not there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.db.models import Model, QuerySet

from connections.access.models import ApiToken
from connections.access.permissions import MANAGE, VIEW, can, connections_for
from connections.models import STORE, Connection, Project
from exportadmin.lib.errors import ConflictError, DeniedError, HiddenError, NotFoundError

LONGEST_ID = 200
Found = TypeVar("Found", bound=Model)
MOST_NAMED = 10


def is_valid_key(text: str) -> bool:
    """Can it be in a column at all? (PostgreSQL takes no U+0000, not even to look for it.)"""
    return len(text) <= LONGEST_ID and "\x00" not in text


def find_user(username: str) -> User | None:
    """The account of that name, disabled or not."""
    return User.objects.filter(username=username).first() if is_valid_key(username) else None


def named_project(wanted: str, among: QuerySet[Project], *, field: str | None = None) -> Project | None:
    """The project of that id, else the one of that name; ``None``: there is none.

    Raises :class:`ConflictError` with their ids where several bear the name (each connection has its own names).
    """
    if not is_valid_key(wanted):
        return None
    if (by_id := among.filter(public_id=wanted).first()) is not None:
        return by_id
    named = list(among.filter(name=wanted).order_by("pk")[: MOST_NAMED + 1])
    if len(named) > 1:
        ids = ", ".join(project.public_id for project in named[:MOST_NAMED])
        raise ConflictError(
            f"{wanted[:80]!r} is the name of several projects: give the id of one of them"
            f" ({ids}{', …' if len(named) > MOST_NAMED else ''})",
            field=field,
        )
    return named[0] if named else None


def find_project(wanted: str, *, field: str = "project") -> Project:
    """By id or name, without asking who asks (the shell). Raises :class:`NotFoundError` and :class:`ConflictError`."""
    project = named_project(wanted, Project.objects.select_related("connection"), field=field)
    if project is None:
        known = ", ".join(repr(name) for name in Project.objects.values_list("name", flat=True)[:20])
        raise NotFoundError(f"no project {wanted[:80]!r}; known: {known or 'none yet'}", field=field)
    return project


def not_found(what: str, key: str, *, obj: Model | None = None, project: Project | None = None) -> NotFoundError:
    """``no WHAT 'KEY'``. The trail learns of an ``obj`` that is there and may not be seen, the caller does not."""
    message = f"no {what} {key[:80]!r}"
    return NotFoundError(message) if obj is None else HiddenError(message, about={"project": project, "obj": obj})


def token_of(request: Any) -> ApiToken | None:
    """The token that a request came with: one of REST; a page has none."""
    token = getattr(request, "auth", None)
    return token if isinstance(token, ApiToken) else None


def get_object(
    request: Any,
    rows: QuerySet[Found],
    what: str,
    key: str,
    *,
    verb: str = VIEW,
    column: str = "public_id",
    shown: Callable[[Found], Model] = lambda found: found,
    project_of: Callable[[Any], Project] = lambda found: found.project,
) -> Found:
    """The one of ``rows`` that an address names by its ``column``, for a page and for REST.

    Raises :class:`NotFoundError` where there is none or the one who asks may not know of it (which the trail is told,
    of the object that ``shown`` gives), :class:`DeniedError` for someone who may see it but not do ``verb`` with it.
    """
    found = rows.filter(**{column: key}).order_by().first() if is_valid_key(key) else None
    if found is None:
        raise not_found(what, key)
    project, obj, token = project_of(found), shown(found), token_of(request)
    if not can(request.user, VIEW, project, token):
        raise not_found(what, key, obj=obj, project=project)
    if verb != VIEW and not can(request.user, verb, project, token):
        about = {"project": project, "obj": obj}
        raise DeniedError(f"{request.user} may not {verb} in project {project.name!r}", about=about)
    return found


def get_project(request: Any, project_id: str, verb: str = VIEW) -> Project:
    """The project that a page's address names. Raises as :func:`get_object` does."""
    projects = Project.objects.select_related("connection")
    return get_object(request, projects, "project", project_id, verb=verb, project_of=lambda project: project)


def get_connection(request: Any, connection_id: str) -> Connection:
    """The connection that an address names, for a page and for REST. Raises :class:`NotFoundError`.

    The trail is told of one that is there and was not granted to a project of the one who asks.
    """
    visible = connections_for(request.user, token_of(request))
    if is_valid_key(connection_id):
        if (found := visible.filter(public_id=connection_id).first()) is not None:
            return found
        if (hidden := Connection.objects.filter(public_id=connection_id).first()) is not None:
            raise HiddenError(f"no connection {connection_id!r}", about={"obj": hidden})
    raise NotFoundError(f"no connection {connection_id[:80]!r}")


def manages_connections(request: Any) -> bool:
    """May the one who asks make and change connections?"""
    return can(request.user, MANAGE, None, token_of(request))


def find_connection(wanted: str) -> Connection:
    """By id or name, without asking who asks (the shell). Raises :class:`NotFoundError`."""
    connections = Connection.objects.exclude(kind=STORE)
    if is_valid_key(wanted):
        found = connections.filter(public_id=wanted).first() or connections.filter(name=wanted).first()
        if found is not None:
            return found
    known = ", ".join(repr(name) for name in connections.values_list("name", flat=True)[:20])
    raise NotFoundError(f"no connection {wanted[:80]!r}; known: {known or 'none yet'}", field="connection")
