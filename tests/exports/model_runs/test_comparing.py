"""Predictions of a model run compared with the labels of its rows: on its page, in REST and in the shell."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command

from connections.access.tokens import issue_token
from connections.store.import_row import IncomingLabel, IncomingRow, IncomingRun
from connections.store.models import StoreModelRun, StorePredictions, StoreProject, StoreRow
from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.errors import ConflictError, NothingToDoError, UserError
from exports.model_runs import comparison
from exports.model_runs.actions import comparison_json, delete_model_run, find_model_run, model_runs_of
from exports.model_runs.comparison import compare_run, parse_question
from exports.model_runs.drawing import draw
from exports.sources import store
from tests.exports.model_runs.runs import SHELL, predicted, scored
from tests.pages.people import signed_in
from tests.rest.world import Rest
from tests.support.rows import box, mask, point, polygon, row

pytestmark = pytest.mark.django_db(transaction=True)


def script(user):
    return Rest(issue_token(user=user, name="s", scopes=["exports:read"], actor=SHELL)[1])


@pytest.fixture
def filled(members):
    away = {**box("car", left=100.0), "confidence": 0.8}
    rows = [
        predicted(row("right", box("car"), mask("sky")), scored(box("car")), scored(mask("sky")), split="Test"),
        predicted(row("wrong", box("car"), polygon("road")), away, scored(box("car"), 0.3), split="Training"),
        predicted(row("unsure", box("car")), scored(box("car"), None), scored(point()), split="Test"),
        row("not in it", box("car")),
    ]
    assert not write_rows(members, rows, now_ms=1_000).refused
    return members


def compared(project, **asked):
    return compare_run(project, StoreModelRun.objects.get(), parse_question(asked))


def test_it_counts_class_by_class(filled):
    found = compared(filled)
    assert (found.rows, found.without_confidence, found.not_compared) == (3, 1, 0)
    car = found.classes["car"]
    assert (car.labels, car.predictions, car.matched, car.missed, car.extra) == (3, 4, 3, 0, 1)
    assert (car.precision, car.recall) == (0.75, 1.0)
    road = found.classes["road"]
    assert (road.labels, road.predictions, road.precision, road.recall) == (1, 0, None, 0.0)
    assert "nose" not in found.classes  # points have no area
    assert (found.total.labels, found.total.matched) == (5, 4)
    assert [each.global_key for each in found.worst] == ["wrong"]


def test_a_confidence_leaves_out_what_is_below_and_what_has_none(filled):
    car = compared(filled, score=0.5).classes["car"]
    assert (car.labels, car.predictions, car.matched) == (3, 2, 1)


def test_a_split_leaves_out_the_other_rows(filled):
    found = compared(filled, split="Test")
    assert (found.rows, found.total.labels) == (2, 3)


def labelled(key: str, *labels: IncomingLabel, split: str = "") -> IncomingRow:
    return predicted(row(key, labels=list(labels)), scored(box("car")), split=split)


def by(person: str, changed_ms: int, *marks: Any, skipped: bool = False) -> IncomingLabel:
    return IncomingLabel(
        objects=list(marks),
        created_by=person,
        created_ms=changed_ms,
        updated_ms=changed_ms,
        performance={"skipped": True} if skipped else {},
    )


@pytest.fixture
def by_several(members):
    rows = [
        labelled("two", by("ann@e.test", 1_000, box("car", 100.0)), by("bob@e.test", 2_000, box("car")), split="Test"),
        labelled(
            "skipped once", by("ann@e.test", 1_000, box("car")), by("bob@e.test", 2_000, box("car"), skipped=True)
        ),
        labelled("skipped", by("ann@e.test", 1_000, box("car"), skipped=True)),
        labelled("one", by("ann@e.test", 1_000, box("car")), split="Test"),
    ]
    assert not write_rows(members, rows, now_ms=1_000).refused
    return members


def test_of_several_labels_the_latest_that_was_not_skipped_is_the_truth(by_several):
    found = compared(by_several)
    assert (found.rows, found.with_several, found.not_compared) == (3, 2, 1)
    assert (found.total.labels, found.total.matched, found.total.recall) == (3, 3, 1.0)
    of_split = compared(by_several, split="Test")
    assert (of_split.rows, of_split.with_several, of_split.not_compared) == (2, 1, 0)


@pytest.mark.parametrize(
    ("labels", "counts"),
    [("not_skipped", (3, 4, 3)), ("selected", (1, 1, 1)), ("ground_truth", (0, 0, 0))],
)
def test_others_are_if_that_is_said(by_several, labels, counts):
    found = compared(by_several, labels=labels)
    assert (found.rows, found.total.labels, found.total.matched) == counts


def test_every_channel_says_how_many_rows_have_several_labels(by_several, oscar):
    path = f"projects/{by_several.public_id}/model-runs/run-1/"
    answer = script(oscar).get(f"{path}comparison/?labels=not_skipped").json()
    assert (answer["labels"], answer["rows_with_several_labels"], answer["total"]["labels"]) == ("not_skipped", 2, 4)
    page = " ".join(signed_in(oscar).get(f"/{path}").content.decode().split())
    assert "2 rows have several labels; compared with: latest." in page
    page = signed_in(oscar).get(f"/{path}?labels=not_skipped").content.decode()
    assert '<option value="not_skipped" selected>' in page
    out = StringIO()
    call_command("model_runs", "compare", by_several.name, "run-1", "--labels", "not_skipped", stdout=out)
    assert "note: 2 rows have several labels; compared with: not skipped" in out.getvalue()


def test_outlines_need_the_size_of_the_picture(project):
    rows = [predicted(row(key, polygon()), scored(polygon())) for key in ("a", "b")]
    rows[1].media_attributes = {}
    write_rows(project, rows)
    found = compared(project, by="outlines")
    assert (found.total.matched, found.rows, found.not_compared) == (1, 1, 1)
    assert compared(project).total.matched == 2


def test_an_outline_that_no_memory_holds_leaves_its_row_out_and_a_box_is_cut_to_the_picture(project):
    side = 1e7
    far = [(0.0, 0.0), (side, 0.0), (side, side), (0.0, side)]
    rows = [
        predicted(row("polygon", polygon()), scored(polygon("road", *far))),
        predicted(row("box", box("car", 0.0, 0.0, side, side)), scored(box("car", 0.0, 0.0, 160.0, 120.0))),
    ]
    assert not write_rows(project, rows).refused
    found = compared(project, by="outlines")
    assert (found.rows, found.not_compared, found.total.matched) == (1, 1, 1)


def test_a_mask_that_is_an_address_does_not_keep_its_row_from_being_compared(project):
    address = {**scored(mask("sky")), "mask": {"url": "https://e.test/1.png"}}
    assert not write_rows(project, [predicted(row("a", box("car")), scored(box("car")), address)]).refused
    found = compared(project)
    assert (found.rows, found.not_compared, found.total.matched, found.total.extra) == (1, 0, 1, 0)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"iou": "1.5"}, "iou"),
        ({"iou": 0}, "iou"),
        ({"iou": "0"}, "iou"),
        ({"labels": "some"}, "labels"),
        ({"score": "x"}, "score"),
        ({"iou": "nan"}, "iou"),
        ({"by": "y"}, "by"),
    ],
)
def test_what_has_no_meaning_is_refused_by_name(given, field):
    with pytest.raises(UserError) as error:
        parse_question(given)
    assert error.value.field == field


def test_a_picture_says_in_words_what_did_not_meet(filled):
    (picture,) = [draw(each) for each in compared(filled).worst]
    assert (picture.width, picture.height) == (160, 120)
    words = {mark.word for mark in picture.marks if mark.word}
    assert words == {"extra: car 0.80", "missed: road"}
    assert {mark.title for mark in picture.marks if not mark.word} == {
        "label car, matched",
        "prediction car 0.30, matched",
    }


def test_rest_and_the_shell_say_the_same_and_each_leaves_a_line(filled, oscar):
    path = f"projects/{filled.public_id}/model-runs/"
    (listed,) = script(oscar).get(path).json()
    assert (listed["run_id"], listed["rows"], listed["predictions"]) == ("run-1", 3, 6)
    assert script(oscar).get(f"{path}run-1/").json() == listed
    answer = script(oscar).get(f"{path}run-1/comparison/?iou=0.5&score=0.5").json()
    assert [each["name"] for each in answer["classes"]] == ["car", "road", "sky"]
    assert answer["total"]["extra"] == 1
    out = StringIO()
    call_command("model_runs", "compare", filled.name, "run-1", "--score", "0.5", "--json", stdout=out)
    assert json.loads(out.getvalue()) == answer
    assert [entry.object_id for entry in AuditEntry.objects.filter(event="model_run.compared")] == ["run-1"] * 2


def test_the_page_shows_figures_and_pictures(filled, oscar):
    page = signed_in(oscar).get(f"/projects/{filled.public_id}/model-runs/run-1/?by=outlines").content.decode()
    assert "extra: car 0.80" in page
    assert page.count("<figure") == 1
    wrong = signed_in(oscar).get(f"/projects/{filled.public_id}/model-runs/run-1/?iou=7")
    assert wrong.status_code == 400
    assert "expected a number from 0.01 to 1" in wrong.content.decode()


def test_it_is_listed_on_the_page_of_its_project(filled, rita, oscar):
    link = f'href="/projects/{filled.public_id}/model-runs/run-1/"'
    assert link in signed_in(oscar).get(f"/projects/{filled.public_id}/").content.decode()
    page = signed_in(rita).get(f"/projects/{filled.public_id}/").content.decode()
    assert "Model runs" in page
    assert link not in page  # who may not download sees no pictures


def test_a_run_that_is_deleted_takes_its_predictions_and_no_row(filled, alice, oscar):
    revision = StoreProject.objects.get().revision
    path = f"/projects/{filled.public_id}/model-runs/run-1/delete/"
    assert signed_in(oscar).post(path).status_code == 403
    assert StoreModelRun.objects.exists()
    assert signed_in(alice).post(path).status_code == 302
    assert not StoreModelRun.objects.exists()
    assert not StorePredictions.objects.exists()
    assert StoreRow.objects.count() == 4
    assert StoreProject.objects.get().revision == revision + 1
    entry = AuditEntry.objects.get(event="model_run.deleted", outcome="done")
    assert entry.details["rows"] == 3


def test_a_run_of_another_project_is_not_found(filled, connection, oscar):
    from connections.models import Project

    other = Project.objects.create(connection=connection, name="Other")
    with pytest.raises(UserError, match="has no model run 'run-1'"):
        find_model_run(other, "run-1")


def test_a_run_that_is_gone_is_not_deleted_again_and_leaves_no_line(filled):
    run = find_model_run(filled, "run-1").run
    delete_model_run(project=filled, run=run, actor=SHELL)
    kept = StoreProject.objects.values().get(), AuditEntry.objects.count()
    with pytest.raises(NothingToDoError, match="is deleted already"):
        delete_model_run(project=filled, run=run, actor=SHELL)
    assert (StoreProject.objects.values().get(), AuditEntry.objects.count()) == kept


def test_one_is_found_and_all_are_listed_by_one_query(filled, django_assert_num_queries):
    write_rows(filled, [predicted(row("more", box()), run=IncomingRun("run-2", "model-1", name="v2"))])
    StoreModelRun.objects.create(project=filled, run_id="run-3", name="v3", model_id="m", model_name="Empty")
    with django_assert_num_queries(1):
        listed = model_runs_of(filled)
    assert [(each.run.run_id, each.rows, each.predictions) for each in listed] == [
        ("run-3", 0, 0),
        ("run-2", 1, 0),
        ("run-1", 3, 6),
    ]
    with django_assert_num_queries(1):
        assert find_model_run(filled, "run-1") == listed[-1]


def test_what_was_compared_when_the_time_was_over_is_gone_on_with(members, monkeypatch, oscar):
    several = [IncomingLabel(objects=[box("car")], created_by=each) for each in ("ann", "bob")]
    rows = [
        predicted(
            row(f"r{each}", labels=several[: each % 3]), *[scored(box("car", left=9.0 * at)) for at in range(each % 4)]
        )
        for each in range(40)
    ]
    write_rows(members, rows, now_ms=1_000)
    whole = comparison_json(compared(members, iou=0.3))
    monkeypatch.setattr(store, "BATCH_ROWS", 7)
    left = 0

    def check_time() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise ConflictError("this was stopped")

    monkeypatch.setattr(comparison, "check_time", check_time)
    told = []
    for _ in range(40):
        left = 1
        cache.clear()  # another web process is asked
        try:
            found = comparison_json(compared(members, iou=0.31))  # another question: nothing of it is known
            break
        except ConflictError as stopped:
            told.append(stopped.message)
    assert {**found, "iou": 0.3} == whole
    ends = [f"{rows} of 40 rows are compared: ask the same again, and it goes on from there" for rows in (14, 28)]
    assert [text.split(". ")[-1] for text in told] == ends
    left = 0  # what is done is not done again, until something changes
    assert comparison_json(compared(members, iou=0.31)) == found
    write_rows(members, [predicted(row("r40"), scored(box("car")))])
    left = 99
    assert compared(members, iou=0.31).rows == whole["rows"] + 1
