"""Which network addresses the outbound HTTP client may connect to.

Public unicast addresses are open. Private ones need a permission for exactly that host and port. Some are never
reached, whatever a connection says: those that clouds hand out credentials on, those that mean this very network, and
those that hide an IPv4 address in an IPv6 one.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import SplitResult, urlsplit

from exportadmin.lib.errors import PermanentError, UserError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network

SCHEMES: Final = ("https", "http")
MAX_URL: Final = 8_192
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
# of old, a host whose last label is a number is an address: 2130706433, 0x7f.1, 0177.0.0.1
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_UNPRINTABLE: Final = re.compile(r"[\x00-\x20\x7f-\xa0\\]")
_PERMISSION: Final = re.compile(r"(?P<host>\[[^\]]*\]|[^\[\]:]+):(?P<port>[0-9]{1,5})", re.ASCII)


class ForbiddenAddressError(PermanentError):
    """The URL, its host or the address behind it is none that we connect to. Names the host, never an address that
    a name led to."""


class Reach(Enum):
    """Who may be reached at an address."""

    PUBLIC = "public"
    PERMITTED = "with permission"
    NEVER = "never"


def _networks(table: dict[str, str]) -> tuple[tuple[_Network, str], ...]:
    return tuple((ipaddress.ip_network(network), words) for words, line in table.items() for network in line.split())


# words → networks; what stands in several is the first that is found: the never ones come first
_NEVER: Final = _networks(
    {
        "the metadata service of a cloud": "169.254.169.254/32 169.254.170.2/32 169.254.170.23/32 168.63.129.16/32"
        " 100.100.100.200/32 192.0.0.192/32 fd00:ec2::254/128 fd00:ec2::23/128 fd20:ce::254/128",
        "the unspecified address": "0.0.0.0/8 ::/128",
        "a link-local address": "169.254.0.0/16 fe80::/10",
        "a multicast address": "224.0.0.0/4 ff00::/8",
        "a broadcast address": "255.255.255.255/32",
        "reserved for documentation or tests": "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 198.18.0.0/15"
        " 2001:db8::/32 3fff::/20 2001:2::/48 5f00::/16",
        "a reserved address": "192.0.0.0/24 192.88.99.0/24 192.31.196.0/24 192.52.193.0/24 192.175.48.0/24"
        " 240.0.0.0/4 100::/64 100:0:0:1::/64 2620:4f:8000::/48",
        "an IPv4 address inside an IPv6 one": "::ffff:0:0/96 ::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48 2002::/16"
        " 2001::/32",
    }
)
_PRIVATE: Final = _networks(
    {
        "a loopback address": "127.0.0.0/8 ::1/128",
        "a private address": "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7",
        "a carrier's private address": "100.64.0.0/10",
    }
)
# protocol assignments (Teredo, ORCHID, AMT, …): none is an ordinary host
_ASSIGNED: Final = ipaddress.ip_network("2001::/23")
_UNICAST: Final = ipaddress.ip_network("2000::/3")
_ISATAP: Final = (0x00005EFE, 0x02005EFE)  # bits 32 to 63 of the interface's half, before an IPv4 address


def reach(address: Address) -> tuple[Reach, str]:
    """Who may be reached there, and what kind of address it is, in words that go on after "leads to"."""
    for kind, table in ((Reach.NEVER, _NEVER), (Reach.PERMITTED, _PRIVATE)):
        for network, words in table:
            if address.version == network.version and address in network:
                return kind, words
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return Reach.NEVER, "an address of one network card"
        if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP or int(address) >> 32 == 0:
            return Reach.NEVER, "an IPv4 address inside an IPv6 one"
        if address not in _UNICAST or address in _ASSIGNED:
            return Reach.NEVER, "a reserved address"
    return Reach.PUBLIC, "a public address"


@dataclass(frozen=True, slots=True)
class HostPort:
    """One private host and port that a connection may reach. ``host`` is a name in lower case, or an address."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def permits(self, host: str, port: int, address: Address) -> bool:
        """Is this it: the same port, and the same address or the same name?"""
        return port == self.port and self.host in (str(address), host.lower())


def parse_private_address(text: str, *, field: str | None = None) -> HostPort:
    """``10.0.0.5:9000``, ``[fd12::5]:9000`` or ``minio.corp:9000``. Raises :class:`UserError`."""
    found = _PERMISSION.fullmatch(text.strip())
    if found is None:
        right = "write 10.0.0.5:9000, [fd12::5]:9000 or minio.corp:9000"
        raise UserError(f"{text!r} is no host and port: {right}", field=field)
    port = int(found["port"])
    if not 0 < port < 65_536:
        raise UserError(f"{text!r}: a port is 1 to 65535", field=field)
    try:
        host = check_host(found["host"].strip("[]"))
    except ForbiddenAddressError as error:
        raise UserError(str(error), field=field) from None
    address = literal_address(host)
    if address is None:
        return HostPort(host, port)
    kind, words = reach(address)
    if kind is not Reach.PERMITTED:
        why = "it needs no permission" if kind is Reach.PUBLIC else "nobody may permit that"
        raise UserError(f"{address} is {words}: {why}", field=field)
    return HostPort(str(address), port)


def literal_address(host: str) -> Address | None:
    """The address that ``host`` is written as, if it is one and no name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def check_host(host: str) -> str:
    """A name of plain labels, or an address in its one usual form; in lower case. Raises
    :class:`ForbiddenAddressError`."""
    if not host:
        raise ForbiddenAddressError("the address names no host")
    shown = repr(host[:100])
    if "%" not in host and literal_address(host) is not None:
        return host.lower()
    if not host.isascii():
        raise ForbiddenAddressError(f"the host {shown} has other letters than a to z: write its form that begins xn--")
    labels = host.lower().split(".")
    if labels[-1] == "":
        raise ForbiddenAddressError(f"the host {shown} ends with a dot: leave it out")
    if _NUMBER.fullmatch(labels[-1]):
        raise ForbiddenAddressError(f"the host {shown} is no address as they are written: 192.0.2.1 would be one")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ForbiddenAddressError(f"the host {shown} is no host name")
    return host.lower()


def check_url(url: str) -> SplitResult:
    """An http(s) URL of a host that may be named, without a user or password in it. Asks no resolver.

    Raises :class:`ForbiddenAddressError`; its words repeat the host at most, never a path or query: secrets stand
    there.
    """
    if len(url) > MAX_URL:
        raise ForbiddenAddressError(f"the URL has {len(url):,} characters; at most {MAX_URL:,} are taken")
    if _UNPRINTABLE.search(url):
        raise ForbiddenAddressError("the URL holds a space, a backslash or a control character")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ForbiddenAddressError("the URL cannot be read: its host or port is none") from None
    if parts.scheme not in SCHEMES:
        raise ForbiddenAddressError(f"a URL begins https://, this one with {parts.scheme[:20]!r}")
    if "@" in parts.netloc:
        raise ForbiddenAddressError("the URL has a user or password in it: secrets have fields of their own")
    if port == 0:
        raise ForbiddenAddressError("the URL names port 0")
    check_host(parts.hostname or "")
    return parts
