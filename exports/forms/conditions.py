"""The fields of conditions in a form, for whatever selects rows: from the registry, when a form is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import groupby
from typing import Any

from django import forms
from django.http import QueryDict

from connections.models import Project
from connections.store.overview import Overview
from exportadmin.lib.errors import UserError
from exportadmin.lib.forms import Form
from exports.spec.conditions import CONDITIONS
from exports.spec.conditions.base import Condition, FieldGroup
from exports.spec.conditions.fields import ConditionField, PastedField


class ConditionsForm(Form):
    """A form with the inputs of all conditions, for one project. ``inputs``: key of a condition → its inputs."""

    # what is wrong is told once, above the form
    has_summary = True

    def __init__(self, data: QueryDict | None = None, *, project: Project, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.of_project = project
        self.inputs: dict[str, list[str]] = {}
        for condition in _in_form_order():
            if self.offers(condition):
                self._add_condition(condition)

    def offers(self, condition: Condition[Any]) -> bool:
        """Has the form inputs for it?"""
        return True

    def _add_condition(self, condition: Condition[Any]) -> None:
        fields = condition.form_fields(self.of_project.time_zone)
        self.inputs[condition.key] = list(fields)
        for name, field in fields.items():
            if condition.group is not None:
                field.described_by = f"{condition.group.key}-help"  # type: ignore[attr-defined]
            self.fields[name] = field

    def clean_conditions(self, data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """``(as it was written, parsed)``, by key."""
        given: dict[str, Any] = {}
        parsed: dict[str, Any] = {}
        for key, names in self.inputs.items():
            if not names or any(name in self.errors for name in names):
                continue
            condition = CONDITIONS[key]
            raw = condition.from_form(data)
            if raw is None:
                continue
            try:
                given[key] = condition.freeze(raw, self.of_project, condition.label)
                value = condition.parse(given[key], time_zone=self.of_project.time_zone, field=condition.label)
            except UserError as error:
                self.add_error(names[-1], error.message)
            else:
                if value is not None:
                    parsed[key] = value
        return given, parsed

    def fill(self, overview: Overview) -> None:
        """Offer what the project holds."""
        for name, field in self.fields.items():
            if isinstance(field, ConditionField):
                field.fill(overview, self[name].value())

    @cached_property
    def notes(self) -> dict[str, str]:
        """Input → how it is read, where nothing is wrong with it."""
        return self.condition_notes()

    def condition_notes(self) -> dict[str, str]:
        """Of the conditions' inputs."""
        notes = {}
        for name, field in self.fields.items():
            if isinstance(field, ConditionField):
                try:
                    notes[name] = field.note(self[name].value())
                except forms.ValidationError:
                    continue
        return notes

    def note_missing(self, missing: Mapping[str, Sequence[str]]) -> None:
        """Say in which lines those of the pasted ids stand that name no row. ``missing`` is by key of the condition."""
        for key, values in missing.items():
            for name in self.inputs[key]:
                field = self.fields[name]
                if values and isinstance(field, PastedField):
                    note = field.missing_note(self[name].value(), values)
                    self.notes[name] = f"{self.notes.get(name, '')} {note}".strip()

    @property
    def mistakes(self) -> list[forms.BoundField]:
        """The fields that are wrong, in the order of the page."""
        return [self[name] for name in self.fields if name in self.errors]

    @property
    def condition_groups(self) -> list[tuple[FieldGroup | None, list[list[forms.BoundField]]]]:
        """The conditions' fields by the headings that they stand under, and by condition."""
        shown = [condition for condition in _in_form_order() if self.inputs.get(condition.key)]
        return [
            (
                group and replace(group, help=group.help.format(time_zone=self.of_project.time_zone)),
                [[self[name] for name in self.inputs[condition.key]] for condition in conditions],
            )
            for group, conditions in groupby(shown, lambda condition: condition.group)
        ]


def condition_inputs() -> dict[str, bool]:
    """The names of all conditions' inputs, and whether it takes several values."""
    fields = [item for condition in _in_form_order() for item in condition.form_fields("UTC").items()]
    return {name: isinstance(field, forms.MultipleChoiceField) for name, field in fields}


def _in_form_order() -> list[Condition[Any]]:
    return sorted(CONDITIONS.values(), key=lambda condition: condition.form_order)
