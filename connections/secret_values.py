"""Secrets that are kept elsewhere: ``env:NAME`` (a variable of web and workers) and ``file:/path`` (one line of text).

Whoever makes connections need not be whoever owns the machine: the installation's own variables, keys and data, and
what the system tells about its processes, are reached by no reference.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Final

from django.conf import settings

from exportadmin.lib import env
from exportadmin.lib.errors import PermanentError, UserError

MAX_BYTES: Final = 64 * 1024
_REFERENCE: Final = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]{0,199}|file:/[^\x00-\x1f]{1,1000}", re.ASCII)
_SYSTEM: Final = ("/proc", "/sys", "/dev")


def is_reference(value: str) -> bool:
    """Does it name where the secret is, instead of being it?"""
    return value.startswith(("env:", "file:"))


def check(value: str, field: str) -> str:
    """A secret as somebody gave it: text, or a reference that may be followed. It is not followed here.

    Raises :class:`UserError`, whose message does not hold the value of a secret.
    """
    if not is_reference(value):
        if len(value.encode("utf-8", "surrogatepass")) > MAX_BYTES:
            raise UserError(f"{field} has more than {MAX_BYTES:,} bytes", field=field)
        return value
    if not _REFERENCE.fullmatch(value):
        raise UserError(f"{field} is no reference: expected env:NAME or file:/absolute/path", field=field)
    try:
        _may_follow(value)
    except PermanentError as error:
        raise UserError(f"{field} {error}", field=field) from None
    return value


def follow(reference: str) -> str:
    """The secret that it names. Raises :class:`PermanentError`, whose words go on after the secret's name."""
    _may_follow(reference)
    kind, _, name = reference.partition(":")
    text = _variable(name) if kind == "env" else _file(Path(name))
    if not text:
        raise PermanentError(f"cannot be read: {reference} is empty")
    return text


def _may_follow(reference: str) -> None:
    kind, _, name = reference.partition(":")
    if kind == "env":
        if name.upper().startswith(env.PREFIX):
            raise PermanentError(f"cannot be {reference}: variables of {env.PREFIX}* are the installation's own")
        return
    path = Path(name)
    for real in (path, path.resolve()):
        if real.is_relative_to(settings.EXPORTADMIN_HOME) or any(real.is_relative_to(place) for place in _SYSTEM):
            raise PermanentError(f"cannot be {reference}: what lies there is the installation's or the system's own")


def _variable(name: str) -> str:
    value = os.environ.get(name)
    if value is None:
        raise PermanentError(f"cannot be read: there is no variable {name} in the environment of this process")
    return value


def _file(path: Path) -> str:
    try:
        # O_NONBLOCK: a named pipe in the file's place must not hold the process
        descriptor = os.open(path.resolve(), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise PermanentError(f"cannot be read: {path} is no plain file")
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise PermanentError(f"cannot be read: {path}: {error.strerror}") from None
    if len(raw) > MAX_BYTES:
        raise PermanentError(f"cannot be read: {path} has more than {MAX_BYTES:,} bytes")
    try:
        return raw.decode("utf-8").strip("\r\n")
    except UnicodeDecodeError:
        raise PermanentError(f"cannot be read: {path} is no UTF-8 text") from None
