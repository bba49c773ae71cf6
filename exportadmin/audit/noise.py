"""Refusals of people that nobody knows, summed up: they must not bury the lines of those who are known.

The first :data:`SINGLE` of an event from an address are a line each, as everybody's are, while they are no more than
:data:`OF_RANGE` from its range and :data:`OF_ALL` from everywhere: a /48 of IPv6 has 65,536 networks. Those that
follow are counted (:mod:`exportadmin.lib.counts`: by all processes together, in no transaction of the trail) for the
address, the range or :data:`ELSEWHERE`, and of each minute one line says how many they were: it is written with the
next of them, by a worker, or when somebody reads the trail, whichever comes first.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction
from django.db.models import QuerySet

from exportadmin.audit.events import EVENTS
from exportadmin.audit.middleware import NOBODY
from exportadmin.audit.models import REFUSED, AuditEntry
from exportadmin.audit.record import ObjectLike, ProjectLike, record
from exportadmin.lib import counts
from exportadmin.lib.actor import USER, Actor
from exportadmin.lib.networks import network
from exportadmin.lib.times import iso_utc

# lines of one event from one address in so many seconds
SINGLE: Final = 10
# and from its range (/24, of IPv6 /48), and from everywhere
OF_RANGE: Final = 100
OF_ALL: Final = 500
SINGLE_SECONDS: Final = 600
# a process looks this often for minutes that are over
LOOK_EVERY_SECONDS: Final = 5.0
ELSEWHERE: Final = "elsewhere"
_PREFIX: Final = "audit.noise"
MOST_SUMMED: Final = 10_000  # lines of one answer that are added up

_looked_at = float("-inf")


def record_refused(
    event: str,
    *,
    actor: Actor,
    reason: str,
    project: ProjectLike | None = None,
    obj: ObjectLike | None = None,
    details: Mapping[str, Any] | None = None,
) -> AuditEntry | None:
    """Record a refusal in a transaction of its own; ``None``: nobody known, and counted only."""
    if is_stranger(actor):
        sum_up()
        if where := _full(event, actor.address):
            counts.tally(_PREFIX, f"{event} {actor.channel} {where}")
            return None
    with transaction.atomic():
        about: dict[str, Any] = {"project": project, "obj": obj, "details": details}
        return record(event, actor=actor, outcome=REFUSED, reason=reason, **about)


def is_stranger(actor: Actor) -> bool:
    """Nobody's account is behind it, and it came over the network."""
    return actor.kind == USER and actor.user_id is None and actor.channel != "shell"


def _full(event: str, address: str) -> str:
    """The narrowest place from which there were as many lines as there may be; empty: one more was counted of each.

    What a wider one refuses is taken back: so those that are full are few, and with them the lines that sum up.
    """
    counted: list[str] = []
    places = ((network(address), SINGLE), (network(address, of_range=True), OF_RANGE), (ELSEWHERE, OF_ALL))
    for where, most in places:
        key = f"{_PREFIX}.{event}.{where}"
        if counts.hit(key, most, SINGLE_SECONDS):
            for each in counted:
                counts.give_back(each, SINGLE_SECONDS)
            return where
        counted.append(key)
    return ""


def sum_up(*, now: bool = False) -> None:
    """Write the lines of the minutes that are over; of each it is one process that does. ``now``: without waiting."""
    global _looked_at
    if not now and time.monotonic() - _looked_at < LOOK_EVERY_SECONDS:
        return
    _looked_at = time.monotonic()
    if not counts.has_tallies(_PREFIX):
        return
    with transaction.atomic():  # locked before they are taken: who cannot write takes none
        for tally in counts.take_tallies(_PREFIX):
            event, channel, address = tally.key.split(" ", 2)
            more = f"{event}_more"
            record(
                more if more in EVENTS else "request.refused_more",
                actor=Actor(kind=USER, name=NOBODY, channel=channel, address=address),
                outcome=REFUSED,
                reason="too many to be told one by one",
                details={
                    "count": tally.hits,
                    "from": address,
                    "minute": iso_utc(tally.began_at * 1000),
                    "event": event,
                },
            )


def summed_up(entries: QuerySet[AuditEntry], ending: str) -> tuple[int, int]:
    """How many of ``entries`` sum up refusals, of events that end so, and how many refusals they stand for."""
    events = [key for key in EVENTS if key.endswith(ending)]
    found = entries.filter(event__in=events).only("sequence", "details_json").order_by("-sequence")
    numbers = [number for entry in found[:MOST_SUMMED] if isinstance(number := entry.details.get("count"), int)]
    return len(numbers), sum(numbers)


def forget_when_looked() -> None:
    """Tests."""
    global _looked_at
    _looked_at = float("-inf")
