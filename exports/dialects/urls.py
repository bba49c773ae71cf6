"""Addresses of the dialects: ``<key>/…``."""

from __future__ import annotations

from django.urls import include, path

from exports.dialects import DIALECTS

app_name = "dialects"
urlpatterns = [path(f"{key}/", include((list(dialect.urls), key))) for key, dialect in DIALECTS.items()]
