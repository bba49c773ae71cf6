"""Addresses of media that Export Admin keeps itself."""

from django.urls import path

from connections.views.media import media

app_name = "media"
urlpatterns = [path("<str:project_id>/<str:name>", media, name="media")]
