"""Answers to questions about a whole row: ``radio_answer``, ``checklist_answers`` or ``text_answer``."""

from __future__ import annotations

from typing import Any

from connections.rows.kinds.base import NAME_KEYS, Annotation, Kind


class Classification(Kind):
    """An annotation that is no object: it stands apart in a label and has a question for a class."""

    key = "classification"
    letter = "c"
    title = "Classification"
    is_question = True


def answer_value(answer: Annotation) -> Any:
    """What was answered: a name, a list of names, or a text; anything else as it is."""
    if "radio_answer" in answer:
        chosen = answer["radio_answer"]
        return chosen["name"] if chosen else ""
    if "checklist_answers" in answer:
        return [chosen["name"] for chosen in answer["checklist_answers"] or ()]
    if "text_answer" in answer:
        return (answer["text_answer"] or {}).get("content", "")
    return {key: value for key, value in answer.items() if key not in NAME_KEYS}
