"""What was chosen among the answers of models: ``selected_message``, ``selected_messages``, ``ranked_messages``."""

from __future__ import annotations

from typing import Any

import orjson

from connections.rows.checks import BadMark
from connections.rows.kinds.base import Annotation, Kind, Outline
from connections.rows.kinds.places import AsItIs

_SELECTED = ("selected_message", "selected_messages")


class MessageSelection(Kind):
    """One message, or several."""

    key = "message_selection"
    letter = "f"
    title = "Selection of messages"
    annotation_kinds = ("MessageSingleSelection", "MessageMultiSelection")
    geometry = "selected_message"
    unit = "message"
    media = "llm"
    where = "as it is"

    def outline(self, annotation: Annotation) -> Outline:
        found = {key: annotation[key] for key in _SELECTED if key in annotation}
        return self, ",,,", orjson.dumps(found).decode("utf-8"), None

    def tidy(self, annotation: dict[str, Any], media: dict[str, Any]) -> None:
        key = _SELECTED[annotation["annotation_kind"] == self.annotation_kinds[1]]
        if type(annotation.get(key)) is not dict:
            raise BadMark(f"{key} is not an object")


class MessageRanking(AsItIs):
    """Messages in an order."""

    key = "message_ranking"
    letter = "r"
    title = "Ranking of messages"
    annotation_kinds = ("MessageRanking",)
    geometry = "ranked_messages"
    unit = "message"
    media = "llm"
    where = "as it is"

    def tidy(self, annotation: dict[str, Any], media: dict[str, Any]) -> None:
        if type(annotation.get("ranked_messages")) is not dict:
            raise BadMark("ranked_messages is not an object")
