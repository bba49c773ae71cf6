"""Addresses of the help pages."""

from django.urls import path

from exports.views import help

app_name = "help"
urlpatterns = [
    path("", help.index, name="index"),
]
