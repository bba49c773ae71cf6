"""Addresses of the installation."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from exportadmin import health
from exportadmin.metrics import metrics
from exports.views.home import home, now

urlpatterns = [
    path("", home, name="home"),
    path("now/", now, name="home-now"),
    path("sign-in/", LoginView.as_view(template_name="sign_in.html", redirect_authenticated_user=True), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("projects/", include("exports.project_urls")),
    path("exports/", include("exports.urls")),
    path("configs/", include("exports.config_urls")),
    path("links/", include("exports.link_urls")),
    path("audit/", include("exportadmin.audit.urls")),
    path("account/", include("connections.account_urls")),
    path("help/", include("exports.help_urls")),
    path("media/", include("connections.urls")),
    path("api/v1/", include("exportadmin.api")),
    path("admin/", admin.site.urls),
    path("healthz", health.live, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", metrics, name="metrics"),
]
