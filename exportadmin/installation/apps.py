"""The installation as a Django app."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig

from exportadmin.audit import events
from exportadmin.audit.checkpoints.identity import identify_by
from exportadmin.lib.command import about_to_start


def _check(sender: Any, **_: Any) -> None:
    from exportadmin.installation.home import refuse_anothers_home

    if sender.needs_own_home:
        refuse_anothers_home()


def _public_id() -> str:
    from exportadmin.installation.models import Installation

    return Installation.objects.values_list("public_id", flat=True).first() or ""


class InstallationConfig(AppConfig):
    """Every command of ours looks whose folder it is about to work in."""

    name = "exportadmin.installation"
    label = "installation"
    verbose_name = "Installation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the check, and have checkpoints of the trail name the installation."""
        about_to_start.connect(_check, dispatch_uid="installation.home")
        identify_by(_public_id)
        events.register(
            "home", "The home folder", {"claimed": "{actor} [took|tried to take] the home folder over< from {before}>"}
        )
