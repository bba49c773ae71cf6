"""Addresses of imports in REST."""

from django.urls import path

from connections.store.imports import api

urlpatterns = [
    path("imports/", api.ImportsView.as_view(), name="imports"),
    path("imports/<str:import_id>/", api.ImportView.as_view(), name="import"),
    path("imports/<str:import_id>/content/", api.ImportContentView.as_view(), name="import-content"),
    path("imports/<str:import_id>/cancel/", api.CancelImportView.as_view(), name="import-cancel"),
    path("imports/<str:import_id>/refused/", api.RefusedView.as_view(), name="import-refused"),
]
