"""Rows by the workflow group of their review status."""

from __future__ import annotations

from typing import Any

from connections.rows.review_statuses import REVIEW_STATUSES, WORKFLOW_GROUPS, statuses_in
from exportadmin.lib.errors import UserError
from exports.spec.conditions.base import texts_of
from exports.spec.conditions.kinds import TextSet
from exports.spec.conditions.statuses import Statuses


class WorkflowStatus(TextSet):
    """Groups of review statuses. The form asks for the statuses in them."""

    key = "workflow_status"
    label = "Workflow groups"
    sentence = "rows of these workflow groups: " + ", ".join(WORKFLOW_GROUPS)
    example = ("Done",)
    dropped_label = "another workflow group"
    column = "statuses"
    noun = ("workflow group", "workflow groups")

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

    def in_form(self, raw: Any) -> tuple[str, Any]:
        wanted = statuses_in(texts_of(raw))
        return Statuses.key, [status for status in REVIEW_STATUSES if status in wanted]
