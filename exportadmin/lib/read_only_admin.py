"""Django admin pages that only show: whatever changes goes through ``actions.py``, where it is checked and recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Model]
else:
    _Admin = admin.ModelAdmin


# what the addresses of Django's own filters end in
_ENDINGS: Final = frozenset({"exact", "id", "pk", "isnull", "gte", "lt", "year", "month", "day"})


class OwnFiltersOnly:
    """A list is narrowed by the filters that it offers: an address may name no other column, or what a page does not
    show (a digest, a signature) could be guessed piece by piece from what it lists.
    """

    list_filter: ClassVar[Any]
    date_hierarchy: ClassVar[Any]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """What Django asks of each parameter of an address."""
        name, *ending = lookup.split("__")
        offered = (*self.list_filter, self.date_hierarchy)
        return name in offered and _ENDINGS.issuperset(ending)


class ReadOnlyAdmin(OwnFiltersOnly, _Admin):
    """Lists and shows; never adds, changes or deletes."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False
