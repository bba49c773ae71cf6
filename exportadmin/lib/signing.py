"""Signatures of this installation: Ed25519 (RFC 8032), by the first of ``settings.SIGNING_KEYS``.

The keys behind the first are older ones, whose signatures stay known. A key is written as 32 or more random bytes in
URL-safe base64, from which the secret half is derived, or, where it is to sign no more, as its public half alone:
``public:`` and 64 hexadecimal digits. A signature is of a *purpose* and a message, so that what was signed for one
purpose is good for no other. Public keys and signatures are hexadecimal, in lower case.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from exportadmin.lib.env import secret_bytes

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALGORITHM: Final = "Ed25519"
PUBLIC: Final = "public:"
_PUBLIC_KEY: Final = re.compile(rf"{PUBLIC}([0-9a-f]{{64}})", re.ASCII)
_SEED: Final = b"Ed25519 key of Export Admin\n"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """``text``: its 32 bytes in hexadecimal."""

    text: str

    @property
    def key_id(self) -> str:
        """The first 8 bytes of its sha256, in hexadecimal: short enough to be compared by eye."""
        return hashlib.sha256(bytes.fromhex(self.text)).hexdigest()[:16]

    def has_signed(self, purpose: str, message: bytes, signature: str) -> bool:
        """Is ``signature`` that of this key?"""
        # loaded where it is needed only: most shell commands sign nothing
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(self.text))
            key.verify(bytes.fromhex(signature), _signed(purpose, message))
        except (InvalidSignature, ValueError):
            return False
        return True


class SigningKey:
    """Both halves of a key. Raises ``ValueError`` where ``text`` is no secret key."""

    def __init__(self, text: str) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        seed = hashlib.sha256(_SEED + secret_bytes(text)).digest()
        self._key: Ed25519PrivateKey = Ed25519PrivateKey.from_private_bytes(seed)
        self.public = PublicKey(self._key.public_key().public_bytes_raw().hex())

    def sign(self, purpose: str, message: bytes) -> str:
        """128 hexadecimal digits; the same for the same message."""
        return self._key.sign(_signed(purpose, message)).hex()


def installation_key() -> SigningKey:
    """The one that signs."""
    return _keys(tuple(settings.SIGNING_KEYS))[0]


def known_keys() -> Sequence[PublicKey]:
    """The one that signs first, then the older ones."""
    return _keys(tuple(settings.SIGNING_KEYS))[1]


@lru_cache(maxsize=8)
def _keys(texts: tuple[str, ...]) -> tuple[SigningKey, tuple[PublicKey, ...]]:
    """Raises ``ImproperlyConfigured``; boot checks have told of it before, in more words."""
    try:
        first = SigningKey(texts[0])
        return first, (first.public, *map(_public, texts[1:]))
    except (IndexError, ValueError) as error:
        raise ImproperlyConfigured(f"EXPORTADMIN_SIGNING_KEY: a key {error}: see `exportadmin check`") from None


def _public(text: str) -> PublicKey:
    found = _PUBLIC_KEY.fullmatch(text)
    return PublicKey(found[1]) if found else SigningKey(text).public


def is_public(text: str) -> bool:
    """Is it the public half of a key, as it is written in the settings?"""
    return _PUBLIC_KEY.fullmatch(text) is not None


def _signed(purpose: str, message: bytes) -> bytes:
    return purpose.encode("ascii") + b"\n" + message
