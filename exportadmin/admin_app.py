"""Django's admin as an app, with our site."""

from __future__ import annotations

from django.contrib.admin import apps


class AdminConfig(apps.AdminConfig):
    """Instead of ``django.contrib.admin`` in the settings."""

    default_site = "exportadmin.admin_site.Site"
