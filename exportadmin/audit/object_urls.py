"""Which page an object of the trail has, if any. The rooms above fill the table: imports go down only.

An address is only an address: the page itself asks who may see it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import CharField, F, QuerySet, Value
from django.urls import reverse

from exportadmin.audit.models import AuditEntry
from exportadmin.lib.registry import Registry


@dataclass(frozen=True, slots=True)
class Pages:
    """Pages at the URL called ``name``. ``field`` is the id that stands in the trail, ``shown_by`` the one in the
    address, where that is another; what is not among ``objects`` (any more) has no page."""

    objects: Callable[[], QuerySet[Any]]
    field: str
    name: str
    shown_by: str = ""

    def find(self, kind: str, ids: Iterable[str]) -> QuerySet[Any, tuple[str, str, str]]:
        """``(kind, id, id in the address)`` of those that are there."""
        found = self.objects().filter(**{f"{self.field}__in": ids}).order_by()
        return found.values_list(Value(kind, CharField()), F(self.field), F(self.shown_by or self.field))


# kind of object → its pages
PAGES: Final[Registry[Pages]] = Registry("kind of object", {})


def register(kind: str, pages: Pages) -> None:
    """Tell where objects of a kind have their pages."""
    PAGES.register(kind, pages)


def addresses(entries: Iterable[AuditEntry]) -> dict[tuple[str, str], str]:
    """``(kind, id)`` → address, for the objects and projects of the entries that have a page; in one query."""
    wanted: dict[str, set[str]] = {}
    for entry in entries:
        for kind, key in ((entry.object_kind, entry.object_id), ("project", entry.project_id)):
            if key and kind in PAGES:
                wanted.setdefault(kind, set()).add(key)
    if not wanted:
        return {}
    first, *others = [PAGES[kind].find(kind, keys) for kind, keys in wanted.items()]
    found = first.union(*others, all=True) if others else first
    return {(kind, key): reverse(PAGES[kind].name, args=[shown_by]) for kind, key, shown_by in found}
