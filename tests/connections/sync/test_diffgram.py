"""A job, or a directory, of Diffgram is mirrored; and a Diffgram that misbehaves: each sync ends right."""

from __future__ import annotations

import re

import pytest

from connections.connection_actions import create_connection
from connections.models import Connection, Project
from connections.platforms import remote
from connections.platforms.diffgram.platform import TASK_COUNT
from connections.store.models import StoreRow
from connections.sync.actions import change_mirror, list_remote_projects, mirror_project
from connections.sync.models import AUTO, FULL
from exportadmin.runs import statuses
from exports import actions
from exports.spec.spec import ExportSpec
from tests.connections.sync.conftest import ME, Course, carried_out, keys
from tests.rest.world import SHELL
from tests.support.diffgram_server import EMPTY, NOT_READY, DiffgramServer, image, refusal
from tests.support.far_side import Answer, page, silence

pytestmark = pytest.mark.django_db(transaction=True)
NUMBERS = range(1000, 1030)
ALL = {str(number) for number in NUMBERS}


@pytest.fixture
def held(diffgram_server: DiffgramServer) -> DiffgramServer:
    diffgram_server.serve({number: image(number, complete=number % 3 != 1) for number in NUMBERS})
    return diffgram_server


@pytest.fixture
def connection(held: DiffgramServer) -> Connection:
    return create_connection(kind="diffgram", name="Diffgram", config=held.config, secrets=held.secrets, actor=SHELL)


@pytest.fixture
def project(connection: Connection) -> Project:
    return mirror_project(connection=connection, external_id="job:42", actor=ME)


def is_whole(course: Course, held: DiffgramServer) -> bool:
    """Completed, with one export there and every row here."""
    assert (course.run.status, course.run.error) == (statuses.COMPLETED, "")
    assert len(held.exports) == 1
    assert keys(course.run.project) == ALL
    assert held.leaks == []
    return True


def test_a_job_is_mirrored_with_what_its_people_did(project, held):
    assert is_whole(carried_out(project), held)
    (export,) = held.exports.values()
    assert export.body["wait_for_export_generation"] is False
    assert (export.body["source"], export.body["job_id"], export.body["ann_is_complete"]) == ("job", 42, None)
    assert export.is_archived
    row = StoreRow.objects.get(project=project, global_key="1002")
    assert (row.status, row.batch_id, row.media_type) == ("accepted", "42", "image")
    spec = ExportSpec.parse({"format": "csv", "sync_first": False}, project)
    values = actions.run_now(project=project, spec=spec, actor=SHELL).check_values
    assert values["annotations_by_kind"] == {"box": 10, "polygon": 10, "ellipse": 10}
    statuses_of = StoreRow.objects.filter(project=project).values_list("status", flat=True)
    assert sorted(set(statuses_of)) == ["accepted", "to_label"]


def test_a_directory_is_a_dataset_and_nothing_new_changes_no_row(connection, held):
    project = mirror_project(connection=connection, external_id="directory:7", actor=ME)
    assert is_whole(carried_out(project), held)
    (export,) = held.exports.values()
    assert (export.body["source"], export.body["directory_id"], export.body["job_id"]) == ("directory", 7, None)
    assert '"dataset_name":"Directory 7"' in StoreRow.objects.get(project=project, global_key="1002").body
    again = carried_out(project)
    assert (again.run.summary["unchanged"], again.run.summary["updated"]) == (30, 0)


def test_jobs_and_directories_are_what_there_is_to_mirror(connection, held):
    held.serve({1: image(1)}, job=43, directory=8)
    listed = list_remote_projects(connection=connection, actor=ME).offered
    assert {one.remote.external_id: one.remote.name for one in listed} == {
        "job:42": "Batch 42 (job 42)",
        "job:43": "Batch 43 (job 43)",
        "directory:8": "Directory 8 (directory 8)",
        "directory:7": "Directory 7 (directory 7)",
    }
    assert held.count("builder") == 0  # 300 a day


