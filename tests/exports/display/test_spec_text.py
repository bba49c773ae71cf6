"""What was asked of an export, in lines."""

from __future__ import annotations

import pytest

from exports.display.spec_text import describe


def terms(config: dict[str, object]) -> list[str]:
    return [line.term for line in describe(config)]


@pytest.mark.parametrize("format", ["json", "ndjson", "csv"])
def test_parts_are_told_where_the_file_holds_them(format: str):
    assert "Parts included" in terms({"format": format, "include": ["attachments"]})


@pytest.mark.parametrize("format", ["coco_json", "png"])
def test_parts_are_not_told_where_the_file_holds_none(format: str):
    assert "Parts included" not in terms({"format": format, "include": ["attachments"], "options": {}})


def test_the_index_of_masks_holds_the_parts_of_the_columns_that_were_asked_for():
    config = {"format": "png", "include": ["metadata_fields"], "options": {"metadata": "yes"}}
    assert "Parts included" in terms(config)


def test_a_format_that_there_is_not_any_more_is_told_as_it_was():
    assert "Parts included" in terms({"format": "xml", "include": ["attachments"], "options": None})


def test_a_filter_is_none_only_where_no_condition_stands_beside_it():
    terms = {line.term: line.values for line in describe({"format": "json", "filter": {}, "statuses": ["accepted"]})}
    assert "Filter" not in terms and terms["Review statuses"] == ("accepted",)
    assert {line.term: line.values for line in describe({"format": "json", "filter": {}})}["Filter"] == ("none",)
