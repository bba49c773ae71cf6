"""Addresses of the installation."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path

from exportadmin.operations import health
from exportadmin.operations.health_page import health_page
from exportadmin.operations.metrics import metrics
from exports.views.home import home, now

urlpatterns = [
    path("", home, name="home"),
    path("now/", now, name="home-now"),
    path("health/", health_page, name="health"),
    path("sign-in/", LoginView.as_view(template_name="sign_in.html", redirect_authenticated_user=True), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    path("projects/", include("exports.urls.projects")),
    path("exports/", include("exports.urls.exports")),
    path("imports/", include("connections.store.imports.urls")),
    path("syncs/", include("connections.sync.urls")),
    path("configs/", include("exports.urls.configs")),
    path("connections/", include("connections.urls")),
    path("links/", include("exports.urls.links")),
    path("audit/register/", include("exports.urls.register")),
    path("audit/", include("exportadmin.audit.urls")),
    path("people/", include("connections.access.people_urls")),
    path("account/", include("connections.access.account_urls")),
    path("help/", include("exports.urls.help")),
    path("media/", include("connections.media_urls")),
    path("api/v1/", include("exportadmin.api")),
    path("dialects/", include("exports.dialects.urls")),
    path("admin/", admin.site.urls),
    path("healthz", health.live, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", metrics, name="metrics"),
]
