"""Addresses of the pages on syncs."""

from django.urls import path

from connections.sync import views

app_name = "syncs"
urlpatterns = [
    path("", views.sync_list, name="list"),
    path("<str:sync_id>/", views.detail, name="detail"),
    path("<str:sync_id>/progress/", views.progress, name="progress"),
    path("<str:sync_id>/cancel/", views.cancel, name="cancel"),
    path("<str:sync_id>/refused/", views.refused_rows, name="refused"),
]
