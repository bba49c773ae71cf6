"""Addresses below the SDK's base_url, each with and without a slash at its end: the SDK writes some with, its older
generation none."""

from __future__ import annotations

from typing import Final

from django.urls import URLPattern, re_path

from exports.dialects.label_studio import saved_views, views
from exports.dialects.label_studio.base import LabelStudioView

# as many digits as fit into every column
_NUMBER: Final = "[0-9]{1,18}"
_PROJECT: Final = f"api/projects/(?P<project_pk>{_NUMBER})"
_EXPORT: Final = f"{_PROJECT}/exports/(?P<export_pk>{_NUMBER})"


def _at(address: str, view: type[LabelStudioView], name: str) -> URLPattern:
    found: URLPattern = re_path(f"^{address}/?$", view.as_view(), name=name)
    return found


urlpatterns = [
    _at("api/version", views.VersionView, "version"),
    _at("api/current-user/whoami", views.WhoAmIView, "whoami"),
    _at("api/token/refresh", views.RefreshView, "refresh"),
    _at("api/token", views.TokenView, "token"),
    _at("api/projects", views.ProjectsView, "projects"),
    _at(_PROJECT, views.ProjectView, "project"),
    _at(f"{_PROJECT}/exports", views.ExportsView, "exports"),
    _at(_EXPORT, views.ExportView, "export"),
    _at(f"{_EXPORT}/convert", views.ConvertView, "convert"),
    _at(f"{_EXPORT}/download", views.DownloadView, "download"),
    _at(f"{_PROJECT}/export", views.EasyExportView, "easy-export"),
    _at(f"{_PROJECT}/export/formats", views.FormatsView, "formats"),
    _at(f"{_PROJECT}/export/files", views.FilesView, "files"),
    _at("api/dm/views", saved_views.ViewsView, "views"),
    _at(f"api/dm/views/(?P<view_pk>{_NUMBER})", saved_views.ViewView, "view"),
    re_path(r"^(?P<rest>.*)$", views.NothingHereView.as_view(), name="nothing-here"),
]
