"""Addresses of connections in REST."""

from django.urls import path

from connections.api import remote_connections, views

urlpatterns = [
    path("connections/", views.ConnectionsView.as_view(), name="connections"),
    path("connections/<str:connection_id>/", views.ConnectionView.as_view(), name="connection"),
    path("connections/<str:connection_id>/test/", views.TestView.as_view(), name="connection-test"),
    path("connections/<str:connection_id>/secrets/", views.SecretsView.as_view(), name="connection-secrets"),
    path("connections/<str:connection_id>/disable/", views.DisableView.as_view(), name="connection-disable"),
    path("connections/<str:connection_id>/enable/", views.EnableView.as_view(), name="connection-enable"),
    path("connections/<str:connection_id>/grants/", views.GrantsView.as_view(), name="connection-grants"),
    path(
        "connections/<str:connection_id>/grants/<str:project_id>/", views.GrantView.as_view(), name="connection-grant"
    ),
    path("connections/<str:connection_id>/used-by/", views.UsedByView.as_view(), name="connection-used-by"),
    path(
        "connections/<str:connection_id>/remote-connections/",
        remote_connections.RemoteConnectionsView.as_view(),
        name="remote-connections",
    ),
    path(
        "connections/<str:connection_id>/remote-connections/<str:remote_id>/",
        remote_connections.RemoteConnectionView.as_view(),
        name="remote-connection",
    ),
    path(
        "connections/<str:connection_id>/remote-connections/<str:remote_id>/test/",
        remote_connections.TestRemoteConnectionView.as_view(),
        name="remote-connection-test",
    ),
]
