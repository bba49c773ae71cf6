"""Addresses of projects and tokens in REST."""

from django.urls import path

from connections.access.api import openapi, people, views  # noqa: F401 - openapi: registers itself

urlpatterns = [
    path("projects/", views.ProjectsView.as_view(), name="projects"),
    path("projects/<str:project_id>/", views.ProjectView.as_view(), name="project"),
    path("projects/<str:project_id>/members/", views.MembersView.as_view(), name="members"),
    path("projects/<str:project_id>/members/<str:username>/", views.MemberView.as_view(), name="member"),
    path("people/", people.PeopleView.as_view(), name="people"),
    path("people/<str:username>/", people.PersonView.as_view(), name="person"),
    path("people/<str:username>/disable/", people.DisableView.as_view(), name="person-disable"),
    path("people/<str:username>/enable/", people.EnableView.as_view(), name="person-enable"),
    path("people/<str:username>/invitation/", people.InvitationView.as_view(), name="person-invitation"),
    path("tokens/", views.TokensView.as_view(), name="tokens"),
    path("tokens/<str:token_id>/revoke/", views.RevokeTokenView.as_view(), name="token-revoke"),
]
