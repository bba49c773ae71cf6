"""From the bytes of a piece to its value; strict where JSON parsers are lenient."""

from __future__ import annotations

import json
from typing import Any

import orjson

from exportadmin.lib.json_stream.pieces import Element, RowRefused


def parse(element: Element, word: str = "row") -> Any:
    """The element's value. Raises :class:`RowRefused`, whose position calls it a ``word``.

    Refused are: what is no JSON (NaN and Infinity included), text that is not UTF-8, lone surrogates, numbers beyond
    double precision's range, a key that stands twice in one object, and U+0000, which a database text cannot hold.
    """
    if element.error is not None:
        raise RowRefused(element.position(word), element.error)
    raw = element.raw
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise RowRefused(element.position(word), f"not valid JSON: {error}") from None
    if b"\\u0000" in raw and _holds_nul(value):
        raise RowRefused(element.position(word), "a text holds the character U+0000, which cannot be stored")
    if _count_pairs(value) != element.pairs:
        _refuse_double_keys(element, word)
    return value


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
