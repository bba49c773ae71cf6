"""Boot checks: settings with which an installation must not start, each with the variable and what would be right.

The same list stands in ``exportadmin check`` (Django's system checks) and at the start of web and worker
(:func:`must_be_startable`). A value that cannot even be read stops earlier, in :mod:`exportadmin.lib.env`.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from connections.artifact_store import store_connection
from exportadmin.lib import disk, env, signing
from exportadmin.lib.errors import UserError
from exportadmin.lib.private_files import PRIVATE
from exportadmin.operations import key_prints

log = logging.getLogger(__name__)

KEY_LENGTH, KEY_CHARACTERS = 50, 8
TOKEN_LENGTH = 24
KNOWN_DEFAULTS: Final = ("changeme", "change-me", "change_me", "insecure", "your-secret", "secret-key")
# whole numbers that are read when they are needed, by whom they are needed: name → (default, lowest)
NUMBERS: Final[Mapping[str, tuple[int, int]]] = {
    "WORKERS": (2, 1),
    "WEB_PROCESSES": (2, 1),
    "WEB_THREADS": (4, 1),
    "REAP_SECONDS": (3, 1),
    "LEASE_SECONDS": (30, 1),
    "RUN_DEADLINE_SECONDS": (5 * 3600, 1),
    "RETENTION_DAYS": (0, 0),
    "IDEMPOTENCY_DAYS": (30, 1),
    "PROOF_HOURS": (5, 1),
    "CHECKPOINT_MINUTES": (5, 1),
    "PROOF_BYTES": (50 * 1000**3, 0),
}
_RATE: Final = re.compile(r"[1-9]\d*/(s|sec|second|m|min|minute|h|hour|d|day)", re.ASCII)
_MAKE_A_KEY: Final = "make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"


class NotStartableError(UserError, ImproperlyConfigured):
    """One line; a shell command ends with it as with any other wrong use."""


@dataclass(frozen=True)
class Problem:
    """``variable`` without its prefix. A warning does not stop the start."""

    variable: str
    message: str
    stops: bool = True

    def __str__(self) -> str:
        return f"{env.PREFIX}{self.variable}: {self.message}"


def must_be_startable() -> None:
    """Raise :class:`NotStartableError` with one line when the installation must not start; log what is only unwise."""
    found = list(problems())
    stops = [problem for problem in found if problem.stops]
    if stops:
        more = f" (and {len(stops) - 1} more: see `exportadmin check`)" if len(stops) > 1 else ""
        raise NotStartableError(f"{stops[0]}{more}", field=f"{env.PREFIX}{stops[0].variable}")
    for problem in found:
        log.warning("%s", problem)


def register() -> None:
    """Have ``exportadmin check`` tell the same."""
    checks.register(_as_system_checks, checks.Tags.security)


def _as_system_checks(app_configs: Any, **_: Any) -> Sequence[checks.CheckMessage]:
    return [
        (checks.Error if problem.stops else checks.Warning)(str(problem), id=f"exportadmin.{problem.variable}")
        for problem in problems()
    ]


def problems() -> Iterator[Problem]:
    """All of them, the gravest first."""
    yield from _secret_key()
    yield from _encryption_keys()
    yield from _signing_keys()
    yield from _shared_keys()
    yield from _hosts()
    yield from _home()
    yield from _open_to_others()
    yield from _store()
    yield from _numbers()
    yield from _rates()
    yield from _metrics_token()
    yield from _ca_bundle()


def _secret_key() -> Iterator[Problem]:
    try:
        key = settings.SECRET_KEY
    except ImproperlyConfigured:  # Django's own word about an empty one
        key = ""
    weakness = ""
    if any(word in key.lower() for word in KNOWN_DEFAULTS):
        weakness = "is a known default"
    elif len(key) < KEY_LENGTH:
        weakness = f"has {len(key)} characters"
    elif len(set(key)) < KEY_CHARACTERS:
        weakness = f"has only {len(set(key))} different characters"
    if not weakness:
        return
    given = env.text("SECRET_KEY")
    where = "" if given else f" (in {settings.EXPORTADMIN_HOME / 'keys' / 'secret_key'})"
    right = f"at least {KEY_LENGTH} random characters are needed, or none for a key that is made and kept for you"
    yield Problem("SECRET_KEY", f"the key{where} {weakness}; {right}; {_MAKE_A_KEY}")


def _encryption_keys() -> Iterator[Problem]:
    right = f"expected {env.SECRET_BYTES} or more random bytes in URL-safe base64, several keys with commas between"
    yield from _keys("ENCRYPTION_KEY", settings.ENCRYPTION_KEYS, right)


def _signing_keys() -> Iterator[Problem]:
    right = (
        f"expected {env.SECRET_BYTES} or more random bytes in URL-safe base64; behind it, with commas between, "
        f"older keys or their public halves ({signing.PUBLIC}<64 hexadecimal digits>)"
    )
    yield from _keys("SIGNING_KEY", settings.SIGNING_KEYS, right, signing.is_public)


def _shared_keys() -> Iterator[Problem]:
    """What is made and kept for one machine is not known to those beside it."""
    if not key_prints.keys_are_shared():
        return
    for variable in key_prints.VARIABLES:
        if not env.text(variable):
            message = (
                "with a store for several machines (EXPORTADMIN_ARTIFACTS_URL) the same key is given to all of them"
            )
            yield Problem(variable, f"{message}; {_MAKE_A_KEY}")


def _keys(
    variable: str, keys: Sequence[str], right: str, is_public: Callable[[str], bool] | None = None
) -> Iterator[Problem]:
    """``is_public``: is it a key of another form, which may stand behind the first?"""
    where = "" if env.text(variable) else f" in {settings.EXPORTADMIN_HOME / 'keys' / variable.lower()}"
    if not keys:
        yield Problem(variable, f"there is no key{where}; {right}; {_MAKE_A_KEY}")
    for place, key in enumerate(keys, start=1):
        if place > 1 and is_public is not None and is_public(key):
            continue
        weakness = _key_weakness(key)
        if weakness:
            which = f"key {place}" if len(keys) > 1 else "the key"
            yield Problem(variable, f"{which}{where} {weakness}; {right}; {_MAKE_A_KEY}")


def _key_weakness(key: str) -> str:
    try:
        raw = env.secret_bytes(key)
    except ValueError as error:
        return str(error)
    return "is not random" if len(set(raw)) < KEY_CHARACTERS else ""


def _hosts() -> Iterator[Problem]:
    hosts: list[str] = settings.ALLOWED_HOSTS
    example = "name the hosts, such as exports.example.org"
    public = [host for host in hosts if not is_local(host)]
    if not hosts:
        yield Problem("ALLOWED_HOSTS", f"it names no host, so nobody could reach the pages; {example}")
    for host in hosts:
        if host == "*":
            yield Problem("ALLOWED_HOSTS", f"* lets anybody write links in our name (Host header); {example}")
        elif not _HOST.fullmatch(host):
            yield Problem("ALLOWED_HOSTS", f"{host!r} is no host name; {example}: no scheme, no port, no path")
    for origin in settings.CSRF_TRUSTED_ORIGINS:
        if not re.fullmatch(r"https?://[^\s/]+", origin):
            message = f"{origin!r} is no origin; expected scheme and host, such as https://exports.example.org"
            yield Problem("CSRF_TRUSTED_ORIGINS", message)
    if not public:
        return
    if settings.DEBUG:
        message = f"its pages show settings and code to everyone who reaches {public[0]}; switch it off (0)"
        yield Problem("DEBUG", message)
    if not settings.HTTPS:
        message = f"passwords travel unprotected to {public[0]}; set it to 1 behind a proxy or server that speaks TLS"
        yield Problem("HTTPS", message, stops=False)


_HOST: Final = re.compile(r"\[[0-9a-f:.]+\]|\.?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?", re.ASCII | re.IGNORECASE)


def is_local(host: str) -> bool:
    """Does this name lead to this very machine only?"""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _ca_bundle() -> Iterator[Problem]:
    if not settings.OUTBOUND_CA_BUNDLE:
        return
    try:
        ssl.create_default_context(cafile=settings.OUTBOUND_CA_BUNDLE)
    except OSError as error:  # ssl.SSLError is one
        message = (
            f"{settings.OUTBOUND_CA_BUNDLE} holds no certificates that can be read (PEM): {error.strerror or error}"
        )
        yield Problem("OUTBOUND_CA_BUNDLE", message)


def _home() -> Iterator[Problem]:
    """A full or read-only disk does not stop the start: pages say so, and are where files are deleted."""
    folders = [settings.EXPORTADMIN_HOME, *([] if settings.ARTIFACTS_STORE else [settings.ARTIFACTS_DIR])]
    for folder in folders:
        error = disk.write_error(folder)
        if error is None:
            continue
        stops = not (disk.is_full(error) or (disk.is_trouble_of_the_disk(error) and folder == settings.ARTIFACTS_DIR))
        message = f"{folder} cannot be written ({error.strerror}); it must be a folder that this user may write to"
        if not stops:
            message = f"{folder} cannot be written ({error.strerror}): exports fail until it can"
        yield Problem("HOME", message, stops=stops)
        return


def _open_to_others() -> Iterator[Problem]:
    """What lies outside the home folder, which is closed (:func:`exportadmin.lib.env.home`)."""
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3") and _others_may(file := Path(database["NAME"])):
        message = f"{file} can be read by others, and whoever has it has every row: chmod 600"
        yield Problem("DATABASE_URL", message)
    if not settings.ARTIFACTS_STORE and _others_may(settings.ARTIFACTS_DIR):
        message = (
            f"{settings.ARTIFACTS_DIR} can be opened by others on this machine, who then read deliveries "
            "without a line in the trail: chmod 700"
        )
        yield Problem("ARTIFACTS_URL", message, stops=False)


def _others_may(path: Path) -> bool:
    inside = path.absolute().is_relative_to(settings.EXPORTADMIN_HOME)
    return not inside and path.exists() and bool(path.stat().st_mode & PRIVATE)


def _store() -> Iterator[Problem]:
    """How it is reached; whether it can be, is asked later: it may be back any moment."""
    if not settings.ARTIFACTS_STORE:
        return
    try:
        store_connection()
    except UserError as error:
        yield Problem(error.field or "ARTIFACTS_URL", error.message)


def _numbers() -> Iterator[Problem]:
    for name, (default, lowest) in NUMBERS.items():
        try:
            env.number(name, default, at_least=lowest)
        except ImproperlyConfigured:
            raw = env.text(name)
            yield Problem(name, f"{raw[:40]!r} is no number that can be used; expected a whole number from {lowest} on")


def _rates() -> Iterator[Problem]:
    rest: Mapping[str, Any] = settings.REST_FRAMEWORK
    rates = rest.get("DEFAULT_THROTTLE_RATES", {})
    for scope, variable in (("anon", "THROTTLE_ANONYMOUS"), ("user", "THROTTLE_USER")):
        rate = rates.get(scope)
        if rate is not None and not _RATE.fullmatch(rate):
            yield Problem(variable, f"{rate[:40]!r} is no rate; expected a number and a time, such as 60/min")


def _metrics_token() -> Iterator[Problem]:
    token = settings.METRICS_TOKEN
    if token and (len(token) < TOKEN_LENGTH or len(set(token)) < KEY_CHARACTERS or not token.isascii()):
        right = f"at least {TOKEN_LENGTH} random characters are needed, or none to have no such token"
        yield Problem("METRICS_TOKEN", f"it can be guessed; {right}; {_MAKE_A_KEY}")
