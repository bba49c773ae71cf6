"""What an export selects, in a line of a list."""

from __future__ import annotations

import pytest

from exports.display.selection_line import one_line
from exports.spec.conditions import CONDITIONS


@pytest.mark.parametrize("key", ["label_created_at", "last_activity_at"])
def test_a_window_that_is_open_at_both_ends_selects_every_row(key: str):
    assert one_line({"filter": {key: [None, None]}}) == "every row"
    line = one_line({"filter": {key: [None, "2026-01-31"]}})
    assert line == f"{CONDITIONS[key].label.lower()} until 2026-01-31 00:00 UTC"
