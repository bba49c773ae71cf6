"""Rows by whether their labels were finished or skipped."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from connections.rows.batch import RowBatch
from connections.rows.labels import ALL_FLAGS, FINISHED, SKIPPED
from connections.store.overview import Overview
from exportadmin.lib.errors import UserError
from exportadmin.lib.forms import ChoiceLabel
from exports.spec.conditions.base import texts_of
from exports.spec.conditions.fields import Choices
from exports.spec.conditions.kinds import ChoiceSet, some_of

UNLABELLED, LABELLED, WAS_SKIPPED, BOTH = "unlabelled", "labelled", "skipped", "labelled_and_skipped"
# state → its title, and the bits of its rows' flags
STATES: Final = {
    UNLABELLED: ("No label", 0),
    LABELLED: ("Labels, none of them skipped", FINISHED),
    WAS_SKIPPED: ("Skipped labels alone", SKIPPED),
    BOTH: ("Skipped labels and others", FINISHED | SKIPPED),
}


def flags_in(states: Collection[str]) -> frozenset[int]:
    """The flags (:func:`connections.rows.labels.label_flags`) of rows in one of these states."""
    wanted = {STATES[state][1] for state in states}
    return frozenset(flags for flags in range(ALL_FLAGS + 1) if flags & (FINISHED | SKIPPED) in wanted)


class Labelling(ChoiceSet):
    """All labels of the row count, also those that an export leaves out."""

    key = "labelling"
    label = "Labels"
    sentence = f"rows in one of these states: {', '.join(STATES)}"
    example = (LABELLED, BOTH)
    dropped_label = "another state of its labels"
    noun = ("state of labels", "states of labels")
    form_order = 15
    input_name = "labelling"
    none_help = "None ticked: every row."
    layout = "ea-new-batches"

    def check(self, text: str, field: str) -> None:
        if text not in STATES:
            raise UserError(f"unknown state of labels {text[:40]!r}; known: {', '.join(STATES)}", field=field)

    def failing(self, value: frozenset[str], batch: RowBatch) -> list[int]:
        wanted = flags_in(value)
        if wanted.issuperset(batch.label_flags):
            return []
        return [place for place, flags in enumerate(batch.label_flags) if flags not in wanted]

    def item_schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(STATES)}

    def short(self, raw: Any, resolved: Any) -> str:
        return some_of([text.replace("_", " ") for text in texts_of(raw)])

    def choices(self, overview: Overview, ticked: Sequence[str]) -> Choices:
        counts = {state: sum(overview.by_label_flags.get(one, 0) for one in flags_in([state])) for state in STATES}
        return [(state, ChoiceLabel(title, counts[state])) for state, (title, _) in STATES.items()]
