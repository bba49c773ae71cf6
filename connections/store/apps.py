"""The built-in source."""

from django.apps import AppConfig


class StoreConfig(AppConfig):
    """Annotated rows kept by Export Admin itself."""

    name = "connections.store"
    label = "store"
    verbose_name = "Built-in store"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Say what goes with a project that is deleted."""
        from connections import deletion

        deletion.PARTS.register("rows", "connections.store.deletion:RowsOfProject")
