"""A sync from a Label Studio that misbehaves: each ends right, in words that name the step; nothing is left there."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from connections.connection_actions import create_connection
from connections.models import Project
from connections.platforms import remote
from connections.platforms.label_studio import platform
from connections.store.models import StoreRow
from connections.sync.actions import mirror_project
from exportadmin.runs import statuses
from tests.connections.sync.conftest import ME, Course, carried_out, keys
from tests.rest.world import SHELL
from tests.support.far_side import page, redirect, silence
from tests.support.label_studio_server import (
    COMPLETED,
    FAILED,
    IN_PROGRESS,
    PERSONAL_TOKEN,
    Habits,
    LabelStudioServer,
    MadeTasks,
    html,
    refusal,
)

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = 30


@pytest.fixture
def held(label_studio_server: LabelStudioServer) -> LabelStudioServer:
    label_studio_server.serve(1, MadeTasks(COUNT), title="Harbour")
    return label_studio_server


@pytest.fixture
def mirror(held: LabelStudioServer) -> Callable[[], Project]:
    """Made when the server's token is settled."""

    def make() -> Project:
        connection = create_connection(
            kind="label_studio", name="Studio", config=held.config, secrets=held.secrets, actor=SHELL
        )
        return mirror_project(connection=connection, external_id="1", actor=ME)

    return make


@pytest.fixture
def project(mirror: Callable[[], Project]) -> Project:
    return mirror()


def is_whole(course: Course, held: LabelStudioServer) -> bool:
    """Completed, with every row here, after one snapshot there, which is gone again."""
    assert (course.run.status, course.run.error) == (statuses.COMPLETED, "")
    assert (held.made, held.exports, held.views) == (1, {}, {})
    assert keys(course.run.project) == {f"task-{number}" for number in range(1, COUNT + 1)}
    return True


UNAUTHORIZED = r"answered 401 \(unauthorized\)"


# --- what is over by itself -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("route", "answers", "waited"),
    [
        (
            "create",
            [refusal(429, "Too many", Retry_After="3600")],
            r"asking for the export: .* answered 429 \(too many requests\): Too many",
        ),
        ("look", [html(500)], "looking how the export stands: .* answered 500"),
        ("look", [page()], r"looking how the export stands: .* does not answer as Label Studio does \(it is a page"),
        ("look", [refusal(429, Retry_After="7")], "looking how the export stands: .* answered 429"),
        ("look", [silence(is_done=False)], "looking how the export stands: .* broke off"),
        ("download", [html(500), refusal(429)], "answered 500"),
        ("download", [silence(is_done=False)], "broke off"),
    ],
)
def test_what_is_over_by_itself_is_waited_for(project, held, route, answers, waited):
    held.answers[route] = answers
    course = carried_out(project)
    assert is_whole(course, held)
    assert held.count("create") == (2 if route == "create" else 1)
    assert re.search(waited, course.waited[0])
    assert "Server Error" not in course.waited[0]


@pytest.mark.parametrize("answer", [silence(is_done=True), refusal(504), html(500), page()])
def test_one_whose_answer_was_lost_is_adopted_and_never_asked_for_again(project, held, answer):
    answer.is_done = True  # it goes on and completes, unknown to who asked
    held.answers["create"], held.habits.looks = [answer], [IN_PROGRESS, COMPLETED]
    assert is_whole(carried_out(project), held)
    assert held.count("create") == 1


def test_one_that_was_not_made_is_looked_for_first_and_then_asked_for_once_more(project, held, monkeypatch):
    held.answers["create"] = [html(500)]  # its database is locked
    monkeypatch.setattr(remote, "LOST_SECONDS", 0.0)
    assert is_whole(carried_out(project), held)
    asked = [call.route for call in held.calls if call.route in ("create", "list")]
    assert asked == ["create", "list", "list", "create", "list"]  # the last one looks for what is to be taken away


