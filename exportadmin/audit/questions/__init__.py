"""What reviewers ask again and again: questions with an address each. Other apps register theirs."""

from __future__ import annotations

from typing import Final

from exportadmin.audit.questions.base import Question
from exportadmin.lib.registry import Registry

_HERE = "exportadmin.audit.questions.requests"

QUESTIONS: Final[Registry[Question]] = Registry(
    "question",
    {
        "refused": f"{_HERE}:REFUSED_REQUESTS",
        "sign-ins": f"{_HERE}:SIGN_INS",
    },
)


def in_order() -> list[Question]:
    """All of them, as they stand on the page."""
    return sorted(QUESTIONS.values(), key=lambda question: question.place)
