"""Addresses below the SDK's BASE_URL. None ends with a slash: a redirect would turn the SDK's POST into a GET."""

from __future__ import annotations

from django.urls import path, re_path

from exports.dialects.labellerr import connectors, views

urlpatterns = [
    path("projects/project/<str:project_id>", views.ProjectView.as_view(), name="project"),
    path("project_drafts/projects/detailed_list", views.ProjectsView.as_view(), name="projects"),
    path("sdk/export/files", views.CreateExportView.as_view(), name="create"),
    path("exports/list", views.ListExportsView.as_view(), name="list"),
    path("exports/status", views.StatusView.as_view(), name="status"),
    path("exports/download", views.DownloadUrlView.as_view(), name="download"),
    path("connectors/connections/test", connectors.TryConnectionView.as_view(), name="connection-test"),
    path("connectors/connections/create", connectors.CreateConnectionView.as_view(), name="connection-create"),
    path("connectors/connections/list", connectors.ConnectionsView.as_view(), name="connections"),
    path("connectors/connections/delete", connectors.DeleteConnectionView.as_view(), name="connection-delete"),
    path(
        "connectors/connections/<str:connection_id>/details",
        connectors.ConnectionDetailsView.as_view(),
        name="connection",
    ),
    re_path(r"^(?P<rest>.*)$", views.NothingHereView.as_view(), name="nothing-here"),
]
