"""Who is really at the other end, where a proxy of ours stands between (``EXPORTADMIN_TRUSTED_PROXIES``).

Headers are believed only from an address that is named there; anybody else can write what they like into them.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
HEADER: Final = "HTTP_X_FORWARDED_FOR"
SCHEME: Final = "HTTP_X_FORWARDED_PROTO"
MOST_HOPS: Final = 20


def networks(addresses: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks as they stand in the variable. Raises ``ImproperlyConfigured`` for one that is none."""
    found = []
    for address in addresses:
        try:
            found.append(ipaddress.ip_network(address))
        except ValueError as error:
            raise ImproperlyConfigured(
                f"EXPORTADMIN_TRUSTED_PROXIES: {address!r} is no address or network ({error}); for example 10.0.0.0/8"
            ) from None
    return tuple(found)


def client_address(peer: str, forwarded: str, trusted: tuple[Network, ...]) -> str:
    """The last address in ``peer`` and, read from its end, the ``X-Forwarded-For`` list that is no trusted proxy.

    What stands before it was written by strangers. Something that is no address ends the search at its proxy.
    """
    seen = peer
    for hop in reversed(forwarded.split(",")[-MOST_HOPS:]):
        if not _is_among(seen, trusted):
            break
        try:
            seen = str(ipaddress.ip_address(hop.strip()))
        except ValueError:
            break
    return seen


def _is_among(address: str, trusted: tuple[Network, ...]) -> bool:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:  # a Unix socket has no address: whoever may open it is the proxy
        return address == "" and bool(trusted)
    return any(known in network for network in trusted)


class TrustedProxiesMiddleware:
    """Puts the client's address where throttles, sign-ins and the trail look for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._trusted: tuple[Network, ...] = settings.TRUSTED_PROXIES

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, with the address and the scheme that the client used."""
        peer = request.META.get("REMOTE_ADDR", "")
        forwarded, scheme = request.META.get(HEADER, ""), request.META.get(SCHEME, "")
        if self._trusted and forwarded:
            request.META["REMOTE_ADDR"] = client_address(peer, forwarded, self._trusted)
        if scheme == "https" and _is_among(peer, self._trusted):
            request.META["wsgi.url_scheme"] = request.environ["wsgi.url_scheme"] = "https"  # type: ignore[attr-defined]
        return self.get_response(request)
