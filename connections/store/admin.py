"""The built-in store for superusers' emergencies: to look at, not to change. Lists leave the big columns alone."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from connections.store.models import ImportRun, StoreClass, StoreModelRun, StoreProject, StoreRow, StoreTombstone
from exportadmin.lib.read_only_admin import ReadOnlyAdmin


@admin.register(StoreProject)
class StoreProjectAdmin(ReadOnlyAdmin):
    """What the store keeps of a project beside its rows."""

    list_display = ("project", "revision", "next_number", "next_annotation")
    list_select_related = ("project",)
    search_fields = ("project__name",)


@admin.register(StoreClass)
class StoreClassAdmin(ReadOnlyAdmin):
    """Classes and questions of the ontologies."""

    list_display = ("name", "number", "is_question", "supercategory", "project")
    list_select_related = ("project",)
    list_filter = ("is_question", "project")
    search_fields = ("name",)


@admin.register(StoreRow)
class StoreRowAdmin(ReadOnlyAdmin):
    """Rows without what is in them: that is shown where looking at it is recorded."""

    list_display = (
        "global_key",
        "row_id",
        "number",
        "project",
        "status",
        "batch_id",
        "annotation_count",
        "class_counts",
    )
    list_select_related = ("project",)
    list_filter = ("status", "project")
    search_fields = ("global_key", "row_id", "external_id")
    exclude = ("body", "embeddings", "label_times")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """A million bodies are not read for a list."""
        return super().get_queryset(request).defer("body", "embeddings", "label_times")


@admin.register(StoreModelRun)
class StoreModelRunAdmin(ReadOnlyAdmin):
    """Model runs without what they say of rows: that is shown where looking at it is recorded."""

    list_display = ("name", "model_name", "run_id", "project", "created_by")
    list_select_related = ("project",)
    list_filter = ("project",)
    search_fields = ("name", "model_name", "run_id")


@admin.register(StoreTombstone)
class StoreTombstoneAdmin(ReadOnlyAdmin):
    """Rows that were deleted."""

    list_display = ("global_key", "row_id", "project", "revision", "deleted_by", "reason")
    list_select_related = ("project",)
    list_filter = ("project",)
    search_fields = ("global_key", "row_id")


@admin.register(ImportRun)
class ImportRunAdmin(ReadOnlyAdmin):
    """Imports, with what a worker knows of them."""

    list_display = (
        "public_id", "file_name", "project", "format", "status", "phase", "rows_done", "attempts", "lease_until",
        "created_by_name", "created_at", "finished_at",
    )  # fmt: skip
    list_select_related = ("project",)
    list_filter = ("status", "format", "project")
    search_fields = ("public_id", "file_name", "created_by_name")
