"""Imports that one may see."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import QuerySet

from connections.access.lookup import get_object
from connections.access.models import ApiToken
from connections.access.permissions import VIEW, projects_for
from connections.store.models import ImportRun


def visible_imports(user: AbstractBaseUser | AnonymousUser, token: ApiToken | None = None) -> QuerySet[ImportRun]:
    """With their projects."""
    return ImportRun.objects.filter(project__in=projects_for(user, VIEW, token)).select_related("project")


def get_import(request: Any, import_id: str, verb: str = VIEW) -> ImportRun:
    """For a page and for REST. Raises as :func:`connections.access.lookup.get_object` does."""
    return get_object(request, ImportRun.objects.select_related("project"), "import", import_id, verb=verb)
