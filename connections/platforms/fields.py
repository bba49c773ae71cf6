"""What stands in connections to platforms, read: addresses and words that are the same for all of them."""

from __future__ import annotations

import re
from typing import Final

from exportadmin.lib.addresses import ForbiddenAddressError, check_url, parse_private_address
from exportadmin.lib.errors import UserError

# what to do where nothing answers at the base address
ADDRESS_ADVICE: Final = (
    "Check the base address: scheme, host, port and path. An address within your own network has to be named as "
    "private address, by a superuser."
)
_PATH: Final = re.compile(r"(?:/[A-Za-z0-9_~.-]+)*")


def base_address(text: str, *, example: str) -> str:
    """``https://host[:port][/path]`` without a slash at its end. Raises :class:`UserError`, which names ``example``."""
    try:
        parts = check_url(text)
    except ForbiddenAddressError as error:
        raise UserError(str(error)) from None
    path = parts.path.rstrip("/")
    if parts.query or parts.fragment or not _PATH.fullmatch(path) or {".", ".."} & set(path.split("/")):
        raise UserError(f"it is more than an address and a path: write {example}")
    return f"{parts.scheme}://{parts.netloc.lower()}{path}"


def private_address(text: str) -> str:
    """``host:port``. Raises :class:`UserError`."""
    return str(parse_private_address(text))


def secret(text: str) -> str:
    """One word. Raises :class:`UserError`, in words that do not hold it."""
    if not re.fullmatch(r"[!-~]{3,1024}", text, re.ASCII):
        raise UserError("it is one word of plain letters, digits and signs")
    return text
