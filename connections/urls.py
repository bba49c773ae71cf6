"""Addresses of the pages on connections."""

from django.urls import path

from connections.sync.views import remote_projects
from connections.views import connections as views
from connections.views import remote_connections as remote

app_name = "connections"
urlpatterns = [
    path("", views.connection_list, name="list"),
    path("new/", views.new, name="new"),
    path("<str:connection_id>/", views.detail, name="detail"),
    path("<str:connection_id>/edit/", views.edit, name="edit"),
    path("<str:connection_id>/secrets/", views.secrets, name="secrets"),
    path("<str:connection_id>/projects/", remote_projects, name="projects"),
    path("<str:connection_id>/remote-connections/", remote.remote_connections, name="remote"),
    path("<str:connection_id>/remote-connections/test/", remote.test, name="remote_test"),
    path("<str:connection_id>/remote-connections/delete/", remote.delete, name="remote_delete"),
    path("<str:connection_id>/test/", views.test, name="test"),
    path("<str:connection_id>/steps/", views.steps, name="steps"),
    path("<str:connection_id>/disable/", views.disable, name="disable"),
    path("<str:connection_id>/enable/", views.enable, name="enable"),
    path("<str:connection_id>/delete/", views.delete, name="delete"),
    path("<str:connection_id>/grant/", views.grant, name="grant"),
    path("<str:connection_id>/revoke/<str:project_id>/", views.revoke, name="revoke"),
]
