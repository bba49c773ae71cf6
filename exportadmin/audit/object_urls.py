"""Which page an object of the trail has, if any. The rooms above fill the table: imports go down only.

An address is only an address: the page itself asks who may see it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from django.urls import NoReverseMatch, reverse

from exportadmin.audit.models import AuditEntry
from exportadmin.lib.registry import Registry

Finder = Callable[[Collection[str]], Mapping[str, str]]


def named(name: str) -> Finder:
    """Pages whose address takes the object's id: the URL called ``name``; none where there is no such page."""

    def find(ids: Collection[str]) -> Mapping[str, str]:
        found = {}
        for each in ids:
            try:
                found[each] = reverse(name, args=[each])
            except NoReverseMatch:
                continue
        return found

    return find


# kind of object → ids → addresses
FINDERS: Final[Registry[Finder]] = Registry("kind of object", {})


def register(kind: str, finder: Finder) -> None:
    """Tell where objects of a kind have their pages; ``finder`` asks the database at most once for many ids."""
    FINDERS.register(kind, finder)


def addresses(entries: Iterable[AuditEntry]) -> dict[tuple[str, str], str]:
    """``(kind, id)`` → address, for the objects and projects of the entries that have a page."""
    wanted: dict[str, set[str]] = {}
    for entry in entries:
        for kind, key in ((entry.object_kind, entry.object_id), ("project", entry.project_id)):
            if key and kind in FINDERS:
                wanted.setdefault(kind, set()).add(key)
    return {(kind, key): to for kind, keys in wanted.items() for key, to in FINDERS[kind](keys).items()}
