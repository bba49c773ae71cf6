"""A sync from a Labelbox that misbehaves: each ends right, in words that name the step, and asks for one export."""

from __future__ import annotations

import re
import threading

import orjson
import pytest

from connections.connection_actions import create_connection
from connections.models import Project
from connections.store.imports.files import first_refused
from connections.store.models import StoreRow, StoreTombstone
from connections.sync.actions import mirror_project
from connections.sync.models import AUTO, FULL, INCREMENTAL, Mirror
from exportadmin.runs import statuses
from tests.connections.sync.conftest import ME, Course, carried_out, keys
from tests.rest.world import SHELL
from tests.support.far_side import Answer, page, redirect, silence
from tests.support.labelbox_server import (
    COMPLETE,
    IN_PROGRESS,
    Habits,
    LabelboxServer,
    labelled_row,
    picture,
    refusal,
    with_mask,
)

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = 30
ERRORS = ['{"dataRowId": "row-9", "message": "could not be rendered"}', "no JSON at all"]


@pytest.fixture
def held(labelbox_server: LabelboxServer) -> LabelboxServer:
    labelbox_server.serve("one", [labelled_row(number) for number in range(COUNT)])
    return labelbox_server


@pytest.fixture
def project(held: LabelboxServer) -> Project:
    connection = create_connection(
        kind="labelbox", name="Labelbox", config=held.config, secrets=held.secrets, actor=SHELL
    )
    return mirror_project(connection=connection, external_id="one", actor=ME)


def is_whole(course: Course, held: LabelboxServer) -> bool:
    """Completed, with one export there and every row here; the key went nowhere else."""
    assert (course.run.status, course.run.error) == (statuses.COMPLETED, "")
    assert len(held.tasks) == 1
    assert keys(course.run.project) == {f"key-{number:05}" for number in range(COUNT)}
    assert not held.leaks
    return True


# --- what is over by itself -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("route", "answer", "waited"),
    [
        ("task", page(502), "Labelbox, looking how the export stands: .* answered 502"),
        ("task", page(), "looking how the export stands: .* does not answer as Labelbox does .*a page instead of JSON"),
        ("task", Answer(429, headers={"Retry-After": "7"}), "looking how the export stands: .* answered 429"),
        ("task", silence(is_done=False), "looking how the export stands: .* broke off"),
        ("task", refusal("INTERNAL_SERVER_ERROR", "timeout"), "stands: .* had an error of its own: timeout"),
        ("task", Answer(200, b'{"data": {"user": {"createdTasks": []}}}'), "says 'nothing of this export'"),
        ("size", Answer(503), "answered 503"),
        ("size", Answer(200, b'{"data":{"task":{"exportMetadataHeader":{"totalSize":"-1"}}}}'), "the size .* is none"),
        ("chunk", Answer(200, b'{"data": {"task": {"exportFileFromOffset": null}}}'), "names no file of byte 0"),
        ("file", Answer(500), "answered 500"),
    ],
)
def test_what_is_over_by_itself_is_waited_for(project, held, route, answer, waited):
    held.answers[route] = [answer]
    course = carried_out(project)
    assert is_whole(course, held)
    assert held.count("create") == 1
    assert re.search(waited, course.waited[0]), course.waited


@pytest.mark.parametrize(
    "answer",
    [
        Answer(429, b"{}", {"Retry-After": "3600"}),
        Answer(200, b'{"message": "You have exceeded your limit of requests"}'),
        Answer(200, b'{"message": "You have exceeded your limit of requests"}', {"Retry-After": "9" * 20}),
        Answer(429, b"{}", {"Retry-After": "9" * 20}),
        refusal("SOME_LIMIT", "Too many exports are running"),
    ],
)
def test_one_that_is_busy_made_nothing_and_is_asked_again(project, held, answer):
    held.answers["create"] = [answer]
    course = carried_out(project)
    assert is_whole(course, held)
    assert held.count("create") == 2
    assert course.waited[0].startswith("Labelbox, asking for the export: ")