def test_a_download_that_breaks_off_goes_on_behind_its_last_byte(project, held):
    held.habits.cuts = [1000, 2000]
    assert is_whole(carried_out(project), held)
    ranges = [call.headers["range"] for call in held.calls if call.route == "download"]
    assert ranges == ["bytes=0-", "bytes=1000-", "bytes=3000-"]


def test_a_server_that_knows_no_ranges_sends_all_of_it(project, held):
    held.habits.has_ranges = False
    assert is_whole(carried_out(project), held)


def test_a_download_that_ends_early_as_if_it_were_whole_is_fetched_again(project, held):
    held.habits.cuts, held.habits.is_cut = [1000], True
    course = carried_out(project)
    assert is_whole(course, held)
    assert "Label Studio counted" in course.waited[0] or "has the md5" in course.waited[0]


def test_an_access_token_that_ends_is_made_anew(held, mirror):
    held.token, held.habits.looks = PERSONAL_TOKEN, [IN_PROGRESS, COMPLETED]
    project = mirror()

    def expire() -> None:
        held.on.clear()
        held.access_tokens.clear()

    held.on["look", "before"] = expire
    assert is_whole(carried_out(project), held)
    assert [call.route for call in held.calls].count("refresh") == len(held.access_tokens) + 2


# --- what ends it -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("look", [html(500), silence(is_done=False), refusal(429)])
def test_one_that_failed_while_it_was_made_is_asked_for_once_though_nobody_can_look_at_it(project, held, look):
    held.habits.breaks = True
    held.answers["look"] = [look, look]
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert "asking for the export: the snapshot failed while it was made" in course.run.error
    assert (held.count("create"), held.made, held.exports) == (1, 1, {})


def test_one_that_failed_by_its_answer_and_is_made_by_its_looks_is_made(project, held):
    held.habits.post_status = FAILED
    assert is_whole(carried_out(project), held)


def test_where_no_access_token_can_be_had_no_answer_was_lost(held, mirror):
    held.token = PERSONAL_TOKEN
    project = mirror()

    def expire() -> None:
        held.on.clear()
        held.access_tokens.clear()
        held.answers["refresh"] = [html(500)]

    held.on["project", "after"] = expire
    course = carried_out(project)
    assert is_whole(course, held)
    assert held.count("list") == 1  # of what is taken away: nothing was looked up
    assert any("asking for the export: " in waited for waited in course.waited), course.waited


def revoke(held: LabelStudioServer) -> None:
    held.habits.is_revoked = True


@pytest.mark.parametrize(
    ("habits", "words"),
    [
        ({"breaks": True}, "asking for the export: the snapshot failed while it was made; Label Studio says no reason"),
        ({"looks": [FAILED]}, r"did not make the export \(it says 'failed': Label Studio says no reason"),
        (
            {"md5": "0" * 32},
            "fetching the file, 4 times: the file has the md5 .*, and Label Studio says '0000",
        ),
        ({"task_number": 31}, "fetching the file: the file has 30 tasks, and Label Studio counted 31 in the snapshot"),
        ({"file_content": b"<html>"}, "fetching the file, 4 times: .*|fetching the file: instead of the file a page"),
        ({"cuts": [900] * 99, "is_cut": True}, "fetching the file, 4 times: the file has the md5"),
    ],
)
def test_what_is_no_whole_snapshot_ends_it_with_the_step_and_leaves_nothing_there(project, held, habits, words):
    held.habits = Habits(**habits)
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert re.search(f"^Label Studio,? {words}", course.run.error), course.run.error
    assert (held.made, held.exports) == (1, {})
    assert not StoreRow.objects.exists()


