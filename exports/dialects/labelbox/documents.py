"""GraphQL as Labelbox's SDK writes it. No engine: an operation is known by its name, what is asked of it by variables,
and which of those is compared with what stands in the text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rest_framework import serializers
from rest_framework.request import Request

from exportadmin.lib.errors import UserError
from exportadmin.lib.rest import StrictSerializer, Text

LONGEST_QUERY: Final = 20_000
PAGE_SIZE: Final = 100
_OPERATION: Final = re.compile(r"\s*(query|mutation)\s+([A-Za-z_]\w{0,99})")
_COMPARED: Final = re.compile(r"\{\s*(\w+)\s*:\s*\$(\w+)\s*\}|\b(first|after|id)\s*:\s*\$(\w+)")
_PAGE: Final = re.compile(r"\bskip:\s*(\d{1,9})\s+first:\s*(\d{1,9})")
_LONGEST_ID: Final = 200


class MalformedError(UserError):
    """A body that is no operation."""


class UnknownOperationError(UserError):
    """An operation that there is not here, or one with variables that it does not have."""


class Document(StrictSerializer):
    """The body of a request."""

    query = Text(max_length=LONGEST_QUERY)
    variables = serializers.DictField(required=False, allow_null=True)
    operationName = Text(required=False, allow_null=True)  # noqa: N815


@dataclass(frozen=True, slots=True)
class Call:
    """One operation: its name as it was sent, its text and its variables."""

    request: Request
    name: str
    query: str
    variables: Mapping[str, Any]

    @classmethod
    def read(cls, request: Request) -> Call:
        """Raises :class:`MalformedError` and ``ValidationError``."""
        if not isinstance(request.data, Mapping):
            raise MalformedError("a JSON object is expected, with query and variables")
        sent = Document.read(request.data).validated_data
        found = _OPERATION.match(sent["query"])
        if found is None:
            raise MalformedError("query is expected to begin with query NAME or mutation NAME", field="query")
        return cls(request, found[2], sent["query"], sent.get("variables") or {})

    def where(self, field: str) -> dict[str, Any]:
        """What the arguments of a field are compared with: ``projects(where: {name: $param_0})``."""
        found = re.search(rf"\b{field}\s*\(([^()]*)\)", self.query)
        if found is None:
            return {}
        if re.search(r"\b(OR|NOT)\b", found[1]):
            raise UserError("only AND is known in a where", field="query")
        pairs = ((one[0] or one[2], one[1] or one[3]) for one in _COMPARED.findall(found[1]))
        return {name: self.variable(variable) for name, variable in pairs}

    def variable(self, name: str) -> Any:
        """Raises :class:`UserError` where it was not sent."""
        if name not in self.variables:
            raise UserError(f"variable {name} is missing", field=f"variables.{name}")
        return self.variables[name]

    def id_of(self, field: str, key: str = "id") -> str:
        """The id by which a field is asked for. Raises :class:`UserError`."""
        return checked_id(self.where(field).get(key), f"{field}.{key}")

    def page(self, field: str) -> slice:
        """Of a list: ``skip`` and ``first``, at most :data:`PAGE_SIZE`."""
        found = re.search(rf"\b{field}\s*\([^()]*\)", self.query)
        numbers = _PAGE.search(found[0]) if found else None
        skip, first = (int(numbers[1]), int(numbers[2])) if numbers else (0, PAGE_SIZE)
        return slice(skip, skip + min(first, PAGE_SIZE))


def checked_id(value: Any, field: str) -> str:
    """Raises :class:`UserError` for what is no id."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID:
        raise UserError(f"{field} is missing: an id is a text of at most {_LONGEST_ID} characters", field=field)
    return value
