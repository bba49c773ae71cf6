"""The project itself as a Django app: what has to be connected once, and the project's static files."""

from __future__ import annotations

from django.apps import AppConfig


class ExportAdminConfig(AppConfig):
    """Wiring without models."""

    name = "exportadmin"
    verbose_name = "Export Admin"

    def ready(self) -> None:
        """Register the boot checks, and have closed sign-ins recorded."""
        from exportadmin import checks, sign_in

        checks.register()
        sign_in.connect()
