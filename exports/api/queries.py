"""Query parameters of reports, rows and links in REST."""

from __future__ import annotations

from typing import Any, Final

from connections.access.api.serializers import ProjectQuery
from exportadmin.lib.rest import Choice, CommaList, Moment, Number, Query, Text, WholeNumber
from exportadmin.runs import statuses
from exports.spec.platform_export import format_choices

MAX_IDS: Final = 200
MAX_WAIT_SECONDS: Final = 30
_LARGEST: Final = 10**15 - 1


class GroupedReportsQuery(ProjectQuery):
    """Which reports are meant."""

    created_after = Moment(required=False, help_text="requested at this time or later")
    created_before = Moment(required=False, help_text="requested at this time or earlier")
    q = Text(max_length=200, required=False, help_text="part of the name")

    def get_fields(self) -> dict[str, Any]:
        """Made late, as the formats are."""
        return {**super().get_fields(), "format": Choice(sorted(dict(format_choices())), required=False)}


class ReportsQuery(GroupedReportsQuery):
    """Which reports are listed."""

    status = Choice(statuses.TITLES, required=False)
    group = Choice(["completed", "in_progress"], required=False, help_text="ended, in whatever way, or not yet")


class StatusesQuery(Query):
    """Many reports."""

    ids = CommaList(pattern="[A-Za-z0-9_-]{1,64}", max_length=MAX_IDS, help_text=f"1 to {MAX_IDS} report ids")


class WaitQuery(Query):
    """How long to wait."""

    seconds = Number(
        min_value=0,
        max_value=MAX_WAIT_SECONDS,
        required=False,
        help_text=f"{MAX_WAIT_SECONDS} by default, the longest",
    )


class RowsQuery(Query):
    """Which rows of a result."""

    line = WholeNumber(min_value=0, max_value=_LARGEST, required=False, help_text="the first row, from 0")
    offset = WholeNumber(
        min_value=0,
        max_value=_LARGEST,
        required=False,
        help_text="a byte of the first row, from 0; not together with `line`",
    )
    limit = WholeNumber(min_value=1, max_value=_LARGEST, required=False, help_text="how many rows; all by default")
    stream = Choice(["result", "errors"], required=False, help_text="`errors`: rows that were refused")


class LinksQuery(Query):
    """Which links are listed."""

    report = Text(max_length=64, required=False, help_text="a report's id")
