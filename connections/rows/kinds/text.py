"""Stretches of text: in a row's text, in a message of a conversation, on the pages of a document.

``"location": {"start", "end"[, "token"]}`` of a text, its end included; ``"conversational_location": {"message_id",
"location"}`` of a conversation; ``"location": {"groups": [{"id", "page_number", "tokens", "text"}]}`` of a document.
"""

from __future__ import annotations

from typing import Any

import orjson

from connections.rows.checks import BadMark, shown
from connections.rows.kinds.base import Annotation, Kind, Outline
from connections.rows.kinds.places import AsItIs


class TextEntity(Kind):
    """A stretch of the row's text."""

    key = "text_entity"
    letter = "e"
    title = "Text entity"
    annotation_kinds = ("TextEntity",)
    geometry = "location"
    unit = "span"
    media = "text"
    where = "places in the text, the end included"

    def outline(self, annotation: Annotation) -> Outline:
        return self, ",,,", orjson.dumps(annotation["location"]).decode("utf-8"), None

    def tidy(self, annotation: dict[str, Any], media: dict[str, Any]) -> None:
        _check_span(annotation.get("location"), "location")


class MessageEntity(Kind):
    """A stretch of a message of a conversation."""

    key = "message_entity"
    letter = "t"
    title = "Entity in a message"
    annotation_kinds = ("ConversationalTextEntity",)
    geometry = "conversational_location"
    unit = "span"
    media = "conversational"
    where = "places in the message, the end included"

    def outline(self, annotation: Annotation) -> Outline:
        place = annotation["conversational_location"]
        found = {"message_id": place["message_id"], **place["location"]}
        return self, ",,,", orjson.dumps(found).decode("utf-8"), None

    def tidy(self, annotation: dict[str, Any], media: dict[str, Any]) -> None:
        place = annotation.get("conversational_location")
        if type(place) is not dict:
            raise BadMark("conversational_location is not an object")
        if type(place.get("message_id")) not in (str, int):
            raise BadMark(f"conversational_location.message_id is {shown(place.get('message_id'))}; expected an id")
        _check_span(place.get("location"), "conversational_location.location")


class DocumentEntity(AsItIs):
    """Words on pages of a document."""

    key = "document_entity"
    letter = "n"
    title = "Entity in a document"
    annotation_kinds = ("DocumentEntityToken",)
    geometry = "location"
    unit = "span"
    media = "document"
    where = "groups of tokens, by page"

    def tidy(self, annotation: dict[str, Any], media: dict[str, Any]) -> None:
        location = annotation.get("location")
        groups = location.get("groups") if type(location) is dict else None
        if type(groups) is not list or not {dict}.issuperset(map(type, groups)):
            raise BadMark("location.groups is not a list of objects")


def _check_span(location: Any, what: str) -> None:
    if type(location) is not dict:
        raise BadMark(f"{what} is not an object")
    for side in ("start", "end"):
        place = location.get(side)
        if type(place) is not int or place < 0:
            raise BadMark(f"{what}.{side} is {shown(place)}; expected a whole number from 0 up")