@pytest.mark.parametrize(
    ("route", "answer", "words"),
    [
        (
            "create",
            refusal(403, "No permission"),
            r"asking for the export: .* answered 403 \(forbidden\): the token's user may not",
        ),
        ("create", redirect("/elsewhere"), "asking for the export: .* redirects a POST elsewhere"),
        ("look", html(404), r"looking how the export stands: .* has no snapshot 1 in project 1 \(any more\)"),
        ("download", html(404), r"fetching the file: .* answered 404 \(not found\)$"),
    ],
)
def test_a_refusal_ends_it_with_the_step_and_its_page_is_never_shown(project, held, route, answer, words):
    held.answers[route] = [answer]
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert re.search(f"^Label Studio, {words}", course.run.error), course.run.error
    assert "<" not in course.run.error
    assert held.exports == {}


@pytest.mark.parametrize(
    ("token", "habit", "words"),
    [
        ("", "is_revoked", f"{UNAUTHORIZED}: the token is wrong, has ended or was withdrawn: Invalid token"),
        ("", "legacy_is_off", f"{UNAUTHORIZED}: legacy tokens are switched off there; make a personal access token"),
        (PERSONAL_TOKEN, "is_blacklisted", "takes the personal access token no more: Token is blacklisted: make a new"),
        (PERSONAL_TOKEN, "is_revoked", f"{UNAUTHORIZED}: the token is wrong, has ended or was withdrawn: Given token"),
    ],
)
def test_a_token_that_is_withdrawn_in_the_middle_names_the_step(held, mirror, token, habit, words):
    held.token, held.habits.looks = token or held.token, [IN_PROGRESS, COMPLETED]
    project = mirror()

    def withdraw() -> None:
        setattr(held.habits, habit, True)

    held.on["create", "after"] = withdraw
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert re.search(f"^Label Studio, looking how the export stands: .*{words}", course.run.error), course.run.error


def test_one_that_does_not_move_is_given_up_with_its_reason(project, held, settings):
    settings.PLATFORM_PATIENCE = -1
    held.habits.looks, held.projects[1].tasks = [IN_PROGRESS], []
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert re.search("has said 'in_progress' of export 1 for .* minutes: it was given up", course.run.error)
    assert course.run.error.endswith("Its server's log may tell which")
    assert held.exports == {}


def test_with_a_large_snapshot_more_patience_is_had(project, held, settings, monkeypatch):
    settings.PLATFORM_PATIENCE = -1
    monkeypatch.setattr(platform, "SLOWEST", 0.01)
    held.habits.looks = [IN_PROGRESS, IN_PROGRESS, COMPLETED]
    assert is_whole(carried_out(project), held)


def test_a_word_that_nobody_knows_needs_attention_and_is_never_taken_for_made(project, held):
    held.habits.looks = ["perfect", COMPLETED]
    course = carried_out(project)
    assert is_whole(course, held)
    assert "needs attention: Label Studio says 'perfect', which is not known here" in course.waited[0]


def test_a_file_beyond_the_limit_ends_it(project, held, settings):
    settings.PLATFORM_FILE_BYTES = 1000
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert "fetching the file: the file has more than 1,000 bytes" in course.run.error


def test_a_view_that_cannot_be_made_while_its_database_is_locked_is_tried_again(project, held):
    carried_out(project)
    held.answers["create_view"] = [html(500)]
    course = carried_out(project)
    assert (course.run.status, course.run.mode) == (statuses.COMPLETED, "incremental")
    assert "Label Studio, asking for the export: " in course.waited[0]
    assert (held.made, held.views, held.exports) == (2, {}, {})


def test_a_view_whose_answer_was_lost_is_taken_and_no_second_made(project, held):
    carried_out(project)
    held.answers["create_view"] = [silence(is_done=True)]
    course = carried_out(project)
    assert course.run.status == statuses.COMPLETED
    assert (held.count("create_view"), held.views) == (1, {})


def test_a_project_without_tasks_is_asked_twice_before_everything_goes(project, held):
    carried_out(project)
    held.projects[1].tasks = []
    course = carried_out(project, "full")
    assert (course.run.status, course.run.summary["gone"]) == (statuses.COMPLETED, COUNT)
    assert (held.made, held.exports) == (3, {})
