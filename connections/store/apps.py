"""The built-in source."""

from django.apps import AppConfig


class StoreConfig(AppConfig):
    """Annotated rows kept by Export Admin itself."""

    name = "connections.store"
    label = "store"
    verbose_name = "Built-in store"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Imports are a kind of run; say what goes with a project that is deleted."""
        from connections import deletion
        from exportadmin.runs.runners import RUNNERS

        RUNNERS.register("import", "connections.store.imports.runner:ImportRunner")
        deletion.PARTS.register("rows", "connections.store.deletion:RowsOfProject")
        deletion.PARTS.register("imports", "connections.store.deletion:ImportsOfProject")
