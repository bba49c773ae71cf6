"""Addresses of the pages on one's own account."""

from django.urls import path

from connections.access.views import account, people, tokens

app_name = "account"
urlpatterns = [
    path("", account.account, name="account"),
    path("profile/", account.change_profile, name="profile"),
    path("preferences/", account.change_preferences, name="preferences"),
    path("password/", account.PasswordView.as_view(), name="password"),
    path("invitation/<str:invitation>/", people.accept_invitation, name="invitation"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/<str:token_id>/revoke/", tokens.revoke, name="revoke_token"),
]
