"""One text for one JSON value, so that its hash means something.

The form is RFC 8785 (JSON Canonicalization Scheme): members sorted by the UTF-16 code units of their names, no blanks,
shortest escapes, numbers as ECMAScript prints them, UTF-8. Whole numbers beyond ±(2⁵³ - 1) are refused, since readers
disagree about them; :func:`plain` turns them into text first.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import re
import uuid
from collections.abc import Mapping, Set
from decimal import Decimal
from json.encoder import encode_basestring
from pathlib import PurePath
from typing import TypeAlias

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"

SAFE_INTEGER = 2**53 - 1
DEEPEST = 20
LONGEST_TEXT = 10_000
# what no name needs and databases or terminals trip over: control characters, lone surrogates
_UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def canonical(value: object) -> bytes:
    """The canonical JSON of ``value``: None, bool, int, float, str, list, tuple and dict with text keys.

    Raises ``TypeError`` for any other type, ``ValueError`` for NaN, infinities, unsafe whole numbers, lone surrogates.
    """
    return _text(value).encode("utf-8")


def _text(value: object) -> str:
    if isinstance(value, str):
        return encode_basestring(value)
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int):
        if abs(value) > SAFE_INTEGER:
            raise ValueError(f"{value} is beyond what every JSON reader keeps exactly")
        return str(int(value))
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_text, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join([f'{_name(name)}:{_text(value[name])}' for name in _sorted(value)])}}}"
    raise TypeError(f"{type(value).__name__} has no canonical JSON")


def _sorted(names: Mapping[str, object]) -> list[str]:
    # code points and UTF-16 units sort alike as long as nothing lies beyond the BMP
    try:
        return sorted(names, key=None if all(map(str.isascii, names)) else _utf16)
    except TypeError:
        raise TypeError("JSON member names are text") from None


def _utf16(name: str) -> bytes:
    return name.encode("utf-16-be")


def _name(name: object) -> str:
    if not isinstance(name, str):
        raise TypeError("JSON member names are text")
    return encode_basestring(name)


def _number(value: float) -> str:
    """As ECMAScript's ``Number::toString``, for what is not a huge whole number."""
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a JSON number")
    if value.is_integer():
        if abs(value) > SAFE_INTEGER:
            raise ValueError(f"{value} is beyond what every JSON reader keeps exactly")
        return str(int(value))
    shortest = repr(value)
    if "e" not in shortest:
        return shortest
    digits, exponent = shortest.split("e")
    return f"{Decimal(shortest):f}" if int(exponent) >= -6 else f"{digits}e{int(exponent)}"


def sha256_hex(value: object) -> str:
    """sha256 of the canonical JSON, 64 hex digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def plain(value: object, *, depth: int = 0) -> JsonValue:
    """``value`` as something :func:`canonical` takes and every database gives back unchanged.

    Times become ISO 8601, decimals, UUIDs and paths text, sets sorted lists, huge numbers text. Text beyond 10,000
    characters and nesting beyond 20 is cut, and says so. Raises ``TypeError`` for what has no plain form.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _cut(_SURROGATE.sub("\ufffd", value))
    if isinstance(value, int):
        return int(value) if abs(value) <= SAFE_INTEGER else str(int(value))
    if isinstance(value, float):
        fits = math.isfinite(value) and (not value.is_integer() or abs(value) <= SAFE_INTEGER)
        return float(value) if fits else repr(float(value))
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, Decimal | uuid.UUID | PurePath | dt.timedelta):
        return _cut(str(value))
    if depth >= DEEPEST:
        return "… (nested too deep to keep)"
    if isinstance(value, Mapping):
        return {_SURROGATE.sub("\ufffd", str(name)): plain(item, depth=depth + 1) for name, item in value.items()}
    if isinstance(value, Set):
        return sorted((plain(item, depth=depth + 1) for item in value), key=canonical)
    if isinstance(value, list | tuple):
        return [plain(item, depth=depth + 1) for item in value]
    raise TypeError(f"{type(value).__name__} cannot stand in an audit entry")


def _cut(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
    return f"{text[:LONGEST_TEXT]}… (cut; {len(text)} characters, sha256 {digest})"


def line(text: object, limit: int) -> str:
    """At most ``limit`` characters: control characters and lone surrogates become U+FFFD, a cut shows as ``…``."""
    shown = _UNFIT.sub("\ufffd", str(text))
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"
