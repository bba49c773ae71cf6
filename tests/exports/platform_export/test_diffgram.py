"""Exports that Diffgram makes: of complete files as its own page has it, of one task, of others; kept or archived."""

from __future__ import annotations

import orjson
import pytest

from exportadmin.lib.errors import UserError
from exportadmin.runs import statuses
from exports.delivery.verify import verify_report
from tests.exports.platform_export.conftest import delivered, to_the_end

pytestmark = pytest.mark.django_db(transaction=True)
PARTIAL = "left_out_by_the_platform"


def test_complete_files_of_the_job_unless_all_are_asked_for(diffgram_side, ask_diffgram):
    for options, count, complete in (({}, 20, True), ({"complete_only": "no"}, 30, None)):
        report = to_the_end(ask_diffgram(options=options))
        assert (report.status, report.error) == (statuses.COMPLETED, "")
        export = diffgram_side.exports[int(report.remote_id)]
        assert export.body["ann_is_complete"] is complete
        values = report.check_values
        assert (values["rows_kept"], values["told"]["File Count (file_list_length), which counts a job's tasks"]) == (
            count,
            count,
        )
        assert values["told"]["complete tasks of the job (stat_count_complete)"] == 20
        assert not export.is_archived


def test_it_is_delivered_byte_for_byte(diffgram_side, ask_diffgram):
    report = to_the_end(ask_diffgram(options={"archive": "yes"}))
    export = diffgram_side.exports[int(report.remote_id)]
    assert diffgram_side.raw(export) in delivered(report).values()
    assert export.is_archived
    assert verify_report(report).as_delivered


def test_of_one_task_its_file_alone(diffgram_side, ask_diffgram):
    report = to_the_end(ask_diffgram(options={"task": "1003"}))
    assert diffgram_side.exports[int(report.remote_id)].body["task_id"] == 1003
    assert report.check_values["rows_kept"] == 1
    with pytest.raises(UserError, match="it is the number of a task, such as 12"):
        ask_diffgram(options={"task": "x"})


def test_complete_with_files_missing_is_partial(diffgram_side, ask_diffgram):
    diffgram_side.habits.broken = {3: "division by zero"}
    report = to_the_end(ask_diffgram())
    assert report.status == statuses.PARTIAL
    values = report.check_values
    assert (values["rows_read"], values["rows_kept"], values["rows_refused"]) == (20, 19, {PARTIAL: 1})
    assert any("says of the last: division by zero" in note for note in values["notes"])


@pytest.mark.parametrize("role", ["Editor", "Viewer"])
def test_what_others_made_is_fetched_by_a_viewers_key_too(diffgram_side, ask_diffgram, role):
    diffgram_side.habits.role = role
    theirs = diffgram_side.make(ann_is_complete=False)
    diffgram_side._go_on(theirs)
    report = to_the_end(ask_diffgram(remote_id=str(theirs.number)))
    assert (report.status, report.error) == (statuses.COMPLETED, "")
    assert orjson.dumps(theirs.content) in delivered(report).values()
    assert not theirs.is_archived


def test_what_is_of_another_job_is_none_of_this_ones_business(diffgram_side, ask_diffgram):
    theirs = diffgram_side.make(job_id=None, source="directory", directory_id=7)
    report = to_the_end(ask_diffgram(remote_id=str(theirs.number)))
    assert report.error.endswith(f"Diffgram lists no export '{theirs.number}' in this project")


def test_a_file_of_nothing_is_no_failure(diffgram_side, ask_diffgram):
    diffgram_side.jobs[42].tasks = [(1, "available")]
    report = to_the_end(ask_diffgram())
    assert report.status == statuses.SKIPPED
    assert "Have tasks been completed?" in report.error
