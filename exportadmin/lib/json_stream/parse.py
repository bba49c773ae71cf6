"""From the bytes of a piece to its value; strict where JSON parsers are lenient."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import orjson

from exportadmin.lib.json_stream.pieces import Element, RowRefused


def parse(element: Element, word: str = "row") -> Any:
    """The element's value. Raises :class:`RowRefused`, whose position calls it a ``word``.

    Refused are: what is no JSON (NaN and Infinity included), text that is not UTF-8, lone surrogates, numbers beyond
    double precision's range, whole numbers beyond 64 bits, a key that stands twice in one object, and U+0000, which a
    database text cannot hold.
    """
    if element.error is not None:
        raise RowRefused(element.position(word), element.error)
    raw = element.raw
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise RowRefused(element.position(word), _why_invalid(raw, error)) from None
    if _LONG_NUMBER in raw.translate(_ROUGHLY) or raw[:1].isdigit():
        _refuse_long_integers(element, word)
    if b"\\u0000" in raw and _holds_nul(value):
        raise RowRefused(element.position(word), "a text holds the character U+0000, which cannot be stored")
    if _count_pairs(value) != element.pairs:
        _refuse_double_keys(element, word)
    return value


def loosely(element: Element) -> Any:
    """What can be read of one that :func:`parse` refuses, which may tell which it is: NaN as ``None``, a whole number
    of many digits as its text, of a key that stands twice the last. ``None``: nothing can be read.
    """
    if element.error is not None:
        return None
    try:
        value = json.loads(element.raw, parse_constant=lambda _: None, parse_int=_short_or_text)
        orjson.dumps(value)  # half a character is in no file of ours
    except (ValueError, TypeError, RecursionError):
        return None
    return value


def _short_or_text(digits: str) -> int | str:
    return int(digits) if len(digits) < 19 else digits


# A whole number beyond 64 bits has 19 digits or more; the parser would make a rounded float of it, and say nothing. It
# begins behind one of these characters; longer runs of digits in texts (masks are full of them) and behind a point do
# not, but for few.
_LONG_NUMBER: Final = b" " + b"0" * 19
_ROUGHLY: Final = bytes(
    0x30 if chr(code).isascii() and chr(code).isdigit() else 0x20 if chr(code) in ":,[- \t\r\n" else 0x78
    for code in range(256)
)
_INTEGERS: Final = range(-(2**63), 2**64)
_NOT_A_NUMBER: Final = re.compile(rb'"(?:[^"\\\\]|\\\\.)*"|(-?\b(?:NaN|Infinity)\b)')


def _refuse_long_integers(element: Element, word: str) -> None:
    def integer(text: str) -> int:
        if len(text) > 20 or int(text) not in _INTEGERS:
            short = text if len(text) <= 60 else f"{text[:60]}…"
            raise RowRefused(
                element.position(word),
                f"the whole number {short} is beyond 64 bits and would lose digits; write it as a text",
            )
        return 0

    json.loads(element.raw, parse_int=integer)


def _why_invalid(raw: bytes, error: orjson.JSONDecodeError) -> str:
    found = next((each[1].decode() for each in _NOT_A_NUMBER.finditer(raw) if each[1]), None)
    if found is not None:
        return f"not valid JSON: it holds {found}, which is no number in JSON; write null, or leave the key out"
    return f"not valid JSON: {error}"


def _count_pairs(value: Any) -> int:
    """At most the number of ``key: value`` pairs in ``value``; less only where a list begins with numbers or texts and
    objects follow, which the exact pass then sorts out. To look into every list of numbers would cost more than to
    parse it.
    """
    count = 0
    waiting = [value]
    append = waiting.append
    for inner in waiting:  # which grows on the way
        if type(inner) is dict:
            count += len(inner)
            for each in inner.values():
                kind = type(each)
                if kind is dict:
                    append(each)
                elif kind is list and each:
                    kind = type(each[0])
                    if kind is dict:
                        waiting += each
                    elif kind is list:
                        append(each)
        elif type(inner) is list and inner:
            first = inner[0]
            if type(first) is dict or (type(first) is list and not (first and type(first[0]) in _NUMBERS)):
                waiting += inner
    return count


_NUMBERS = frozenset({float, int})


def _refuse_double_keys(element: Element, word: str) -> None:
    def pairs(items: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in items:
            if key in seen:
                raise RowRefused(element.position(word), f"the key {json.dumps(key)[:120]} stands twice in one object")
            seen.add(key)

    json.loads(element.raw, object_pairs_hook=pairs)


def _holds_nul(value: Any) -> bool:
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, str):
            if "\0" in inner:
                return True
        elif isinstance(inner, dict):
            waiting += inner
            waiting += inner.values()
        elif isinstance(inner, list):
            waiting += inner
    return False
