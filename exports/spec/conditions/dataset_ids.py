"""Rows by the datasets that they are of."""

from __future__ import annotations

from collections.abc import Sequence

from connections.rows.batch import RowBatch
from connections.store.overview import MOST_GROUPS, Overview
from exportadmin.lib.forms import ChoiceLabel
from exports.spec.conditions.fields import Choices
from exports.spec.conditions.kinds import ChoiceSet


class DatasetIds(ChoiceSet):
    """Datasets by id or name. A dataset that was renamed is found by each of the names that its rows were read with."""

    key = "dataset_ids"
    label = "Datasets"
    sentence = "rows of these datasets, each by its id or its name"
    example = ("North quay",)
    dropped_label = "another dataset"
    column = "dataset_ids"
    is_in_catalog = True
    noun = ("dataset", "datasets")
    form_order = 39
    input_name = "datasets"
    none_help = f"None ticked: every dataset, and rows without one. At most the largest {MOST_GROUPS} are listed."
    layout = "ea-new-batches"
    scrolls_from = 13

    def failing(self, value: frozenset[str], batch: RowBatch) -> list[int]:
        if value.issuperset(batch.dataset_ids):
            return []
        pairs = zip(batch.dataset_ids, batch.dataset_names, strict=True)
        return [place for place, names in enumerate(pairs) if value.isdisjoint(names)]

    def both(self, first: frozenset[str], second: frozenset[str]) -> frozenset[str]:
        """An id here may be a name there: only what is written alike is surely the same."""
        return first & second

    def choices(self, overview: Overview, ticked: Sequence[str]) -> Choices:
        """Those that there are, by name, and those that were asked for and are no more."""
        by_name = {group.name: group_id for group_id, group in overview.datasets.items()}
        asked = [each for each in ticked if each not in overview.datasets]
        listed = [
            (group_id, ChoiceLabel(group.name, group.rows, help=group_id if _is_twice(overview, group.name) else ""))
            for group_id, group in overview.datasets.items()
        ]
        return [
            *listed,
            *(
                (each, ChoiceLabel(each, overview.datasets[by_name[each]].rows if each in by_name else 0))
                for each in asked
            ),
        ]


def _is_twice(overview: Overview, name: str) -> bool:
    return sum(group.name == name for group in overview.datasets.values()) > 1
