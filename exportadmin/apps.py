"""The project itself as a Django app: what has to be connected once, and the project's static files."""

from __future__ import annotations

from django.apps import AppConfig


class ExportAdminConfig(AppConfig):
    """Wiring without models."""

    name = "exportadmin"
    verbose_name = "Export Admin"

    def ready(self) -> None:
        """Register the boot checks, and have closed sign-ins recorded."""
        from exportadmin import sign_in, static_files
        from exportadmin.operations import checks

        static_files.leave_out_what_nobody_asks_for()
        checks.register()
        sign_in.connect()
