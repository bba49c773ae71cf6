"""Time zones by their IANA names: which are offered, and what is wrong with one that there is not."""

from __future__ import annotations

import zoneinfo
from contextlib import suppress
from functools import lru_cache

from exportadmin.lib import times
from exportadmin.lib.errors import UserError

LONGEST = 64


@lru_cache(maxsize=1)
def offered() -> tuple[str, ...]:
    """The names to choose from: UTC first, then places by continent. (Any other IANA name is taken too.)"""
    places = sorted(
        name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/"))
    )
    return ("UTC", *places)


def known(name: str, *, field: str = "time_zone") -> str:
    """The name itself. Raises :class:`UserError` when there is no such zone."""
    name = name.strip()
    if len(name) <= LONGEST and name.isprintable():
        with suppress(UserError):
            return times.zone(name).key
    raise UserError(
        f"there is no time zone {name[:LONGEST]!r}; expected a name such as Europe/Warsaw or UTC", field=field
    )
