"""Addresses of the pages on imports."""

from django.urls import path

from connections.store.imports import views

app_name = "imports"
urlpatterns = [
    path("new/", views.new, name="new"),
    path("<str:import_id>/", views.detail, name="detail"),
    path("<str:import_id>/progress/", views.progress, name="progress"),
    path("<str:import_id>/cancel/", views.cancel, name="cancel"),
    path("<str:import_id>/refused/", views.refused_rows, name="refused"),
]
