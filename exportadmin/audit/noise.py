"""Refusals of people that nobody knows, summed up: they must not bury the lines of those who are known.

The first :data:`SINGLE` of an event from an address are a line each, as everybody's are. Those that follow are counted
(:mod:`exportadmin.lib.counts`: by all processes together, in no transaction of the trail), and of each minute one line
says how many they were: it is written with the next of them, by a worker, or when somebody reads the trail, whichever
comes first.
"""

from __future__ import annotations

import ipaddress
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
from exportadmin.lib.times import iso_utc

# lines of one event from one address in so many seconds
SINGLE: Final = 10
SINGLE_SECONDS: Final = 600
# a process looks this often for minutes that are over
LOOK_EVERY_SECONDS: Final = 5.0
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
        address = network(actor.address)
        if counts.hit(f"{_PREFIX}.{event}.{address}", SINGLE, SINGLE_SECONDS):
            counts.tally(_PREFIX, f"{event} {actor.channel} {address}")
            return None
    with transaction.atomic():
        about: dict[str, Any] = {"project": project, "obj": obj, "details": details}
        return record(event, actor=actor, outcome=REFUSED, reason=reason, **about)


def is_stranger(actor: Actor) -> bool:
    """Nobody's account is behind it, and it came over the network."""
    return actor.kind == USER and actor.user_id is None and actor.channel != "shell"


def network(address: str) -> str:
    """The address, or of IPv6 the /64 that one machine is given whole."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, 64), strict=False))


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
