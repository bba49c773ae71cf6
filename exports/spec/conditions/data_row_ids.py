"""Rows by their ids."""

from __future__ import annotations

from exports.spec.conditions.kinds import MAX_IDS, IdList


class DataRowIds(IdList):
    """The ids of the rows themselves."""

    key = "data_row_ids"
    label = "Data row ids"
    sentence = f"rows with one of these ids (at most {MAX_IDS:,})"
    example = ("k3v7q2",)
    dropped_label = "data row not asked for"
    column = "row_ids"
    is_of_data_row = is_in_catalog = True
    noun = ("data row id", "data row ids")
