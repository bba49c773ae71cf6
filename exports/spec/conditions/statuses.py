"""Rows by their review status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connections.rows.review_statuses import REVIEW_STATUSES, WORKFLOW_GROUPS, known_status
from connections.store.overview import Overview
from exportadmin.lib.forms import ChoiceLabel
from exports.spec.conditions.base import Flag, texts_of
from exports.spec.conditions.fields import Choices
from exports.spec.conditions.kinds import ChoiceSet, some_of

_GROUP_LABELS = {"ToLabel": "To label", "InReview": "In review", "InRework": "In rework", "Done": "Done"}


class Statuses(ChoiceSet):
    """Where a row stands in labelling."""

    key = "statuses"
    label = "Review statuses"
    sentence = "rows with one of these review statuses"
    example = ("accepted", "client_review")
    dropped_label = "another review status"
    is_beside_filter = True
    flag = Flag("--status", "S", "review status; repeatable", is_repeatable=True)
    column = "statuses"
    noun = ("review status", "review statuses")
    form_order = 10
    input_name = "statuses"
    none_help = "None ticked: every status."
    layout = "ea-new-groups"

    def check(self, text: str, field: str) -> None:
        known_status(text, field=field)

    def item_schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(REVIEW_STATUSES)}

    def short(self, raw: Any, resolved: Any) -> str:
        texts = texts_of(raw)
        return some_of(texts) if texts else ""

    def choices(self, overview: Overview, ticked: Sequence[str]) -> Choices:
        groups = []
        for group in WORKFLOW_GROUPS:
            rows = {status: overview.by_status.get(status, 0) for status, of in REVIEW_STATUSES.items() if of == group}
            heading = ChoiceLabel(_GROUP_LABELS.get(group, group), sum(rows.values()))
            groups.append((heading, [(status, ChoiceLabel(status, count)) for status, count in rows.items()]))
        return groups
