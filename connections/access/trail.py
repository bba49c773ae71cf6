"""What the audit trail is told about people: events and a question."""

from __future__ import annotations

from exportadmin.audit import events
from exportadmin.audit.events import IN_PROJECT
from exportadmin.audit.questions import QUESTIONS


def register() -> None:
    """Called when the app is ready."""
    QUESTIONS.register("access", "connections.access.questions:ACCESS")
    events.register(
        "user",
        "Users",
        {
            "created": "{actor} [added|tried to add] user {object}",
            "changed": "{actor} [changed|tried to change] user {object}",
            "disabled": "{actor} [disabled|tried to disable] user {object}",
            "enabled": "{actor} [enabled|tried to enable] user {object}",
            "deleted": "{actor} [deleted|tried to delete] user {object}",
            "invited": "{actor} [invited|tried to invite] {object} to choose a password",
            "invitation_refused": "An invitation was refused",
            "password_changed": "{actor} [changed|tried to change] the password of {object}",
            "password_asked": "{actor} [gave|did not give] the password of {object} again",
        },
    )
    events.register(
        "membership",
        "Roles in projects",
        {
            "granted": "{actor} [gave|tried to give] {object} <the role {role}>" + IN_PROJECT,
            "changed": "{actor} [changed|tried to change] the role of {object}" + IN_PROJECT + "< to {role}>",
            "revoked": "{actor} [took|tried to take] {object} out of project {project}",
        },
    )
    events.register(
        "token",
        "Tokens",
        {
            "issued": "{actor} [issued|tried to issue] token {object}",
            "revoked": "{actor} [revoked|tried to revoke] token {object}",
            "refused": "A token< {object}> was refused",
            "refused_more": "{count} more tokens from {from} were refused within a minute",
        },
    )
    events.register(
        "setting",
        "Settings",
        {
            "changed": "{actor} [changed|tried to change] setting {object}",
        },
    )
