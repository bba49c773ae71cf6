"""Secrets out of what is kept or shown: a value becomes a word that says what happened to it, never a part of it.

:func:`mask` knows which names are secret and compares two states; :func:`scrub` goes by what a name looks like;
:func:`scrub_text` takes credentials out of running text (addresses with a password, bearer tokens, private keys).
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Collection, Mapping
from html import escape
from typing import Any, Final
from urllib.parse import quote, quote_plus, unquote

CHANGED, UNCHANGED, SET, NOT_SET = "changed", "unchanged", "set", "not set"
HIDDEN = "***"


class Masked(str):
    """One of the four words, told apart from a secret that happens to read the same."""

    __slots__ = ()


_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[^a-z0-9]+")
_SECRET = re.compile(
    r"(?:^|_)(?:password|passwd|passphrase|passcode|pwd|pin|secret|secrets|token|tokens|authorization"
    r"|cookie|cookies|credential|credentials|signature|bearer|jwt|otp|sessionid|session_key|csrf|dsn|connection_string"
    r"|(?:api|access|private|secret|encryption|signing|master|account|shared|auth|ssh|client)_?keys?"
    r"|apikeys?|sig|sas)(?:_|$)"
)
# these say something about a secret without being one: token_id, secret_names, has_password, token_count …
_ABOUT = re.compile(
    r"(?:_(?:id|ids|name|names|prefix|count|kind|type|at|ms|scope|scopes|expires|expiry|expires_at|last_used|field"
    r"|fields|length|status|state)|^(?:has|is|needs|with|without|count|number)_.*)$"
)
_USERINFO = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]{0,30}://)[^\s/?#]{0,1000}@", re.IGNORECASE)
_QUERY = re.compile(r"(?P<lead>[?&;#])(?P<name>[^\s=&;#?]{1,80})=(?P<value>[^\s&;#\"'<>]+)")
# a bare "bearer …" in a sentence is a credential when it is long and has a digit; "token ci has expired" is none
_BEARER = re.compile(
    r"\b(?P<lead>(?:bearer|basic|token)\s+)(?=[A-Za-z+/=._~-]{0,200}[0-9])[A-Za-z0-9+/=._~-]{12,}", re.IGNORECASE
)
_AUTHORIZATION = re.compile(
    r"(?P<lead>authorization[\"']?\s*[:=]\s*[\"']?)(?:(?:bearer|basic|token|digest)\s+)?[^\s\"',;&]+", re.IGNORECASE
)
# password=x, password:x, "password": "x"; not the words "password: must be longer"
_ASSIGNED = re.compile(
    r"(?P<lead>(?:password|passwd|secret|token|api[_-]?key)(?:=|:(?=\S)|[\"']\s*[:=]\s*)[\"']?)"
    r"[^\s\"',;&]+",
    re.IGNORECASE,
)
# what follows opens something for whoever has it: a signed link, an invitation (in a query that repeats it, too), a
# chunk of an export
_OPENING_PATH = re.compile(
    r"(?P<lead>/exports/l/|/account/invitation/|/dialects/labelbox/chunks/|%2Fexports%2Fl%2F"
    r"|%2Faccount%2Finvitation%2F)[^\s\"'<>&]+",
    re.IGNORECASE,
)
_PEM = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL)


# secrets that this process has used, as they are written in texts of several sorts; the oldest make room
MOST_KNOWN: Final = 10_000
_SHORTEST_KNOWN: Final = 8
_ORDINARY: Final = re.compile(r"[a-z ._-]*|[0-9]{0,12}")  # a word that texts have for other reasons
_known: dict[str, None] = {}
_known_pattern: re.Pattern[str] | None = None
_lock: Final = threading.Lock()


def remember(secret: str) -> None:
    """From now on :func:`scrub_text` takes this very text out of whatever it is given, in this process.

    For secrets that are about to be used: a library may put one into the message of an error. Short ones and plain
    words are left alone: they would be taken out of texts that have nothing to do with them.
    """
    global _known_pattern
    if len(secret) < _SHORTEST_KNOWN or _ORDINARY.fullmatch(secret) or secret in _known:
        return
    forms = [secret, quote(secret, safe=""), quote(secret), quote_plus(secret), json.dumps(secret)[1:-1]]
    forms += [repr(secret)[1:-1], repr(secret.encode("utf-8", "backslashreplace"))[2:-1], escape(secret)]
    with _lock:
        _known.update(dict.fromkeys(forms))
        while len(_known) > MOST_KNOWN:
            del _known[next(iter(_known))]
        _known_pattern = re.compile("|".join(map(re.escape, sorted(_known, key=len, reverse=True))))


def looks_secret(name: str) -> bool:
    """Does a key of this name hold a secret, as far as names tell? ``apiKey`` and ``X-Amz-Signature`` do."""
    snake_case = _SEPARATORS.sub("_", _CAMEL.sub("_", name).lower()).strip("_")
    return _SECRET.search(snake_case) is not None and _ABOUT.search(snake_case) is None


def scrub_text(text: str) -> str:
    """``text`` without credentials: ``user:password@``, secret query parameters, bearer tokens, private keys, and what
    this process knows to be one (:func:`remember`)."""
    if len(text) < 6:
        return text
    if _known_pattern is not None:
        text = _known_pattern.sub(HIDDEN, text)
    text = _PEM.sub(HIDDEN, text)
    text = _USERINFO.sub(rf"\g<scheme>{HIDDEN}@", text)
    text = _QUERY.sub(_masked_parameter, text)
    for pattern in (_AUTHORIZATION, _BEARER, _ASSIGNED):
        text = pattern.sub(rf"\g<lead>{HIDDEN}", text)
    return text


def hide_opening_paths(text: str) -> str:
    """``text`` without the secret parts of our own addresses that open something by themselves."""
    return _OPENING_PATH.sub(rf"\g<lead>{HIDDEN}", text)


def _masked_parameter(found: re.Match[str]) -> str:
    if not looks_secret(unquote(found["name"])):
        return found[0]
    return f"{found['lead']}{found['name']}={HIDDEN}"


def scrub(value: Any) -> Any:
    """A copy with what looks secret replaced by ``set`` / ``not set``, at any depth. What is masked already stays."""
    return mask(None, {"": value}, ())[1][""]  # type: ignore[index]


def mask(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None, secret_names: Collection[str] = ()
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Both states without secrets: ``secret_names`` and whatever looks like one, at any depth.

    ``before`` says ``set`` or ``not set``; ``after`` says ``changed``, ``unchanged``, ``set`` (there was none) or
    ``not set``. ``None`` stays ``None``: a thing that did not exist before, or does not any more.
    """
    names = frozenset(secret_names)
    return (
        None if before is None else _state(before, {}, names, after=False),
        None if after is None else _state(after, {} if before is None else before, names, after=True),
    )


