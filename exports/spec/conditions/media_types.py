"""Rows by what sort of media they have."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from connections.rows.media_types import MEDIA_TYPES, UNKNOWN
from connections.store.overview import Overview
from exportadmin.lib.errors import UserError
from exportadmin.lib.forms import ChoiceLabel
from exports.spec.conditions.base import Flag, texts_of
from exports.spec.conditions.fields import Choices
from exports.spec.conditions.kinds import ChoiceSet, some_of

_KNOWN = (*MEDIA_TYPES, UNKNOWN)


def column_values(wanted: Collection[str]) -> frozenset[str]:
    """The values of the column ``media_type`` that are meant: it is empty where nothing says it."""
    return frozenset("" if key == UNKNOWN else key for key in wanted)


class MediaTypes(ChoiceSet):
    """Of a row of which nothing says what it is, the medium is unknown: it is found under that name alone."""

    key = "media_types"
    label = "Media types"
    sentence = f"rows with one of these media types: {', '.join(_KNOWN)}"
    example = ("video", "audio")
    dropped_label = "another media type"
    flag = Flag("--media-type", "M", "media type, such as video; repeatable", is_repeatable=True)
    column = "media_types"
    is_in_catalog = True
    noun = ("media type", "media types")
    form_order = 35
    input_name = "media_types"
    none_help = "None ticked: every medium."
    layout = "ea-new-batches"

    def check(self, text: str, field: str) -> None:
        if text not in _KNOWN:
            raise UserError(f"unknown media type {text[:40]!r}; known: {', '.join(_KNOWN)}", field=field)

    def matching(self, value: frozenset[str]) -> frozenset[str]:
        return column_values(value)

    def item_schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(_KNOWN)}

    def short(self, raw: Any, resolved: Any) -> str:
        texts = texts_of(raw)
        return some_of(texts) if texts else ""

    def choices(self, overview: Overview, ticked: Sequence[str]) -> Choices:
        """Those that there are, and those that were asked for; none where all rows have the same."""
        counts = {key: overview.by_media_type.get(key, 0) for key in _KNOWN}
        listed = [key for key in _KNOWN if counts[key] or key in ticked]
        if len(listed) < 2 and not ticked:
            return []
        return [(key, ChoiceLabel(title_of(key), counts[key])) for key in listed]


def title_of(key: str) -> str:
    """For people."""
    return MEDIA_TYPES[key].title if key in MEDIA_TYPES else key.capitalize()
