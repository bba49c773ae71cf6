"""Addresses of the pages on projects."""

from django.urls import path

from exports.views import projects

app_name = "projects"
urlpatterns = [
    path("", projects.project_list, name="list"),
]
