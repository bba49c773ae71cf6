"""Which downloads were made outside working hours? Decided by the database, in the hours of a named time zone."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from django.db.models import BigIntegerField, Case, F, Q, QuerySet, Value, When

from connections.access.audit_scope import time_zone_of
from exportadmin.audit.forms import choice, moment_field, text
from exportadmin.audit.models import DONE, AuditEntry
from exportadmin.audit.questions.base import (
    PROJECT,
    Answer,
    Figures,
    Question,
    as_far,
    of_project,
    sentence,
    within,
)
from exportadmin.audit.scope import Scope
from exportadmin.audit.serialize import Extra
from exportadmin.lib import times
from exportadmin.lib.errors import UserError
from exports.questions.downloads import TAKEN, TAKEN_PARTS, taken

DAY_MS: Final = 86_400_000
# word → (words on screen, days of the week, Monday is 0)
DAYS: Final[dict[str, tuple[str, frozenset[int]]]] = {
    "mon-fri": ("Monday to Friday", frozenset(range(5))),
    "mon-sat": ("Monday to Saturday", frozenset(range(6))),
    "sun-thu": ("Sunday to Thursday", frozenset({6, 0, 1, 2, 3})),
    "mon-sun": ("every day", frozenset(range(7))),
}
_CLOCK = re.compile(r"([01]?\d|2[0-4]):([0-5]\d)", re.ASCII)
_IN_ZONE: Final = "in that time zone, such as 2026-11-22 09:30"
Segment = tuple[int, int]


def _clock_ms(text: str) -> int:
    found = _CLOCK.fullmatch(text)
    if found is None or (found[1] == "24" and found[2] != "00"):
        raise UserError(f"{text[:40]!r} is not a time of day; expected 00:00 to 24:00, such as 08:00")
    return (int(found[1]) * 60 + int(found[2])) * 60_000


def _known_days(text: str) -> None:
    if text not in DAYS:
        raise UserError(f"unknown days {text[:40]!r}; known: {', '.join(DAYS)}")


def offsets(zone: str, first_ms: int, last_ms: int) -> list[Segment]:
    """``(from ms, offset in ms)`` of the zone between two moments, oldest first: clocks change at most twice a year."""
    tz = times.zone(zone)

    def offset(ms: int) -> int:
        return (times.to_datetime(ms).astimezone(tz).utcoffset() or dt.timedelta()) // dt.timedelta(milliseconds=1)

    segments = [(first_ms, offset(first_ms))]
    for day in range(first_ms, last_ms, DAY_MS):
        low, high = day, min(day + DAY_MS, last_ms)
        if offset(high) == segments[-1][1]:
            continue
        while high - low > 1000:  # to the second, as clocks change
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == segments[-1][1] else (low, middle)
        high -= high % 1000
        segments.append((high, offset(high)))
    return segments


def outside(
    entries: QuerySet[AuditEntry], segments: Sequence[Segment], days: frozenset[int], start_ms: int, end_ms: int
) -> QuerySet[AuditEntry]:
    """Those that were written outside of ``[start, end)`` of the ``days``, by the clocks of ``segments``."""
    big = BigIntegerField()
    shift: Any = Value(segments[-1][1], output_field=big)
    if len(segments) > 1:
        cases = [
            When(at_ms__lt=following[0], then=Value(segment[1], output_field=big))
            for segment, following in pairwise(segments)
        ]
        shift = Case(*cases, default=shift, output_field=big)
    local = F("at_ms") + shift
    # not the function Mod: on SQLite it gives floats
    clock = local % Value(DAY_MS, output_field=big)
    # 1 January 1970 was a Thursday; what is left after taking the clock away is whole days
    day = ((local - clock) / Value(DAY_MS, output_field=big) + Value(3, output_field=big)) % Value(7, output_field=big)
    listed = entries.alias(local_clock=clock, local_day=day)
    at_work = Q(local_day__in=sorted(days), local_clock__gte=start_ms, local_clock__lt=end_ms)
    return listed.exclude(at_work)


def _zone(params: Mapping[str, str], scope: Scope) -> tuple[str, str]:
    """``(zone, where it comes from)``."""
    if "zone" in params:
        return params["zone"], ""
    if "project" in params:
        found = time_zone_of(params["project"])
        if found is not None and (scope.everything or found[0] in scope.projects):
            return str(found[1]), ", the project's time zone"
    return "UTC", ", the installation's time zone"


def _answer(params: Mapping[str, str], scope: Scope) -> Answer:
    zone, source = _zone(params, scope)
    label, days = DAYS[params.get("days", "mon-fri")]
    start, end = params.get("from", "08:00"), params.get("until", "18:00")
    if _clock_ms(start) >= _clock_ms(end):
        raise UserError(f"working hours end ({end}) before they begin ({start})", field="until")
    first = AuditEntry.objects.order_by("at_ms").values_list("at_ms", flat=True).first() or times.now_ms()
    segments = offsets(zone, min(first, times.now_ms()), times.now_ms() + DAY_MS)
    entries = within(params, zone).filter(TAKEN, outcome=DONE)
    tz = times.zone(zone)

    def local(entries: Sequence[AuditEntry]) -> list[list[str]]:
        return [[f"{times.to_datetime(entry.at_ms).astimezone(tz):%a %d %b %Y, %H:%M}"] for entry in entries]

    def summary(found: Figures) -> str:
        return sentence(
            f"outside working hours {of_project(params)}".strip() + ":",
            taken(found.parts),
            f"{found.between}{'' if found.all.count else as_far(scope)}",
        )

    return Answer(
        outside(entries, segments, days, _clock_ms(start), _clock_ms(end)),
        summary,
        parts=TAKEN_PARTS,
        extra=Extra([f"Local time ({zone})"], local),
        notes=[f"Working hours: {label}, {start} to {end}, {zone}{source}. Public holidays are not known."],
    )


OUTSIDE_HOURS = Question(
    2,
    "outside-hours",
    "Which downloads were made outside working hours?",
    "At night, at the weekend: by the clocks of the project's time zone, or of one that you name.",
    {
        **PROJECT,
        "from": text("Work begins", default="08:00", check=_clock_ms),
        "until": text("Work ends", default="18:00", check=_clock_ms),
        "days": choice(
            "Working days",
            [(key, label) for key, (label, _) in DAYS.items()],
            default="Monday to Friday",
            check=_known_days,
        ),
        "zone": text("Time zone", "such as Europe/Warsaw; empty: the project's", check=times.zone),
        "after": moment_field("Not before", _IN_ZONE),
        "before": moment_field("Not after", _IN_ZONE),
    },
    _answer,
)
