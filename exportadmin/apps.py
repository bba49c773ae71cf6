"""The project itself as a Django app: what has to be connected once, and the project's static files."""

from __future__ import annotations

from django.apps import AppConfig
from django.http import HttpRequest


class ExportAdminConfig(AppConfig):
    """Wiring without models."""

    name = "exportadmin"
    verbose_name = "Export Admin"

    def ready(self) -> None:
        """Register the boot checks, and have closed sign-ins and pages' refusals recorded."""
        from exportadmin import sign_in, static_files
        from exportadmin.lib import pages
        from exportadmin.operations import checks

        static_files.leave_out_what_nobody_asks_for()
        checks.register()
        sign_in.connect()
        pages.on_refused.append(_record_refusal)


def _record_refusal(request: HttpRequest, error: Exception, status: int) -> None:
    from exportadmin.audit.api import record_refusal  # late: it brings REST along, which a shell command does not need

    record_refusal(request, error, status, channel="web")
