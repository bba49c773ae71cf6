"""Streams from any byte and from any line on, which releases before 6 have, and other calls of every release."""

from __future__ import annotations

import json

import pytest

from tests.platforms.labelbox import rows
from tests.platforms.labelbox.conftest import Site
from tests.platforms.labelbox.sdk import Sdk

EXPORT = """
export_task = project.export(params={"label_details": True})
export_task.wait_till_done()
stream = export_task.get_stream(converter=lb.JsonConverter(), stream_type=lb.StreamType.RESULT)
"""


def test_a_stream_begins_at_a_line(site: Site, older: Sdk):
    code = f"{EXPORT}for row in stream.with_line(20):\n    print(row.current_line, row.json_str)\n"
    done = older.run(site.before, code)
    assert done.error == ""
    found = [line.split(" ", 1) for line in done.lines]
    assert [int(number) for number, _ in found] == list(range(20, rows.ROWS))
    assert [json.loads(text)["data_row"]["id"] for _, text in found] == list(map(rows.row_id, range(20, rows.ROWS)))


def test_a_stream_begins_at_a_byte(site: Site, older: Sdk):
    """The first of its rows is what is left of it."""
    code = f"{EXPORT}for row in stream.with_offset(400):\n    print(row.current_offset, row.json_str)\n"
    done = older.run(site.before, code)
    assert done.error == ""
    assert done.lines[0].startswith("400 ")
    with pytest.raises(json.JSONDecodeError):
        json.loads(done.lines[0].split(" ", 1)[1])
    found = [json.loads(line.split(" ", 1)[1])["data_row"]["id"] for line in done.lines[1:]]
    assert found == list(map(rows.row_id, range(rows.ROWS)))[-len(found) :]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (f"with_line({rows.ROWS})", f"line is out of range, max line is {rows.ROWS - 1}"),
        ("with_offset(10_000_000)", "offset is out of range, max offset is "),
    ],
)
def test_a_place_outside_is_refused_by_the_release_itself(site: Site, older: Sdk, call: str, message: str):
    done = older.run(site.before, f"{EXPORT}list(stream.{call})\n")
    assert done.error.startswith(f"ValueError: {message}")


def test_projects_tasks_and_people_are_read(site: Site, older: Sdk):
    code = """
print(sorted(one.name for one in client.get_projects()))
print(project.queue_mode, project.media_type)
export_task = project.export()
again = lb.ExportTask.get_task(client, export_task.uid)
again.wait_till_done()
print(again.status, client.get_user().email, client.get_organization().name)
print(sorted(one.name for one in client.get_datasets()))
print([(one.uid, one.name, one.size) for one in project.batches()])
"""
    done = older.run(site.before, code)
    assert done.error == ""
    assert done.lines[0] == "['Image Annotation Demo', 'Second look']"
    assert done.lines[2] == "COMPLETE sue@example.test Export Admin"
    assert done.lines[3] == "['Street']"
    assert done.lines[4] == "[('batch-0', 'Batch 0', 12), ('batch-1', 'Batch 1', 12)]"
