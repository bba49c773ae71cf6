"""Labelbox's sign-in: ``Authorization: Bearer <key>`` with a token's key; of a chunk of an export, its address."""

from __future__ import annotations

from typing import Any, Final

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from connections.access.authentication import refuse_token
from connections.access.models import ApiToken
from connections.access.tokens import BEGINNING, find_token, find_token_by_id
from exportadmin.lib.errors import GoneError
from exports.dialects.labelbox.chunks import UnreadableAddressError, read_address

CHANNEL: Final = "dialect:labelbox"


class KeyAuthentication(BaseAuthentication):
    """By a token's key. ``request.auth`` is the :class:`ApiToken`."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        """Raises ``AuthenticationFailed`` for wrong keys, and ``Throttled`` for who keeps trying."""
        scheme, _, key = get_authorization_header(request).decode("latin-1").strip().partition(" ")
        if scheme.lower() != "bearer":
            return None
        key = key.strip()
        token = find_token(key) if key.startswith(BEGINNING) else None
        if token is None:
            raise refuse_token(request, "unknown, expired or revoked", CHANNEL)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """Makes DRF answer 401 rather than 403."""
        return 'Bearer realm="Export Admin"'


class AddressAuthentication(KeyAuthentication):
    """By the address of a chunk, which stands for the token through which it was asked for: the SDK fetches chunks
    without a header."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        """As above; raises :class:`GoneError` for an address that was good once."""
        try:
            found = read_address(request.parser_context["kwargs"]["address"])
        except UnreadableAddressError:
            raise refuse_token(request, "not the one that the address was made with", CHANNEL) from None
        token = find_token_by_id(found.token_id, lambda _: True)
        if token is None:
            raise refuse_token(request, "unknown, expired or revoked", CHANNEL)
        if found.is_over:
            raise GoneError("this address has ended: ask for the chunk again")
        return token.user, token
