"""Who asks too often. An address is the connection's other end; headers are not believed: anybody can write them."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, SimpleRateThrottle, UserRateThrottle


def address(request: Any) -> str:
    """Of the connection."""
    return str(request.META.get("REMOTE_ADDR", ""))


class AddressThrottle(AnonRateThrottle):
    """Callers without an account."""

    def get_ident(self, request: Request) -> str:
        """By address."""
        return address(request)


class PersonThrottle(UserRateThrottle):
    """People, and their tokens with them."""

    def get_ident(self, request: Request) -> str:
        """By address, where nobody is signed in."""
        return address(request)


class WrongKeyThrottle(SimpleRateThrottle):
    """Keys that open nothing: so many are answered (and recorded) a minute for an address, then it has to wait."""

    scope = "wrong_key"
    rate = "30/min"

    def get_cache_key(self, request: Request, view: Any) -> str:
        """By address."""
        return self.cache_format % {"scope": self.scope, "ident": address(request)}
