"""The form by which rows are deleted: the conditions, why, and what was counted before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from django import forms
from django.http import QueryDict

from connections.models import Project
from exportadmin.lib.forms import TextField
from exportadmin.lib.ids import derived_id
from exports.actions import MAX_REASON
from exports.forms.conditions import ConditionsForm


class DeleteRowsForm(ConditionsForm):
    """Valid, it holds :attr:`filter`, as it was given. ``counted`` is what the page showed (:meth:`count_of`)."""

    # what is wrong with no single input stands beside the buttons
    blamed: Mapping[str, str] = {"filter": "counted"}

    counted = forms.CharField(label="The selection", required=False, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None = None, *, project: Project, **kwargs: Any) -> None:
        super().__init__(data, project=project, **kwargs)
        self.filter: dict[str, Any] = {}
        self.fields["reason"] = TextField(
            label="Reason",
            required=False,
            max_length=MAX_REASON,
            help_text="Stays with each row that was deleted, and in the trail.",
        )

    def clean(self) -> dict[str, Any]:
        """The conditions make the filter."""
        data = super().clean() or self.cleaned_data
        self.filter, _ = self.clean_conditions(data)
        return data

    def count_of(self, rows: int, revision: int) -> str:
        """What has to be the same when rows are deleted as when they were counted: conditions, rows, revision."""
        return derived_id(orjson.dumps(self.filter, option=orjson.OPT_SORT_KEYS).decode(), str(rows), str(revision))
