"""Rows by their global keys."""

from __future__ import annotations

from exports.spec.conditions.kinds import MAX_IDS, IdList


class GlobalKeys(IdList):
    """The keys that the rows were given where they come from."""

    key = "global_keys"
    label = "Global keys"
    sentence = f"rows with one of these global keys (at most {MAX_IDS:,})"
    example = ("quay.jpg", "pier.jpg")
    dropped_label = "global key not asked for"
    column = "global_keys"
    is_of_data_row = is_in_catalog = True
    noun = ("global key", "global keys")
