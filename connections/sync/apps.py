"""Mirrored projects and their syncs."""

from __future__ import annotations

from django.apps import AppConfig


class SyncConfig(AppConfig):
    """See the package."""

    name = "connections.sync"
    label = "sync"
    verbose_name = "Syncs"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Syncs are a kind of run; say what goes with a project that is deleted, and tell the trail."""
        from connections import deletion
        from connections.sync import trail
        from exportadmin.runs.runners import RUNNERS

        trail.register()
        RUNNERS.register("sync", "connections.sync.runner:SyncRunner")
        deletion.PARTS.register("syncs", "connections.sync.deletion:SyncsOfProject")
