"""The audit trail as a Django app."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


def _keep_triggers(sender: AppConfig, *, using: str, **_: Any) -> None:
    # a migration that alters a table remakes it on SQLite, and its triggers go with the old one
    from exportadmin.audit import triggers

    triggers.install_where_tables_are(connections[using])


class AuditConfig(AppConfig):
    """The audit trail."""

    name = "exportadmin.audit"
    label = "audit"
    verbose_name = "Audit trail"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen to sign-ins, and keep the triggers in place."""
        from exportadmin.audit import own_events, signals

        own_events.register()
        signals.connect()
        post_migrate.connect(_keep_triggers, sender=self, dispatch_uid="audit.keep_triggers")
