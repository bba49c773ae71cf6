"""Numbered pages of a list that may be very long: counting stops where nobody reads the figure any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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

    def __init__(
        self, rows: Any, per_page: int, *, whole: QuerySet[Any] | None = None, counted: int | None = None
    ) -> None:
        """``whole``: the same rows as ``rows``, in any order, where those are no queryset; ``counted`` of them, at most
        :data:`COUNTED` + 1, where somebody knows it already.
        """
        super().__init__(rows, per_page)
        self._whole: QuerySet[Any] = rows if whole is None else whole
        if counted is not None:
            self.count = min(counted, COUNTED + 1)

    @cached_property
    def count(self) -> int:
        """Of the list's rows, at most :data:`COUNTED` + 1."""
        return int(self._whole.order_by()[: COUNTED + 1].count())

    @property
    def is_cut(self) -> bool:
        """Is ``count`` less than there are?"""
        return not self._counted_all and self.count > COUNTED

    def get_page(self, number: Any) -> Page[Any]:
        """The page, or the nearest one that is there."""
        if self.is_cut and _whole(number) * self.per_page > COUNTED:
            self.count = int(self._whole.order_by().count())
            self._counted_all = True
        return super().get_page(number)


def _whole(number: Any) -> int:
    try:
        return int(number)
    except (TypeError, ValueError):
        return 1
