"""``Authorization: Bearer ea_…``: a token stands for its user."""

from __future__ import annotations

from typing import Any

from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from connections.access.models import ApiToken
from connections.access.tokens import BEGINNING, find_token
from exportadmin.audit.middleware import actor_of
from exportadmin.audit.noise import record_refused


class TokenAuthentication(BaseAuthentication):
    """``request.auth`` is the :class:`ApiToken`. A wrong one is 401 and is recorded; none at all is not our matter."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        """What DRF calls. Raises ``AuthenticationFailed``, and ``Throttled`` for who keeps trying."""
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() not in (b"bearer", b"token"):
            return None
        key = parts[1].decode("latin-1") if len(parts) == 2 else ""
        token = find_token(key) if key.startswith(BEGINNING) else None
        if token is not None:
            return token.user, token
        reason = "unknown, expired or revoked" if key else "not of the form: Authorization: Bearer <token>"
        raise refuse_token(request, reason, "rest")

    def authenticate_header(self, request: Request) -> str:
        """Makes DRF answer 401 rather than 403."""
        return 'Bearer realm="Export Admin"'


def refuse_token(request: Request, reason: str, channel: str) -> exceptions.AuthenticationFailed:
    """What to raise for a wrong token, which is recorded. Raises ``Throttled`` for who keeps trying.

    Wrong keys are counted, not right ones: who shares an address with a guesser keeps working.
    """
    from exportadmin.lib.rest import WrongKeyThrottle  # late: DRF's views import this module

    throttle = WrongKeyThrottle()
    if not throttle.allow_request(request, None):
        raise exceptions.Throttled(throttle.wait(), "too many wrong tokens from this address")
    record_refused("token.refused", actor=actor_of(request._request, channel), reason=reason)
    refusal = exceptions.AuthenticationFailed(f"the token is {reason}")
    refusal.is_recorded = True  # type: ignore[attr-defined]
    return refusal
