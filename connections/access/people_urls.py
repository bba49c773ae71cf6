"""Addresses of the pages on people."""

from django.urls import path

from connections.access.views import people

app_name = "people"
urlpatterns = [
    path("", people.people_list, name="list"),
    path("invite/", people.invite, name="invite"),
    path("<int:user_id>/", people.person, name="person"),
    path("<int:user_id>/invitation/", people.invite_again, name="invite_again"),
    path("<int:user_id>/role/", people.change_role, name="role"),
    path("<int:user_id>/disable/", people.disable, name="disable"),
    path("<int:user_id>/enable/", people.enable, name="enable"),
]
