"""REST under ``/api/v1/``: the rooms' addresses, the OpenAPI document and a local explorer."""

from __future__ import annotations

import functools
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path, re_path
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.decorators import api_view, authentication_classes, permission_classes, throttle_classes
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from exportadmin.audit import api as audit
from exportadmin.lib.rest import AddressThrottle, problem

app_name = "api"
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"]


@functools.cache
def document() -> dict[str, Any]:
    """The OpenAPI document. It depends on the code only."""
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return made


class SchemaView(SpectacularAPIView):
    """The document, made once; `?format=json` for JSON."""

    permission_classes = [IsAuthenticated]

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """A refusal is a problem in JSON, not in YAML."""
        if getattr(response, "exception", False):
            request.accepted_renderer, request.accepted_media_type = JSONRenderer(), JSONRenderer.media_type
        return super().finalize_response(request, response, *args, **kwargs)

    def _get_schema_response(self, request: Request) -> Response:
        name = self._get_filename(request, None)  # type: ignore[no-untyped-call]
        return Response(document(), headers={"Content-Disposition": f'inline; filename="{name}"'})


@require_safe
@ensure_csrf_cookie
def explorer(request: HttpRequest) -> HttpResponse:
    """Try things out, as oneself. Swagger UI from our own static files; nothing inline, nothing from elsewhere."""
    return render(request, "api/explorer.html", {"section": "api"})


@extend_schema(exclude=True)
@api_view(METHODS)
@authentication_classes([])
@permission_classes([])
@throttle_classes([AddressThrottle])
def nothing_here(request: Request, rest: str = "") -> Response:
    """A problem, not a page, for addresses that there are not."""
    advice = " (addresses end with a slash)" if rest and not rest.endswith("/") else ""
    return problem(404, "not_found", f"there is no such address{advice}; see /api/v1/schema/", request=request._request)


urlpatterns = [
    path("", include("connections.access.api.urls")),
    path("", include("connections.api.urls")),
    path("", include("connections.store.imports.api_urls")),
    path("", include("connections.sync.api_urls")),
    path("", include("exports.api.urls")),
    path("audit/", audit.AuditView.as_view(), name="audit"),
    path("audit/export/", audit.AuditExportView.as_view(), name="audit-export"),
    path("audit/verify/", audit.AuditVerifyView.as_view(), name="audit-verify"),
    path("schema/", SchemaView.as_view(), name="schema"),
    path("explorer/", explorer, name="explorer"),
    re_path(r"^(?P<rest>.*)$", login_not_required(nothing_here), name="nothing-here"),
]
