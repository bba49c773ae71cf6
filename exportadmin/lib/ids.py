"""Public identifiers: what stands in URLs, file names and rows. Lower case, no look-alikes needed, never a counter."""

from __future__ import annotations

import hashlib
import secrets

LENGTH = 24
_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_SHIFTS = tuple(range(110, -1, -10))


def _text(raw: bytes) -> str:
    """Base 32 of 15 bytes. ``base64.b32encode`` takes twice as long, and each row of an import needs one."""
    bits = int.from_bytes(raw, "big")
    return "".join([_PAIRS[bits >> shift & 1023] for shift in _SHIFTS])


def new_id() -> str:
    """24 random characters of ``a-z2-7`` (120 bits)."""
    return _text(secrets.token_bytes(15))


def derived_id(*parts: str) -> str:
    """24 characters that depend on nothing but ``parts``: the same thing imported again keeps its id."""
    digest = hashlib.blake2b("\x1f".join(parts).encode("utf-8"), digest_size=15)
    return _text(digest.digest())
