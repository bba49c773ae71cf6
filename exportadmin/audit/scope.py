"""Who may read how much of the trail: the one rule of its pages and of REST."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from exportadmin.audit.models import AuditEntry
from exportadmin.lib.errors import DeniedError


@dataclass(frozen=True, slots=True)
class Scope:
    """``everything``, or only what belongs to ``projects`` (public ids)."""

    everything: bool
    projects: tuple[str, ...] = ()

    def holds(self, entry: AuditEntry) -> bool:
        """May this one be read?"""
        return self.everything or entry.project_id in self.projects

    def within(self, entries: QuerySet[AuditEntry]) -> QuerySet[AuditEntry]:
        """Those of the entries that may be read."""
        return entries if self.everything else entries.filter(project_id__in=self.projects)


def may_read(request: Any) -> Scope:
    """What the one who asks may read; it may be nothing. Asks the rule that the settings name, once a request."""
    if not hasattr(request, "audit_scope"):
        everything, projects = import_string(settings.AUDIT_SCOPE)(request)
        request.audit_scope = Scope(bool(everything), tuple(projects))
    scope: Scope = request.audit_scope
    return scope


def scope_of(request: Any) -> Scope:
    """What the one who asks may read. Raises :class:`DeniedError` where that is nothing."""
    scope = may_read(request)
    if not scope.everything and not scope.projects:
        raise DeniedError("reading the trail takes the role admin or reviewer, and for a token the scope audit:read")
    return scope
