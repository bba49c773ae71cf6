"""What was refused, which sign-ins were refused?"""

from __future__ import annotations

from collections.abc import Mapping

from exportadmin.audit.forms import text
from exportadmin.audit.models import REFUSED, AuditEntry
from exportadmin.audit.noise import summed_up
from exportadmin.audit.questions.base import (
    PERIOD,
    PROJECT,
    Answer,
    Figures,
    Question,
    as_far,
    counted,
    done_by,
    people,
    sentence,
    under,
    within,
)
from exportadmin.audit.scope import Scope

SIGNING_IN = under(*(f"sign_in.{how}" for how in ("refused", "refused_more", "locked", "locked_more", "closed")))
_SUMMED_UP = "Many from one address without sign-in are summed up by the minute: what each asked for is not known."


def _refused(params: Mapping[str, str], scope: Scope) -> Answer:
    entries = within(params).filter(outcome=REFUSED).exclude(SIGNING_IN)
    if "person" in params:
        entries = entries.filter(done_by(params["person"]))

    def summary(found: Figures) -> str:
        lines, count = summed_up(entries, "_more")
        count += found.all.count - lines
        if not count:
            return f"Nothing was refused in that time{as_far(scope)}."
        was = "was" if count == 1 else "were"
        return sentence(counted(count, "request", "requests"), people(found.all), was, "refused", found.between)

    return Answer(
        entries,
        summary,
        notes=[
            "Refused sign-ins have a question of their own. A person who asks too often has one entry a minute.",
            _SUMMED_UP,
        ],
    )


def _sign_ins(params: Mapping[str, str], scope: Scope) -> Answer:
    if not scope.everything:
        return Answer(AuditEntry.objects.none(), lambda found: "Sign-ins were not looked for.")
    entries = within(params).filter(SIGNING_IN)
    for name, column in {"person": "actor_name", "address": "address"}.items():
        if name in params:
            entries = entries.filter(**{column: params[name]})

    def summary(found: Figures) -> str:
        refused, locked = found.parts["refused"], found.parts["locked"]
        tries = refused.count + summed_up(entries, "sign_in.refused_more")[1]
        times = locked.count + summed_up(entries, "sign_in.locked_more")[1]
        if not found.all.count:
            return "No sign-in was refused in that time."
        names = f"under {refused.people:,} {'name' if refused.people == 1 else 'names'}" if refused.count else ""
        if names and tries > refused.count:
            names = f"under more than {refused.people:,} {'name' if refused.people == 1 else 'names'}"
        closed = f"; locked {counted(times, 'time', 'times')}" if times else "; nobody was locked out"
        return sentence(
            counted(tries, "refused sign-in", "refused sign-ins"),
            names,
            f"{found.between}{closed}",
        )

    return Answer(
        entries,
        summary,
        parts={"refused": under("sign_in.refused"), "locked": under("sign_in.locked", "sign_in.closed")},
        notes=["The name is the one that was typed; there may be no such account.", _SUMMED_UP],
    )


_WHO = {"person": text("Person", "user name; empty: everybody")}
REFUSED_REQUESTS = Question(
    5,
    "refused",
    "Which requests were refused?",
    "Pages, scripts and links that were told no, and why.",
    {**_WHO, **PROJECT, **PERIOD},
    _refused,
    unseen="what was refused outside projects",
)
SIGN_INS = Question(
    10,
    "sign-ins",
    "Which sign-ins were refused or locked?",
    "Wrong passwords and closed accounts, by the name that was typed and the network address.",
    {**_WHO, "address": text("Network address"), **PERIOD},
    _sign_ins,
    unseen="sign-ins",
)
