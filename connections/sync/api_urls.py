"""Addresses of mirrors and syncs in REST."""

from django.urls import path

from connections.sync import api

urlpatterns = [
    path("connections/<str:connection_id>/projects/", api.RemoteProjectsView.as_view(), name="remote-projects"),
    path("projects/<str:project_id>/mirror/", api.MirrorView.as_view(), name="mirror"),
    path("syncs/", api.SyncsView.as_view(), name="syncs"),
    path("syncs/<str:sync_id>/", api.SyncView.as_view(), name="sync"),
    path("syncs/<str:sync_id>/cancel/", api.CancelSyncView.as_view(), name="sync-cancel"),
    path("syncs/<str:sync_id>/refused/", api.RefusedView.as_view(), name="sync-refused"),
]
