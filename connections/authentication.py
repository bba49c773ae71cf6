"""``Authorization: Bearer ea_…``: a token stands for its user."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from connections.models import ApiToken
from connections.tokens import BEGINNING, find_token
from exportadmin.audit.middleware import actor_of
from exportadmin.audit.record import record


class TokenAuthentication(BaseAuthentication):
    """``request.auth`` is the :class:`ApiToken`. A wrong one is 401 and is recorded; none at all is not our matter."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        """DRF's door."""
        words = get_authorization_header(request).split()
        if not words or words[0].lower() not in (b"bearer", b"token"):
            return None
        if len(words) != 2:
            raise exceptions.AuthenticationFailed("Authorization: Bearer <token> is expected")
        key = words[1].decode("latin-1")
        token = find_token(key) if key.startswith(BEGINNING) else None
        if token is None:
            with transaction.atomic():
                record(
                    "token.refused",
                    actor=actor_of(request._request, "rest"),
                    outcome="refused",
                    reason="unknown, expired or revoked",
                )
            raise exceptions.AuthenticationFailed("the token is unknown, expired or revoked")
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """Makes DRF answer 401 rather than 403."""
        return 'Bearer realm="Export Admin"'
