"""Texts that are kept secret at rest: AES-256-GCM, by the first of ``settings.ENCRYPTION_KEYS``.

All keys of the ring decrypt; the value says which one it takes. A value is bound to the place where it stands (table,
row, field): moved to another one it is no longer readable. Nothing here says, in a message or otherwise, what a
value holds.

Where the installation keeps its keys itself (``settings.ENCRYPTION_KEY_FILE``), they may be rotated while it runs: the
file is read again before something is encrypted, and where a value's key is not known.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from exportadmin.lib.env import secret_bytes
from exportadmin.lib.errors import PermanentError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

PREFIX: Final = "aes256gcm"
NONCE_BYTES: Final = 12
VARIABLE: Final = "EXPORTADMIN_ENCRYPTION_KEY"
_SEED: Final = b"AES-256-GCM key of Export Admin\n"


class UndecryptableError(PermanentError):
    """The value cannot be read: no key of the ring is its key, or it is not as it was written, or not where."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands: names of ours, none of which holds a ``|``."""

    table: str
    row: str
    field: str

    def as_bytes(self) -> bytes:
        """What the value is bound to."""
        return f"{self.table}|{self.row}|{self.field}".encode()


class _Key:
    def __init__(self, text: str) -> None:
        # loaded where it is needed only: most shell commands read no secret
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self.text = text
        seed = hashlib.sha256(_SEED + secret_bytes(text)).digest()
        self.cipher: AESGCM = AESGCM(seed)
        # of a digest of the digest: it stands beside what the key encrypts, and leads to no key
        self.key_id = hashlib.sha256(b"id\n" + seed).hexdigest()[:8]


def encrypt(text: str, place: Place) -> str:
    """``aes256gcm:KEY ID:NONCE AND CIPHER TEXT`` (ASCII); another one each time."""
    key = _kept_ring()[0]
    nonce = os.urandom(NONCE_BYTES)
    sealed = nonce + key.cipher.encrypt(nonce, text.encode("utf-8"), place.as_bytes())
    return f"{PREFIX}:{key.key_id}:{base64.urlsafe_b64encode(sealed).decode('ascii')}"


def decrypt(value: str, place: Place) -> str:
    """What :func:`encrypt` was given. Raises :class:`UndecryptableError`, whose words go on after the value's name."""
    from cryptography.exceptions import InvalidTag

    wanted = key_id(value)
    key = _find(_ring(), wanted) or _find(_kept_ring(), wanted)
    if key is None:
        raise UndecryptableError(f"cannot be decrypted: its key {wanted!r} is not in {VARIABLE}")
    try:
        sealed = base64.b64decode(value.rpartition(":")[2], altchars=b"-_", validate=True)
        return key.cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place.as_bytes()).decode("utf-8")
    except (InvalidTag, ValueError, binascii.Error):
        raise UndecryptableError("cannot be decrypted: it was changed since it was stored, or moved there") from None


def key_id(value: str) -> str:
    """Of the key that encrypted the value: 8 hexadecimal digits. Raises :class:`UndecryptableError`."""
    prefix, _, rest = value.partition(":")
    found, separator, _ = rest.partition(":")
    if prefix != PREFIX or not separator or len(found) != 8 or not found.isascii() or not found.isalnum():
        raise UndecryptableError("cannot be decrypted: it is no encrypted value")
    return found


def key_id_of(text: str) -> str:
    """Of a key. Raises ``ValueError`` for what is none."""
    return _Key(text).key_id


def known_keys() -> tuple[tuple[str, str], ...]:
    """Ids and texts of the ring as it is now, the one that encrypts first."""
    return tuple((key.key_id, key.text) for key in _kept_ring())


def known_key_ids() -> tuple[str, ...]:
    """See :func:`known_keys`."""
    return tuple(key.key_id for key in _kept_ring())


def _find(ring: tuple[_Key, ...], wanted: str) -> _Key | None:
    return next((key for key in ring if key.key_id == wanted), None)


def _kept_ring() -> tuple[_Key, ...]:
    file: Path | None = settings.ENCRYPTION_KEY_FILE
    if file is None:
        return _ring()
    try:
        texts = tuple(file.read_text(encoding="ascii").split())
    except (OSError, UnicodeDecodeError):  # it was there when this process started
        return _ring()
    return _keys(texts) if texts else _ring()


def _ring() -> tuple[_Key, ...]:
    return _keys(tuple(settings.ENCRYPTION_KEYS))


@lru_cache(maxsize=8)
def _keys(texts: tuple[str, ...]) -> tuple[_Key, ...]:
    """Raises ``ImproperlyConfigured``; boot checks have told of it before, in more words."""
    try:
        keys = tuple(map(_Key, texts))
    except ValueError as error:
        raise ImproperlyConfigured(f"{VARIABLE}: a key {error}: see `exportadmin check`") from None
    if not keys:
        raise ImproperlyConfigured(f"{VARIABLE}: there is no key: see `exportadmin check`")
    return keys
