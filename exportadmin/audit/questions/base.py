"""What a question is: fields that it takes, and an answer made of entries, figures and honest notes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django import forms
from django.db.models import Case, CharField, Count, Max, Min, Q, QuerySet, Value, When
from django.db.models.functions import Cast, Coalesce
from django.http import QueryDict

from exportadmin.audit import queries
from exportadmin.audit.events import keys_under
from exportadmin.audit.forms import TrailForm, moment_field, text
from exportadmin.audit.middleware import NOBODY
from exportadmin.audit.models import AuditEntry
from exportadmin.audit.scope import Scope
from exportadmin.audit.serialize import Extra
from exportadmin.lib import formatting, times
from exportadmin.lib.actor import SCHEDULE, SYSTEM, TOKEN

# figures are counted over so many of the newest entries; nobody waits for more
COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Tally:
    """How many entries, by how many people, about how many objects; ``unsigned``: those without sign-in, of which
    nobody knows by how many people they are."""

    count: int
    people: int
    objects: int
    unsigned: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Of an answer's entries. ``is_cut``: there are more than :data:`COUNTED`, and the figures are of the newest."""

    all: Tally
    parts: Mapping[str, Tally]
    first_ms: int | None
    last_ms: int | None
    is_cut: bool

    @property
    def between(self) -> str:
        """``between A and B``, ``on A``; empty without entries."""
        if self.first_ms is None or self.last_ms is None:
            return ""
        first, last = moment(self.first_ms), moment(self.last_ms)
        return f"at {first}" if first == last else f"between {first} and {last}"


@dataclass(frozen=True, slots=True)
class Answer:
    """``entries`` as asked (what may be read of them, the page decides), ``summary`` a sentence made of their figures.

    ``parts`` are counted apart: name → which entries. ``extra`` adds columns; where it looks at ``before`` or
    ``after``, ``whole`` has them read at once. ``notes`` say what was searched and what could not be.
    """

    entries: QuerySet[AuditEntry]
    summary: Callable[[Figures], str]
    parts: Mapping[str, Q] = field(default_factory=dict)
    extra: Extra | None = None
    whole: bool = False
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """``answer`` gets the values that were given (never an empty one) and what may be read."""

    place: int
    slug: str
    title: str
    help: str
    fields: Mapping[str, forms.Field]
    answer: Callable[[Mapping[str, str], Scope], Answer]
    # fields without which there is no answer
    needed: tuple[str, ...] = ()
    # what of the answer belongs to no project, so that only who reads the whole trail sees it
    unseen: str = ""

    def form(self, data: QueryDict, beside: Sequence[str]) -> TrailForm:
        """What the address asks. Raises :class:`UserError` for what could only be a mistake."""
        form_class: type[TrailForm] = type("QuestionForm", (TrailForm,), dict(self.fields))
        return form_class(data, beside=beside)


UNSIGNED: Final = Q(actor_user_id=None, actor_name=NOBODY)
# a token counts as the person behind it; without an account the name is all there is. Who did not sign in and the
# product itself are no people: NULL is not counted
_WHO = Case(
    When(UNSIGNED | Q(actor_kind__in=[SYSTEM, SCHEDULE]), then=Value(None)),
    default=Coalesce(Cast("actor_user_id", CharField()), "actor_name"),
    output_field=CharField(),
)


def figures(entries: QuerySet[AuditEntry], parts: Mapping[str, Q]) -> Figures:
    """One query, over at most :data:`COUNTED` entries."""
    wanted: dict[str, Any] = {"first": Min("at_ms"), "last": Max("at_ms")}
    names = {"": Q(sequence__isnull=False), **parts}
    for place, condition in enumerate(names.values()):
        wanted[f"count_{place}"] = Count("sequence", filter=condition)
        wanted[f"people_{place}"] = Count(_WHO, filter=condition, distinct=True)
        wanted[f"objects_{place}"] = Count("object_id", filter=condition, distinct=True)
        wanted[f"unsigned_{place}"] = Count("sequence", filter=condition & UNSIGNED)
    found = entries.order_by("-sequence")[: COUNTED + 1].aggregate(**wanted)
    tallies = {
        name: Tally(*(found[f"{figure}_{place}"] for figure in ("count", "people", "objects", "unsigned")))
        for place, name in enumerate(names)
    }
    whole = tallies.pop("")
    return Figures(whole, tallies, found["first"], found["last"], whole.count > COUNTED)


# --- words -----------------------------------------------------------------------------------------------------------


def moment(ms: int) -> str:
    """``22 Nov 2026, 03:06 CET``, in the zone of the one who looks."""
    return times.in_words(times.to_datetime(ms))


def counted(count: int, one: str, many: str) -> str:
    """``1 export``, ``7 exports``, ``no exports``, ``more than 10,000 exports``."""
    if count > COUNTED:
        return f"more than {COUNTED:,} {many}"
    return formatting.counted(count, one, many) if count else f"no {many}"


def people(tally: Tally) -> str:
    """``by 1 person``; ``by 3 people (2 without sign-in)``: of the entries; empty without entries."""
    if tally.count and tally.count == tally.unsigned:
        return "without sign-in"
    named = f"by {tally.people:,} {'person' if tally.people == 1 else 'people'}" if tally.people else ""
    return f"{named} ({tally.unsigned:,} without sign-in)".strip() if tally.unsigned else named


def as_far(scope: Scope) -> str:
    """For what was not found: ``, as far as you may read the trail``, where that is not all of it."""
    return "" if scope.everything else ", as far as you may read the trail"


def sentence(*parts: str) -> str:
    """The parts with blanks between, a capital and a full stop; empty ones are left out."""
    text = " ".join(part for part in parts if part)
    return f"{text[:1].upper()}{text[1:]}."


def of_project(params: Mapping[str, str]) -> str:
    """``of project X``, where one was asked for."""
    return f"of project {params['project']}" if "project" in params else ""


# --- fields and conditions that many share ---------------------------------------------------------------------------

PROJECT: Final[Mapping[str, forms.Field]] = {
    "project": text("Project", "its name or id; empty: all that you may read"),
}
PERIOD: Final[Mapping[str, forms.Field]] = {"after": moment_field("Not before"), "before": moment_field("Not after")}


def within(params: Mapping[str, str], time_zone: str = "") -> QuerySet[AuditEntry]:
    """Entries of the project and the period that were asked for; ``time_zone``: another than that of who looks."""
    known = {name: params[name] for name in ("project", "after", "before") if name in params}
    return queries.search_params(known, time_zone=time_zone or times.here())


def under(*fronts: str) -> Q:
    """Events by their keys or fronts."""
    return Q(event__in=[key for front in fronts for key in keys_under(front)])


def done_by(person: str) -> Q:
    """Entries of a person: under the user name, and through tokens of that user."""
    # record() names a token's entries "NAME of USER": the few names of tokens first, then entries by an index
    tokens = AuditEntry.objects.filter(actor_kind=TOKEN, actor_name__endswith=f" of {person}").order_by()
    names = list(tokens.values_list("actor_name", flat=True).distinct())
    return Q(actor_name__in=[person, *names])
