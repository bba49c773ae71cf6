"""A sync from a Labellerr that misbehaves: each ends right, in words that name the step, and asks for one export."""

from __future__ import annotations

import re
import threading
from types import SimpleNamespace

import pytest

from connections.connection_actions import create_connection
from connections.models import Project
from connections.platforms import remote
from connections.store.models import StoreRow
from connections.sync.actions import mirror_project
from exportadmin.runs import statuses
from tests.connections.sync.conftest import ME, Course, carried_out, keys
from tests.rest.world import SHELL
from tests.support.far_side import Answer, page, redirect, silence
from tests.support.labellerr_server import CREATED, PROCESSING, Habits, LabellerrServer, labelled_row, refusal

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = 30
FAILED = {"export_status": "Failed", "is_completed": False, "error": "no space"}


@pytest.fixture
def held(labellerr_server: LabellerrServer) -> LabellerrServer:
    labellerr_server.serve("one", [{**labelled_row(number), "updated_at": 1} for number in range(COUNT)])
    return labellerr_server


@pytest.fixture
def project(held: LabellerrServer) -> Project:
    connection = create_connection(
        kind="labellerr", name="Labellerr", config=held.config, secrets=held.secrets, actor=SHELL
    )
    return mirror_project(connection=connection, external_id="one", actor=ME)


def is_whole(course: Course, held: LabellerrServer) -> bool:
    """Completed, with one export there and every row here."""
    assert (course.run.status, course.run.error) == (statuses.COMPLETED, "")
    assert len(held.exports) == 1
    assert keys(course.run.project) == {labelled_row(number)["file_id"] for number in range(COUNT)}
    return True


# --- what is over by itself -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("route", "answers", "waited"),
    [
        ("status", [page(502)], "Labellerr, looking how the export stands: .* answered 502"),
        ("status", [page()], "Labellerr, looking how the export stands: .* does not answer as Labellerr does"),
        ("status", [refusal(429, Retry_After="7")], "Labellerr, looking how the export stands: .* answered 429"),
        ("status", [silence(is_done=False)], "Labellerr, looking how the export stands: .* broke off"),
        ("download", [refusal(503), refusal(503)], "Labellerr, looking how the export stands: .* answered 503"),
        ("download", [Answer(200, b'{"response": {"url": null}}')], ""),
        ("storage", [Answer(500)], "answered 500"),
    ],
)
def test_what_is_over_by_itself_is_waited_for(project, held, route, answers, waited):
    held.answers[route] = answers
    course = carried_out(project)
    assert is_whole(course, held)
    assert held.count("create") == 1
    assert re.search(waited, course.waited[0])


def test_one_that_is_busy_is_asked_again_when_it_says(project, held):
    held.answers["create"] = [refusal(429, "Too many", Retry_After="3600")]
    course = carried_out(project)
    assert is_whole(course, held)
    assert re.search("Labellerr, asking for the export: .* answered 429 .*: Too many", course.waited[0])


@pytest.mark.parametrize(
    "answer", [silence(is_done=True), Answer(502, is_done=True), Answer(200, b"<html>", is_done=True)]
)
def test_one_whose_answer_was_lost_is_found_and_never_asked_for_again(project, held, answer):
    held.answers["create"], held.answers["list"] = [answer], [page()]
    course = carried_out(project)
    assert is_whole(course, held)
    assert held.count("create") == 1
    assert "looking for the export, whose answer was lost" in course.waited[0]


def test_one_that_answers_too_late_is_found(project, held, settings):
    settings.PLATFORM_ANSWER_SECONDS = 1
    over = threading.Event()
    held.answers["create"] = [silence(is_done=True, until=over)]
    course = carried_out(project)
    over.set()
    assert is_whole(course, held)
    assert held.count("create") == 1


def test_of_several_of_one_name_the_oldest_is_taken(project, held):
    """Somebody else, or a gateway, sent ours again."""

    def again() -> None:
        held.on.clear()
        (export,) = held.exports.values()
        moments[0] += 1000
        held.make("one", **export.body)

    moments = [1_764_000_000_000]
    held.clock_ms = lambda: moments[0]
    held.answers["create"] = [silence(is_done=True)]
    held.on["create", "after"] = again
    course = carried_out(project)
    assert course.run.status == statuses.COMPLETED
    assert course.run.remote_id == "report00000000000001"
    assert held.count("create") == 1


