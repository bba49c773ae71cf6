"""How tokens stand in the OpenAPI document. Imported by the addresses, so that the extension is known by then."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from connections.access.authentication import TokenAuthentication


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The same, for the OpenAPI document."""

    target_class = TokenAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """RFC 6750."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "A token, issued on `POST /api/v1/tokens/` or with `exportadmin issue_token`: `ea_…`",
        }
