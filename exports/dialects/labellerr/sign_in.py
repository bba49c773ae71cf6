"""Labellerr's sign-in: headers ``api_key``, ``api_secret`` and ``client_id``.

``api_key`` is a token's public id, ``api_secret`` its key; ``client_id`` may be anything, since the token alone says
whose call it is.
"""

from __future__ import annotations

from typing import Any

from django.utils.crypto import constant_time_compare
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from connections.access.authentication import refuse_token
from connections.access.models import ApiToken
from connections.access.tokens import BEGINNING, find_token

CHANNEL = "dialect:labellerr"


class LabellerrAuthentication(BaseAuthentication):
    """``request.auth`` is the :class:`ApiToken`."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        """Raises ``AuthenticationFailed`` for wrong keys, and ``Throttled`` for who keeps trying."""
        public_id, key = request.META.get("HTTP_API_KEY", ""), request.META.get("HTTP_API_SECRET", "")
        if not public_id and not key:
            return None
        token = find_token(key) if key.startswith(BEGINNING) else None
        if token is not None and constant_time_compare(token.public_id, public_id):
            return token.user, token
        reason = "not the one that api_key names" if token else "unknown, expired or revoked"
        raise refuse_token(request, reason, CHANNEL)

    def authenticate_header(self, request: Request) -> str:
        """Makes DRF answer 401 rather than 403."""
        return 'ApiKey realm="Export Admin"'
