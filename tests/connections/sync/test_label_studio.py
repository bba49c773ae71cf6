"""A mirror of Label Studio: what a full sync brings, and what a later one asks for."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from connections.connection_actions import create_connection
from connections.models import MadeThere, Project
from connections.platforms import leftovers
from connections.store.models import StoreClass, StoreRow, StoreTombstone
from connections.sync.actions import cancel_sync, change_mirror, mirror_project, request_sync
from connections.sync.models import Mirror
from connections.sync.runner import NEXT_IS_FULL
from exportadmin.lib.errors import UserError
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from tests.connections.sync.conftest import ME, carried_out, keys
from tests.rest.world import SHELL
from tests.support.far_side import silence
from tests.support.label_studio_server import (
    IN_PROGRESS,
    PERSONAL_TOKEN,
    LabelStudioServer,
    MadeTasks,
    html,
    iso,
    labelled_task,
)

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = 30


@pytest.fixture
def held(label_studio_server: LabelStudioServer) -> LabelStudioServer:
    label_studio_server.serve(1, MadeTasks(COUNT), title="Harbour")
    return label_studio_server


@pytest.fixture
def project(held: LabelStudioServer) -> Project:
    connection = create_connection(
        kind="label_studio", name="Studio", config=held.config, secrets=held.secrets, actor=SHELL
    )
    return mirror_project(connection=connection, external_id="1", actor=ME)


def test_a_full_sync_brings_every_task_with_what_is_on_it(project: Project, held: LabelStudioServer):
    course = carried_out(project)
    assert (course.run.status, course.run.error, course.run.mode) == (statuses.COMPLETED, "", "full")
    assert keys(project) == {f"task-{number}" for number in range(1, COUNT + 1)}
    row = StoreRow.objects.get(project=project, global_key="task-2")
    assert row.row_id == "2"
    assert (row.status, row.updated_ms) == ("review", 1_758_605_248_989)
    assert course.run.summary["annotations"] == 25
    (sent,) = held.sent("create")
    assert sent == {
        "title": course.run.remote_name,
        "serialization_options": {"annotations__completed_by": {"only_id": False}},
    }


def test_the_labeling_config_is_the_ontology_in_its_order(project: Project):
    carried_out(project)
    classes = StoreClass.objects.filter(project=project)
    assert [one.name for one in classes.filter(is_question=False).order_by("number")] == ["car", "person", "sky"]
    assert [one.name for one in classes.filter(is_question=True)] == ["quality"]
    assert Mirror.objects.get(project=project).data_type == "image"


def test_a_personal_token_is_changed_for_an_access_token(held: LabelStudioServer):
    held.token = PERSONAL_TOKEN
    connection = create_connection(
        kind="label_studio", name="Studio", config=held.config, secrets=held.secrets, actor=SHELL
    )
    project = mirror_project(connection=connection, external_id="1", actor=ME)
    held.habits.expired = 1
    course = carried_out(project)
    assert (course.run.status, course.run.error) == (statuses.COMPLETED, "")
    signed = {call.headers["authorization"] for call in held.calls if call.route not in ("version", "refresh")}
    assert all(one.startswith("Bearer ") for one in signed)


def test_what_was_made_there_for_a_sync_is_taken_away_there(project: Project, held: LabelStudioServer):
    carried_out(project)
    assert held.exports == {}
    assert not MadeThere.objects.exists()


def test_a_snapshot_is_kept_there_where_the_mirror_says_so(project: Project, held: LabelStudioServer):
    change_mirror(project=project, actor=ME, options={"keep": "yes"})
    course = carried_out(project)
    assert [one.title for one in held.exports.values()] == [course.run.remote_name]
    assert not MadeThere.objects.exists()


def test_drafts_and_predictions_come_whole_where_the_mirror_says_so(project: Project, held: LabelStudioServer):
    carried_out(project)
    rows = StoreRow.objects.filter(project=project, global_key="task-2")
    assert '"predictions":[7002]' in rows.get().body
    change_mirror(project=project, actor=ME, options={"drafts": "yes", "predictions": "yes"})
    course = carried_out(project)
    assert course.run.mode == "full"  # what had not changed there has to come otherwise, too
    assert '"score":0.5' in rows.get().body
    assert held.sent("create")[-1]["serialization_options"].keys() == {
        "annotations__completed_by",
        "drafts",
        "predictions",
    }


def test_options_that_it_has_not_are_refused(project: Project):
    with pytest.raises(UserError, match=r"unknown option options\.colour; known: predictions, drafts, keep"):
        change_mirror(project=project, actor=ME, options={"colour": "red"})
    with pytest.raises(UserError, match=r"options\.drafts is 'some'; known: no, yes"):
        change_mirror(project=project, actor=ME, options={"drafts": "some"})
    assert Mirror.objects.get(project=project).options == {}


def test_an_option_that_is_empty_is_taken_out_and_others_stay(project: Project):
    change_mirror(project=project, actor=ME, options={"drafts": "yes", "keep": "no"})
    change_mirror(project=project, actor=ME, options={"drafts": ""})
    assert Mirror.objects.get(project=project).options == {"keep": "no"}


def test_tasks_that_are_gone_leave_tombstones_at_a_full_sync(project: Project, held: LabelStudioServer):
    carried_out(project)
    held.projects[1].tasks.gone = {7}
    course = carried_out(project, "full")
    assert (course.run.status, course.run.summary["gone"]) == (statuses.COMPLETED, 1)
    assert "task-7" not in keys(project)


def test_a_task_that_is_refused_is_not_taken_for_gone_and_others_that_are_gone_go(project, held):
    carried_out(project)
    tasks = [task for task in MadeTasks(COUNT) if task["id"] != 7]
    tasks[1]["annotations"][0]["result"][0]["value"]["x"] = "left"
    held.projects[1].tasks = tasks
    course = carried_out(project, "full")
    assert (course.run.status, course.run.summary["refused_count"]) == (statuses.PARTIAL, 1)
    assert course.run.summary["gone"] == 1
    assert keys(project) == {f"task-{number}" for number in range(1, COUNT + 1) if number != 7}
    assert Mirror.objects.get(project=project).synced_at == course.run.asked_at


def carrying(number: int, **more: Any) -> dict[str, Any]:
    """A task that was made of a row of ours, and has not changed but for ``more``."""
    document = {
        "data_row": {
            "id": f"row-{number}",
            "global_key": f"north/{number}.jpg",
            "row_data": f"https://pictures.example/north/{number}.jpg",
            "details": {"updated_at": "2020-01-01T00:00:00.000+00:00"},
        },
        "media_attributes": {"width": 640, "height": 480},
        "projects": {"p": {"labels": [], "project_details": {"workflow_status": "to_label"}}},
    }
    plain = {"data": {"image": document["data_row"]["row_data"]}, "annotations": []}
    return {**labelled_task(number), **plain, "meta": {"export_admin": document}, **more}


def test_a_task_that_carries_a_row_of_ours_and_is_refused_is_not_taken_for_gone(project, held):
    held.projects[1].tasks = [carrying(number) for number in range(1, 5)]
    carried_out(project)
    assert "north/2.jpg" in keys(project)
    held.projects[1].tasks = [carrying(1), carrying(2, annotations=[{"id": 7, "result": "broken"}]), carrying(3)]
    course = carried_out(project, "full")
    assert (course.run.status, course.run.summary["refused_count"]) == (statuses.PARTIAL, 1), course.run.error
    assert keys(project) == {"north/1.jpg", "north/2.jpg", "north/3.jpg"}


def test_of_a_task_that_carries_a_row_of_ours_its_own_time_says_whether_it_changed(project, held):
    held.projects[1].tasks = [carrying(number) for number in range(1, 10)]
    carried_out(project)
    later = iso(Mirror.objects.get(project=project).watermark_ms + 1000)
    held.projects[1].tasks = [carrying(number, updated_at=later) for number in range(1, 10)]
    course = carried_out(project)
    assert (course.run.status, course.run.error, course.run.mode) == (statuses.COMPLETED, "", "incremental")
    assert course.run.summary["rows"] == 9
    assert StoreRow.objects.filter(project=project, row_id="row-1", global_key="north/1.jpg").exists()


def with_pictures(held: LabelStudioServer, *names: str, changed: int = 0) -> None:
    """From now on task 7 has these."""
    data = {"image": names[0]} if len(names) == 1 else {"pages": list(names)}
    result = {"id": "r", "type": "rectanglelabels", "from_name": "box", "to_name": "image", "item_index": 0}
    size = {"original_width": 640, "original_height": 480, "image_rotation": 0}
    value = {"x": 1, "y": 1, "width": 5, "height": 5, "rotation": 0, "rectanglelabels": ["car"]}
    if len(names) == 1:
        del result["item_index"]
    task = labelled_task(7, updated_ms=changed or 1_758_605_248_989)
    annotation = {**task["annotations"][0], "result": [{**result, **size, "value": value}]}
    others = [labelled_task(number) for number in range(1, 7)]
    held.projects[1].tasks = [*others, {**task, "data": data, "annotations": [annotation]}]


@pytest.mark.parametrize("mode", ["auto", "full"])
def test_a_task_that_is_split_into_pictures_and_joined_again_is_its_rows_of_now(project, held, mode):
    def synced(*names: str) -> set[str]:
        mirror = Mirror.objects.get(project=project)
        with_pictures(held, *names, changed=(mirror.watermark_ms or 0) and mirror.watermark_ms + 1000)
        course = carried_out(project, mode)
        assert (course.run.status, course.run.error) == (statuses.COMPLETED, "")
        rows = StoreRow.objects.filter(project=project, global_key__startswith="task-7")
        assert StoreRow.objects.filter(project=project).count() == 6 + rows.count()
        return set(rows.values_list("global_key", flat=True))

    first, second, third = (f"https://pictures.example/{name}.jpg" for name in "abc")
    assert synced(first) == {"task-7"}
    assert synced(first, second, third) == {"task-7/page-1", "task-7/page-2", "task-7/page-3"}
    assert synced(first, second) == {"task-7/page-1", "task-7/page-2"}
    assert synced(first) == {"task-7"}
    stones = StoreTombstone.objects.filter(project=project)
    assert {stone.global_key for stone in stones} == {"task-7/page-1", "task-7/page-2", "task-7/page-3"}


def test_rows_that_are_no_pictures_of_a_task_that_came_stay(project, held):
    with_pictures(held, "https://pictures.example/a.jpg", "https://pictures.example/b.jpg")
    others = [{**labelled_task(70), **carrying(70)}]
    held.projects[1].tasks += others
    carried_out(project)
    later = Mirror.objects.get(project=project).watermark_ms + 1000
    held.projects[1].tasks[0] = labelled_task(1, updated_ms=later)
    course = carried_out(project)
    assert (course.run.mode, course.run.summary["rows"], course.run.summary["gone"]) == ("incremental", 1, 0)
    assert {"task-7/page-1", "task-7/page-2", "north/70.jpg"} < keys(project)


def test_the_next_sync_asks_for_what_changed_through_a_view_of_its_own(project: Project, held: LabelStudioServer):
    held.clock_ms = lambda: 1_800_000_000_000
    carried_out(project)
    watermark = Mirror.objects.get(project=project).watermark_ms
    assert watermark == 1_800_000_000_000
    held.projects[1].tasks.changed = {5: watermark + 1000}
    course = carried_out(project)
    assert (course.run.status, course.run.error, course.run.mode) == (statuses.COMPLETED, "", "incremental")
    assert (course.run.summary["rows"], course.run.summary["updated"]) == (1, 1)
    (view,) = held.sent("create_view")
    assert view["data"]["title"] == course.run.remote_name
    assert view["data"]["filters"]["items"] == [
        {
            "filter": "filter:tasks:updated_at",
            "operator": "greater",
            "type": "Datetime",
            "value": "2027-01-15T07:50:00.000000Z",  # the watermark less the overlap
        }
    ]
    assert (held.views, held.exports) == ({}, {})


def test_one_whose_answer_was_lost_moves_the_watermark_by_the_time_that_the_snapshot_says(project, held):
    held.clock_ms = lambda: 1_800_000_000_000
    held.answers["create"] = [silence(is_done=True)]
    carried_out(project)
    assert Mirror.objects.get(project=project).watermark_ms == 1_800_000_000_000


def test_one_that_ignores_the_view_is_found_out_with_examples(project: Project, held: LabelStudioServer):
    carried_out(project)
    held.habits.ignores_view = True
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert "Label Studio, fetching the file: tasks updated since" in course.run.error
    assert "such as 1 (updated 2025-09-23T05:27:28.989000+00:00), 2 (" in course.run.error
    assert course.run.error.endswith("it ignored the filter. " + NEXT_IS_FULL)
    assert (held.views, held.exports) == ({}, {})
    course = carried_out(project)
    assert (course.run.status, course.run.mode) == (statuses.COMPLETED, "full")


def test_options_that_change_while_everything_is_read_have_it_read_again(project: Project, held: LabelStudioServer):
    def change() -> None:
        held.on.clear()
        change_mirror(project=project, actor=ME, options={"drafts": "yes"})

    held.on["download", "after"] = change
    assert carried_out(project).run.mode == "full"
    assert carried_out(project).run.mode == "full"
    assert held.sent("create")[-1]["serialization_options"].keys() == {"annotations__completed_by", "drafts"}
    assert carried_out(project).run.mode == "incremental"


def test_of_one_that_was_cancelled_while_it_waits_a_worker_takes_away_what_was_made(project, held):
    carried_out(project)
    held.habits.looks = [IN_PROGRESS]
    run = request_sync(project=project, actor=ME)
    execute("sync", run.pk)
    assert (len(held.views), len(held.exports)) == (1, 1)
    leftovers.tick()
    assert (len(held.views), len(held.exports)) == (1, 1)  # it goes on
    assert cancel_sync(run=run, actor=ME).status == statuses.CANCELLED
    MadeThere.objects.update(due_at=timezone.now())
    leftovers.tick()
    assert (held.views, held.exports) == ({}, {})
    assert not MadeThere.objects.exists()


def test_what_cannot_be_taken_away_now_is_tried_later(project, held):
    held.answers["delete"] = [html(500)]
    course = carried_out(project)
    assert (course.run.status, len(held.exports)) == (statuses.COMPLETED, 1)
    leftovers.tick()
    assert len(held.exports) == 1
    MadeThere.objects.update(due_at=timezone.now())
    leftovers.tick()
    assert held.exports == {}
