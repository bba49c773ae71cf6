"""Which page an object of the trail has, if any. The rooms above fill the table: imports go down only.

An address is only an address: the page itself asks who may see it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from django.db.models import QuerySet
from django.urls import reverse

from exportadmin.audit.models import AuditEntry
from exportadmin.lib.registry import Registry

Finder = Callable[[Collection[str]], Mapping[str, str]]


def existing(objects: Callable[[], QuerySet[Any]], field: str, name: str) -> Finder:
    """Pages at the URL called ``name``, which takes the object's ``field``; of what was deleted there is none."""

    def find(ids: Collection[str]) -> Mapping[str, str]:
        there = objects().filter(**{f"{field}__in": ids}).order_by().values_list(field, flat=True)
        return {each: reverse(name, args=[each]) for each in there}

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
