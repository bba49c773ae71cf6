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
_VARIABLE: Final = re.compile(r"\$(\w+)")
_ARGUMENTS: Final = re.compile(r"\(([^()]*)\)")
_COMPARED: Final = re.compile(r"\b(\w+)\s*:\s*\$(\w+)")
_PAGE: Final = re.compile(r"\b(skip|first)\s*:\s*(\d{1,9})(?!\w)")
# all that is read of arguments: what else stands there would be ignored
_READ: Final = re.compile(rf"{_COMPARED.pattern}|{_PAGE.pattern}|\b(?:where|AND|input)\s*:|[\s{{}}\[\],]+")
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
        query, variables = sent["query"], sent.get("variables") or {}
        found = _OPERATION.match(query)
        if found is None:
            raise MalformedError("query is expected to begin with query NAME or mutation NAME", field="query")
        _check_all_is_read(query, variables)
        return cls(request, found[2], query, variables)

    def where(self, field: str) -> dict[str, Any]:
        """What the arguments of a field are compared with: ``projects(where: {name: $param_0})``."""
        found = re.search(rf"\b{field}\s*\(([^()]*)\)", self.query)
        if found is None:
            return {}
        return {name: self.variable(variable) for name, variable in _COMPARED.findall(found[1])}

    def variable(self, name: str) -> Any:
        """Raises :class:`UserError` where it was not sent."""
        if name not in self.variables:
            raise UserError(f"variable {name} is missing", field=f"variables.{name}")
        return self.variables[name]

    def id_of(self, field: str, key: str = "id") -> str:
        """The id by which a field is asked for. Raises :class:`UserError`."""
        wanted = self.where(field)
        for name in wanted:
            if name != key:
                raise UserError(f"a {field} is not found by {name[:60]!r} here; known: {key}", field="query")
        return checked_id(wanted.get(key), f"{field}.{key}")

    def page(self, field: str) -> slice:
        """Of a list: ``skip`` and ``first``, at most :data:`PAGE_SIZE`."""
        found = re.search(rf"\b{field}\s*\([^()]*\)", self.query)
        numbers = {name: int(digits) for name, digits in _PAGE.findall(found[0])} if found else {}
        skip = numbers.get("skip", 0)
        return slice(skip, skip + min(numbers.get("first", PAGE_SIZE), PAGE_SIZE))


def _check_all_is_read(query: str, variables: Mapping[str, Any]) -> None:
    """Raises :class:`MalformedError` for values in the text, for arguments of another form, and for variables that the
    text does not use."""
    used = _VARIABLE.findall(_ARGUMENTS.sub("", query))
    for arguments in _ARGUMENTS.findall(query):
        if arguments.lstrip().startswith("$"):  # the declaration of the variables
            continue
        used += _VARIABLE.findall(arguments)
        if left := _READ.sub("", arguments):
            raise MalformedError(
                f"{left[:60]!r} is not read here: values come as variables, a where has AND alone, skip and first have"
                " at most 9 digits",
                field="query",
            )
    if re.search(r"[()\"#]", _ARGUMENTS.sub("", query)):
        raise MalformedError("query has texts, comments or brackets within brackets, which are not read", field="query")
    for name in variables:
        if name not in used:
            raise MalformedError(f"the query does not use variable {name[:60]!r}", field=f"variables.{name[:60]}")


def checked_id(value: Any, field: str) -> str:
    """Raises :class:`UserError` for what is no id."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID:
        raise UserError(f"{field} is missing: an id is a text of at most {_LONGEST_ID} characters", field=field)
    return value
