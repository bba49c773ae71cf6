"""Addresses of projects and tokens in REST."""

from django.urls import path

from connections.access.api import openapi, views  # noqa: F401 - openapi: registers itself

urlpatterns = [
    path("projects/", views.ProjectsView.as_view(), name="projects"),
    path("projects/<str:project_id>/", views.ProjectView.as_view(), name="project"),
    path("projects/<str:project_id>/members/", views.MembersView.as_view(), name="members"),
    path("projects/<str:project_id>/members/<str:username>/", views.MemberView.as_view(), name="member"),
    path("tokens/", views.TokensView.as_view(), name="tokens"),
    path("tokens/<str:token_id>/revoke/", views.RevokeTokenView.as_view(), name="token-revoke"),
]
