"""What did a person do?"""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Q

from exportadmin.audit.forms import text
from exportadmin.audit.models import DONE, REFUSED
from exportadmin.audit.questions.base import (
    PERIOD,
    PROJECT,
    Answer,
    Figures,
    Question,
    as_far,
    counted,
    done_by,
    under,
    within,
)
from exportadmin.audit.scope import Scope
from exports.questions.downloads import TAKEN_PARTS


def _person(params: Mapping[str, str], scope: Scope) -> Answer:
    person = params["person"]
    refused = Q(outcome=REFUSED)
    exports = under("export.requested") & Q(outcome=DONE)

    def summary(found: Figures) -> str:
        if not found.all.count:
            return f"Nothing is recorded of {person} in that time{as_far(scope)}."
        names = {
            "exports": ("export", "exports"),
            "downloads": ("download", "downloads"),
            "readings": ("reading of rows", "readings of rows"),
            "refused": ("refused try", "refused tries"),
        }
        *parts, last = (counted(found.parts[part].count, *words) for part, words in names.items())
        whole = counted(found.all.count, "entry", "entries")
        return f"{person}: {whole} {found.between}, among them {', '.join(parts)} and {last}."

    return Answer(
        within(params).filter(done_by(person)),
        summary,
        parts={"exports": exports, **TAKEN_PARTS, "refused": refused},
        notes=[
            "What the person's tokens did is listed too. A refused sign-in only carries the name that was typed: "
            "nobody has proven to be that person. What the worker did for the person stands under Export Admin."
        ],
    )


PERSON = Question(
    6,
    "person",
    "What did a person do?",
    "Everything under a user name and through that user's tokens, in a period.",
    {"person": text("Person (needed)", "user name"), **PROJECT, **PERIOD},
    _person,
    needed=("person",),
    unseen="sign-ins, accounts and what else is done outside projects",
)
