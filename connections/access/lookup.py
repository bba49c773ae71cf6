"""How any channel comes by what an address names: what may not be seen is answered as if it were not there."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db.models import Model

from connections.access.permissions import VIEW, can
from connections.models import Project
from exportadmin.lib.errors import DeniedError, HiddenError, NotFoundError

LONGEST_ID = 200


def is_valid_key(text: str) -> bool:
    """Can it be in a column at all? (PostgreSQL takes no U+0000, not even to look for it.)"""
    return len(text) <= LONGEST_ID and "\x00" not in text


def find_user(username: str) -> User | None:
    """The account of that name, disabled or not."""
    return User.objects.filter(username=username).first() if is_valid_key(username) else None


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