def test_complete_files_only_is_a_choice_and_their_counts_stand_beside_ours(project, held):
    change_mirror(project=project, actor=ME, options={"complete_only": "yes"})
    course = carried_out(project)
    assert course.run.status == statuses.COMPLETED
    (export,) = held.exports.values()
    assert export.body["ann_is_complete"] is True
    assert course.run.summary["told"] == {
        TASK_COUNT: 20,
        "tasks of the job (stat_count_tasks)": 30,
        "complete tasks of the job (stat_count_complete)": 20,
        "rows in its file": 20,
    }


def test_what_is_gone_there_is_taken_away_here(project, held):
    carried_out(project)
    held.jobs[42].tasks = [(number, "complete") for number in NUMBERS if number != 1005]
    assert carried_out(project).run.summary["gone"] == 1
    assert keys(project) == ALL - {"1005"}


# --- what is over by itself ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("route", "answers", "waited"),
    [
        ("status", [page(502)], "Diffgram, looking how the export stands: .* answered 502"),
        ("status", [page()], "Diffgram, looking how the export stands: .* does not answer as Diffgram does"),
        (
            "status",
            [refusal(429, {"error": "429 Too Many Requests: 10 per 1 minute"}, Retry_After="7")],
            "answered 429",
        ),
        ("status", [silence(is_done=False)], "Diffgram, looking how the export stands: .* broke off"),
        ("list", [page(503)], "Diffgram, looking what is there before it is asked: .* answered 503"),
        ("link", [refusal(400, {"error": {"export": NOT_READY}, "success": False})], f"it says '{NOT_READY}'"),
        ("link", [refusal(400, {"log": {"error": {"export": NOT_READY}}})], f"it says '{NOT_READY}'"),
    ],
)
def test_what_is_over_by_itself_is_waited_for(project, held, route, answers, waited):
    held.answers[route] = answers
    course = carried_out(project)
    assert is_whole(course, held)
    assert held.count("to_file") == 1
    assert re.search(waited, course.waited[0])


@pytest.mark.parametrize("status", [400, 403, 404])
def test_an_address_that_has_ended_is_asked_for_anew(project, held, status):
    held.habits.expired, held.habits.expired_status = 2, status
    assert is_whole(carried_out(project), held)
    assert held.count("link") == 3


@pytest.mark.parametrize("elsewhere", ["http://localhost:8085/proxy_to_minio", "http://10.1.2.3:9000"])
def test_where_nobody_gets_at_the_address_the_file_comes_as_data(project, held, elsewhere):
    held.habits.elsewhere = elsewhere
    assert is_whole(carried_out(project), held)
    assert held.count("storage") == 0


def test_of_two_buckets_the_address_is_right(project, held):
    held.habits.has_two_buckets = True
    assert is_whole(carried_out(project), held)


def test_neither_way_is_an_end_that_says_both(project, held):
    held.habits.has_two_buckets, held.habits.elsewhere = True, "http://10.1.2.3:9000"
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert re.search(r"fetching the file, 4 times: by its address: .*10\.1\.2\.3.*; as data: .*500", course.run.error)
    assert len(held.exports) == 1


def test_a_file_that_is_too_large_is_not_taken_twice(project, held, settings):
    settings.PLATFORM_FILE_BYTES = 9_000
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert re.search(r"more than 9,000 bytes; no more are taken \(EXPORTADMIN_PLATFORM_FILE_BYTES\)", course.run.error)
    assert held.count("link") == 1


def test_a_file_that_is_cut_off_comes_as_data(project, held):
    held.habits.cut_at = 300
    assert is_whole(carried_out(project), held)  # as data it is whole


