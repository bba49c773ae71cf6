"""The filters of the list of exports. Their names and meanings are those of REST's list (:mod:`exports.api.views`)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import django_filters as filters
from django import forms
from django.db.models import QuerySet

from exportadmin.lib import times
from exportadmin.lib.errors import UserError
from exportadmin.runs import statuses
from exports.lists import listing
from exports.models import ExportReport
from exports.spec.platform_export import format_choices

IN_PROGRESS, ENDED = "in_progress", "completed"
GROUPS: tuple[tuple[str, str], ...] = ((IN_PROGRESS, "In progress"), (ENDED, "Ended"))
# filters of which a tab sets one
STATE: tuple[str, ...] = ("group", "status")
LONGEST = 200


class MomentField(forms.CharField):
    """A time in any written form (:mod:`exportadmin.lib.times`), read in the person's zone where it says none."""

    def clean(self, value: Any) -> datetime | None:
        """An aware datetime; ``None`` where nothing was asked."""
        text = super().clean(value)
        if not text:
            return None
        try:
            return times.to_datetime(times.parse_ms(text, time_zone=times.here()))
        except UserError as error:
            raise forms.ValidationError(error.message) from None


def _formats() -> list[tuple[str, str]]:
    return [(key, key) for key, _ in format_choices()]


_EXAMPLE = {"placeholder": "2026-01-31"}


class MomentFilter(filters.Filter):  # type: ignore[misc]
    """Before or after a moment."""

    field_class = MomentField


class ReportFilters(filters.FilterSet):  # type: ignore[misc]
    """All that is asked is ANDed; what is empty is not asked.

    ``projects`` are (public id, name, key) of those that may be seen.
    """

    q = filters.CharFilter(
        field_name="name",
        lookup_expr="icontains",
        label="Name has",
        max_length=LONGEST,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Name has …"}),
    )
    project = filters.ChoiceFilter(method="in_project", label="Project", empty_label="All projects")
    group = filters.ChoiceFilter(method="in_group", label="Group", choices=GROUPS, empty_label="All")
    status = filters.ChoiceFilter(label="State", choices=statuses.choices, empty_label="Any")
    format = filters.ChoiceFilter(label="Format", choices=_formats, empty_label="Any")
    who = filters.CharFilter(
        field_name="created_by_name", lookup_expr="icontains", label="Created by", max_length=LONGEST
    )
    created_after = MomentFilter(
        field_name="created_at", lookup_expr="gte", label="Created after", widget=forms.TextInput(attrs=_EXAMPLE)
    )
    created_before = MomentFilter(
        field_name="created_at", lookup_expr="lte", label="Created before", widget=forms.TextInput(attrs=_EXAMPLE)
    )

    def __init__(self, data: Any, queryset: QuerySet[ExportReport], projects: Sequence[tuple[str, str, int]]) -> None:
        super().__init__(data, queryset)
        self.filters["project"].extra["choices"] = [(public_id, name) for public_id, name, _ in projects]
        self._keys = {public_id: key for public_id, _, key in projects}
        for name, field in self.form.fields.items():
            is_list = isinstance(field, forms.ChoiceField)
            field.widget.attrs["class"] = "form-select" if is_list else "form-control"
            if name in self.errors:
                field.widget.attrs["class"] += " is-invalid"

    def in_project(self, reports: QuerySet[ExportReport], name: str, value: str) -> QuerySet[ExportReport]:
        """By key, not by a join: for that there is an index by time."""
        return reports.filter(project=self._keys[value])

    def in_group(self, reports: QuerySet[ExportReport], name: str, value: str) -> QuerySet[ExportReport]:
        """The reports that have ended, in whatever way, or not yet."""
        return listing.in_progress(reports) if value == IN_PROGRESS else listing.ended(reports)

    def without_state(self, reports: QuerySet[ExportReport]) -> QuerySet[ExportReport]:
        """Those of ``reports`` that are all that is asked but for their state, which a tab chooses."""
        for name, value in self.form.cleaned_data.items():
            if name not in STATE:
                reports = self.filters[name].filter(reports, value)
        return reports

    @property
    def given(self) -> dict[str, str]:
        """What was asked, as it was written."""
        return {name: self.data[name] for name in self.filters if self.data.get(name)}


NAMES: tuple[str, ...] = tuple(ReportFilters.base_filters)
