"""The register added up: by person, and by day in the zone of the one who looks."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from django.db.models import QuerySet
from django.utils import timezone

from exportadmin.audit.models import AuditEntry
from exportadmin.audit.questions.base import COUNTED
from exportadmin.lib import times
from exports.register.lines import KINDS, bytes_of, ends_of, key_of_end, kind_of, person_of

# so many days, the last ones, have a bar
DAYS: Final = 60


@dataclass(slots=True)
class Person:
    """``counts`` by kind; ``bytes`` that left, as far as is known."""

    who: str
    counts: Counter[str] = field(default_factory=Counter)
    bytes: int = 0

    @property
    def by_kind(self) -> list[tuple[str, int]]:
        """What each kind is called, and how many."""
        return [(title, self.counts[kind]) for kind, (title, _) in KINDS.items()]


@dataclass(frozen=True, slots=True)
class Totals:
    """Of the newest entries; ``is_cut``: there are more. ``days`` are the last :data:`DAYS`, from the first on which
    something left to the last, also those without."""

    count: int
    is_cut: bool
    people: list[Person]
    days: list[tuple[dt.date, int]]

    @property
    def bytes(self) -> int:
        """Of all of them."""
        return sum(person.bytes for person in self.people)

    @property
    def by_kind(self) -> dict[str, int]:
        """How many of each."""
        return {kind: sum(person.counts[kind] for person in self.people) for kind in KINDS}


def totals(entries: QuerySet[AuditEntry]) -> Totals:
    """Two queries, over at most :data:`COUNTED` entries."""
    began = list(entries.order_by("-sequence")[: COUNTED + 1])
    is_cut = len(began) > COUNTED
    began = began[:COUNTED]
    ends = ends_of(began) if began else {}
    people: dict[str, Person] = {}
    days: Counter[dt.date] = Counter()
    zone = timezone.get_current_timezone()
    for entry in began:
        details = entry.details
        person = people.setdefault(who := person_of(entry, details), Person(who))
        person.counts[kind_of(entry, details)] += 1
        person.bytes += bytes_of(entry, details, ends.get(key_of_end(details))) or 0
        days[times.to_datetime(entry.at_ms).astimezone(zone).date()] += 1
    ordered = sorted(people.values(), key=lambda one: (-one.bytes, -one.counts.total(), one.who))
    return Totals(len(began), is_cut, ordered, _every_day(days))


def _every_day(counts: Counter[dt.date]) -> list[tuple[dt.date, int]]:
    if not counts:
        return []
    last = max(counts)
    first = max(min(counts), last - dt.timedelta(days=DAYS - 1))
    every = (first + dt.timedelta(days=number) for number in range((last - first).days + 1))
    return [(day, counts[day]) for day in every]
