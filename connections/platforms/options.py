"""Options that a platform offers (:class:`RemoteOption`), read from outside and typed into forms."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms

from connections.platforms.base import RemoteOption
from exportadmin.lib.errors import UserError
from exportadmin.lib.forms import ChoiceBoxes, OfferedField, OfferedListField, TextField
from exportadmin.lib.text import check_text

LONGEST: Final = 200
MOST: Final = 100
_SEPARATORS: Final = re.compile(r"[\s,]+")


def parse_options(
    value: object, offered: Sequence[RemoteOption], *, title: str, name: str, field: str
) -> dict[str, Any]:
    """What was given, checked; what is ``null`` is left out. ``title`` is the platform's.

    Raises :class:`UserError` about ``field``, in which the options are called ``name``.
    """
    if not isinstance(value, Mapping):
        raise UserError(f"{name} is {value!r}; expected a JSON object", field=field)
    known = {option.name: option for option in offered}
    for key in value:
        if key not in known:
            right = ", ".join(known) or f"{title} has none"
            raise UserError(f"unknown option {name}.{key}; known: {right}", field=field)
    return {
        key: _option(known[key], one, name=f"{name}.{key}", field=field)
        for key, one in value.items()
        if one is not None
    }


def parse_text(value: object, name: str, *, field: str) -> str:
    """One of them. Raises :class:`UserError`."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST:
        raise UserError(f"{name} is {value!r}; expected a text of 1 to {LONGEST} characters", field=field)
    return check_text(value, field)


def parse_texts(value: object, name: str, *, field: str, most: int = MOST) -> tuple[str, ...]:
    """Each once. Raises :class:`UserError`."""
    if not isinstance(value, list | tuple):
        raise UserError(f"{name} is {value!r}; expected a list of at most {most:,} texts", field=field)
    if len(value) > most:
        raise UserError(f"{name} has {len(value):,} texts; at most {most:,} are taken", field=field)
    return tuple(dict.fromkeys(parse_text(one, name, field=field) for one in value))


def _option(option: RemoteOption, value: object, *, name: str, field: str) -> Any:
    if option.many:
        read: Any = list(parse_texts(value, name, field=field, most=option.most))
    else:
        read = parse_text(value, name, field=field)
    known = [key for key, _ in option.choices]
    for one in read if option.many else [read]:
        if known and one not in known:
            raise UserError(f"{name} is {one!r}; known: {', '.join(known)}", field=field)
    return read


def option_field(option: RemoteOption) -> forms.Field:
    """Where it is typed or chosen."""
    if option.choices and option.many:
        return OfferedListField(
            label=option.title, help_text=option.help, required=False, choices=option.choices, widget=ChoiceBoxes
        )
    if option.choices or option.is_connection:
        choices = [*([("", option.unset)] if option.unset else []), *option.choices]
        return OfferedField(label=option.title, help_text=option.help, required=False, choices=choices)
    return TextField(label=option.title, help_text=option.help, required=False, max_length=100 * option.most)


def typed(option: RemoteOption, value: Any) -> Any:
    """What a form's field holds, as :func:`parse_options` takes it."""
    if option.many and not option.choices:
        return [one for one in _SEPARATORS.split(value) if one]
    return value