@pytest.mark.parametrize(
    "answer",
    [
        silence(is_done=True),
        Answer(502, is_done=True),
        Answer(524, is_done=True),
        Answer(200, b"<html>", is_done=True),
        Answer(200, orjson.dumps({"data": {"exportDataRowsInProject": None}}), is_done=True),
        Answer(200, refusal("INTERNAL_SERVER_ERROR", "timeout").body, is_done=True),
    ],
)
def test_one_whose_answer_was_lost_is_found_by_its_name_and_never_asked_for_again(project, held, answer):
    held.answers["create"], held.answers["tasks"] = [answer], [page()]
    course = carried_out(project)
    assert is_whole(course, held)
    assert held.count("create") == 1
    assert "looking for the export, whose answer was lost" in course.waited[0]
    assert Mirror.objects.get(project=project).watermark_ms is not None  # its task says when it was made


def test_one_that_was_not_made_is_asked_for_once_more(project, held, monkeypatch):
    monkeypatch.setattr("connections.platforms.remote.LOST_SECONDS", 0.0)
    held.answers["create"] = [Answer(502)]
    assert is_whole(carried_out(project), held)
    assert held.count("create") == 2


def test_one_that_may_stand_behind_the_end_of_a_long_list_is_not_asked_for_once_more(project, held, monkeypatch):
    monkeypatch.setattr("connections.platforms.remote.LOST_SECONDS", 0.0)
    monkeypatch.setattr("connections.platforms.labelbox.client._PAGE", 1)
    monkeypatch.setattr("connections.platforms.labelbox.client._MOST_PAGES", 2)
    for _ in range(2):
        carried_out(project, FULL)
    held.answers["create"], before = [Answer(502)], held.count("create")
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert (
        "of the tasks of the key's user 2 were read, and there may be more. Nothing was asked for twice"
        in course.run.error
    )
    assert held.count("create") == before + 1


def test_one_that_answers_too_late_is_found(project, held, settings):
    settings.PLATFORM_ANSWER_SECONDS = 1
    over = threading.Event()
    held.answers["create"] = [silence(is_done=True, until=over)]
    course = carried_out(project)
    over.set()
    assert is_whole(course, held)
    assert held.count("create") == 1


@pytest.mark.parametrize("answer", [Answer(403, b"<Error>"), Answer(400), page()])
def test_an_address_that_has_ended_is_asked_for_anew(project, held, answer):
    held.habits.expired, held.habits.expired_answer = 3, answer
    assert is_whole(carried_out(project), held)
    assert held.count("chunk") > 3


@pytest.mark.parametrize("knows_ranges", [True, False])
@pytest.mark.parametrize("is_cut", [True, False])
def test_a_file_that_breaks_off_is_gone_on_with_behind_its_last_byte(project, held, knows_ranges, is_cut):
    held.habits = Habits(knows_ranges=knows_ranges, is_cut=is_cut, short=700, shorts=2, has_text_numbers=is_cut)
    assert is_whole(carried_out(project), held)
    fetched = [call.headers.get("range") for call in held.calls if call.route == "file"]
    assert fetched[0] is None
    assert re.fullmatch(r"bytes=\d+-", fetched[1])


# --- what is shown ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["PACKING", "CANCELLING", "None"])
def test_a_word_that_is_not_complete_is_never_taken_for_it(project, held, word):
    held.habits.looks = [word, IN_PROGRESS, COMPLETE]
    course = carried_out(project)
    assert is_whole(course, held)
    known = "" if word == "CANCELLING" else f"needs attention: Labelbox says {word!r}"
    assert course.waited[0].startswith(known)
    assert bool(course.waited[0]) == bool(known)


def test_lines_of_the_stream_of_errors_are_shown_as_they_are_and_nothing_is_taken_for_gone(project, held):
    carried_out(project)
    before = Mirror.objects.get(project=project).watermark_ms
    held.projects["one"].rows = list(held.projects["one"].rows)[1:]
    held.habits.errors = ERRORS
    Mirror.objects.update(full_due=True)
    course = carried_out(project)
    assert (course.run.mode, course.run.status, course.run.error) == (
        FULL,
        "partial",
        "Labelbox has 2 lines in its stream of errors: rows may be missing. The next sync asks for them once more, and "
        "goes on without what is missing then, too",
    )
    (note,) = (one for one in course.run.summary["notes"] if "stream of errors" in one["text"])
    assert (note["count"], note["text"]) == (2, f"lines in the stream of errors, such as {ERRORS[0]}; {ERRORS[1]}")
    assert not StoreTombstone.objects.exists()
    assert Mirror.objects.get(project=project).watermark_ms == before


