"""The code on Labelbox's two pages about exports: which blocks work here with its current SDK, why others cannot."""

from __future__ import annotations

from typing import Final

from exports.dialects.base import PageBlock

_BOTH_NAMED: Final = "data_rows and global_keys cannot both be present in export filters"
_ONE_OF_THEM: Final = "The SDK takes data row ids or global keys; without one of the two lines it works."
_OLDER: Final = "The current release has no such call; with releases 3 and 5 it works."

BLOCKS: Final = (
    PageBlock("workflow_status", "filters: workflow status"),
    PageBlock("batch_ids", "filters: batch IDs"),
    PageBlock("global_keys", "filters: global keys"),
    PageBlock("data_row_ids", "filters: data row IDs"),
    PageBlock("get_task", "Creating an ExportTask instance"),
    PageBlock("checks", "Checking for results and errors"),
    PageBlock("stream", "Streaming results and errors"),
    PageBlock("simplified", "Simplified Usage"),
    PageBlock("offset", "Start streaming at an offset", fails_with="no attribute 'with_offset'", why=_OLDER),
    PageBlock("line", "Start streaming at a line", fails_with="no attribute 'with_line'", why=_OLDER),
    PageBlock("size", "Print output size"),
    PageBlock(
        "save",
        "Save export results and log errors",
        fails_with="IndentationError",
        why="Its lines begin in the middle of a try that the page has lost. With it, and export_v2() in place of"
        " export(), it works: only those tasks have a list of rows as their result.",
    ),
    PageBlock("project", "Export from a project", fails_with=_BOTH_NAMED, why=_ONE_OF_THEM),
    PageBlock("dataset", "Export from a dataset"),
    PageBlock(
        "selected", "Export a list of selected data rows from a dataset", fails_with=_BOTH_NAMED, why=_ONE_OF_THEM
    ),
    PageBlock("slice", "Export from a slice"),
    PageBlock("catalog", "Export your entire Catalog"),
    PageBlock("model_run", "Export data rows from a model run"),
)
