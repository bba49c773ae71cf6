"""Whatever no kind stands for: carried whole, counted, and listed as left out where a format cannot hold it."""

from __future__ import annotations

from connections.rows.kinds.base import Kind


class Other(Kind):
    """All that can be done with what one does not know."""

    key = "other"
    letter = "x"
    title = "Other"