@pytest.mark.parametrize("wanted", [AUTO, FULL])
def test_a_row_that_never_can_be_exported_holds_nothing_up_for_long(project, held, wanted):
    held.habits.errors = ERRORS
    if wanted == AUTO:  # somebody who asks for everything sees it, and goes on at once
        assert (carried_out(project).run.mode, Mirror.objects.get(project=project).watermark_ms) == (FULL, None)
    course = carried_out(project, wanted)
    assert (course.run.status, course.run.error) == (
        "partial",
        "Labelbox has 2 lines in its stream of errors: rows may be missing. What is missing is asked for again by the "
        "next full sync",
    )
    assert Mirror.objects.get(project=project).watermark_ms == next(reversed(held.tasks.values())).created_ms
    held.habits.errors = []  # none of what changed since
    course = carried_out(project)
    assert (course.run.mode, course.run.status) == (INCREMENTAL, statuses.COMPLETED)


def test_a_stream_of_errors_that_cannot_be_had_ends_nothing(project, held):
    held.habits.errors, held.habits.expired_of = ERRORS, "ERRORS"
    held.habits.expired = 99
    course = carried_out(project)
    assert (course.run.status, len(keys(project))) == ("partial", COUNT)
    (note,) = (one for one in course.run.summary["notes"] if "stream of errors" in one["text"])
    assert re.search("which could not be had: the address of the file answered 403", note["text"])


@pytest.mark.parametrize(
    "broken",
    [
        (b'"priority":5', b'"priority":NaN', "it holds NaN"),
        (b'"priority":5', b'"priority":5,"priority":5', 'the key "priority" stands twice'),
        (b'"priority":5', b'"priority":123456789012345678901234', "is beyond 64 bits"),
    ],
)
def test_a_row_that_is_no_json_is_refused_alone_and_known_by_its_key(project, held, broken):
    """One with masks too, which is written anew before it is read."""
    path = "tasks/t/masks/0/index/1"
    mask = {"composite_mask": {"url": f"{held.url}/api/v1/{path}", "color_rgb": [9, 8, 7]}}
    held.habits.masks[path] = picture({(9, 8, 7): (1, 1, 11, 21)})
    rows = list(held.projects["one"].rows)
    held.projects["one"].rows = [with_mask(rows[0], mask), *rows[1:]]
    carried_out(project)
    held.projects["one"].rows = [with_mask(rows[0], mask), *rows[1:-1]]
    before, after, reason = broken
    held.habits.changes = lambda content: content.replace(before, after, 1)
    course = carried_out(project, FULL)
    assert (course.run.status, course.run.summary["refused_count"]) == ("partial", 1)
    assert reason in next(iter(first_refused(course.run, 1)))["reason"]
    assert course.run.summary["gone"] == 1, "it is known which row it is, so what is gone is found"
    assert "key-00000" in keys(project)


def test_a_byte_order_mark_hides_no_mask(project, held):
    path = "tasks/t/masks/0/index/1"
    mask = {"composite_mask": {"url": f"{held.url}/api/v1/{path}", "color_rgb": [9, 8, 7]}}
    held.habits.masks[path] = picture({(9, 8, 7): (1, 1, 11, 21)})
    rows = list(held.projects["one"].rows)
    held.projects["one"].rows = [with_mask(rows[0], mask), *rows[1:]]
    held.habits.changes = lambda content: b"\xef\xbb\xbf" + content
    assert is_whole(carried_out(project), held)
    assert "composite_mask" not in StoreRow.objects.get(project=project, global_key="key-00000").body


def test_a_file_that_comes_packed_is_fetched_from_its_beginning_where_it_broke_off(project, held):
    held.habits = Habits(is_packed=True, is_cut=True, short=700, shorts=1)
    assert is_whole(carried_out(project), held)


