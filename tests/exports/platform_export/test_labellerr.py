"""Exports that Labellerr makes itself, however it behaves: each ends right, in words that name the step."""

from __future__ import annotations

import json

import pytest

from connections.platforms import remote
from exportadmin.lib.errors import UserError
from exportadmin.runs import statuses
from exports import actions, config_actions
from exports.delivery.verify import verify_report
from exports.models import ExportReport
from exports.spec.spec import ExportSpec
from tests.exports.platform_export.conftest import SHELL, delivered, step, to_the_end
from tests.support.far_side import page, silence
from tests.support.labellerr_server import PROCESSING, refusal

pytestmark = pytest.mark.django_db(transaction=True)


def content_of(report: ExportReport) -> bytes:
    return delivered(report)[report.artifacts.get().name]


@pytest.mark.parametrize("format", ["json", "coco_json", "csv", "png"])
def test_each_of_its_formats_is_delivered_byte_for_byte(far_side, ask_labellerr, format):
    report = to_the_end(ask_labellerr(format, statuses=["review", "accepted"]))
    assert (report.status, report.error, report.format) == (statuses.COMPLETED, "", f"labellerr:{format}")
    (made,) = far_side.exports.values()
    assert content_of(report) == made.path.read_bytes()
    assert verify_report(report).as_delivered
    assert report.remote_id == made.report_id
    assert made.body["export_name"] == report.remote_name


@pytest.mark.parametrize(
    ("format", "rows", "by_status", "by_class"),
    [
        ("json", 4, {"accepted": 2, "review": 2}, {"car": 2, "window": 2}),
        ("coco_json", 4, {"accepted": 2, "review": 2}, {"car": 2, "window": 2}),
        ("csv", None, None, None),  # a line may stand for a part of a row
        ("png", None, None, None),
    ],
)
def test_what_each_file_tells_is_counted_and_the_rest_is_unknown(ask_labellerr, format, rows, by_status, by_class):
    values = to_the_end(ask_labellerr(format, statuses=["review", "accepted"])).check_values
    found = values["rows_kept"], values["rows_by_status"], values["annotations_by_class"]
    assert found == (rows, by_status, by_class)


@pytest.mark.parametrize("keys", [("response",), ("status",), ("response", "status")])
def test_the_answer_to_a_look_may_be_under_either_key(far_side, ask_labellerr, keys):
    far_side.habits.status_keys = keys
    assert to_the_end(ask_labellerr()).status == statuses.COMPLETED


def test_a_word_that_nobody_knows_needs_attention_and_is_never_success(far_side, ask_labellerr):
    far_side.habits.looks = [{"export_status": "Perfect", "is_completed": True}]
    report = step(ask_labellerr())
    assert report.status == statuses.QUEUED
    assert (
        report.error == "needs attention: Labellerr says 'Perfect', which is not known here; it is not taken for made"
    )


def test_one_that_does_not_move_is_given_up(far_side, ask_labellerr, settings):
    settings.PLATFORM_PATIENCE = -1
    far_side.habits.looks = [PROCESSING]
    report = to_the_end(ask_labellerr())
    assert report.status == statuses.FAILED
    assert "Labellerr has said 'Processing' of export report00000000000001" in report.error


def test_failed_there_is_failed_here(far_side, ask_labellerr):
    far_side.habits.looks = [{"export_status": "failed", "is_completed": False, "failure_reason": "no space"}]
    report = to_the_end(ask_labellerr())
    assert report.status == statuses.FAILED
    assert report.error == "Labellerr did not make the export (it says 'failed': no space)"


@pytest.mark.parametrize("format", ["json", "coco_json"])
def test_a_status_filter_that_was_ignored_fails_it_with_five_rows(far_side, ask_labellerr, format):
    far_side.habits.ignores_statuses = True
    report = to_the_end(ask_labellerr(format, statuses=["review"]))
    assert (report.status, report.location) == (statuses.FAILED, "")
    assert report.error.startswith(
        "Labellerr, checking the rows: it was asked for statuses review alone, and 28 rows of what it made are others: "
        "file-0000000 (status 'None'), "
    )
    assert report.error.count("(status ") == 5


def test_what_a_file_does_not_tell_of_a_filter_is_noted_as_not_checked(far_side, ask_labellerr):
    far_side.habits.ignores_updated_after = True
    report = to_the_end(ask_labellerr(updated_after=20_000))
    notes = report.check_values["notes"]
    assert notes["rows that do not say when they were updated, which was not checked"] == 30
    csv = to_the_end(ask_labellerr("csv", statuses=["review"]))
    assert csv.check_values["notes"]["files that say nothing of their rows, which were not checked"] == 1


