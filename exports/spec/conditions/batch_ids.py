"""Rows by the batches they came in."""

from __future__ import annotations

from collections.abc import Sequence

from connections.store.overview import MOST_BATCHES, Overview
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
    none_help = f"None ticked: every batch, and rows without one. At most the largest {MOST_BATCHES} are listed."
    layout = "ea-new-batches"
    scrolls_from = 13

    def choices(self, overview: Overview, ticked: Sequence[str]) -> Choices:
        """Those that there are, and those that were asked for and are no more."""
        listed = dict.fromkeys([*overview.batches, *ticked])
        return [(batch, ChoiceLabel(batch, overview.batches.get(batch, 0))) for batch in listed]
