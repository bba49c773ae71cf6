"""Members, tokens and preferences for superusers' emergencies: to look at, not to change."""

from __future__ import annotations

from django.contrib import admin

from connections.access import user_admin  # noqa: F401 - registers the accounts
from connections.access.models import ApiToken, Membership, Preference
from exportadmin.lib.read_only_admin import ReadOnlyAdmin


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    """Who has which role where."""

    list_display = ("user", "project", "role", "created_at")
    list_select_related = ("user", "project")
    list_filter = ("role", "project")
    search_fields = ("user__username", "project__name")


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Scripts' keys, without what could be tried against a guessed key."""

    list_display = (
        "name",
        "prefix",
        "user",
        "project",
        "scopes",
        "created_at",
        "expires_at",
        "revoked_at",
        "last_used_at",
    )
    list_select_related = ("user", "project")
    list_filter = ("project",)
    search_fields = ("name", "prefix", "user__username")
    exclude = ("digest",)


@admin.register(Preference)
class PreferenceAdmin(ReadOnlyAdmin):
    """What people have chosen for their pages."""

    list_display = ("user", "theme", "time_zone")
    list_select_related = ("user",)
    search_fields = ("user__username",)
