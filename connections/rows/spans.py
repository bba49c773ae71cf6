"""Annotations of a text as places in it: Labelbox's text entities, and Label Studio's spans.

Places count code points, from 0, the end not included. Label Studio's frontends have counted UTF-16 units too, and ends
that are included; a span that says its text is believed where its text stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from connections.rows.kinds import TEXT_ENTITY
from connections.rows.labels import kept_of
from connections.rows.media import is_address, looks_like_media

_SOURCE: Final = "label_studio"
_CARRIED: Final = "LabelStudio:"
_NOTHING: Final[Mapping[str, Any]] = {}


class SpanError(ValueError):
    """An annotation that lies nowhere in the text."""


class Span(NamedTuple):
    """``text[begin:end]`` is ``name``."""

    begin: int
    end: int
    name: str


def text_of(document: Mapping[str, Any], marks: Sequence[Mapping[str, Any]]) -> str | None:
    """The text of a row, on which its annotations ``marks`` lie; ``None`` where it has none, or only its address.

    A task of Label Studio may hold several: the one under the name of the control that the annotations are about, else
    the one in which they stand, else ``text``, else the only one.
    """
    is_text = document["media_attributes"].get("asset_type") in (None, "text")
    data = kept_of(_SOURCE, document).get("data")
    if isinstance(data, dict):
        texts = {key: text for key, text in data.items() if type(text) is str and not looks_like_media(text)}
        spans = [mark for mark in marks if is_span(mark)]
        about = [kept_of(_SOURCE, mark).get("to_name") for mark in spans]
        found = [text for key, text in texts.items() if key in about]
        if not found and spans:
            found = [text for text in texts.values() if all(_fits(mark, text) for mark in spans)]
        if not found and (spans or is_text):
            found = [texts["text"]] if "text" in texts else [*texts.values()]
        return found[0] if len(found) == 1 else None
    text: str = document["data_row"]["row_data"]
    return text if is_text and text and not is_address(text) else None


def span_of(mark: Mapping[str, Any], text: str) -> Span:
    """The place of an annotation in its row's text. Raises :class:`SpanError`."""
    begin, end, stated = _place(mark)
    for first, last in _readings(begin, end, text):
        if 0 <= first <= last <= len(text) and (stated is None or text[first:last] == stated):
            return Span(first, last, mark["name"])
    what = "beyond the text's end" if stated is None else f"where {stated[:40]!r} does not stand"
    raise SpanError(f"it lies from {begin} to {end} of {len(text)} characters, {what}")


def is_span(mark: Mapping[str, Any]) -> bool:
    """Does an annotation lie in a text?"""
    try:
        _place(mark)
    except SpanError:
        return False
    return True


def _fits(mark: Mapping[str, Any], text: str) -> bool:
    try:
        span_of(mark, text)
    except SpanError:
        return False
    return True


def _readings(begin: int, end: int, text: str) -> Iterator[tuple[int, int]]:
    yield begin, end
    if not text.isascii():
        units = text.encode("utf-16-le", "surrogatepass")
        first, last = (units[: 2 * place].decode("utf-16-le", "ignore") for place in (begin, end))
        if 2 * end <= len(units):
            yield len(first), len(last)
    yield begin, end + 1


def _place(mark: Mapping[str, Any]) -> tuple[int, int, str | None]:
    """``(begin, end, its text)`` as the annotation says them."""
    kind = mark["annotation_kind"]
    if kind == TEXT_ENTITY.annotation_kind:
        location = mark.get("location")
        location = location if isinstance(location, dict) else _NOTHING
        begin, end = location.get("start"), location.get("end")
        if type(begin) is int and type(end) is int:
            return begin, end + 1, None
    elif kind.startswith(_CARRIED):
        value = kept_of(_SOURCE, mark).get("value")
        value = value if isinstance(value, dict) else _NOTHING
        offsets = value.get("globalOffsets")
        where: Mapping[str, Any] = offsets if isinstance(offsets, dict) else value
        begin, end, text = where.get("start"), where.get("end"), value.get("text")
        if type(begin) is int and type(end) is int and "channel" not in value:
            return begin, end, text if type(text) is str else None
    raise SpanError(f"an annotation of kind {kind!r} is no span of a text")
