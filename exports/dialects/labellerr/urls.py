"""Addresses below the SDK's BASE_URL. None ends with a slash: a redirect would turn the SDK's POST into a GET."""

from __future__ import annotations

from django.urls import path, re_path

from exports.dialects.labellerr import views

urlpatterns = [
    path("projects/project/<str:project_id>", views.ProjectView.as_view(), name="project"),
    path("project_drafts/projects/detailed_list", views.ProjectsView.as_view(), name="projects"),
    path("sdk/export/files", views.CreateExportView.as_view(), name="create"),
    path("exports/list", views.ListExportsView.as_view(), name="list"),
    path("exports/status", views.StatusView.as_view(), name="status"),
    path("exports/download", views.DownloadUrlView.as_view(), name="download"),
    re_path(r"^(?P<rest>.*)$", views.NothingHereView.as_view(), name="nothing-here"),
]
