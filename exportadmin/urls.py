"""Addresses of the installation."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.views.generic import RedirectView

from exportadmin import health
from exportadmin.metrics import metrics

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="exports:list"), name="home"),
    path("sign-in/", LoginView.as_view(template_name="sign_in.html", redirect_authenticated_user=True), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("exports/", include("exports.urls")),
    path("media/", include("connections.urls")),
    path("api/v1/", include("exportadmin.api")),
    path("admin/", admin.site.urls),
    path("healthz", health.live, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", metrics, name="metrics"),
]
