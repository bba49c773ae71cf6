"""The scripts of Labelbox's page, as its SDK sends them, against a live server with a worker."""

from __future__ import annotations

import json

import pytest

from tests.exports.dialects.labelbox.conftest import Site
from tests.exports.dialects.labelbox.sdk import LabelboxError

ALL = {
    "includeAttachments": True,
    "includeMetadata": True,
    "includeDataRowDetails": True,
    "includeProjectDetails": True,
    "includePerformanceDetails": True,
    "includeLabelDetails": True,
    "includeInterpolatedFrames": True,
}
PERIOD = {
    "operator": "BETWEEN",
    "timezone": "UTC",
    "value": {"min": "2000-01-01 00:00:00", "max": "2050-01-01 00:00:00"},
}


def test_an_export_of_a_project_is_streamed_row_by_row(site: Site):
    filters = [{"type": "data_row_last_activity_at", "value": PERIOD}, {"type": "labeled_at", "value": PERIOD}]
    task = site.client().export(site.project, filters, **ALL).wait_till_done()
    assert (task.about["status"], task.about["completionPercentage"]) == ("COMPLETE", 100.0)
    assert task.header("ERRORS") is None
    rows = list(task.rows())
    assert len(rows) == int(task.header()["totalLines"]) > 0
    assert all(row["projects"][site.project]["labels"] for row in rows)
    statuses = {row["projects"][site.project]["project_details"]["workflow_status"] for row in rows}
    assert {"DONE", "IN_REVIEW"} <= statuses <= {"DONE", "IN_REVIEW", "IN_REWORK", "TO_LABEL"}


def test_a_stream_begins_at_any_line_and_at_any_byte(site: Site):
    """No JSON is cut at a line; a byte may be in the middle of one."""
    task = site.client().export(site.project).wait_till_done()
    rows = [json.dumps(row) for row in task.rows()]
    assert [json.dumps(json.loads(line)) for line in task.lines_from(7)] == rows[7:]
    told, raw = task.chunk("Offset", "400")
    assert int(told["offsets"]["start"]) <= 400 <= int(told["offsets"]["end"])
    assert raw.endswith(b"\n")


def test_nothing_that_matches_is_a_task_without_a_header(site: Site):
    element = {"ids": ["nosuch"], "operator": "is", "type": "data_row_id"}
    task = site.client().export(site.project, [element]).wait_till_done()
    assert task.about["status"] == "COMPLETE"
    assert task.header() is None


def test_who_has_no_such_project_is_told_so_in_their_code(site: Site):
    with pytest.raises(LabelboxError) as refused:
        site.client().export("nosuch")
    assert refused.value.code == "RESOURCE_NOT_FOUND"
