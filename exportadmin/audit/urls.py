"""Addresses of the pages on the trail."""

from django.urls import path

from exportadmin.audit import views

app_name = "audit"
urlpatterns = [
    path("", views.entries, name="entries"),
]
