"""JSON bodies from anywhere: read whole or refused in one line, before a serializer sees them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import IO, Any, Final

from django.conf import settings
from rest_framework import exceptions
from rest_framework.parsers import BaseParser

# deeper than any body that has a meaning, and far from what Python's stack holds
DEEPEST: Final = 12
SMALLEST, LARGEST = -(2**63), 2**63 - 1


class BodyTooLarge(exceptions.APIException):
    """More bytes than the installation reads (``DATA_UPLOAD_MAX_MEMORY_SIZE``)."""

    status_code = 413
    default_code = "too_large"


class StrictJSONParser(BaseParser):
    """UTF-8 JSON without what databases, other languages or our own audit could not keep.

    Refused: keys given twice, ``NaN`` and ``Infinity``, whole numbers beyond 64 bits, U+0000 and halves of surrogate
    pairs in any text, more than :data:`DEEPEST` levels. Raises ``ParseError``, ``ValidationError`` with the path of the
    place, and :class:`BodyTooLarge`.
    """

    media_type = "application/json"

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The body as Python values."""
        limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 2_621_440
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise BodyTooLarge(f"the body has more than {limit:,} bytes")
        try:
            document = json.loads(raw.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
        except UnicodeDecodeError as error:
            raise exceptions.ParseError(f"the body is not UTF-8 at byte {error.start}") from None
        except json.JSONDecodeError as error:
            message = f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
            raise exceptions.ParseError(message) from None
        except RecursionError:
            raise exceptions.ParseError(f"the body is nested deeper than {DEEPEST} levels") from None
        except ValueError as error:  # ours, and numbers of thousands of digits
            raise exceptions.ParseError(f"the body cannot be read: {error}") from None
        _check(document)
        return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"key {twice[:80]!r} is given twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _check(document: Any) -> None:
    """Walks without recursion: the depth is the caller's to choose until it is known."""
    waiting: list[tuple[Any, str, int]] = [(document, "", 0)]
    while waiting:
        value, path, depth = waiting.pop()
        if depth > DEEPEST:
            raise exceptions.ParseError(f"the body is nested deeper than {DEEPEST} levels")
        if isinstance(value, str):
            _refuse(path, _text_fault(value))
        elif isinstance(value, bool):
            continue
        elif isinstance(value, int):
            _refuse(path, "" if SMALLEST <= value <= LARGEST else "a whole number beyond 64 bits")
        elif isinstance(value, float):
            _refuse(path, "" if math.isfinite(value) else "a number too large for any use")
        elif isinstance(value, dict):
            for key, inner in value.items():
                shown = key[:80].encode("utf-8", "backslashreplace").decode()
                below = f"{path}.{shown}" if path else shown
                _refuse(below, _text_fault(key) and f"a key with {_text_fault(key)}")
                waiting.append((inner, below, depth + 1))
        elif isinstance(value, list):
            waiting.extend((inner, f"{path}[{index}]", depth + 1) for index, inner in enumerate(value))


def _text_fault(text: str) -> str:
    if "\x00" in text:
        return "U+0000, which cannot be stored"
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return "half of a surrogate pair, which is no character"
    return ""


def _refuse(path: str, why: str) -> None:
    if why:
        raise exceptions.ValidationError({path.replace("\x00", "\\x00") or "non_field_errors": [f"this is {why}"]})
