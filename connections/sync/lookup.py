"""Syncs that one may see."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import QuerySet

from connections.access.lookup import get_object
from connections.access.models import ApiToken
from connections.access.permissions import VIEW, projects_for
from connections.models import Project
from connections.sync.models import Mirror, SyncRun
from exportadmin.runs import statuses


def visible_syncs(user: AbstractBaseUser | AnonymousUser, token: ApiToken | None = None) -> QuerySet[SyncRun]:
    """With their projects."""
    return SyncRun.objects.filter(project__in=projects_for(user, VIEW, token)).select_related("project")


def get_sync(request: Any, sync_id: str, verb: str = VIEW) -> SyncRun:
    """For a page and for REST. Raises as :func:`connections.access.lookup.get_object` does."""
    return get_object(request, SyncRun.objects.select_related("project"), "sync", sync_id, verb=verb)


def mirror_of(project: Project) -> Mirror | None:
    """``None``: it is no mirrored project."""
    return Mirror.objects.filter(project=project).first() if project.external_id else None


def active_sync(project: Project) -> SyncRun | None:
    """The one that has not ended, of which there is one at most."""
    return SyncRun.objects.filter(project=project, status__in=statuses.ACTIVE).first()
