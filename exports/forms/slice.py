"""The form of a slice: a name, and conditions that say something of data rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import QueryDict

from connections.models import Project
from exportadmin.lib.forms import TextField
from exports.forms.conditions import ConditionsForm
from exports.models import Slice
from exports.spec.conditions import CONDITIONS
from exports.spec.conditions.base import Condition


class SliceForm(ConditionsForm):
    """Valid, it holds :attr:`filter`, as it was given."""

    blamed: Mapping[str, str] = {"filter": "name"}

    def __init__(self, data: QueryDict | None = None, *, project: Project, **kwargs: Any) -> None:
        super().__init__(data, project=project, **kwargs)
        self.filter: dict[str, Any] = {}
        self.fields["name"] = TextField(label="Name", max_length=200, required=True)
        self.fields["description"] = TextField(label="Description", max_length=10_000, required=False, lines=2)

    def offers(self, condition: Condition[Any]) -> bool:
        return condition.is_in_catalog

    @classmethod
    def of_slice(cls, slice: Slice) -> SliceForm:
        """With what it selects filled in."""
        initial: dict[str, Any] = {"name": slice.name, "description": slice.description}
        for key, raw in slice.filter.items():
            initial |= CONDITIONS[key].to_form(raw)
        return cls(project=slice.project, initial=initial)

    def clean(self) -> dict[str, Any]:
        """The conditions make the filter."""
        data = super().clean() or self.cleaned_data
        self.filter, _ = self.clean_conditions(data)
        return data
