"""Addresses of media that Export Admin keeps itself."""

from django.urls import path

from connections import views

app_name = "connections"
urlpatterns = [path("<str:project_id>/<str:name>", views.media, name="media")]
