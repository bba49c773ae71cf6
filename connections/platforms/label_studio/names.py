"""What stands in a Label Studio connection, read."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

import orjson

from connections.platforms import fields
from exportadmin.lib.errors import UserError

EXAMPLE: Final = "http://label-studio.example:8080"
# conditions of exports about what its own files do not tell
UNTOLD: Final = {"batch_ids": "Label Studio has no batches, so no row is in one"}


def base_address(text: str) -> str:
    """``https://host[:port][/path]`` without a slash at its end. Raises :class:`UserError`."""
    return fields.base_address(text, example=f"{EXAMPLE} or https://host/dialects/label_studio")


def token(text: str) -> str:
    """A legacy token or a personal access token. Raises :class:`UserError`, in words that do not hold it."""
    text = fields.secret(text)
    claims = claims_of(text)
    if claims is not None and claims.get("token_type") == "access":
        raise UserError(
            "it is an access token, which ends after some minutes: take the personal access token from which Label "
            "Studio makes those"
        )
    return text


def claims_of(text: str) -> dict[str, Any] | None:
    """What a JSON Web Token says of itself; ``None``: it is none, but a legacy token."""
    parts = text.split(".")
    if len(parts) != 3:
        return None
    try:
        value = orjson.loads(base64.urlsafe_b64decode(f"{parts[1]}{'=' * (-len(parts[1]) % 4)}"))
    except (binascii.Error, ValueError):
        return None
    return value if isinstance(value, dict) else None
