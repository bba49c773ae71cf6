"""Ids in COCO files: integers of 64 bits with a sign, or texts; the number 1 and the text "1" are different ids."""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from exportadmin.lib.json_stream import Element, RowRefused

_MAX_INTEGER: Final = 2**63 - 1
# in an entry that cannot be parsed: enough to say which image it spoils
_OWN_ID: Final = {key: re.compile(rb'"%s"\s*:\s*(-?\d+\b|"[^"\\]*")' % key) for key in (b"id", b"image_id")}


def too_large(value: Any) -> bool:
    """Is this an integer that a database of 64 bits cannot hold?"""
    return type(value) is int and not -_MAX_INTEGER <= value <= _MAX_INTEGER


def identity_of(value: Any, what: str, position: str) -> int | str:
    """The id itself. Raises :class:`RowRefused` for what is none."""
    if type(value) is int:
        if too_large(value):
            raise RowRefused(position, f"{what} {value} has more than 63 bits")
        return value
    if type(value) is str and value:
        return value
    raise RowRefused(position, f"{what} is {value!r}; expected a number or a text")


def stated_id(element: Element, key: bytes) -> int | str | None:
    """The id that an entry says that cannot be parsed; ``None`` when it cannot be made out."""
    found = _OWN_ID[key].search(element.raw)
    if found is None:
        return None
    try:
        value = orjson.loads(found[1])
    except orjson.JSONDecodeError:
        return None
    return None if too_large(value) or type(value) not in (int, str) else value
