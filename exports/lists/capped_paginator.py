"""Numbered pages of a list that may be very long: counting stops where nobody reads the figure any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

COUNTED = 1_000

if TYPE_CHECKING:
    _Paginator = Paginator[Any]
else:
    _Paginator = Paginator  # takes no type at run time


class LongPaginator(_Paginator):
    """Counts to :data:`COUNTED`. Whoever asks for a page beyond that waits for the whole count.

    ``is_cut``: there are more than ``COUNTED``; ``count`` and ``num_pages`` then say "at least one more".
    """

    counted = COUNTED  # for templates
    _counted_all = False

    @cached_property
    def count(self) -> int:
        """Of the list's rows, at most :data:`COUNTED` + 1."""
        rows = cast("QuerySet[Any]", self.object_list)
        return int(rows.order_by()[: COUNTED + 1].count())

    @property
    def is_cut(self) -> bool:
        """Is ``count`` less than there are?"""
        return not self._counted_all and self.count > COUNTED

    def get_page(self, number: Any) -> Page[Any]:
        """The page, or the nearest one that is there."""
        if self.is_cut and _whole(number) * self.per_page > COUNTED:
            self.count = int(cast("QuerySet[Any]", self.object_list).order_by().count())
            self._counted_all = True
        return super().get_page(number)


def _whole(number: Any) -> int:
    try:
        return int(number)
    except (TypeError, ValueError):
        return 1
