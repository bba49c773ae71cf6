"""Whom an address of a connection is counted as: of IPv6 one machine has a whole network of them."""

from __future__ import annotations

import ipaddress
from typing import Final

_MACHINE: Final = {4: 32, 6: 64}
_RANGE: Final = {4: 24, 6: 48}


def network(address: str, *, of_range: bool = False) -> str:
    """The address, or of IPv6 the /64 that one machine is given whole. ``of_range``: the /24, or /48, that it is in.

    What is no address, as of a Unix socket, stays as it is.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    ip = getattr(ip, "ipv4_mapped", None) or ip
    if ip.version == 4 and not of_range:
        return str(ip)
    prefix = (_RANGE if of_range else _MACHINE)[ip.version]
    return str(ipaddress.ip_network((ip, prefix), strict=False))
