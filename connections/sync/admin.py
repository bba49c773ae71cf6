"""Mirrored projects and their syncs for superusers' emergencies: to look at, not to change."""

from __future__ import annotations

from django.contrib import admin

from connections.sync.models import Mirror, SyncRun
from exportadmin.lib.read_only_admin import ReadOnlyAdmin


@admin.register(Mirror)
class MirrorAdmin(ReadOnlyAdmin):
    """How far each project has been read."""

    list_display = ("project", "data_type", "synced_at", "full_synced_at", "watermark_ms", "full_due", "sync_first")
    list_select_related = ("project",)
    search_fields = ("project__name",)


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnlyAdmin):
    """Syncs, with what a worker knows of them."""

    list_display = (
        "public_id", "project", "mode", "remote_id", "status", "phase", "rows_done", "attempts", "lease_until",
        "created_by_name", "created_at", "finished_at",
    )  # fmt: skip
    list_select_related = ("project",)
    list_filter = ("status", "mode", "project")
    search_fields = ("public_id", "remote_id", "created_by_name")
