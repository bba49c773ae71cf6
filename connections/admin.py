"""Connections and projects for superusers' emergencies: to look at, not to change."""

from __future__ import annotations

from django.contrib import admin

from connections.models import Connection, ConnectionGrant, ConnectionSecret, MadeThere, Project
from exportadmin.lib.read_only_admin import ReadOnlyAdmin


@admin.register(Connection)
class ConnectionAdmin(ReadOnlyAdmin):
    """How platforms and buckets are reached; their secrets are elsewhere."""

    list_display = ("name", "public_id", "kind", "created_at", "disabled_at", "tested_at")
    list_filter = ("kind",)
    search_fields = ("name", "public_id")


@admin.register(ConnectionSecret)
class ConnectionSecretAdmin(ReadOnlyAdmin):
    """Which secrets are set, since when and by whom; never what they are."""

    list_display = ("connection", "field", "set_at", "set_by")
    list_select_related = ("connection",)
    search_fields = ("connection__name", "field")
    exclude = ("value",)


@admin.register(ConnectionGrant)
class ConnectionGrantAdmin(ReadOnlyAdmin):
    """Which projects may use which connection."""

    list_display = ("connection", "project", "granted_at", "granted_by")
    list_select_related = ("connection", "project")
    search_fields = ("connection__name", "project__name")


@admin.register(Project)
class ProjectAdmin(ReadOnlyAdmin):
    """What is exported from."""

    list_display = ("name", "public_id", "connection", "time_zone", "created_at")
    list_select_related = ("connection",)
    list_filter = ("connection",)
    search_fields = ("name", "public_id")


@admin.register(MadeThere)
class MadeThereAdmin(ReadOnlyAdmin):
    """What is still to be taken away at platforms."""

    list_display = ("__str__", "run_kind", "run_pk", "connection", "external_id", "created_at", "due_at")
    list_select_related = ("connection",)
    list_filter = ("run_kind", "connection")
