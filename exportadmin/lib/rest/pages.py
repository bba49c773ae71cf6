"""Cursor pages by position (a value and a key), not by number: stable while rows are added.

DRF's own cursor counts within equal values and gives up after a thousand of them, so a list by name of nightly exports
with one name would never end; and a made-up position in its cursor is a 500.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
from collections.abc import Callable
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db.models import Field, Model, Q, QuerySet
from rest_framework import serializers
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from exportadmin.lib.errors import NotFoundError
from exportadmin.lib.rest.fields import Choice, Text
from exportadmin.lib.rest.parameters import WholeNumber

PAGE_SIZE, LARGEST_PAGE = 50, 200
LONGEST_CURSOR = 2000


class Pages(BasePagination):
    """``{"next", "previous", "results"}``: two addresses (or ``null``) and the rows.

    ``orderings`` are the columns by which a list may be ordered (none of them nullable), the first one as it stands by
    default; each also works with the opposite sign. Equal values are told apart by the primary key.
    """

    orderings: ClassVar[tuple[str, ...]] = ("-created_at",)

    @classmethod
    def parameters(cls) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """What a view with these pages takes."""
        columns = [name.lstrip("-") for name in cls.orderings]
        known = [cls.orderings[0], *(f"{sign}{name}" for name in columns for sign in ("", "-"))]
        size, order = f"{PAGE_SIZE} by default", f"{cls.orderings[0]} by default; - is descending"
        another = "from `next` or `previous` of another page"
        return {
            "cursor": Text(max_length=LONGEST_CURSOR, required=False, help_text=another),
            "page_size": WholeNumber(min_value=1, max_value=LARGEST_PAGE, required=False, help_text=size),
            "ordering": Choice(dict.fromkeys(known), required=False, help_text=order),
        }

    def answer(
        self, request: Request, rows: QuerySet[Any], params: dict[str, Any], show: Callable[[list[Any]], Any]
    ) -> Response:
        """One page of ``rows`` through ``show``. Raises :class:`NotFoundError` for a cursor that is not ours."""
        size = params.get("page_size", PAGE_SIZE)
        cursor = _Cursor.read(params["cursor"], rows.model, self) if "cursor" in params else None
        ordering = params.get("ordering", cursor.ordering if cursor else self.orderings[0])
        if cursor is not None and cursor.ordering != ordering:
            raise NotFoundError(f"the cursor is one of a list in the order {cursor.ordering}", field="cursor")
        backwards = cursor is not None and cursor.backwards
        found = list(_from(rows, ordering, cursor)[: size + 1])
        has_more, page = len(found) > size, found[:size]
        if backwards:
            page.reverse()
        has_next = bool(page) and (backwards or has_more)
        has_previous = bool(page) and (has_more if backwards else cursor is not None)
        return Response(
            {
                "next": self._address(request, ordering, page[-1], backwards=False) if has_next else None,
                "previous": self._address(request, ordering, page[0], backwards=True) if has_previous else None,
                "results": show(page),
            }
        )

    def _address(self, request: Request, ordering: str, row: Model, *, backwards: bool) -> str:
        here = remove_query_param(request.build_absolute_uri(), "cursor")
        cursor = _Cursor(ordering, backwards, getattr(row, ordering.lstrip("-")), row.pk)
        return str(replace_query_param(here, "cursor", cursor.text()))

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """For the OpenAPI document."""
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {
                "next": {**link, "description": "the page after this one"},
                "previous": {**link, "description": "the page before this one"},
                "results": schema,
            },
        }


class _Cursor:
    """The row next to which a page begins."""

    def __init__(self, ordering: str, backwards: bool, value: Any, pk: int) -> None:
        self.ordering, self.backwards, self.value, self.pk = ordering, backwards, value, pk

    def text(self) -> str:
        value = self.value.isoformat() if isinstance(self.value, dt.datetime) else self.value
        raw = json.dumps([self.ordering, self.backwards, value, self.pk], separators=(",", ":"))
        return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, model: type[Model], pages: Pages) -> _Cursor:
        """From outside: everything in it may be made up."""
        columns = {name.lstrip("-") for name in pages.orderings}
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            ordering, backwards, value, pk = json.loads(raw)
            if not isinstance(ordering, str) or ordering.removeprefix("-") not in columns:
                raise ValueError
            if not isinstance(backwards, bool) or not _is_key(pk):
                raise ValueError
            column = model._meta.get_field(ordering.removeprefix("-"))
            return cls(ordering, backwards, _value(column, value), pk)
        except (ValueError, TypeError, RecursionError, binascii.Error, ValidationError, OverflowError):
            raise NotFoundError("there is no such page: the cursor is not one of this list", field="cursor") from None


def _is_key(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _value(column: Any, value: Any) -> Any:
    """A JSON value as the column's. Raises ``ValueError`` or ``ValidationError``."""
    assert isinstance(column, Field)
    kind = column.get_internal_type()
    if kind == "DateTimeField":
        moment = dt.datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("no offset")
        return moment.astimezone(dt.UTC)
    if kind == "BigIntegerField":
        if not _is_key(value):
            raise ValueError("no whole number")
        return value
    if not isinstance(value, str) or "\x00" in value:
        raise ValueError("no text")
    value.encode("utf-8")  # raises UnicodeEncodeError, a ValueError
    return value


def _from(rows: QuerySet[Any], ordering: str, cursor: _Cursor | None) -> QuerySet[Any]:
    column = ordering.lstrip("-")
    descending = ordering.startswith("-") != (cursor is not None and cursor.backwards)
    sign, beyond = ("-", "lt") if descending else ("", "gt")
    if cursor is not None:
        # the first half alone is what an index can seek to
        rows = rows.filter(**{f"{column}__{beyond}e": cursor.value}).filter(
            Q(**{f"{column}__{beyond}": cursor.value}) | Q(**{f"pk__{beyond}": cursor.pk})
        )
    return rows.order_by(f"{sign}{column}", f"{sign}pk")
