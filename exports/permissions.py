"""Who may do what to a project's exports. The one question is :func:`can`; its rule stands beside the project."""

from connections.permissions import (
    AUDIT,
    DOWNLOAD,
    LINK,
    MANAGE,
    START,
    VERBS,
    VIEW,
    Person,
    can,
    projects_for,
    require,
    verbs_anywhere,
    verbs_in,
)

__all__ = [
    "AUDIT",
    "DOWNLOAD",
    "LINK",
    "MANAGE",
    "START",
    "VERBS",
    "VIEW",
    "Person",
    "can",
    "projects_for",
    "require",
    "verbs_anywhere",
    "verbs_in",
]
