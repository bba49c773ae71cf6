"""The installation as a Django app."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig

from exportadmin.audit import events
from exportadmin.lib.command import about_to_start


def _check(sender: Any, **_: Any) -> None:
    from exportadmin.installation.home import refuse_anothers_home

    if sender.needs_own_home:
        refuse_anothers_home()


class InstallationConfig(AppConfig):
    """Every command of ours looks whose folder it is about to work in."""

    name = "exportadmin.installation"
    label = "installation"
    verbose_name = "Installation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Connect the check."""
        about_to_start.connect(_check, dispatch_uid="installation.home")
        events.register(
            "home", "The home folder", {"claimed": "{actor} [took|tried to take] the home folder over< from {before}>"}
        )
