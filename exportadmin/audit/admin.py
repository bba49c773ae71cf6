"""The trail for superusers' emergencies: to look at. Reviewers read it on its own pages."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from exportadmin.audit.models import AuditEntry, AuditHead
from exportadmin.lib import times
from exportadmin.lib.read_only_admin import ReadOnlyAdmin


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """The lines, newest first; before, after and details on a line's own page only."""

    list_display = (
        "sequence", "at", "event", "outcome", "actor_name", "channel", "project_name", "object_name", "request_id",
    )  # fmt: skip
    list_filter = ("outcome", "channel")
    search_fields = ("event", "actor_name", "object_id", "request_id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Long texts are not read for a list."""
        return super().get_queryset(request).defer("before_json", "after_json", "details_json", "reason")

    @admin.display(ordering="at_ms")
    def at(self, entry: AuditEntry) -> Any:
        """When."""
        return times.to_datetime(entry.at_ms)


@admin.register(AuditHead)
class AuditHeadAdmin(ReadOnlyAdmin):
    """The last line's number and hash."""

    list_display = ("sequence", "hash")
