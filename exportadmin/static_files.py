"""Static files of an installation: what pages ask for, under hashed names, compressed once.

Libraries bring along much that no page of ours asks for (a second API explorer, source maps, other versions):
compressing it all took longer than the rest of the first start.
"""

from __future__ import annotations

from typing import Final

from django.apps import apps
from django.contrib.staticfiles.apps import StaticFilesConfig

UNASKED: Final = [
    "*.map",
    "redoc",  # drf-spectacular's second explorer
    "rest_framework",  # REST answers in JSON; its own pages are switched off
    "htmx-4*",
    "htmax-4*",
    "ext",  # htmx's extensions
    "LICENSE*",
]


def leave_out_what_nobody_asks_for() -> None:
    """For ``collectstatic``. (A subclass of its app would do, but test tools look for Django's own name.)"""
    app = apps.get_app_config("staticfiles")
    app.ignore_patterns = [*StaticFilesConfig.ignore_patterns, *UNASKED]  # type: ignore[attr-defined]
