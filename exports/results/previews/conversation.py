"""Conversations: the messages in their order, with spans marked in them, and with what was answered about each.

A row holds its messages as JSON, or only the address of it. Then the messages are told by what annotations say of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from connections.rows.media_types import CONVERSATIONAL
from exports.results.previews.base import Figure, Mark, Preview
from exports.results.previews.drawing import Budget
from exports.results.previews.marked_text import MarkedText, Span, mark_text
from exports.results.previews.reading import (
    PreviewRow,
    Work,
    answer_text,
    cut,
    mapping,
    name_of,
    objects,
    sequence,
    whole,
)

MOST_MESSAGES: Final = 30
# characters of a message, and of all of a row
MOST_OF_ONE: Final = 1_500
MOST_OF_ALL: Final = 8_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was said of a message: an answer about it, that it was chosen, its rank."""

    name: str
    text: str
    is_predicted: bool


@dataclass(slots=True)
class Message:
    """``text`` is ``None`` where the row does not hold it. ``is_reply``: by a model, or on the right side."""

    key: str
    author: str = ""
    is_reply: bool = False
    content: str | None = None
    spans: list[Span] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    text: MarkedText | None = None


@dataclass(slots=True)
class ConversationFigure(Figure):
    messages: list[Message] = field(default_factory=list)


class ConversationPreview(Preview):
    key = CONVERSATIONAL
    template = "exports/previews/conversation.html"

    def figure(self, row: PreviewRow, budget: Budget) -> ConversationFigure:
        figure = ConversationFigure()
        messages = {message.key: message for message in read_messages(row.content)}
        is_here = bool(messages)
        for work in row.works:
            for mark in work.objects:
                _put_mark(messages, mark, work, budget)
            for answer in work.answers:
                if key := message_key(answer.get("message_id")):
                    text = cut(answer_text(answer) or "–")
                    verdict = Verdict(name_of(answer), text, work.is_prediction)
                    messages.setdefault(key, Message(key)).verdicts.append(verdict)
        if not is_here:
            named = "; these are the ones that are named" if messages else ""
            figure.notes.append(f"The row does not hold its messages, and nothing is loaded{named}")
        room = MOST_OF_ALL
        for message in list(messages.values())[:MOST_MESSAGES]:
            if message.content is not None:
                message.text = mark_text(message.content, message.spans, budget, min(MOST_OF_ONE, room))
                room -= min(len(message.content), MOST_OF_ONE, room)
            figure.messages.append(message)
        figure.note(len(messages) - MOST_MESSAGES, "message", "messages", "more")
        figure.take(self.lines(row.works, budget))
        return figure

    def place(self, mark: Mark) -> str:
        location = mapping(mark.get("conversational_location"))
        if key := message_key(location.get("message_id")):
            within = mapping(location.get("location"))
            begin, end = whole(within.get("start")), whole(within.get("end"))
            return f"message {key}" + ("" if begin is None or end is None else f", characters {begin}–{end}")
        return "; ".join(f"{text}: message {key}{named}" for key, text, named in verdicts_of(mark))


def message_key(value: object) -> str:
    """A message's id as text; empty for what is none."""
    return cut(value, 80) if isinstance(value, str) or whole(value) is not None else ""


def _put_mark(messages: dict[str, Message], mark: Mark, work: Work, budget: Budget) -> None:
    location = mapping(mark.get("conversational_location"))
    if key := message_key(location.get("message_id")):
        within = mapping(location.get("location"))
        begin, end = whole(within.get("start")), whole(within.get("end"))
        message = messages.setdefault(key, Message(key))
        colour = budget.colour_of(name_of(mark))
        place = (-1, -1) if begin is None or end is None else (begin, end + 1)
        message.spans.append(Span(*place, name_of(mark), colour, work.is_prediction))
    for key, text, _ in verdicts_of(mark):
        messages.setdefault(key, Message(key)).verdicts.append(Verdict(name_of(mark), text, work.is_prediction))


def verdicts_of(mark: Mark) -> Iterator[tuple[str, str, str]]:
    """``(message, what is said of it, the model's name)`` of a choice or a ranking."""
    if one := mapping(mark.get("selected_message")):
        yield from _verdict(one, "chosen")
    chosen = mark.get("selected_messages")
    for each in objects(mapping(chosen).get("messages") if isinstance(chosen, Mapping) else chosen):
        yield from _verdict(each, "chosen")
    ranked = mark.get("ranked_messages")
    for each in objects(mapping(ranked).get("ranked_messages") if isinstance(ranked, Mapping) else ranked):
        order = whole(each.get("order"))
        yield from _verdict(each, "ranked" if order is None else f"rank {order}")


def _verdict(message: Mapping[str, Any], text: str) -> Iterator[tuple[str, str, str]]:
    if key := message_key(message.get("message_id")):
        model = message.get("model_config_name")
        yield key, text, f" ({cut(model, 60)})" if isinstance(model, str) and model else ""


# --- the messages of a row -------------------------------------------------------------------------------------------


def read_messages(content: str) -> Iterator[Message]:
    """Those of a conversation in either of the forms that are imported into Labelbox: ``messages`` as a list, or by
    id with ``actors`` and ``childMessageIds``; then ``modelOutputs``."""
    if not content.lstrip().startswith(("{", "[")):
        return
    try:
        data = orjson.loads(content)
    except orjson.JSONDecodeError:
        return
    conversation = mapping(data) or {"messages": data}
    messages = conversation.get("messages")
    actors = mapping(conversation.get("actors"))
    if isinstance(messages, Mapping):
        for key in _in_order(messages, sequence(conversation.get("rootMessageIds"))):
            yield _message(messages[key], key, mapping(actors.get(str(messages[key].get("actorId")))))
    else:
        for place, each in enumerate(objects(messages)):
            yield _message(each, str(place), mapping(each.get("user")))
    for place, each in enumerate(objects(conversation.get("modelOutputs")), 1):
        message = _message(each, f"output {place}", each)
        message.is_reply = True
        yield message


def _in_order(messages: Mapping[str, Any], roots: Any) -> Iterator[str]:
    """From each root down; then what no root leads to. Each once, whatever refers to what."""
    seen: set[str] = set()
    waiting = [key for key in reversed(roots) if isinstance(key, str)]
    rest = iter([key for key, each in messages.items() if isinstance(each, Mapping)])
    while True:
        key = waiting.pop() if waiting else next(rest, None)
        if key is None:
            return
        if key in seen or not isinstance(messages.get(key), Mapping):
            continue
        seen.add(key)
        yield key
        children = sequence(messages[key].get("childMessageIds"))
        waiting += [child for child in reversed(children) if isinstance(child, str)]


def _message(each: Mapping[str, Any], default: str, by: Mapping[str, Any]) -> Message:
    key = message_key(each.get("messageId", each.get("message_id", each.get("id")))) or default
    metadata = mapping(by.get("metadata"))
    names = (by.get("name"), by.get("title"), metadata.get("modelConfigName"), by.get("modelConfigName"),
             by.get("userId"), by.get("role"))  # fmt: skip
    author = next((cut(name, 60) for name in names if isinstance(name, str) and name), "")
    is_reply = each.get("align") == "right" or by.get("role") == "model"
    return Message(key, author, is_reply, _content(each.get("content")))


def _content(value: object) -> str | None:
    """A text, or the texts of a list of parts; what else a part holds is named."""
    if isinstance(value, str):
        return value
    parts = []
    for part in objects(value):
        text = part.get("content", part.get("text"))
        parts.append(text if isinstance(text, str) else f"[{cut(part.get('type') or 'something', 40)}]")
    return "\n".join(parts) if parts else None