def test_an_address_that_expired_is_asked_for_anew(far_side, ask_labellerr):
    far_side.habits.expired = 2
    report = to_the_end(ask_labellerr())
    assert (report.status, len(far_side.exports)) == (statuses.COMPLETED, 1)


@pytest.mark.parametrize("is_cut", [True, False])
def test_a_file_that_is_cut_off_is_never_delivered(far_side, ask_labellerr, is_cut):
    far_side.habits.file_bytes, far_side.habits.is_cut = 1_000, is_cut
    report = to_the_end(ask_labellerr())
    assert (report.status, report.location) == (statuses.FAILED, "")
    assert report.error.startswith("Labellerr, fetching the file")


@pytest.mark.parametrize("status", [400, 404])
def test_nothing_there_is_skipped_and_says_so(far_side, ask_labellerr, status):
    far_side.habits.nothing_status = status
    far_side.projects["one"].rows = []
    report = to_the_end(ask_labellerr())
    assert report.status == statuses.SKIPPED
    assert report.error.startswith("nothing there: Labellerr says ") and "No files found" in report.error


def test_no_annotation_at_all_is_told(far_side, ask_labellerr):
    rows = far_side.projects["one"].rows
    far_side.projects["one"].rows = [{**row, "latest_answer": []} for row in rows]
    values = to_the_end(ask_labellerr()).check_values
    assert (values["annotations"], values["notes"]["rows without an annotation"]) == (0, 30)


def test_a_key_that_is_refused_in_the_middle_names_the_step(far_side, ask_labellerr):
    far_side.answers["status"] = [refusal(401, "Invalid API key")]
    report = to_the_end(ask_labellerr())
    assert report.status == statuses.FAILED
    assert report.error.startswith("Labellerr, looking how the export stands: ")


def test_one_that_is_asked_too_often_is_asked_again_when_it_says(far_side, ask_labellerr):
    far_side.answers["create"] = [refusal(429, "slow down", Retry_After="45")]
    report = step(ask_labellerr())
    assert report.status == statuses.QUEUED
    assert 40 <= (report.not_before - report.created_at).total_seconds() <= 60
    assert (to_the_end(report).status, len(far_side.exports)) == (statuses.COMPLETED, 1)


def test_an_answer_that_never_came_makes_no_second_export(far_side, ask_labellerr):
    far_side.answers["create"] = [silence(is_done=True)]
    report = to_the_end(ask_labellerr())
    assert (report.status, len(far_side.exports), far_side.count("create")) == (statuses.COMPLETED, 1, 1)


def test_a_request_that_never_arrived_is_looked_for_and_sent_once_more(far_side, ask_labellerr, monkeypatch):
    far_side.answers["create"] = [silence(is_done=False)]
    report = step(ask_labellerr())
    assert (report.status, far_side.exports) == (statuses.QUEUED, {})
    assert "the answer to the request for the export was lost" in report.error
    monkeypatch.setattr(remote, "LOST_SECONDS", 0.0)
    assert (to_the_end(report).status, len(far_side.exports)) == (statuses.COMPLETED, 1)


def test_of_several_that_have_its_name_the_oldest_is_taken(far_side, ask_labellerr):
    report = ask_labellerr()
    first = far_side.make("one", export_name=report.remote_name)
    far_side.make("one", export_name=report.remote_name)
    first.created_ms -= 1_000
    far_side.answers["create"] = [silence(is_done=False)]
    assert to_the_end(report).remote_id == first.report_id


def test_a_file_of_another_export_is_never_delivered(far_side, ask_labellerr):
    other = {"info": {"version": "other", "description": "x"}, "images": [], "annotations": [], "categories": []}
    far_side.habits.file_content = json.dumps(other).encode()
    report = to_the_end(ask_labellerr("coco_json"))
    assert report.status == statuses.FAILED
    assert report.error.startswith("Labellerr, fetching the file: the file is of export 'other', not of 'report0")


def test_a_page_in_place_of_the_file_is_never_delivered(far_side, ask_labellerr):
    far_side.habits.file_content = b"<html>Sign in</html>"
    report = to_the_end(ask_labellerr("csv"))
    assert report.status == statuses.FAILED
    assert "fetching the file: instead of the file a page" in report.error


