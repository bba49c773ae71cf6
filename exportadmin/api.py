"""REST under ``/api/v1/``: the rooms' addresses, the OpenAPI document and a local explorer."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.decorators import api_view, authentication_classes, permission_classes
from rest_framework.request import Request
from rest_framework.response import Response

from exportadmin.audit import api as audit
from exportadmin.lib.rest import problem

app_name = "api"


@api_view(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
@authentication_classes([])
@permission_classes([])
def nothing_here(request: Request, rest: str = "") -> Response:
    """A problem, not a page, for addresses that there are not."""
    return problem(404, "not_found", "there is no such address; see /api/v1/schema/", request=request._request)


urlpatterns = [
    path("", include("connections.api.urls")),
    path("", include("exports.api.urls")),
    path("audit/", audit.AuditView.as_view(), name="audit"),
    path("audit/export/", audit.AuditExportView.as_view(), name="audit-export"),
    path("audit/verify/", audit.AuditVerifyView.as_view(), name="audit-verify"),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("explorer/", SpectacularSwaggerView.as_view(url_name="api:schema"), name="explorer"),
    re_path(r"^(?P<rest>.*)$", login_not_required(nothing_here)),
]
