"""Addresses of the pages on exports."""

from django.urls import path

from exports import views
from exports.views.link import link, link_file
from exports.views.new import new

app_name = "exports"
urlpatterns = [
    path("", views.report_list, name="list"),
    path("new/", new, name="new"),
    path("l/<str:token>/", link, name="link"),
    path("l/<str:token>/file", link_file, name="link_file"),
    path("<str:report_id>/", views.detail, name="detail"),
    path("<str:report_id>/files/<path:name>/", views.download, name="download"),
]
