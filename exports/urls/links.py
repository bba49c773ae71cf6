"""Addresses of the pages on links for those who hand them out. (The pages behind links: ``exports/l/…``.)"""

from django.urls import path

from exports.views import links

app_name = "links"
urlpatterns = [
    path("", links.link_list, name="list"),
    path("new/<str:artifact_id>/", links.issue, name="issue"),
    path("<str:link_id>/", links.uses, name="uses"),
    path("<str:link_id>/revoke/", links.revoke, name="revoke"),
]