# --- what ends it -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("route", "answer", "words"),
    [
        (
            "create",
            refusal("AUTHENTICATION_ERROR", "Invalid API key", 401),
            "asking for the export: .*: the API key is wrong, has ended or was withdrawn: Invalid API key",
        ),
        ("create", refusal("AUTHORIZATION_ERROR"), "asking for the export: .*: the key's user may not do that: no"),
        (
            "create",
            refusal("GRAPHQL_VALIDATION_FAILED", "Query complexity limit exceeded"),
            "asking for the export: .*: it does not take such a request: Query complexity limit exceeded",
        ),
        (
            "create",
            refusal("INTERNAL_SERVER_ERROR", "bad", exception={"status": 422}),
            "asking for the export: .*: it does not take the request's values: bad",
        ),
        ("create", refusal("BRAND_NEW", "never heard of"), "asking .*: it says BRAND_NEW: never heard of"),
        ("create", redirect("/elsewhere"), "asking for the export: .* redirects a POST elsewhere"),
        ("task", Answer(401), "looking how the export stands: .* answered 401 .*: the API key is wrong"),
        ("size", refusal("RESOURCE_NOT_FOUND"), "fetching the file: .*: there is no such thing, or the key's user"),
        ("file", Answer(418), "fetching the file: .* answered 418"),
        ("file", redirect("http://10.0.0.1/x"), r"fetching the file: .*10\.0\.0\.1 is .*private"),
    ],
)
def test_a_refusal_ends_it_with_the_step(project, held, route, answer, words):
    held.answers[route] = [answer]
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert re.search(f"^Labelbox, {words}", course.run.error), course.run.error
    assert held.count("create") == 1
    assert not StoreRow.objects.exists()


@pytest.mark.parametrize(
    ("habits", "words"),
    [
        ({"looks": ["FAILED"]}, "did not make the export .it says 'FAILED': Labelbox says no reason"),
        ({"looks": ["CANCELED"], "more": {"result": "by alice"}}, "it says 'CANCELED': by alice"),
        ({"is_streamable": False}, "asking for the export: .* makes exports that are no streams"),
        ({"expired": 99}, "fetching the file: the address of the file answered 403 .*, and so did 3 new ones"),
        ({"expired": 99, "expired_answer": page()}, "the address of the file gave a page, and so did 3 new ones"),
        ({"short": 700, "shorts": 99, "knows_ranges": False}, r"4 times: the file of bytes 0 to \d.* has .* of its"),
        ({"short": -5, "shorts": 1}, r"fetching the file: the file of bytes 0 to .* has more than those"),
        (
            {"gap": 3},
            r"the files of the export do not follow each other: after 8,\d+ bytes and \d lines Labelbox names",
        ),
        ({"storage": "http://169.254.169.254"}, "fetching the file: 169.254.169.254 is .*never connected to"),
        ({"storage": "http://127.0.0.1:1"}, "fetching the file: 127.0.0.1 is .*a superuser can permit"),
        ({"has_no_header": True, "errors": ERRORS}, "it has no rows, but 2 lines in the stream of errors.*row-9"),
    ],
)
def test_what_is_no_whole_export_ends_it_and_brings_nothing(project, held, habits, words):
    held.habits = Habits(**habits)
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert re.search(words, course.run.error), course.run.error
    assert len(held.tasks) == 1
    assert not StoreRow.objects.exists()
    assert not held.leaks


def test_a_header_that_is_null_is_an_export_without_rows_which_takes_none_away_by_itself(project, held):
    carried_out(project)
    Mirror.objects.update(full_due=True)
    held.habits.has_no_header = True
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert "Labelbox says that it has no rows (Labelbox has no row that the request selects)" in course.run.error
    assert len(keys(project)) == COUNT


def test_a_file_beyond_the_limit_ends_it(project, held, settings):
    settings.PLATFORM_FILE_BYTES = 1000
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert re.search(
        r"fetching the file: the export has \d\d,\d+ bytes; no more than 1,000 are taken", course.run.error
    )