def test_a_page_in_place_of_an_answer_names_the_step(far_side, ask_labellerr):
    far_side.answers["create"] = [page(403)]
    report = to_the_end(ask_labellerr())
    assert report.status == statuses.FAILED
    assert report.error.startswith("Labellerr, asking for the export: ")


# --- what can be asked for -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"format": "json", "statuses": ["done"]}, "unknown status 'done'; Labellerr has None, assigned"),
        ({"statuses": ["review"]}, "platform_export.format is missing; Labellerr has json, coco_json, csv, png"),
        ({"format": "json", "colour": "red"}, "unknown key platform_export.colour; known: format, statuses"),
        ({"format": "json", "options": {"colour": "red"}}, "unknown option platform_export.options.colour; known: que"),
        ({"format": "json", "where": "there"}, "its options name no place into which Labellerr delivers itself"),
        ({"format": "json", "where": "elsewhere"}, "platform_export.where is 'elsewhere'; known: here, there"),
        ({"format": "json", "updated_after": "soon"}, "'soon' is not a time"),
        ({"format": "json", "statuses": "review"}, "platform_export.statuses is 'review'; expected a list"),
        ({"format": "json", "remote_id": "x"}, "names an export that was made already: leave format out"),
        (
            {"format": "json", "options": {"destination": "s3", "connection_id": "c", "folder": "bucket/path"}},
            "Labellerr delivers to s3://bucket/path/ itself: platform_export.where has to be 'there'",
        ),
    ],
)
def test_what_it_cannot_make_is_refused_in_words(harbour, wanted, words):
    with pytest.raises(UserError, match=words.replace("(", r"\(")):
        ExportSpec.parse({"platform_export": wanted}, harbour)


@pytest.mark.parametrize("key", ["filter", "labels", "include", "options", "max_refused", "statuses"])
def test_our_own_conditions_are_refused_beside_it(harbour, key):
    given = {"filter": {}, "labels": "all", "include": [], "options": {}, "max_refused": 0.5, "statuses": []}[key]
    with pytest.raises(UserError, match=f"the platform makes the file: leave {key} out"):
        ExportSpec.parse({"platform_export": {"format": "json"}, key: given}, harbour)


def test_a_project_of_no_platform_cannot_have_one(project):
    with pytest.raises(UserError, match="is of no labelling platform: leave platform_export out"):
        ExportSpec.parse({"platform_export": {"format": "json"}}, project)


def test_a_format_that_is_not_documented_is_taken_with_a_warning(harbour):
    spec = ExportSpec.parse({"platform_export": {"format": "yolo"}}, harbour)
    answer = actions.plan_export(project=harbour, spec=spec, actor=SHELL).answer
    assert answer["rows_kept"] is None and answer["bytes_expected"] is None
    assert answer["warnings"] == [
        "Labellerr makes this file itself: its rows, annotations and size are known only when it is made",
        "Labellerr documents json, coco_json, csv, png; whether it makes 'yolo' will be seen",
    ]


def test_a_saved_one_runs_again_as_it_was(harbour):
    body = {"platform_export": {"format": "json", "statuses": ["review"], "updated_after": "2024-01-01"}}
    spec = ExportSpec.parse(body, harbour)
    config = config_actions.save_config(project=harbour, name="Weekly", spec=spec, actor=SHELL)
    again = ExportSpec.parse(config.body, harbour)
    assert again == spec
    assert ExportSpec.from_json(spec.to_json(), harbour) == spec


def test_an_export_of_another_project_there_cannot_be_fetched(far_side, harbour):
    far_side.serve("two", [])
    far_side.projects["two"].rows = far_side.projects["one"].rows
    theirs = far_side.make("two", export_name="Secret")
    report = actions.fetch_remote_export(project=harbour, remote_id=theirs.report_id, actor=SHELL)
    assert to_the_end(report).error == f"Labellerr lists no export '{theirs.report_id}' in this project"
    assert (report.status, far_side.count("download")) == (statuses.FAILED, 0)


@pytest.mark.parametrize("format", ["json", "coco_json"])
def test_one_that_others_had_made_is_fetched_checked_and_delivered(far_side, harbour, format):
    theirs = far_side.make("one", export_name="Monday", export_format=format)
    report = to_the_end(actions.fetch_remote_export(project=harbour, remote_id=theirs.report_id, actor=SHELL))
    assert (report.status, report.error, report.remote_name) == (statuses.COMPLETED, "", "Monday")
    assert content_of(report) == theirs.path.read_bytes()
    assert (report.check_values["rows_kept"], far_side.count("create")) == (30, 0)
