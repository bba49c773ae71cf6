"""Address of the register, below the trail's."""

from django.urls import path

from exports.views.register import register

app_name = "register"
urlpatterns = [path("", register, name="register")]
