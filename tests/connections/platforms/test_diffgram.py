"""Diffgram's wire: keys and roles, errors in both of their shapes, what does not exist, and its list of exports."""

from __future__ import annotations

import re

import pytest

from connections.adapters import FAILED, PASSED
from connections.connection_actions import create_connection
from connections.platforms.base import Failed, Ready, Waiting
from connections.platforms.diffgram import client
from connections.platforms.diffgram.platform import DiffgramPlatform
from exportadmin.lib.errors import PermanentError, TransientError, UserError
from tests.connections.platforms.conftest import connected_diffgram
from tests.rest.world import SHELL
from tests.support.diffgram_server import SECRET, image, refusal
from tests.support.far_side import Answer, page


def steps(platform: DiffgramPlatform) -> dict[str, tuple[str, str]]:
    return {step.key: (step.state, step.message) for step in DiffgramPlatform.test(platform.connection)}


def test_the_role_of_the_key_is_found_out_and_said(diffgram, diffgram_side):
    assert steps(diffgram)["role"] == (PASSED, "admin or Editor: exports are made, looked at and fetched")
    diffgram_side.habits.role = "Viewer"
    found = steps(diffgram)
    assert found["role"][0] == PASSED
    assert found["role"][1].startswith("Viewer: exports that others made are listed and fetched")
    assert found["jobs"] == (PASSED, "1 job")
    assert found["directories"] == (PASSED, "1 directory")
    assert diffgram_side.exports == {}  # a test makes nothing


@pytest.mark.parametrize(
    ("wrong", "step", "said"),
    [
        ({"client_secret": "another-secret"}, "sign_in", "answered 403 .*the key is another project's"),
        ({"project_string_id": "nosuch"}, "sign_in", r"answered 403 \(forbidden\): Can't find project"),
    ],
)
def test_a_wrong_key_is_a_failed_step_in_words(diffgram_side, db, wrong, step, said):
    state, message = steps(connected_diffgram(diffgram_side, **wrong))[step]
    assert state == FAILED
    assert re.search(said, message)
    assert SECRET not in message


@pytest.mark.parametrize("answer", [page(), page(404), page(503)])
def test_where_nobody_is_diffgram_is_a_failed_step(diffgram, diffgram_side, answer):
    diffgram_side.answers["list"] = [answer]
    assert steps(diffgram)["reach"][0] == FAILED


def test_slashes_at_the_end_of_the_address_go(diffgram_side, db):
    platform = connected_diffgram(diffgram_side, base_address=f"{diffgram_side.url}//")
    assert platform.connection.config["base_address"] == diffgram_side.url
    assert [one.name for one in platform.projects()] == ["Batch 42 (job 42)", "Directory 7 (directory 7)"]


def test_settings_that_cannot_be_are_refused(diffgram_side, db):
    for name, value in (("project_string_id", "a/b"), ("client_id", "LIVE:1"), ("base_address", "diffgram.com")):
        with pytest.raises(UserError):
            create_connection(
                kind="diffgram",
                name="Wrong",
                config={**diffgram_side.config, name: value},
                secrets=diffgram_side.secrets,
                actor=SHELL,
            )


def test_what_does_not_exist_is_said_as_500_and_is_the_end_all_the_same(diffgram, diffgram_side, tmp_path):
    with pytest.raises(PermanentError, match=r"answered 500 .*'bool' object .*a directory of that number"):
        diffgram.ask("directory:99", diffgram.for_sync("x", None))
    with pytest.raises(PermanentError, match=r"answered 403 \(forbidden\): No job"):
        diffgram.ask("job:99", diffgram.for_sync("x", None))
    with pytest.raises(PermanentError, match=r"answered 400 \(bad request\): Security error, invalid match"):
        diffgram.look("job:42", "99999")
    with pytest.raises(PermanentError, match="neither a job nor a directory: write job:42 or directory:7"):
        diffgram.project("Batch 42")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"log": {"error": {"masks": "Missing masks"}, "info": {}, "success": False}}, "Missing masks"),
        ({"error": {"project_permissions": "invalid match"}, "success": False}, "invalid match"),
        ({"log": {"error": {"over_free_plan_limit": True, "active_instances": 9}}}, "active_instances: 9"),
    ],
)
def test_both_shapes_of_errors_are_read(diffgram, diffgram_side, body, said):
    diffgram_side.answers["to_file"] = [refusal(400, body)]
    with pytest.raises(PermanentError, match=rf"answered 400 \(bad request\): .*{said}"):
        diffgram.ask("job:42", diffgram.for_sync("x", None))


