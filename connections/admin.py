"""Connections and projects for superusers' emergencies: to look at, not to change."""

from __future__ import annotations

from django.contrib import admin

from connections.models import Connection, Project
from exportadmin.lib.read_only_admin import ReadOnlyAdmin


@admin.register(Connection)
class ConnectionAdmin(ReadOnlyAdmin):
    """How platforms are reached."""

    list_display = ("name", "kind", "created_at")
    list_filter = ("kind",)
    search_fields = ("name",)


@admin.register(Project)
class ProjectAdmin(ReadOnlyAdmin):
    """What is exported from."""

    list_display = ("name", "public_id", "connection", "time_zone", "created_at")
    list_select_related = ("connection",)
    list_filter = ("connection",)
    search_fields = ("name", "public_id")
