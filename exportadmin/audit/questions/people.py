"""What was refused, what did a person do, which sign-ins were refused?"""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Q

from exportadmin.audit.forms import text
from exportadmin.audit.models import DONE, REFUSED, AuditEntry
from exportadmin.audit.questions.base import (
    PERIOD,
    PROJECT,
    Answer,
    Figures,
    Question,
    counted,
    sentence,
    under,
    within,
)
from exportadmin.audit.scope import Scope
from exportadmin.lib.actor import TOKEN

SIGNING_IN = under("sign_in.refused", "sign_in.locked")


def done_by(person: str) -> Q:
    """Entries of a person: under the user name, and through tokens of that user."""
    # record() names a token's entries "NAME of USER": the few names of tokens first, then entries by an index
    tokens = AuditEntry.objects.filter(actor_kind=TOKEN, actor_name__endswith=f" of {person}").order_by()
    names = list(tokens.values_list("actor_name", flat=True).distinct())
    return Q(actor_name__in=[person, *names])


def _person(asked: Mapping[str, str], scope: Scope) -> Answer:
    person = asked["person"]
    refused = Q(outcome=REFUSED)
    taken = under("artifact.downloaded", "artifact.rows_read") & Q(outcome=DONE)
    exports = under("export.requested") & Q(outcome=DONE)

    def says(found: Figures) -> str:
        if not found.all.count:
            return f"Nothing is recorded of {person} in that time."
        parts = [
            counted(found.parts["exports"].count, "export", "exports"),
            counted(found.parts["taken"].count, "download", "downloads"),
            f"{counted(found.parts['refused'].count, 'refused try', 'refused tries')}",
        ]
        whole = counted(found.all.count, "entry", "entries")
        return f"{person}: {whole} {found.between}, among them {parts[0]}, {parts[1]} and {parts[2]}."

    return Answer(
        within(asked).filter(done_by(person)),
        says,
        parts={"exports": exports, "taken": taken, "refused": refused},
        notes=[
            "What the person's tokens did is listed too. A refused sign-in only carries the name that was typed: "
            "nobody has proven to be that person. What the worker did for the person stands under Export Admin."
        ],
    )


def _refused(asked: Mapping[str, str], scope: Scope) -> Answer:
    entries = within(asked).filter(outcome=REFUSED).exclude(SIGNING_IN)
    if "person" in asked:
        entries = entries.filter(done_by(asked["person"]))

    def says(found: Figures) -> str:
        count = found.all.count
        if not count:
            return "Nothing was refused in that time."
        of = f"of {found.all.people:,} {'person' if found.all.people == 1 else 'people'}"
        return sentence(
            f"{counted(count, 'request', 'requests')} {of}", "was" if count == 1 else "were", "refused", found.between
        )

    return Answer(
        entries,
        says,
        notes=["Refused sign-ins have a question of their own. A person who asks too often has one entry a minute."],
    )


def _sign_ins(asked: Mapping[str, str], scope: Scope) -> Answer:
    entries = within(asked).filter(SIGNING_IN)
    for name, column in {"person": "actor_name", "address": "address"}.items():
        if name in asked:
            entries = entries.filter(**{column: asked[name]})

    def says(found: Figures) -> str:
        refused, locked = found.parts["refused"], found.parts["locked"]
        if not found.all.count:
            return "No sign-in was refused in that time."
        names = f"under {refused.people:,} {'name' if refused.people == 1 else 'names'}" if refused.count else ""
        closed = f"; locked {counted(locked.count, 'time', 'times')}" if locked.count else "; nobody was locked out"
        return sentence(
            counted(refused.count, "refused sign-in", "refused sign-ins"),
            names,
            f"{found.between}{closed}",
        )

    return Answer(
        entries,
        says,
        parts={"refused": under("sign_in.refused"), "locked": under("sign_in.locked")},
        notes=["The name is the one that was typed; there may be no such account."],
    )


_WHO = {"person": text("Person", "user name; empty: everybody")}
PERSON = Question(
    6,
    "person",
    "What did a person do?",
    "Everything under a user name and through that user's tokens, in a period.",
    {"person": text("Person (needed)", "user name"), **PROJECT, **PERIOD},
    _person,
    needed=("person",),
)
REFUSED_REQUESTS = Question(
    5,
    "refused",
    "Which requests were refused?",
    "Pages, scripts and links that were told no, and why.",
    {**_WHO, **PROJECT, **PERIOD},
    _refused,
)
SIGN_INS = Question(
    10,
    "sign-ins",
    "Which sign-ins were refused or locked?",
    "Wrong passwords and closed accounts, by the name that was typed and the network address.",
    {**_WHO, "address": text("Network address"), **PERIOD},
    _sign_ins,
)
