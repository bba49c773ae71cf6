"""Addresses that the SDK's constructor is given, or that answers name. None ends with a slash: a redirect would turn
the SDK's POST into a GET."""

from __future__ import annotations

from django.urls import path, re_path

from exports.dialects.labelbox import views

urlpatterns = [
    path("graphql", views.GraphqlView.as_view(), name="graphql"),
    path("_gql", views.GraphqlView.as_view(), name="experimental"),
    path("chunks/<str:address>", views.ChunkView.as_view(), name="chunk"),
    path(
        "api/v1/tasks/<str:task_id>/masks/<int:place>/index/<int:index>",
        views.MaskView.as_view(),
        name="mask",
    ),
    re_path(r"^(?P<rest>.*)$", views.NothingHereView.as_view(), name="nothing-here"),
]
