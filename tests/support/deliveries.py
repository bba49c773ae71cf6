"""Where delivered files lie on this machine, for tests that look at them or spoil them."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from exports.models import ExportReport


def delivery_folder(report: ExportReport) -> Path:
    """The folder of a local delivery."""
    return Path(settings.ARTIFACTS_DIR, report.location)