def test_a_limit_says_when_it_is_over(diffgram, diffgram_side):
    diffgram_side.answers["to_file"] = [refusal(429, {"error": "429: 50 per 1 day"}, Retry_After="600")]
    with pytest.raises(TransientError, match="50 per 1 day") as limited:
        diffgram.ask("job:42", diffgram.for_sync("x", None))
    assert limited.value.retry_after == 600


def test_its_exports_are_listed_by_whomever_and_by_place(diffgram, diffgram_side):
    made = diffgram_side.make()
    diffgram_side.make(job_id=None, source="directory", directory_id=7, ann_is_complete=True)
    diffgram_side.make(source="task", task_id=2003, job_id=None)
    failed = diffgram_side.make()
    failed.status, failed.status_text = "failed", "list index out of range"
    diffgram_side.habits.looks = [50.0]
    newest, of_task, first = ((one.name, one.standing) for one in diffgram.exports("job:42"))
    assert newest == ("job Batch 42", Failed("failed", "list index out of range"))
    assert of_task[0] == "task 2003"
    assert first == ("job Batch 42", Waiting("init", progress=0.5, if_stuck=first[1].if_stuck))
    (of_directory,) = diffgram.exports("directory:7")
    assert of_directory.name == "directory Directory 7, complete only"
    assert of_directory.details["file_list_length"] == 20
    made.status = "complete"
    (one,) = [one for one in diffgram.exports("job:42") if one.remote_id == str(made.number)]
    assert isinstance(one.standing, Ready)
    assert one.created_ms == made.created_ms // 1000 * 1000


def test_jobs_come_page_by_page(diffgram, diffgram_side):
    for number in range(100, 190):
        diffgram_side.serve({}, job=number, directory=7)
    assert sum(one.external_id.startswith("job:") for one in diffgram.projects()) == 91
    assert diffgram.project("job:189").name == "Batch 189 (job 189)"


def test_pages_of_jobs_that_are_all_the_same_are_no_list(diffgram, diffgram_side):
    for number in range(100, 190):
        diffgram_side.serve({}, job=number, directory=7)
    same = {"Job_list": [{"id": number} for number in range(50)], "metadata": {"number_of_pages": 2}}
    diffgram_side.answers["jobs"] = [refusal(200, same), refusal(200, same)]
    with pytest.raises(TransientError, match="page 2 of the jobs is one that it sent before"):
        list(diffgram.projects())


def test_a_list_of_jobs_that_is_longer_than_is_read_says_so_and_one_beyond_it_is_had_by_its_number(
    diffgram, diffgram_side, monkeypatch
):
    monkeypatch.setattr(client, "_MOST_PAGES", 1)
    for number in range(100, 190):
        diffgram_side.serve({}, job=number, directory=7)
    assert len([one for one in diffgram.projects() if one.external_id.startswith("job:")]) == 50
    (said,) = diffgram.left_out
    assert said.startswith("Of the jobs the first 50 were read, and there may be more.")
    diffgram_side.answers["builder"] = [refusal(200, {"job": {"id": 189, "name": "Batch 189"}})]
    assert diffgram.project("job:189").name == "Batch 189 (job 189)"
    with pytest.raises(TransientError, match="300 per 1 day"):
        diffgram.project("job:190")


def test_a_list_of_exports_that_nobody_tidied_is_read_however_long_it_is(diffgram, diffgram_side):
    made = diffgram_side.make()
    made.status, made.status_text = "failed", "x" * 17_000_000
    newest = diffgram_side.make()
    wanted = diffgram.for_sync("x", None)
    assert diffgram.before("job:42", wanted)["highest"] == newest.number
    assert [one.remote_id for one in diffgram.exports("job:42")] == [str(newest.number), str(made.number)]
    assert diffgram.find_unnamed("job:42", wanted, {"highest": made.number}, ()) == str(newest.number)


@pytest.mark.parametrize("content", [b"", b"<p>", b'{"export_list": [{"id": 1}', b'{"export_list": {}}', b"{}"])
def test_a_list_of_exports_that_is_none_is_not_an_empty_one(diffgram, diffgram_side, content):
    diffgram_side.answers["list"] = [Answer(200, content)]
    with pytest.raises(TransientError, match="does not answer as Diffgram does"):
        diffgram.exports("job:42")


def test_a_directory_that_a_cut_list_does_not_have_is_there(diffgram, diffgram_side, monkeypatch):
    diffgram_side.serve({1: image(1)}, job=43, directory=8)
    assert diffgram.project("directory:7").name == "Directory 7 (directory 7)"
    monkeypatch.setattr(client, "_MOST_DIRECTORIES", 1)
    assert [one.external_id for one in diffgram.projects()][-1] == "directory:8"
    assert diffgram.project("directory:7").name == "directory 7"
    with pytest.raises(PermanentError):
        diffgram.project("directory:99")