# --- a lost answer ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [silence(is_done=True), Answer(502, is_done=True), Answer(200, b"<", is_done=True)])
def test_one_whose_answer_was_lost_is_found_among_others(project, held, answer):
    theirs = [held.make(), held.make(job_id=None, source="directory", directory_id=7)]
    # somebody's, made otherwise
    others = {"ann_is_complete": True}, {"file_comparison_mode": "vs_original"}, {"masks": True}
    held.on["to_file", "before"] = lambda: theirs.extend([held.make(**more) for more in others])
    held.answers["to_file"] = [answer]
    course = carried_out(project)
    assert (course.run.status, course.run.error) == (statuses.COMPLETED, "")
    ours = [one for one in held.exports.values() if one not in theirs]
    assert [str(one.number) for one in ours] == [course.run.remote_id]
    assert not any(one.is_archived for one in held.exports.values())  # it may be somebody else's


def test_one_that_was_not_made_is_asked_for_once_more(project, held, monkeypatch):
    monkeypatch.setattr(remote, "LOST_SECONDS", 0.0)
    held.answers["to_file"] = [silence(is_done=False)]
    assert is_whole(carried_out(project), held)
    assert held.count("to_file") == 2


# --- what ends it ----------------------------------------------------------------------------------------------------


def test_what_never_moves_is_given_up_and_says_what_that_means(project, held, settings):
    settings.PLATFORM_PATIENCE = 0
    held.habits.looks = [12.0]
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert re.search(
        "has said 'init' of export 501 for 0 minutes: .*leaves it so for ever, without a reason", course.run.error
    )


def test_a_word_that_nobody_knows_is_not_taken_for_made(project, held):
    held.habits.looks = ["cancelled"]
    with pytest.raises(pytest.fail.Exception, match="Diffgram says 'cancelled', which is not known here"):
        carried_out(project)


def test_a_failed_one_says_why(project, held):
    held.habits.looks = ["failed"]
    held.habits.broken = {1003: "list index out of range"}
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert "Diffgram did not make the export (it says 'failed': list index out of range)" in course.run.error


def test_no_file_at_all_takes_nothing_away_by_itself(project, held):
    carried_out(project)
    held.jobs[42].tasks = []
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert EMPTY in course.run.error
    assert "nothing was taken away" in course.run.error
    assert keys(project) == ALL


def test_complete_with_files_missing_is_partial_and_takes_nothing_away(connection, held):
    project = mirror_project(connection=connection, external_id="directory:7", actor=ME)
    carried_out(project)
    held.habits.broken = {1003: "'NoneType' object is not iterable", 1004: "division by zero"}
    course = carried_out(project)
    assert course.run.status == statuses.PARTIAL
    assert keys(project) == ALL
    assert course.run.error == "Diffgram could not export 2 rows of it"
    (note,) = [note for note in course.run.summary["notes"] if "says of the last" in note["text"]]
    assert note["count"] == 2
    assert note["text"].endswith("says of the last: division by zero (missing: 1003, 1004)")


@pytest.mark.parametrize("wanted", [AUTO, FULL])
def test_complete_with_all_files_missing_is_not_that_there_are_none(connection, held, wanted):
    project = mirror_project(connection=connection, external_id="directory:7", actor=ME)
    carried_out(project)
    held.habits.broken = dict.fromkeys(NUMBERS, "storage is away")
    course = carried_out(project, wanted)
    assert course.run.status == statuses.FAILED
    assert keys(project) == ALL
    assert re.search(
        r"could not export 30 rows, .*nothing was taken away .*of the last: storage is away", course.run.error
    )


def test_a_directory_that_is_short_without_a_reason_takes_nothing_away(connection, held):
    project = mirror_project(connection=connection, external_id="directory:7", actor=ME)
    carried_out(project)
    for reason in ("", None):
        held.habits.broken = {1003: reason}
        course = carried_out(project)
        assert (course.run.status, keys(project)) == (statuses.PARTIAL, ALL)
        assert "says of the last: no reason (missing: 1003)" in str(course.run.summary["notes"])


def test_a_job_that_is_short_is_missing_files_where_it_says_anything(project, held):
    carried_out(project)
    held.habits.broken = {1003: ""}
    course = carried_out(project)
    assert (course.run.status, keys(project)) == (statuses.PARTIAL, ALL)
    (named,) = [note for note in course.run.summary["notes"] if note["text"].startswith("rows of the mirror that are")]
    assert (named["count"], named["example"]) == (1, "1003")


