"""Addresses of the pages on saved configs."""

from django.urls import path

from exports.views import configs

app_name = "configs"
urlpatterns = [
    path("", configs.config_list, name="list"),
]
