"""What reviewers ask again and again: questions with an address each. The rooms above register theirs."""

from __future__ import annotations

from typing import Final

from exportadmin.audit.questions.base import Question
from exportadmin.lib.registry import Registry

_HERE = "exportadmin.audit.questions"

QUESTIONS: Final[Registry[Question]] = Registry(
    "question",
    {
        "who-exported": f"{_HERE}.downloads:WHO_EXPORTED",
        "outside-hours": f"{_HERE}.hours:OUTSIDE_HOURS",
        "changes": f"{_HERE}.changes:CHANGES",
        "refused": f"{_HERE}.people:REFUSED_REQUESTS",
        "person": f"{_HERE}.people:PERSON",
        "access": f"{_HERE}.access:ACCESS",
        "sign-ins": f"{_HERE}.people:SIGN_INS",
    },
)


def in_order() -> list[Question]:
    """All of them, as they stand on the page."""
    return sorted(QUESTIONS.values(), key=lambda question: question.place)