@pytest.mark.parametrize("is_readable", [True, False, None])
def test_of_what_is_put_together_no_part_goes_with_a_refused_one(connection, held, is_readable):
    part = image(2002)
    whole = image(1004) | {"2001": image(2001), "2002": part}
    whole["file"] = {**whole["file"], "type": "compound"}
    held.serve({number: whole if number == 1004 else image(number) for number in NUMBERS})
    project = mirror_project(connection=connection, external_id="directory:7", actor=ME)
    carried_out(project)
    assert keys(project) == ALL | {"2001", "2002"}
    if is_readable is None:
        held.habits.nulls = {1004}
    elif is_readable:
        sides = {"x_min": 5, "y_min": 1, "x_max": 1, "y_max": 4}
        part["instance_list"] = [{"id": 1, "type": "box", "label_file_id": None, "attribute_groups": None, **sides}]
    else:
        part["deep"] = deep = []
        for _ in range(220):
            deep.append(deep := [])
    course = carried_out(project)
    assert (course.run.status, course.run.summary["refused_count"]) == (statuses.PARTIAL, 1)
    assert keys(project) == ALL | {"2001", "2002"}
    if is_readable is None:  # and they go with it
        held.directories[7] = ("Directory 7", [number for number in NUMBERS if number != 1004])
        assert (carried_out(project).run.summary["gone"], keys(project)) == (3, ALL - {"1004"})


def test_an_entry_that_is_null_is_refused_and_its_row_stays(project, held):
    carried_out(project)
    held.habits.nulls = {1003}
    course = carried_out(project)
    assert (course.run.status, course.run.summary["refused_count"]) == (statuses.PARTIAL, 1)
    assert keys(project) == ALL


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        (b'"x_min":10', b'"x_min":NaN', 1),
        (b'"x_min":10', b'"x_min":123456789012345678901234', 1),
        (b'"name":"Ripe"}]', b'"name":"Ripe","default":NaN}]', 0),
    ],
)
def test_an_entry_that_is_no_json_is_refused_alone_and_known_by_its_number(project, held, before, after, refused):
    carried_out(project)
    held.jobs[42].tasks = held.jobs[42].tasks[:-1]
    held.habits.changes = lambda content: content.replace(before, after, 1)
    course = carried_out(project)
    assert (course.run.status, course.run.summary["refused_count"]) == (
        statuses.PARTIAL if refused else statuses.COMPLETED,
        refused,
    )
    assert (course.run.summary["gone"], keys(project)) == (1, ALL - {"1029"})


def test_two_tasks_on_one_file_are_one_row(project, held):
    held.jobs[42].tasks.append((1003, "complete"))
    course = carried_out(project)
    assert is_whole(course, held)
    assert course.run.summary["told"][TASK_COUNT] == 31
    assert course.run.summary["told"]["rows in its file"] == 30


def test_a_viewers_key_is_told_so(project, held):
    held.habits.role = "Viewer"
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert re.search("asking for the export: .* answered 403 .*its role may not do that", course.run.error)
    assert held.exports == {}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"null", "no JSON export of Diffgram's"),
        (b"<html>", "a page or an error of its storage"),
        (b'{"label_map": {}, "1": {"file"', "not whole"),
        (b'{"a": 1}', "none of readme, label_map"),
        (b'{"label_map": {}, "export_info": {"id": 9}}', "of export '9', not of 501"),
        (b'{"label_map": {}, "export_info": {"id": 501, "source": "directory"}}', "source 'directory', and 'job'"),
        (b'{"label_map": {}, "export_info": {"id": 501, "job": {"id": 4}}}', "of job '4', and 42"),
        (b'{"label_map": {}, "export_info": {"export_format_version": "2.0"}}', "export_format_version '2.0'"),
    ],
)
def test_a_file_that_is_not_what_was_asked_for_is_not_read(project, held, content, reason):
    held.habits.file_content = content
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert reason in course.run.error
    assert keys(project) == set()
