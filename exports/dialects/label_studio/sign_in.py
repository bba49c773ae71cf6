"""Label Studio's sign-in: ``Authorization: Token <key>`` or ``X-API-Key`` with a token's key, ``Authorization: Bearer``
with an access JWT (:mod:`.tokens`). None of them is taken in the place of another."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from connections.access.authentication import refuse_token
from connections.access.models import ApiToken
from connections.access.tokens import BEGINNING, find_token
from exports.dialects.label_studio.tokens import ACCESS, token_of_jwt

CHANNEL = "dialect:label_studio"
_ENDED = "unknown, expired or revoked"


class KeyAuthentication(BaseAuthentication):
    """By a token's key alone. ``request.auth`` is the :class:`ApiToken`."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        """Raises ``AuthenticationFailed`` for wrong keys, and ``Throttled`` for who keeps trying."""
        scheme, text = _sent(request)
        if not scheme:
            return None
        token = self.token_of(scheme, text)
        if token is None:
            raise refuse_token(request, self.reason(scheme, text), CHANNEL)
        return token.user, token

    def token_of(self, scheme: str, text: str) -> ApiToken | None:
        """``None``: it is good for nothing."""
        return find_token(text) if scheme == "token" and text.startswith(BEGINNING) else None

    def reason(self, scheme: str, text: str) -> str:
        """Why it was refused."""
        if not text:
            return "missing behind the word before it: Authorization: Token KEY"
        return _ENDED if scheme == "token" else "not a token's key, which this takes alone: Authorization: Token KEY"

    def authenticate_header(self, request: Request) -> str:
        """Makes DRF answer 401 rather than 403."""
        return "Token"


class BodyAuthentication(BaseAuthentication):
    """Who asks is told by the body; what is wrong with it is answered 401 all the same."""

    def authenticate(self, request: Request) -> None:
        """Nobody."""

    def authenticate_header(self, request: Request) -> str:
        """As above."""
        return "Token"


class LabelStudioAuthentication(KeyAuthentication):
    """By a key, or by an access JWT."""

    def token_of(self, scheme: str, text: str) -> ApiToken | None:
        return token_of_jwt(text, ACCESS) if scheme == "bearer" else super().token_of(scheme, text)

    def reason(self, scheme: str, text: str) -> str:
        return _ENDED if scheme == "bearer" and text else super().reason(scheme, text)


def _sent(request: Request) -> tuple[str, str]:
    """Scheme, in small letters, and what stands behind it; ``("", "")``: nothing that is meant for us."""
    if (key := request.META.get("HTTP_X_API_KEY")) is not None:
        return "token", key
    scheme, _, text = get_authorization_header(request).decode("latin-1").strip().partition(" ")
    return (scheme.lower(), text.strip()) if scheme.lower() in ("token", "bearer") else ("", "")
