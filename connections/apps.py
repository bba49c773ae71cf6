"""Where rows come from and where files go."""

from django.apps import AppConfig


class ConnectionsConfig(AppConfig):
    """Connections to platforms and buckets, and the projects that exports read from."""

    name = "connections"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Tell the trail about projects and imports, and where copies of its checkpoints go."""
        from connections import trail
        from exportadmin.audit.checkpoints.copies import PLACES

        trail.register()
        PLACES.register("store", "connections.checkpoint_copies:in_the_store")
