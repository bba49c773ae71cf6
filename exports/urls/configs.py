"""Addresses of the pages on saved configs."""

from django.urls import path

from exports.views import configs

app_name = "configs"
urlpatterns = [
    path("", configs.config_list, name="list"),
    path("<str:config_id>/", configs.config_detail, name="detail"),
    path("<str:config_id>/edit/", configs.config_edit, name="edit"),
    path("<str:config_id>/run/", configs.config_run, name="run"),
    path("<str:config_id>/delete/", configs.config_delete, name="delete"),
]
