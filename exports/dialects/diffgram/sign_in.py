"""Diffgram's sign-in: HTTP Basic, ``client_id`` a token's public id and ``client_secret`` its key."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from django.utils.crypto import constant_time_compare
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.request import Request

from connections.access.authentication import refuse_token
from connections.access.models import ApiToken
from connections.access.tokens import BEGINNING, find_token

DIALECT: Final = "diffgram"
CHANNEL: Final = f"dialect:{DIALECT}"


class DiffgramAuthentication(BaseAuthentication):
    """``request.auth`` is the :class:`ApiToken`. Without a challenge, so that DRF answers 403: Diffgram's SDK knows no
    other answer to wrong keys."""

    def authenticate(self, request: Request) -> tuple[Any, ApiToken] | None:
        """Raises ``AuthenticationFailed`` for wrong keys, and ``Throttled`` for who keeps trying."""
        scheme, _, sent = get_authorization_header(request).partition(b" ")
        if scheme.lower() != b"basic":
            return None
        public_id, key = _pair(sent)
        token = find_token(key) if key.startswith(BEGINNING) else None
        if token is not None and constant_time_compare(token.public_id, public_id):
            return token.user, token
        reason = "not the one that client_id names" if token else "unknown, expired or revoked"
        raise refuse_token(request, reason, CHANNEL)


def _pair(sent: bytes) -> tuple[str, str]:
    try:
        text = base64.b64decode(sent.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    public_id, _, key = text.partition(":")
    return public_id, key
