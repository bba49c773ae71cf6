"""Settings from the environment, and the one folder that holds all state of an installation.

Every variable starts with ``EXPORTADMIN_``. A bad value stops the start with one line (:class:`ImproperlyConfigured`).
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
import stat
from collections.abc import Sequence
from datetime import datetime, time
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from exportadmin.lib.private_files import close_to_others

PREFIX = "EXPORTADMIN_"
SECRET_BYTES = 32  # at least so many random bytes has a key
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


def text(name: str, default: str = "") -> str:
    """The variable's value, or the default."""
    return os.environ.get(PREFIX + name, default)


def flag(name: str, *, default: bool = False) -> bool:
    """1/true/yes/on or 0/false/no/off; anything else stops the start."""
    raw = os.environ.get(PREFIX + name)
    if raw is None:
        return default
    if raw.lower() in _TRUE:
        return True
    if raw.lower() in _FALSE:
        return False
    raise ImproperlyConfigured(f"{PREFIX}{name}={raw!r} is neither true nor false")


def number(name: str, default: int, *, at_least: int = 0) -> int:
    """A whole number, not below ``at_least``."""
    raw = os.environ.get(PREFIX + name)
    if raw is None:
        return default
    try:
        value = int(raw)
    except ValueError:
        raise ImproperlyConfigured(f"{PREFIX}{name}={raw!r} is not a whole number") from None
    if value < at_least:
        raise ImproperlyConfigured(f"{PREFIX}{name}={value} is below {at_least}")
    return value


def choice(name: str, default: str, known: Sequence[str]) -> str:
    """One of the texts that are known."""
    value = text(name, default)
    if value not in known:
        raise ImproperlyConfigured(f"{PREFIX}{name}={value!r}; expected {', '.join(known[:-1])} or {known[-1]}")
    return value


def time_of_day(name: str, default: str) -> time | None:
    """``HH:MM``, or ``off``."""
    raw = text(name, default)
    if raw == "off":
        return None
    try:
        return datetime.strptime(raw, "%H:%M").time()
    except ValueError:
        raise ImproperlyConfigured(f"{PREFIX}{name}={raw!r} is no time of day such as 03:00, and not off") from None


def strings(name: str, default: str = "") -> list[str]:
    """A comma separated list."""
    return [part.strip() for part in text(name, default).split(",") if part.strip()]


def home(base: Path) -> Path:
    """The installation's folder (``EXPORTADMIN_HOME``, default ``var/``): made on first use, its owner's only.

    One that was there before and is open to others is closed, or, where it is not ours, refused.
    """
    folder = Path(text("HOME") or base / "var").expanduser().resolve()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ImproperlyConfigured(f"{PREFIX}HOME={folder} cannot be made: {error.strerror}") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        why = ": its file system is mounted read-only" if os.statvfs(folder).f_flag & os.ST_RDONLY else ""
        raise ImproperlyConfigured(f"{PREFIX}HOME={folder} is not writable{why}")
    if not close_to_others(folder):
        mode = stat.S_IMODE(folder.stat().st_mode)
        raise ImproperlyConfigured(
            f"{PREFIX}HOME={folder} can be opened by others (mode {mode:04o}) and is not this user's to close: "
            "have its owner do chmod 700, or name a new folder in it"
        )
    return folder


def persistent_secret(folder: Path, name: str) -> str:
    """A random secret that is made once per installation and kept in ``HOME/keys/`` with mode 0600.

    Two processes that start together end up with the same one: the file appears whole or not at all.
    """
    try:
        return _kept_secret(folder / "keys" / name)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ImproperlyConfigured(f"{PREFIX}HOME: {folder / 'keys' / name} cannot be kept: {reason}") from None


def secret_bytes(text: str) -> bytes:
    """Of a key that is written in URL-safe base64. Raises ``ValueError`` with words that go on after "the key"."""
    bare = text.rstrip("=")
    if not re.fullmatch(r"[A-Za-z0-9_-]+={0,2}", text, re.ASCII):
        raise ValueError("is no URL-safe base64")
    try:
        raw = base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except binascii.Error:
        raise ValueError("is no URL-safe base64") from None
    if len(raw) < SECRET_BYTES:
        raise ValueError(f"has {len(raw)} bytes")
    return raw


def new_secret() -> str:
    """48 random bytes in URL-safe base64."""
    return secrets.token_urlsafe(48)


def replace_secret(folder: Path, name: str, text: str) -> None:
    """Put ``text`` in the place of a kept secret, whole or not at all. Raises ``OSError``."""
    path = folder / "keys" / name
    _draft(path, text).replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _draft(path: Path, text: str) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    return draft


def _kept_secret(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        pass
    path.parent.mkdir(mode=0o700, exist_ok=True)
    draft = _draft(path, new_secret())
    try:
        os.link(draft, path)  # fails when another process was first; then its secret is ours too
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    return path.read_text(encoding="ascii").strip()
