"""Rows that are asked for again by their ids.

**Rows of which a part**, such as a mask, could not be had for the moment go in without it, and the next syncs ask for
them by their ids, in an export of their own beside that of what changed: :data:`MOST_AGAIN` times, then the next full
one tries. Those of which no ids are known, or too many, hold the watermark as rows that were left out do, and after a
full sync the next is full too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from connections.platforms.base import Platform
from connections.sync.models import FULL, Mirror, SyncRun

# of the export of rows that are asked for by their ids
AGAIN: Final = "again"
REMOTE_AGAIN, AGAIN_ERROR = "remote_again", "again_error"
MOST_AGAIN: Final = 3
DEFERRED: Final = "parts of rows that could not be had now"
ONCE_MORE: Final = "The next sync asks for them once more, and goes on without what is missing then, too"
NOT_NOW: Final = "What is missing is asked for again by the next full sync"


def deferred_error(file: dict[str, Any], again: dict[str, int], *, is_held: bool) -> str:
    """Of parts that could not be had, unless they could not be so often that nobody asks for them now."""
    rows = file["deferred_rows"]
    if file["deferred"] and rows is None:
        return f"{DEFERRED}: {file['deferred']:,}. {ONCE_MORE if is_held else NOT_NOW}"
    if not file["deferred"] or (rows and all(again[row_id] > MOST_AGAIN for row_id in rows)):
        return ""
    return f"{DEFERRED}: {file['deferred']:,}. The next sync asks for their rows once more"


def times_again(run: SyncRun, mirror: Mirror, rows: Sequence[str], came: Collection[str] = ()) -> dict[str, int]:
    """What is to be known of rows of which parts could not be had. ``rows``: those of this sync, behind all others;
    ``came``: whose parts were had.
    """
    asked = run.state.get(AGAIN, ())
    if AGAIN_ERROR in run.state:
        rows = [*rows, *(row_id for row_id in asked if row_id not in {*rows, *came})]
    settled = {*came, *asked, *rows}
    kept = {} if run.mode == FULL else mirror.again
    others = {row_id: times for row_id, times in kept.items() if row_id not in settled}
    return others | {row_id: mirror.again.get(row_id, 0) + 1 for row_id in rows}


def rows_again(mirror: Mirror, platform: Platform) -> list[str]:
    """The ids of the rows that are asked for beside what changed."""
    most = platform.most_by_id(mirror.project.external_id)
    return [row_id for row_id, times in mirror.again.items() if times <= MOST_AGAIN][:most]
