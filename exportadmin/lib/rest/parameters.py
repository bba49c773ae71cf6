"""Query parameters: one serializer says what a method takes, reads it and describes it in the OpenAPI document."""

from __future__ import annotations

import re
from typing import Any, ClassVar
from urllib.parse import unquote_to_bytes

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from exportadmin.lib.errors import UserError
from exportadmin.lib.times import MAX_MS, parse_ms, to_datetime

MOMENT_FORMS = "ISO 8601 (UTC without an offset), a date, or milliseconds since 1970"


class _Number:
    """A number within its bounds, or one message that names them."""

    noun: ClassVar[str]
    pattern: ClassVar[str]

    def __init__(self, *, min_value: int, max_value: int, **kwargs: Any) -> None:
        message = f"{self.noun} from {min_value} to {max_value} is expected"
        messages = dict.fromkeys(("invalid", "min_value", "max_value", "max_string_length"), message)
        super().__init__(min_value=min_value, max_value=max_value, error_messages=messages, **kwargs)  # type: ignore[call-arg]

    def to_internal_value(self, data: str) -> Any:
        """Raises ``ValidationError``."""
        if not re.fullmatch(self.pattern, data, re.ASCII):
            self.fail("invalid")  # type: ignore[attr-defined]
        return super().to_internal_value(data)  # type: ignore[misc]


class WholeNumber(_Number, serializers.IntegerField):  # type: ignore[misc]
    """A whole number as text."""

    noun, pattern = "a whole number", "-?[0-9]{1,18}"


class Number(_Number, serializers.FloatField):  # type: ignore[misc]
    """A number as text."""

    noun, pattern = "a number", r"[0-9]{1,18}(\.[0-9]{1,324})?([eE][+-]?[0-9]{1,3})?"


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "format": "date-time"},
            {"type": "string", "format": "date"},
            {"type": "integer", "minimum": 10_000, "maximum": MAX_MS},
        ]
    }
)
class Moment(serializers.CharField):
    """A point in time, as a datetime."""

    def __init__(self, *, help_text: str, **kwargs: Any) -> None:
        super().__init__(help_text=f"{help_text}; {MOMENT_FORMS}", **kwargs)

    def to_internal_value(self, data: str) -> Any:
        """Raises ``ValidationError``."""
        if re.fullmatch(r"-[0-9]+", data):  # nothing of ours is of before 1970: a slip, not a time
            raise serializers.ValidationError(f"{data[:40]!r} is before 1970; expected {MOMENT_FORMS}")
        try:
            return to_datetime(parse_ms(data))
        except UserError as error:
            raise serializers.ValidationError(error.message.partition(": ")[2] or error.message) from None


class CommaList(serializers.ListField):
    """Several values with commas between, each of the form of ``pattern``."""

    def __init__(self, *, pattern: str, max_length: int, **kwargs: Any) -> None:
        message = f"1 to {max_length} are expected, with commas between"
        messages: dict[str, Any] = dict.fromkeys(("min_length", "max_length"), message)
        item = serializers.RegexField(f"^{pattern}$", error_messages={"invalid": message})
        super().__init__(child=item, min_length=1, max_length=max_length, error_messages=messages, **kwargs)

    def to_internal_value(self, data: Any) -> list[Any]:
        """Raises ``ValidationError``."""
        return super().to_internal_value([part.strip() for part in data.split(",") if part.strip()])


class Query(serializers.Serializer[Any]):
    """The query parameters of a method, each at most once and never empty; those of ``lists`` as often as one likes."""

    lists: ClassVar[frozenset[str]] = frozenset()

    def read(self, request: Request) -> dict[str, Any]:
        """What was sent, by name; what was not sent is not in the answer. Raises :class:`UserError`."""
        _must_be_utf8(request)
        for name, values in request.query_params.lists():
            if name not in self.fields:
                shown, listed = name[:80], ", ".join(self.fields) or "none"
                field = shown.replace("\x00", "\\x00")
                raise UserError(f"unknown query parameter {shown!r}; known: {listed}", field=field)
            if len(values) > 1 and name not in self.lists:
                raise UserError(f"{name} is given {len(values)} times", field=name)
            if not all(values):
                raise UserError(f"{name} is empty: give it a value or leave it out", field=name)
            if any("\x00" in value for value in values):
                raise UserError(f"{name} holds U+0000, which is in no text", field=name)
        sent: dict[str, Any] = request.query_params.dict()
        sent |= {name: request.query_params.getlist(name) for name in self.lists if name in sent}
        self.initial_data = sent
        if not self.is_valid():
            name, faults = next(iter(self.errors.items()))
            if name not in sent:
                raise UserError(f"{name} is missing: {self.fields[name].help_text}", field=name)
            while isinstance(faults, dict):  # of an entry of a list
                faults = next(iter(faults.values()))
            shown = ":" if faults[0].code == "invalid_choice" else f" is {sent[name][:40]!r};"
            raise UserError(f"{name}{shown} {faults[0]}", field=name)
        found: dict[str, Any] = self.validated_data
        return found

    def described(self, schema: AutoSchema) -> list[OpenApiParameter]:
        """For the OpenAPI document."""
        properties = schema._map_serializer(self, "request").get("properties", {})  # type: ignore[no-untyped-call]
        return [self._described(self.fields[name], dict(found)) for name, found in properties.items()]

    @staticmethod
    def _described(field: serializers.Field[Any, Any, Any, Any], schema: dict[str, Any]) -> OpenApiParameter:
        schema.pop("description", None)  # of a choice it would list the choices once more
        listed: dict[str, Any] = {"style": "form", "explode": False} if schema.get("type") == "array" else {}
        return OpenApiParameter(
            field.field_name or "", schema, required=field.required, description=str(field.help_text or ""), **listed
        )


def _must_be_utf8(request: Request) -> None:
    """Django puts U+FFFD in the place of what it cannot read; then nobody would learn of the fault."""
    raw = request.META.get("QUERY_STRING", "").encode("latin-1", "replace")
    try:
        unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        raise UserError("the query string is not UTF-8") from None
