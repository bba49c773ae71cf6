"""What every page's frame asks: which menu entries there are for this person."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import SimpleLazyObject

from exportadmin.audit import verdicts
from exportadmin.audit.scope import may_read
from exportadmin.operations.health import artifacts_note

# label on screen, name of the address, the page's ``section``
MENU: Final[tuple[tuple[str, str, str], ...]] = (
    ("Home", "home", "home"),
    ("Projects", "projects:list", "projects"),
    ("Exports", "exports:list", "exports"),
    ("Configs", "configs:list", "configs"),
    ("Links", "links:list", "links"),
    ("Connections", "connections:list", "connections"),
    ("Audit", "audit:entries", "audit"),
    ("People", "people:list", "people"),
    ("Health", "health", "health"),
    ("Help", "help:index", "help"),
)


def frame(request: HttpRequest) -> dict[str, Any]:
    """``menu`` as (label, address, section), asked (one query, none for superusers) only where it is drawn;
    ``artifacts_note``: why exports to this machine fail, with the folder for superusers; ``trail_note``: that the trail
    is broken, for whoever may read some of it (one query).
    """
    return {
        "menu": SimpleLazyObject(lambda: _menu(request)),
        "artifacts_note": SimpleLazyObject(lambda: artifacts_note(with_folder=_is_superuser(request))),
        "trail_note": SimpleLazyObject(lambda: _trail_note(request)),
    }


def _trail_note(request: HttpRequest) -> str:
    if not request.user.is_authenticated or not _may_audit(request):
        return ""
    verdict = verdicts.last()
    return f"{verdicts.broken_text(verdict)}." if verdict is not None and verdict.kind else ""


def _is_superuser(request: HttpRequest) -> bool:
    return bool(getattr(request.user, "is_superuser", False))


def _menu(request: HttpRequest) -> list[tuple[str, str, str]]:
    hidden = {"health", "people"} if not _is_superuser(request) else set()
    hidden |= {"audit"} if not _may_audit(request) else set()
    return [(label, reverse(name), section) for label, name, section in MENU if section not in hidden]


def _may_audit(request: HttpRequest) -> bool:
    scope = may_read(request)
    return scope.everything or bool(scope.projects)
