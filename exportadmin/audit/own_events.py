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
            "refused_more": "{count} more sign-ins from {from} were refused within a minute",
            "locked": "Sign-ins as {actor} are locked for a while",
            "closed": "Sign-ins from {from} are closed for a while",
            "locked_more": "Sign-ins of {count} more names from {from} were locked within a minute",
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
            "refused_more": "{count} more requests from {from} were refused within a minute",
            "throttled": "A request of {actor} was refused: too many",
        },
    )
    events.register(
        "audit",
        "Audit trail",
        {
            "read": "{actor} [read|tried to read] the audit trail<: {what}>",
            "exported": "{actor} [exported|tried to export] the audit trail",
            "verified": "{actor} verified the audit trail",
            "accepted": "{actor} [accepted|tried to accept] the audit trail as it is from entry {sequence} on",
        },
        readings=("read", "exported"),
    )
