"""Who asks too often. An address is the connection's other end; headers are not believed: anybody can write them.

All processes count together (:mod:`exportadmin.lib.counts`), wherever they run.
"""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, SimpleRateThrottle, UserRateThrottle

from exportadmin.lib.counts import hit
from exportadmin.lib.networks import network


def address(request: Any) -> str:
    """Of the connection; of IPv6 the network that one machine has."""
    return network(str(request.META.get("REMOTE_ADDR", "")))


class _CountedTogether(SimpleRateThrottle):
    """DRF's counts by a cache, where of two requests at the same time one is forgotten."""

    num_requests: int
    duration: int
    _wait = 0.0

    def allow_request(self, request: Any, view: Any) -> bool:
        """Counts it, too."""
        key = None if self.rate is None else self.get_cache_key(request, view)
        if key is None:
            return True
        self._wait = hit(key, self.num_requests, self.duration)
        return not self._wait

    def wait(self) -> float:
        """Seconds, after a refusal."""
        return self._wait


class AddressThrottle(_CountedTogether, AnonRateThrottle):
    """Callers without an account. What wants one, and is refused, takes nothing from what is open to everybody."""

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        """By address, and by whether the view is open."""
        key = super().get_cache_key(request, view)
        return key and (f"{key}.refused" if getattr(view, "permission_classes", ()) else key)

    def get_ident(self, request: Request) -> str:
        """By address."""
        return address(request)


class PersonThrottle(_CountedTogether, UserRateThrottle):
    """People, and their tokens with them."""

    def get_ident(self, request: Request) -> str:
        """By address, where nobody is signed in."""
        return address(request)


class WrongKeyThrottle(_CountedTogether):
    """Keys that open nothing: so many are answered (and recorded) a minute for an address, then it has to wait."""

    scope = "wrong_key"
    rate = "30/min"

    def get_cache_key(self, request: Any, view: Any) -> str:
        """By address."""
        return self.cache_format % {"scope": self.scope, "ident": address(request)}