def _state(state: Mapping[str, Any], other: Mapping[str, Any], names: frozenset[str], *, after: bool) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in state.items():
        name = str(key)
        if (name in names or looks_secret(name)) and not isinstance(value, bool):
            kept[name] = _secret_state(value, other.get(key), after=after)
        else:
            kept[name] = _value(value, other.get(key), names, after=after)
    return kept


def _value(value: Any, other: Any, names: frozenset[str], *, after: bool) -> Any:
    if isinstance(value, Masked):
        return value
    if isinstance(value, str):
        return scrub_text(value)
    if isinstance(value, Mapping):
        return _state(value, other if isinstance(other, Mapping) else {}, names, after=after)
    if isinstance(value, list | tuple):
        matching = other if isinstance(other, list | tuple) and len(other) == len(value) else [None] * len(value)
        return [_value(item, was, names, after=after) for item, was in zip(value, matching, strict=True)]
    return value


def _secret_state(value: Any, other: Any, *, after: bool) -> Masked:
    if isinstance(value, Masked):
        return value
    if not _is_set(value):
        return Masked(NOT_SET)
    if not after or not _is_set(other):
        return Masked(SET)
    return Masked(UNCHANGED if value == other else CHANGED)


def _is_set(value: Any) -> bool:
    if isinstance(value, Masked):
        return value != NOT_SET
    return value is not None and value not in ("", b"", {}, [])
