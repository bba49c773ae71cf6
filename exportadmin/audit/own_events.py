"""Events of signing in, of requests and of the trail itself."""

from __future__ import annotations

from exportadmin.audit import events
from exportadmin.audit.events import IN_PROJECT


def register() -> None:
    """Called when the app is ready."""
    events.register(
        "sign_in",
        "Sign-ins",
        {
            "completed": "{actor} signed in",
            "refused": "A sign-in as {actor} was refused",
            "locked": "Sign-ins as {actor} are locked for a while",
        },
    )
    events.register(
        "sign_out",
        "Sign-outs",
        {
            "completed": "{actor} signed out",
        },
    )
    events.register(
        "request",
        "Requests",
        {
            "refused": "A request of {actor}< for {object}>" + IN_PROJECT + " was refused",
            "throttled": "A request of {actor} was refused: too many",
        },
    )
    events.register(
        "audit",
        "Audit trail",
        {
            "read": "{actor} [read|tried to read] the audit trail",
            "exported": "{actor} [exported|tried to export] the audit trail",
            "verified": "{actor} verified the audit trail",
        },
    )
