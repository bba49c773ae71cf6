"""Query parameters: what a view takes, how it is read, and how the OpenAPI document describes it, in one place."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from exportadmin.lib.errors import UserError
from exportadmin.lib.times import MAX_MS, parse_ms, to_datetime

Reader = Callable[[str], Any]
LONGEST_TEXT = 300
MOMENT: Mapping[str, Any] = {
    "oneOf": [
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "date"},
        {"type": "integer", "minimum": 10_000, "maximum": MAX_MS},
    ]
}
MOMENT_FORMS = "ISO 8601 (UTC without an offset), a date, or milliseconds since 1970"


@dataclass(frozen=True)
class Parameter:
    """``read`` gets the text of a parameter that is there, not empty and without U+0000; it raises ``ValueError`` with
    what would be right."""

    name: str
    # or a function that gives it, where it is known only when everything is loaded
    schema: Mapping[str, Any] | Callable[[], Mapping[str, Any]]
    read: Reader
    description: str = ""
    required: bool = False

    @classmethod
    def text(cls, name: str, description: str = "", *, longest: int = LONGEST_TEXT) -> Parameter:
        """Any text."""

        def read(text: str) -> str:
            if len(text) > longest:
                raise ValueError(f"at most {longest} characters are expected")
            return text

        return cls(name, {"type": "string", "minLength": 1, "maxLength": longest}, read, description)

    @classmethod
    def whole(cls, name: str, description: str = "", *, least: int = 0, most: int = 10**15 - 1) -> Parameter:
        """A whole number."""

        def read(text: str) -> int:
            if not re.fullmatch(r"-?[0-9]{1,18}", text, re.ASCII) or not least <= int(text) <= most:
                raise ValueError(f"a whole number from {least} to {most} is expected")
            return int(text)

        return cls(name, {"type": "integer", "minimum": least, "maximum": most}, read, description)

    @classmethod
    def seconds(cls, name: str, description: str = "", *, most: int) -> Parameter:
        """A number of seconds from 0."""

        def read(text: str) -> float:
            try:
                seconds = float(text) if text.isascii() and "_" not in text else math.nan
            except ValueError:
                seconds = math.nan
            if not 0 <= seconds <= most:  # false for NaN
                raise ValueError(f"a number from 0 to {most} is expected")
            return seconds

        return cls(name, {"type": "number", "minimum": 0, "maximum": most}, read, description)

    @classmethod
    def choice(cls, name: str, known: Iterable[str] | Callable[[], Iterable[str]], description: str = "") -> Parameter:
        """One of some words; ``known`` may be a function that gives them when they are asked for."""

        def choices() -> list[str]:
            return list(known() if callable(known) else known)

        def read(text: str) -> str:
            if text not in choices():
                raise ValueError(f"known: {', '.join(choices())}")
            return text

        return cls(name, lambda: {"type": "string", "enum": choices()}, read, description)

    @classmethod
    def moment(cls, name: str, description: str) -> Parameter:
        """A point in time, as a datetime."""

        def read(text: str) -> Any:
            try:
                return to_datetime(parse_ms(text))
            except UserError as error:
                raise ValueError(error.message.partition(": ")[2] or error.message) from None

        return cls(name, MOMENT, read, f"{description}; {MOMENT_FORMS}")

    @classmethod
    def list_of(cls, name: str, pattern: str, description: str, *, most: int) -> Parameter:
        """Several values with commas between; required."""
        item = re.compile(pattern, re.ASCII)

        def read(text: str) -> list[str]:
            found = [part.strip() for part in text.split(",") if part.strip()]
            if not 1 <= len(found) <= most or not all(item.fullmatch(one) for one in found):
                raise ValueError(f"1 to {most} are expected, with commas between")
            return found

        items = {"type": "string", "pattern": f"^{pattern}$"}
        return cls(name, {"type": "array", "items": items, "minItems": 1, "maxItems": most}, read, description, True)

    def described(self) -> OpenApiParameter:
        """For the OpenAPI document."""
        schema = dict(self.schema() if callable(self.schema) else self.schema)
        is_list = schema.get("type") == "array"
        return OpenApiParameter(
            self.name,
            schema,
            required=self.required,
            description=self.description,
            style="form" if is_list else None,
            explode=False if is_list else None,
        )


def read_query(request: Request, known: Iterable[Parameter]) -> dict[str, Any]:
    """The query parameters, by name, read; one that is not there is not in the answer. Raises :class:`UserError`."""
    parameters = {parameter.name: parameter for parameter in known}
    _must_be_utf8(request)
    params: dict[str, Any] = {}
    for name in request.query_params:
        parameter = parameters.get(name)
        if parameter is None:
            listed = ", ".join(parameters) or "none"
            raise UserError(f"unknown query parameter {name[:80]!r}; known: {listed}", field=_shown(name))
        values = request.query_params.getlist(name)
        if len(values) > 1:
            raise UserError(f"{name} is given {len(values)} times", field=name)
        params[name] = _read(parameter, values[0])
    for parameter in parameters.values():
        if parameter.required and parameter.name not in params:
            raise UserError(f"{parameter.name} is missing: {parameter.description}", field=parameter.name)
    return params


def _must_be_utf8(request: Request) -> None:
    """Django puts U+FFFD in the place of what it cannot read; then nobody would learn of the fault."""
    raw = request.META.get("QUERY_STRING", "").encode("latin-1", "replace")
    try:
        unquote_to_bytes(raw).decode("utf-8")
    except UnicodeDecodeError:
        raise UserError("the query string is not UTF-8") from None


def _read(parameter: Parameter, text: str) -> Any:
    name = parameter.name
    if not text:
        raise UserError(f"{name} is empty: give it a value or leave it out", field=name)
    if "\x00" in text:
        raise UserError(f"{name} holds U+0000, which is in no text", field=name)
    try:
        return parameter.read(text)
    except ValueError as error:
        raise UserError(f"{name} is {text[:40]!r}; {error}", field=name) from None


def _shown(name: str) -> str:
    return name[:80].replace("\x00", "\\x00")
