"""Imports that one may see."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import QuerySet

from connections.access.lookup import allowed, is_valid_key, unseen
from connections.access.models import ApiToken
from connections.access.permissions import VIEW, projects_for
from connections.store.models import ImportRun


def visible_imports(user: AbstractBaseUser | AnonymousUser, token: ApiToken | None = None) -> QuerySet[ImportRun]:
    """With their projects."""
    return ImportRun.objects.filter(project__in=projects_for(user, VIEW, token)).select_related("project")


def find_import(import_id: str) -> ImportRun | None:
    """By public id, whoever asks."""
    if not is_valid_key(import_id):
        return None
    return ImportRun.objects.select_related("project").filter(public_id=import_id).first()


def seen_import(user: AbstractBaseUser | AnonymousUser, token: ApiToken | None, import_id: str) -> ImportRun:
    """For REST. Raises :class:`~exportadmin.lib.errors.NotFoundError`."""
    found = find_import(import_id)
    if found is None or not visible_imports(user, token).filter(pk=found.pk).exists():
        raise unseen(f"no import {import_id[:80]!r}", found, found.project if found else None)
    return found


def page_import(user: AbstractBaseUser | AnonymousUser, import_id: str, verb: str = VIEW) -> ImportRun:
    """For a page. Raises :class:`NotFoundError` and :class:`DeniedError`."""
    found = find_import(import_id)
    allowed(user, verb, found.project if found else None, found, "no such import")
    assert found is not None
    return found
