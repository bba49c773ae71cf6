"""Rows by the batches they came in."""

from __future__ import annotations

from collections.abc import Sequence

from connections.store.overview import MOST_GROUPS, Group, Overview
from exportadmin.lib.forms import ChoiceLabel
from exports.spec.conditions.fields import Choices
from exports.spec.conditions.kinds import ChoiceSet


class BatchIds(ChoiceSet):
    """Batches by their ids; a row without one is in none of them."""

    key = "batch_ids"
    label = "Batches"
    sentence = "rows of these batches"
    example = ("batch-1",)
    dropped_label = "another batch"
    column = "batch_ids"
    noun = ("batch", "batches")
    form_order = 40
    input_name = "batches"
    none_help = f"None ticked: every batch, and rows without one. At most the largest {MOST_GROUPS} are listed."
    layout = "ea-new-batches"
    scrolls_from = 13

    def choices(self, overview: Overview, ticked: Sequence[str]) -> Choices:
        """Those that there are, by name where they have one, and those that were asked for and are no more."""
        listed = dict.fromkeys([*overview.batches, *ticked])
        return [(batch, _label(batch, overview.batches.get(batch, Group(batch, 0)))) for batch in listed]


def _label(batch: str, group: Group) -> ChoiceLabel:
    """A name may be that of several batches, so the id stands with it."""
    name = group.name or batch
    return ChoiceLabel(name, group.rows, help=batch if name != batch else "")
