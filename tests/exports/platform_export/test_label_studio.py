"""Snapshots that Label Studio makes and converts itself, however it behaves: each ends right, in words."""

from __future__ import annotations

import re

import pytest

from exportadmin.lib.errors import UserError
from exportadmin.runs import statuses
from exports import actions
from exports.delivery.verify import verify_report
from exports.models import ExportReport
from exports.spec.spec import ExportSpec
from tests.exports.platform_export.conftest import SHELL, delivered, step, to_the_end
from tests.support.far_side import silence
from tests.support.label_studio_server import COMPLETED, FAILED, FORMATS, IN_PROGRESS, html, refusal

pytestmark = pytest.mark.django_db(transaction=True)


def content_of(report: ExportReport) -> bytes:
    return delivered(report)[report.artifacts.get().name]


@pytest.mark.parametrize("format", FORMATS)
def test_each_of_its_formats_is_converted_once_and_delivered_byte_for_byte(studio_side, ask_label_studio, format):
    report = to_the_end(ask_label_studio(format, options={"keep": "yes"}))
    assert (report.status, report.error, report.format) == (statuses.COMPLETED, "", f"label_studio:{format}")
    (made,) = studio_side.exports.values()
    assert content_of(report) == (made.path if format == "JSON" else made.made[format]).read_bytes()
    assert verify_report(report).as_delivered
    assert (report.remote_id, made.title) == (str(made.export_id), report.remote_name)
    # each download converts there: nothing is converted before it
    assert studio_side.count("convert") == 0


@pytest.mark.parametrize("format", ["COCO", "CSV"])
def test_a_server_that_keeps_what_it_converts_is_asked_to_once(studio_side, ask_label_studio, format):
    studio_side.habits.needs_convert, studio_side.habits.conversion_looks = True, [IN_PROGRESS, COMPLETED]
    report = to_the_end(ask_label_studio(format))
    assert (report.status, report.error) == (statuses.COMPLETED, "")
    assert studio_side.count("convert") == 1


def test_the_answer_to_a_conversion_may_be_lost(studio_side, ask_label_studio):
    studio_side.habits.needs_convert = True
    studio_side.answers["convert"] = [silence(is_done=True)]
    assert to_the_end(ask_label_studio("COCO")).status == statuses.COMPLETED
    assert studio_side.count("convert") == 1


@pytest.mark.parametrize(
    ("format", "rows", "by_class"),
    [
        ("JSON", 30, {"car": 7, "person": 10, "sky": 3, "quality": 5}),
        ("JSON_MIN", 30, None),
        ("CSV", 30, None),
        ("COCO", None, {"car": 7, "person": 10}),
        ("YOLO", None, None),
    ],
)
def test_what_each_file_tells_is_counted_and_the_rest_is_unknown(ask_label_studio, format, rows, by_class):
    values = to_the_end(ask_label_studio(format)).check_values
    assert values["rows_kept"] == rows
    assert values["annotations_by_class"] == by_class


def test_regions_that_a_converter_left_out_are_told(ask_label_studio):
    notes = to_the_end(ask_label_studio("COCO")).check_values["notes"]
    left_out = {text: count for text, count in notes.items() if text.startswith("regions of the snapshot that are not")}
    assert list(left_out.values()) == [3]
    assert "brushlabels" in next(iter(left_out))


def test_an_archive_that_holds_nothing_of_a_snapshot_with_tasks_is_never_delivered(studio_side, ask_label_studio):
    studio_side.habits.holds_nothing = True
    report = to_the_end(ask_label_studio("VOC"))
    assert (report.status, report.location) == (statuses.FAILED, "")
    assert "Label Studio, fetching the file: the file holds nothing, and its snapshot has 30 tasks" in report.error


@pytest.mark.parametrize("needs_convert", [True, False])
def test_a_conversion_that_breaks_says_so(studio_side, ask_label_studio, needs_convert):
    studio_side.habits.needs_convert, studio_side.habits.conversion_breaks = needs_convert, True
    report = to_the_end(ask_label_studio("BRUSH_TO_PNG"))
    assert report.status == statuses.FAILED
    words = "the conversion to BRUSH_TO_PNG broke there" if needs_convert else "4 times: .* answered 500"
    assert re.search(f"^Label Studio, fetching the file.*{words}", report.error), report.error
    assert studio_side.exports == {}


def test_a_conversion_that_does_not_move_is_given_up(studio_side, ask_label_studio, settings):
    settings.PLATFORM_PATIENCE = -1
    studio_side.projects[1].tasks = []
    studio_side.habits.needs_convert, studio_side.habits.conversion_looks = True, [IN_PROGRESS]
    report = to_the_end(ask_label_studio("COCO"))
    assert report.status == statuses.FAILED
    assert re.search("it was given up", report.error), report.error


def test_a_conversion_that_failed_says_why(studio_side, ask_label_studio):
    studio_side.habits.needs_convert, studio_side.habits.conversion_looks = True, [FAILED]
    report = to_the_end(ask_label_studio("BRUSH_TO_PNG"))
    assert report.status == statuses.FAILED
    assert "did not make the export (it says 'BRUSH_TO_PNG failed': ValueError: no brush labels)" in report.error


