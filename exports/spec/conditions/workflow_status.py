"""Rows by the workflow group of their review status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django import forms

from connections.rows.review_statuses import DONE, REVIEW_STATUSES, WORKFLOW_GROUPS, statuses_in
from connections.store.overview import Overview
from exportadmin.lib.errors import UserError
from exportadmin.lib.forms import ChoiceLabel
from exports.spec.conditions.base import texts_of
from exports.spec.conditions.fields import BoxesField, Choices
from exports.spec.conditions.kinds import TextSet
from exports.spec.conditions.statuses import Statuses

INPUT: Final = "completed"
_HELP: Final = "Rows whose work is done: of the workflow group Done. Off: whatever their review status."


class WorkflowStatus(TextSet):
    """Groups of review statuses. The form has a switch for what is done; it asks for other groups by the statuses in
    them."""

    key = "workflow_status"
    label = "Workflow groups"
    sentence = "rows of these workflow groups: " + ", ".join(WORKFLOW_GROUPS)
    example = ("Done",)
    dropped_label = "another workflow group"
    column = "statuses"
    noun = ("workflow group", "workflow groups")
    form_order = 9

    def parse(self, raw: object, *, time_zone: str, field: str) -> frozenset[str]:
        """One group may stand by itself."""
        return super().parse([raw] if isinstance(raw, str) else raw, time_zone=time_zone, field=field)

    def check(self, text: str, field: str) -> None:
        if text not in WORKFLOW_GROUPS:
            raise UserError(f"unknown workflow group {text!r}; known: {', '.join(WORKFLOW_GROUPS)}", field=field)

    def matching(self, value: frozenset[str]) -> frozenset[str]:
        return statuses_in(value)

    def item_schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(WORKFLOW_GROUPS)}

    def form_fields(self, time_zone: str) -> dict[str, forms.Field]:
        return {INPUT: BoxesField(self._choices, "", None, is_switch=True, label="Completed", help_text=_HELP)}

    def _choices(self, overview: Overview, ticked: Sequence[str]) -> Choices:
        rows = sum(overview.by_status.get(status, 0) for status in statuses_in([DONE]))
        return [(DONE, ChoiceLabel("Completed only", rows))]

    def from_form(self, cleaned: Mapping[str, Any]) -> Any:
        return cleaned[INPUT] or None

    def to_form(self, raw: Any) -> dict[str, Any]:
        return {INPUT: texts_of(raw)}

    def in_form(self, raw: Any) -> tuple[str, Any]:
        if texts_of(raw) == [DONE]:
            return self.key, [DONE]
        wanted = statuses_in(texts_of(raw))
        return Statuses.key, [status for status in REVIEW_STATUSES if status in wanted]
