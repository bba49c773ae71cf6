"""Ids in COCO files: integers of 64 bits with a sign, or texts; the number 1 and the text "1" are different ids.

A float that is a whole number (``1.0``, as pandas writes ids) is that number.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from connections.rows.checks import shown
from connections.store.models import MAX_ID
from exportadmin.lib.json_stream import Element, RowRefused

# every whole number up to here is a float of its own
_MAX_WHOLE_FLOAT: Final = 2**53
# in an entry that cannot be parsed: enough to say which image it spoils
_OWN_ID: Final = {
    key: re.compile(rb'"%s"\s*:\s*(-?\d+(?:\.0+)?(?![\d.eE])|"[^"\\]*")' % key) for key in (b"id", b"image_id")
}


def id_of(value: Any) -> int | str | None:
    """The id that a value is; ``None`` for what is none."""
    if type(value) is int:
        return value if -MAX_ID <= value <= MAX_ID else None
    if type(value) is str:
        return value or None
    if type(value) is float and value.is_integer() and abs(value) <= _MAX_WHOLE_FLOAT:
        return int(value)
    return None


def identity_of(holder: dict[str, Any], key: str, what: str, position: str) -> int | str:
    """The id under ``key``. Raises :class:`RowRefused` for what is none, and where there is none."""
    value = holder.get(key)
    found = id_of(value)
    if found is not None:
        return found
    if value is None:
        raise RowRefused(position, f"{what} is missing; expected {key} with a whole number or a text")
    if type(value) is int:
        raise RowRefused(position, f"{what} {value} has more than 63 bits")
    raise RowRefused(position, f"{what} is {shown(value)}; expected a whole number or a text")


def is_number(identity: int | str | None) -> bool:
    """Is this an id that COCO exports can print: a whole number from 0 to 2^63-1?"""
    return type(identity) is int and identity >= 0


def written_otherwise(identity: int | str) -> int | str | None:
    """The same id as a text where it is a number, as a number where it is a text for one (``"7"``, not ``"007"``)."""
    if type(identity) is int:
        return str(identity)
    try:
        value = int(identity)
    except ValueError:
        return None
    return id_of(value) if str(value) == identity else None


def stated_id(element: Element, key: bytes) -> int | str | None:
    """The id that an entry says that cannot be parsed; ``None`` when it cannot be made out."""
    found = _OWN_ID[key].search(element.raw)
    if found is None:
        return None
    try:
        return id_of(orjson.loads(found[1]))
    except orjson.JSONDecodeError:
        return None
