"""Answers to questions about a whole row: ``radio_answer``, ``checklist_answers``, ``text_answer``; a number, a path in
a taxonomy or any other value stands under ``number_answer``, ``taxonomy_answer`` … as ``{"content": value}``. About a
message of a conversation they are ``conversational_radio_answer`` … beside its ``message_id``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from connections.rows.kinds.base import NAME_KEYS, Annotation, Kind
from connections.rows.kinds.places import PLACE_KEYS

_CONVERSATIONAL: Final = "conversational_"
_PLACE: Final = frozenset(PLACE_KEYS)


class Classification(Kind):
    """An annotation that is no object: it stands apart in a label and has a question for a class."""

    key = "classification"
    letter = "c"
    title = "Classification"
    is_question = True
    media = ""


def answer_value(answer: Annotation) -> Any:
    """What was answered: a name, a list of names, or a text; the ``content`` of any other ``…_answer``, else all of it.

    A name with answers of its own below it is an object: name → what :func:`answers_by_question` says of those.
    """
    if "radio_answer" in answer:
        chosen = answer["radio_answer"]
        return _chosen(chosen) if chosen else ""
    if "checklist_answers" in answer:
        return [_chosen(chosen) for chosen in answer["checklist_answers"] or ()]
    if "text_answer" in answer:
        return (answer["text_answer"] or {}).get("content", "")
    if not _PLACE.isdisjoint(answer):
        there = {key.removeprefix(_CONVERSATIONAL): value for key, value in answer.items() if key not in _PLACE}
        return answer_value(there)
    others = {key: value for key, value in answer.items() if key not in NAME_KEYS}
    if len(others) == 1:
        ((key, said),) = others.items()
        if key.endswith("_answer") and type(said) is dict and said.keys() == {"content"}:
            return said["content"]
    return others


def answers_by_question(answers: Sequence[Annotation]) -> dict[str, Any]:
    """Question → :func:`answer_value`; a question that comes again has a list of its answers, in their order."""
    values: dict[str, Any] = {}
    repeated: set[str] = set()
    for answer in answers:
        name, value = answer["name"], answer_value(answer)
        if name not in values:
            values[name] = value
        elif name in repeated:
            values[name].append(value)
        else:
            repeated.add(name)
            values[name] = [values[name], value]
    return values


def _chosen(option: Annotation) -> Any:
    below = option.get("classifications")
    return {option["name"]: answers_by_question(below)} if below else option["name"]
