"""Roles of people in a project, scopes of tokens, and what each may do. Tables, so that pages can explain them."""

from __future__ import annotations

VIEW = "view"  # see the project, its exports and their figures; verify a delivery
DOWNLOAD = "download"  # take delivered data away
LINK = "link"  # hand out links to it, which work without sign-in
START = "start"  # request, cancel, retry exports; save configs
AUDIT = "audit"  # read the trail
MANAGE = "manage"  # members, settings, imports, removal of files and rows
VERBS: frozenset[str] = frozenset({VIEW, DOWNLOAD, LINK, START, AUDIT, MANAGE})

ADMIN, OPERATOR, REVIEWER = "admin", "operator", "reviewer"
# role → (verbs, one sentence)
ROLES: dict[str, tuple[frozenset[str], str]] = {
    ADMIN: (VERBS, "Runs and downloads exports, imports rows, manages members, reads the trail."),
    OPERATOR: (frozenset({VIEW, DOWNLOAD, LINK, START}), "Runs and downloads exports."),
    REVIEWER: (frozenset({VIEW, AUDIT}), "Reads everything and the trail, changes nothing."),
}

# scope → (verbs, one sentence); a token may do what its scopes and its user's role both allow
SCOPES: dict[str, tuple[frozenset[str], str]] = {
    "exports:read": (frozenset({VIEW, DOWNLOAD}), "See exports and download what they delivered."),
    "exports:run": (frozenset({VIEW, START}), "Request, cancel and retry exports, save configs."),
    "links:issue": (frozenset({VIEW, LINK}), "Issue signed links, with exports:read, and revoke them."),
    "audit:read": (frozenset({VIEW, AUDIT}), "Read the audit trail."),
    "admin": (
        VERBS,
        "Everything that the user may do, but issue or revoke tokens.",
    ),
}


def choices() -> list[tuple[str, str]]:
    """For model fields: a function, so that a new role needs no migration."""
    return [(role, role) for role in ROLES]
