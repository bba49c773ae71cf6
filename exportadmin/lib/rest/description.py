"""The OpenAPI document: what :class:`RestView` knows of itself, added to what each view says with ``extend_schema``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS

from exportadmin.lib.rest.fields import DescribedField, StrictSerializer
from exportadmin.lib.rest.problems import PROBLEM_JSON, TITLES


class ProblemSerializer(serializers.Serializer[Any]):
    """What went wrong (RFC 9457). Scripts may rely on `code`."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField(help_text="one line: what is wrong, where, what would be right")
    field = serializers.CharField(required=False, help_text="the input that is at fault")
    request_id = serializers.CharField(required=False, help_text="stands in the log and in the trail")


class Header(OpenApiParameter):
    """A header of an answer, or (``sent=True``) of a request."""

    def __init__(
        self,
        name: str,
        kind: Any = str,
        description: str = "",
        *,
        on: Iterable[int] = (),
        sent: bool = False,
        required: bool = True,
    ) -> None:
        super().__init__(
            name,
            kind,
            OpenApiParameter.HEADER,
            description=description,
            required=required and not sent,
            response=False if sent else list(on),
        )


class DescribedFieldExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """The same, for the OpenAPI document."""

    target_class = DescribedField

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        """JSON Schema."""
        schema: dict[str, Any] = self.target.schema()
        return schema


# a refusal's own headers
_HEADERS: Final[dict[int, dict[str, Any]]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}},
    416: {"Content-Range": {"schema": {"type": "string"}, "required": True}},
    429: {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds", "required": True}},
    503: {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds", "required": True}},
}


class RestSchema(AutoSchema):
    """Adds query parameters, and the errors that an operation can answer with."""

    view: Any  # a RestView, which stands above

    def get_override_parameters(self) -> list[Any]:
        """The view's own, after what ``extend_schema`` gave."""
        query = self.view.query(self.method.lower())
        return [*super().get_override_parameters(), *query.described(self)]

    def _get_pagination_parameters(self) -> list[Any]:
        return []  # the view's own

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        for code in self._error_codes():
            bodies[str(code)] = self._problem(code, direction).ref
        return dict(sorted(bodies.items()))

    def _postprocess_serializer_schema(self, schema: Any, serializer: Any, direction: Any) -> Any:
        if isinstance(serializer, StrictSerializer):
            schema["additionalProperties"] = False
        return super()._postprocess_serializer_schema(schema, serializer, direction)  # type: ignore[no-untyped-call]

    def _problem(self, code: int, direction: Any) -> ResolvedComponent:
        """One component a status, so that 30 operations do not repeat it."""
        body = self.resolve_serializer(ProblemSerializer(), direction)
        response = {"description": TITLES[code], "content": {PROBLEM_JSON: {"schema": body.ref}}}
        if code in _HEADERS:
            response["headers"] = _HEADERS[code]
        name = f"Problem{code}"
        made = ResolvedComponent(name, ResolvedComponent.RESPONSE, response, name)  # type: ignore[no-untyped-call]
        self.registry.register_on_missing(made)
        return made

    def _error_codes(self) -> list[int]:
        method = self.method.lower()
        codes = {400, 401, 429, 503, *self.view.problems.get(method, ())}
        if "{" in self.path:
            codes.add(404)
        if self.view.pagination_class is not None and method == "get":
            codes.add(404)  # a cursor of no page
        if self.method not in SAFE_METHODS:
            codes.add(403)  # the role, the token's scope, a session without CSRF token
        if self.method in ("POST", "PUT", "PATCH") and self.get_request_serializer() is not None:
            codes |= {413, 415}
        return sorted(codes)
