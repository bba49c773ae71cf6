"""Is what came back what was asked for? A platform that ignored a filter fails the sync, with examples.

Where a row says when it was updated, and which status it has, each is looked at. Where rows say no time, as in
Labellerr's json, one thing still proves that the filter was ignored: the answer brings every row that the mirror had,
and most of them are byte for byte what they were before the sync asked that the watermark is of. A row comes unchanged
where it changed since, and was read by a sync then; all of them do so where nothing was filtered.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from connections.platforms.base import FilterIgnoredError, Platform, Wanted
from connections.store.import_row import IncomingRow
from connections.store.importers.base import Importer
from connections.store.models import StoreRow
from connections.sync.models import Mirror, SyncRun
from exportadmin.lib.errors import PermanentError
from exportadmin.lib.times import from_datetime, to_datetime

EXAMPLES: Final = 5
# a project of fewer rows may have been touched as a whole
FEWEST_ROWS: Final = EXAMPLES
SHARE: Final = 0.5


class RowChecks:
    """Looks at each row of an answer. Raises ``PermanentError`` at the fifth that does not satisfy what was asked, or
    at the end; ``FilterIgnoredError`` where that is the moment of its last update.
    """

    def __init__(
        self, platform: Platform, importer: Importer, wanted: Wanted, by_id: Collection[str] = frozenset()
    ) -> None:
        """``by_id``: rows that were asked for by their ids there, whenever they were updated."""
        self._by_id = by_id
        self._title = platform.title
        self._wanted = wanted
        self._is_activity = platform.changes_are_activity
        self._statuses = {importer.our_status(word) for word in wanted.statuses}
        self._examples: list[str] = []
        self._filter = ""
        self._error: type[PermanentError] = PermanentError

    def check_counts(self, rows_by_status: Mapping[str, int]) -> None:
        """By the platform's own words, as they were counted in the file."""
        if not self._wanted.statuses:
            return
        others = {word: count for word, count in rows_by_status.items() if word not in self._wanted.statuses}
        if others:
            named = ", ".join(f"{count:,} {word!r}" for word, count in others.items())
            asked = ", ".join(self._wanted.statuses)
            raise PermanentError(f"{self._title} was asked for rows of status {asked} and sent others: {named}")

    def look_at(self, row: IncomingRow) -> None:
        """See the class."""
        since = self._wanted.updated_after_ms
        # a row that is carried was updated where it came from; the platform itself looks at the times of what carries
        updated = None if row.is_carried else row.activity_ms if self._is_activity else row.updated_ms
        if since is not None and updated is not None and updated < since and row.row_id not in self._by_id:
            self._error = FilterIgnoredError
            self._found("updated since " + _iso(since), f"{row.key!r} (updated {_iso(updated)})")
        elif self._statuses and row.status not in self._statuses:
            self._found("of status " + ", ".join(self._wanted.statuses), f"{row.key!r} ({row.status})")

    def end(self) -> None:
        """See the class."""
        if self._examples:
            self._fail()

    def _found(self, asked: str, example: str) -> None:
        self._filter = asked
        self._examples.append(example)
        if len(self._examples) == EXAMPLES:
            self._fail()

    def _fail(self) -> None:
        raise self._error(
            f"{self._title} was asked for rows {self._filter} and sent others, such as {', '.join(self._examples)}: it "
            "ignored the filter"
        )


def ignores_the_filter(run: SyncRun, platform: Platform, summary: Mapping[str, Any]) -> str:
    """What is suspicious of an answer to an incremental request, where nothing proves it; empty: nothing is.

    Raises ``FilterIgnoredError``, with examples, where it is proved.
    """
    mirror = Mirror.objects.get(project=run.project)
    before = StoreRow.objects.filter(project=run.project, added_revision__lte=run.state["revision"]).count()
    if mirror.watermark_asked_at is None or run.since_ms is None or before < FEWEST_ROWS:
        return ""
    # as they were before the watermark; some of them may not be in the answer
    settled = StoreRow.objects.filter(
        project=run.project,
        revision__lte=run.state["revision"],
        written_ms__lt=from_datetime(mirror.watermark_asked_at),
    )
    came = summary["unchanged"] + summary["updated"] + summary["refused_count"]
    unsettled = before - summary["updated"] - settled.count()
    by_id = len(run.state.get("again", ()))  # those came in any case
    sure = summary["unchanged"] - max(unsettled, 0) - by_id  # so many rows at least came that nothing has changed
    if sure <= SHARE * before:
        return ""
    if came < before:
        return "incremental answer in which most rows of the project came unchanged: is the filter honoured there?"
    examples = ", ".join(repr(key) for key in settled.order_by("pk").values_list("global_key", flat=True)[:EXAMPLES])
    raise FilterIgnoredError(
        f"{platform.title} was asked for what was updated since {_iso(run.since_ms)} and sent all {before:,} rows, of "
        f"which {sure:,} are as they were before, such as {examples}: it ignored the filter"
    )


def _iso(ms: int) -> str:
    return to_datetime(ms).isoformat()
