"""Addresses of the pages on one's own account."""

from django.urls import path

from connections.views import account

app_name = "account"
urlpatterns = [
    path("", account.account, name="account"),
]