def test_an_address_that_has_ended_is_asked_for_anew(project, held):
    held.habits.expired = 3
    assert is_whole(carried_out(project), held)


# --- what is shown, and waited for no longer than it may be -----------------------------------------------------------


def test_a_word_that_nobody_knows_needs_attention_until_it_is_one(project, held):
    held.habits.looks = [{"export_status": "Packing", "is_completed": True}, CREATED]
    course = carried_out(project)
    assert is_whole(course, held)
    assert course.waited[0] == (
        "needs attention: Labellerr says 'Packing', which is not known here; it is not taken for made"
    )


def test_one_that_does_not_move_is_given_up(project, held, monkeypatch):
    clock = [1_000_000.0]
    monkeypatch.setattr(remote, "time", SimpleNamespace(time=lambda: clock[0]))
    held.habits.looks = [PROCESSING]

    def later() -> None:
        clock[0] += 400

    course = carried_out(project, before_each=later)
    assert course.run.status == statuses.FAILED
    assert "Labellerr has said 'Processing' of export report00000000000001 for 15 minutes" in course.run.error
    assert held.count("create") == 1


# --- what ends it -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("route", "answer", "words"),
    [
        (
            "create",
            refusal(401, "Invalid API key"),
            "asking for the export: .* answered 401 .*: API key or API secret is",
        ),
        (
            "create",
            refusal(422, "no such template"),
            r"asking for the export: .* answered 422 .*: no .* \(tracking id t-0\)",
        ),
        ("create", redirect("/elsewhere"), "asking for the export: .* redirects a POST elsewhere"),
        ("status", refusal(401), "looking how the export stands: .* answered 401"),
        ("status", refusal(403), "looking how the export stands: .* answered 403 .*: the key may not do that"),
        ("download", refusal(401), "looking how the export stands: .* answered 401"),
        ("storage", Answer(418), "fetching the file: .* answered 418"),
    ],
)
def test_a_refusal_ends_it_with_the_step(project, held, route, answer, words):
    held.answers[route] = [answer]
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert re.search(f"^Labellerr, {words}", course.run.error), course.run.error
    assert held.count("create") == 1
    assert not StoreRow.objects.exists()


@pytest.mark.parametrize(
    ("habits", "words"),
    [
        (
            {"looks": [{"export_status": "FAILED", "is_completed": False, "error": "no space"}]},
            "it says 'FAILED': no space",
        ),
        ({"expired": 99}, "fetching the file: the address of the file answered 403 .*, and so did 3 new ones"),
        ({"file_bytes": 3000}, "fetching the file: the file is not whole, or no JSON: .*"),
        ({"file_content": b""}, "fetching the file: the file is empty"),
        ({"file_content": b"<html>"}, "fetching the file: instead of the file a page or an error of its storage came"),
        ({"file_content": b'{"info": {}}'}, "fetching the file: the file is no json export: it is a JSON object"),
        ({"file_bytes": 3000, "is_cut": True}, "fetching the file, 4 times: .* broke off its answer"),
    ],
)
def test_what_is_no_whole_export_ends_it_and_brings_nothing(project, held, habits, words):
    held.habits = Habits(**habits)
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert re.search(words, course.run.error), course.run.error
    assert len(held.exports) == 1
    assert not StoreRow.objects.exists()


def test_a_file_beyond_the_limit_ends_it(project, held, settings):
    settings.PLATFORM_FILE_BYTES = 1000
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert "fetching the file: the file has more than 1,000 bytes" in course.run.error


# --- what is no trouble -----------------------------------------------------------------------------------------------


def test_no_files_is_nothing_new(project, held):
    carried_out(project)
    course = carried_out(project)
    assert (course.run.status, course.run.mode, course.run.summary["rows"]) == ("completed", "incremental", 0)
    assert len(keys(project)) == COUNT


def test_rows_without_annotations_are_rows(project, held):
    held.projects["one"].rows = [{**row, "latest_answer": []} for row in held.projects["one"].rows]
    assert is_whole(carried_out(project), held)


def test_one_that_ignores_the_time_is_found_out_with_examples(project, held):
    for _ in range(2):
        assert carried_out(project).run.status == statuses.COMPLETED
    held.habits.ignores_updated_after = True
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert re.search(r"sent all 30 rows.*such as 'file-0000000'.*it ignored the filter", course.run.error)
