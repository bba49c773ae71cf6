"""Label Studio's personal access tokens (JWT), made of a token of ours.

A *refresh* JWT is what a script is given; with it its SDK fetches an *access* JWT of :data:`ACCESS_SECONDS`. Both stand
for one :class:`ApiToken`, named in ``jti``, and end with it at once. They are signed (HS256, no other algorithm) with a
key of that token's own, which takes both this installation's secret key and the token's digest to make.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import jwt
from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac

from connections.access.models import ApiToken
from connections.access.tokens import LONGEST_DAYS, find_token_by_id

REFRESH, ACCESS = "refresh", "access"
ACCESS_SECONDS: Final = 300
LONGEST_JWT: Final = 2000
_ALGORITHM: Final = "HS256"
_SALT: Final = "exports.dialects.label_studio.tokens"
_CLAIMS: Final = ("token_type", "exp", "iat", "jti", "user_id")


def refresh_jwt(token: ApiToken) -> str:
    """It lives as long as the token; the SDK takes none without an end."""
    return _signed(token, REFRESH, token.expires_at or timezone.now() + timedelta(days=LONGEST_DAYS))


def access_jwt(token: ApiToken) -> str:
    """For the next minutes."""
    return _signed(token, ACCESS, timezone.now() + timedelta(seconds=ACCESS_SECONDS))


def token_of_jwt(text: str, kind: str) -> ApiToken | None:
    """The living token that a JWT of this kind stands for; ``None``: it is none of ours, of another kind, or ended."""
    if len(text) > LONGEST_JWT:
        return None
    try:
        named = jwt.decode(text, options={"verify_signature": False}).get("jti")
    except jwt.PyJWTError:
        return None
    if not isinstance(named, str):
        return None
    return find_token_by_id(named, lambda token: _has_signed(token, text, kind))


def _has_signed(token: ApiToken, text: str, kind: str) -> bool:
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            options: Any = {"require": [*_CLAIMS]}
            claims = jwt.decode(text, _key(token, secret), algorithms=[_ALGORITHM], options=options)
        except jwt.PyJWTError:
            continue
        return bool(claims["token_type"] == kind)
    return False


def _signed(token: ApiToken, kind: str, until: Any) -> str:
    claims = {
        "token_type": kind,
        "exp": until,
        "iat": timezone.now(),
        "jti": token.public_id,
        "user_id": str(token.user_id),
    }
    return jwt.encode(claims, _key(token, settings.SECRET_KEY), algorithm=_ALGORITHM)


def _key(token: ApiToken, secret: str) -> bytes:
    return salted_hmac(_SALT, token.digest, secret=secret, algorithm="sha256").digest()
