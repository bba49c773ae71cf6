"""Forms that live in the address: what was given, each field with its value and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest

from exportadmin.lib import pages
from exportadmin.lib.errors import UserError

LONGEST = 300


@dataclass(frozen=True, slots=True)
class Field:
    """``choices``: ``(value, words)`` for a select, or ``(group, [(value, words)])`` with ``grouped``."""

    name: str
    label: str
    hint: str = ""
    choices: Sequence[Any] = ()
    grouped: bool = False
    required: bool = False
    # what stands in an empty field: the value that is taken then
    default: str = ""
    # raises UserError for a value without a meaning
    check: Callable[[str], object] | None = None


@dataclass(frozen=True, slots=True)
class Bound:
    """A field on the page."""

    field: Field
    value: str = ""
    error: str = ""
    suggestions: Sequence[str] = ()

    @property
    def is_unlisted(self) -> bool:
        """Is the value none of the choices? A select must show it all the same."""
        choices = self.field.choices
        if self.field.grouped:
            choices = [choice for _, group in choices for choice in group]
        return bool(self.value) and self.value not in [value for value, _ in choices]


def given(request: HttpRequest, known: Sequence[str]) -> dict[str, str]:
    """What the address asks, without what is empty. Raises :class:`UserError` for what could only be a mistake."""
    pages.only(request, known)
    asked = {}
    for name in known:
        values = [value.strip() for value in request.GET.getlist(name)]
        if len(values) > 1:
            raise UserError(f"{name} is given {len(values)} times", field=name)
        if values and values[0]:
            asked[name] = values[0]
    return asked


def wrong(fields: Sequence[Field], asked: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with the values, by name: all of it at once."""
    errors = {}
    for field in fields:
        value = asked.get(field.name)
        if value is None:
            continue
        try:
            if "\x00" in value:
                raise UserError(f"{field.name} holds a character that no name has")
            if len(value) > LONGEST:
                raise UserError(f"{len(value):,} characters; at most {LONGEST} are looked for")
            if field.check is not None:
                field.check(value)
        except UserError as error:
            errors[field.name] = error.message
    return errors


def bind(
    fields: Sequence[Field],
    asked: Mapping[str, str],
    errors: Mapping[str, str],
    suggestions: Mapping[str, Sequence[str]] | None = None,
) -> list[Bound]:
    """The fields as they stand on the page; ``suggestions`` are offered while somebody writes."""
    offered = suggestions or {}
    return [
        Bound(field, asked.get(field.name, ""), errors.get(field.name, ""), offered.get(field.name, ()))
        for field in fields
    ]


def query(asked: Mapping[str, str], **more: object) -> str:
    """``?name=value&…`` for a link; ``?`` alone when nothing is asked."""
    return "?" + urlencode({**asked, **more})


def tidy(request: HttpRequest, asked: Mapping[str, str]) -> str | None:
    """The same address without empty parameters, where it has some (a form sends them all); else ``None``."""
    if all(value for _, values in request.GET.lists() for value in values):
        return None
    return request.path + (query(asked) if asked else "")
