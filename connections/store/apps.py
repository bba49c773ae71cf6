"""The built-in source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.apps import AppConfig

if TYPE_CHECKING:
    from django.db.models import QuerySet


class StoreConfig(AppConfig):
    """Annotated rows kept by Export Admin itself."""

    name = "connections.store"
    label = "store"
    verbose_name = "Built-in store"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Imports are a kind of run; say what goes with a project that is deleted."""
        from connections import deletion
        from exportadmin.audit import object_urls
        from exportadmin.runs.runners import RUNNERS

        RUNNERS.register("import", "connections.store.imports.runner:ImportRunner")
        object_urls.register("import", object_urls.Pages(_imports, "public_id", "imports:detail"))
        deletion.PARTS.register("rows", "connections.store.deletion:RowsOfProject")
        deletion.PARTS.register("imports", "connections.store.deletion:ImportsOfProject")


def _imports() -> QuerySet[Any]:
    """Of projects that are there."""
    from connections.store.models import ImportRun

    return ImportRun.objects.filter(project__deleted_at=None)
