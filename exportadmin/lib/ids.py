"""Public identifiers: what stands in URLs, file names and rows. Lower case, no look-alikes needed, never a counter."""

from __future__ import annotations

import base64
import hashlib
import secrets

LENGTH = 24


def _text(raw: bytes) -> str:
    return base64.b32encode(raw).decode("ascii").lower()[:LENGTH]


def new_id() -> str:
    """24 random characters of ``a-z2-7`` (120 bits)."""
    return _text(secrets.token_bytes(15))


def derived_id(*parts: str) -> str:
    """24 characters that depend on nothing but ``parts``: the same thing imported again keeps its id."""
    digest = hashlib.blake2b("\x1f".join(parts).encode("utf-8"), digest_size=15)
    return _text(digest.digest())
