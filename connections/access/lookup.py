"""How any channel comes by what an address names: what may not be seen is answered as if it were not there."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db.models import Model, QuerySet

from connections.access.permissions import VIEW, can
from connections.models import Project
from exportadmin.lib.errors import ConflictError, DeniedError, HiddenError, NotFoundError

LONGEST_ID = 200
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


def unseen(words: str, obj: Model | None, project: Project | None) -> NotFoundError:
    """The error to raise: the trail learns of a thing that is there and may not be seen, the caller does not."""
    if obj is None or project is None:
        return NotFoundError(words)
    about: dict[str, Any] = {"project": project, "obj": obj}
    return HiddenError(words, about=about)


def allowed(
    user: AbstractBaseUser | AnonymousUser, verb: str, project: Project | None, obj: Model | None, words: str
) -> None:
    """May the person of a page do ``verb`` with ``obj``? Raises :class:`NotFoundError` and :class:`DeniedError`."""
    if obj is None or project is None or not can(user, VIEW, project):
        raise unseen(words, obj, project)
    if verb != VIEW and not can(user, verb, project):
        raise DeniedError(f"{user} may not {verb} in project {project.name!r}", about={"project": project, "obj": obj})


def page_project(user: AbstractBaseUser | AnonymousUser, project_id: str, verb: str = VIEW) -> Project:
    """The project that a page's address names. Raises :class:`NotFoundError` and :class:`DeniedError`."""
    found = None
    if is_valid_key(project_id):
        found = Project.objects.select_related("connection").filter(public_id=project_id).first()
    allowed(user, verb, found, found, "no such project")
    assert found is not None
    return found