def test_a_conversion_that_others_began_is_looked_at(studio_side, ask_label_studio):
    studio_side.habits.needs_convert = True
    report = step(ask_label_studio("COCO"))
    assert report.status == statuses.QUEUED
    studio_side.answers["convert"] = [
        refusal(400, "Validation error", {"non_field_errors": ["Conversion to COCO already started"]})
    ]
    assert to_the_end(report).status == statuses.COMPLETED


def test_what_the_user_chose_is_sent(studio_side, ask_label_studio):
    options = {"annotated": "only", "annotations": ["usual", "skipped"], "predictions": "yes", "completed_by": "yes"}
    report = to_the_end(ask_label_studio(options=options))
    assert report.check_values["rows_kept"] == 20
    (sent,) = studio_side.sent("create")
    assert sent == {
        "title": report.remote_name,
        "task_filter_options": {"annotated": "only"},
        "annotation_filter_options": {"usual": True, "ground_truth": False, "skipped": True},
        "serialization_options": {
            "predictions": {"only_id": False},
            "annotations__completed_by": {"only_id": False},
        },
    }


def test_a_view_of_another_project_is_refused_and_not_sent(studio_side, ask_label_studio):
    studio_side.serve(2)
    studio_side.views = {
        11: {"id": 11, "project": 2, "data": {"title": "Theirs"}},
        12: {"id": 12, "project": 1, "data": {"title": "Ours", "filters": {"items": []}}},
    }
    report = to_the_end(ask_label_studio(options={"view": "11"}))
    assert report.status == statuses.FAILED
    assert report.error == "Label Studio, asking for the export: project 1 has no view 11; it has 12 (Ours)"
    assert studio_side.count("create") == 0
    assert to_the_end(ask_label_studio(options={"view": "12"})).status == statuses.COMPLETED
    assert 12 in studio_side.views  # it is theirs


def test_what_changed_is_asked_for_through_a_view_that_goes_again(studio_side, ask_label_studio):
    studio_side.projects[1].tasks.changed = {4: 1_800_000_001_000}
    report = to_the_end(ask_label_studio("CSV", updated_after=1_800_000_000_000))
    assert (report.status, report.check_values["rows_kept"]) == (statuses.COMPLETED, 1)
    assert (studio_side.count("create_view"), studio_side.views, studio_side.exports) == (1, {}, {})


def test_one_that_ignores_the_view_is_never_delivered_in_any_format(studio_side, ask_label_studio):
    studio_side.habits.ignores_view = True
    report = to_the_end(ask_label_studio("COCO", updated_after=1_800_000_000_000))
    assert (report.status, report.location) == (statuses.FAILED, "")
    assert "and others came, such as 1 (updated 2025" in report.error
    assert (studio_side.views, studio_side.exports) == ({}, {})


def test_a_snapshot_that_others_made_is_listed_fetched_and_left_there(studio_side, quay):
    theirs = studio_side.make(1, title="By hand")
    ours = to_the_end(
        actions.request_export(
            project=quay,
            spec=ExportSpec.parse({"platform_export": {"format": "JSON", "options": {"keep": "yes"}}}, quay),
            actor=SHELL,
        )
    )
    listed = actions.remote_exports(project=quay, actor=SHELL)
    assert [(one.export.name, one.is_theirs) for one in listed] == [(ours.remote_name, False), ("By hand", True)]
    report = to_the_end(actions.fetch_remote_export(project=quay, remote_id=str(theirs.export_id), actor=SHELL))
    assert (report.status, report.check_values["rows_kept"]) == (statuses.COMPLETED, 30)
    assert content_of(report) == theirs.path.read_bytes()
    assert theirs.export_id in studio_side.exports


def test_a_file_of_another_md5_is_never_delivered(studio_side, ask_label_studio):
    studio_side.habits.md5 = "0" * 32
    report = to_the_end(ask_label_studio())
    assert (report.status, report.location) == (statuses.FAILED, "")
    assert report.error.startswith("Label Studio, fetching the file, 4 times: the file has the md5 ")


def test_a_page_of_what_is_not_there_is_not_shown(studio_side, ask_label_studio):
    studio_side.answers["look"] = [html(404)]
    report = to_the_end(ask_label_studio())
    assert report.status == statuses.FAILED
    assert re.fullmatch(r"Label Studio, looking how .* has no snapshot 1 in project 1 \(any more\)", report.error)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"format": "JSON", "statuses": ["done"]}, "Label Studio's tasks have no statuses: leave statuses out"),
        (
            {"format": "JSON", "options": {"view": "first"}},
            "view is 'first': it is the number of one of its views, such as 12",
        ),
        ({"format": "JSON", "options": {"annotated": "yes"}}, "options.annotated is 'yes'; known: only, exclude"),
        (
            {"format": "JSON", "options": {"view": "1"}, "updated_after": 5_000_000},
            "updated_after is a view of its own",
        ),
        ({"format": "JSON", "where": "there"}, "its options name no place into which Label Studio delivers itself"),
    ],
)
def test_what_it_cannot_make_is_refused_in_words(quay, wanted, words):
    with pytest.raises(UserError, match=words):
        ExportSpec.parse({"platform_export": wanted}, quay)
