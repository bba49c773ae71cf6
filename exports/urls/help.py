"""Addresses of the help pages."""

from django.urls import path

from exports.views import help
from exports.views.download import verifier

app_name = "help"
urlpatterns = [
    path("", help.index, name="index"),
    path("formats/", help.formats, name="formats"),
    path("files/", help.files, name="files"),
    path("filters/", help.filters, name="filters"),
    path("connections/", help.connections, name="connections"),
    path("statuses/", help.review_statuses, name="statuses"),
    path("check-values/", help.check_values, name="check-values"),
    path("verify.py", verifier, name="verifier"),
    path("roles/", help.roles, name="roles"),
    path("rest/", help.rest, name="rest"),
    path("sdk/", help.sdk, name="sdk"),
]
