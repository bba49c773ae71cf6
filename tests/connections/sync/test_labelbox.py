"""A sync from Labelbox: what it asks for, what comes in, and what it asks for the next time."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest

from connections.connection_actions import create_connection
from connections.models import Project
from connections.platforms.labelbox import names
from connections.store.models import StoreRow, StoreTombstone
from connections.sync.actions import change_mirror, mirror_project
from connections.sync.forms import MirrorSettingsForm
from connections.sync.models import AUTO, FULL, INCREMENTAL, Mirror, SyncRun
from exportadmin.lib.errors import UserError
from exportadmin.runs import statuses
from tests.connections.store.test_import_ndjson import printed
from tests.connections.sync.conftest import ME, MINUTE, carried_out, keys
from tests.rest.world import SHELL
from tests.support.far_side import Answer
from tests.support.labelbox_server import (
    COMPLETE,
    IN_PROGRESS,
    LabelboxServer,
    RefusedError,
    Served,
    labelled_row,
    picture,
    with_mask,
)

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = 30
NOON = 1_764_504_000_000


@pytest.fixture
def held(labelbox_server: LabelboxServer) -> LabelboxServer:
    labelbox_server.clock_ms = lambda: NOON
    labelbox_server.serve("one", [labelled_row(number, active_ms=NOON - 60 * MINUTE) for number in range(COUNT)])
    return labelbox_server


def mirror(held: LabelboxServer, external_id: str = "one") -> Project:
    connection = create_connection(
        kind="labelbox", name="Labelbox", config=held.config, secrets=held.secrets, actor=SHELL
    )
    return mirror_project(connection=connection, external_id=external_id, actor=ME)


def test_a_project_comes_in_with_all_that_its_rows_say(held):
    project = mirror(held)
    course = carried_out(project)
    assert (course.run.status, course.run.error, course.run.mode) == (statuses.COMPLETED, "", FULL)
    assert (course.run.summary["created"], course.run.summary["annotations"]) == (COUNT, 20)
    assert keys(project) == {f"key-{number:05}" for number in range(COUNT)}
    row = StoreRow.objects.get(project=project, global_key="key-00003")
    assert (row.status, row.batch_id, row.external_id) == ("accepted", "batch-1", "00003.jpg")
    assert (row.row_id, row.media_type) == ("row-00003", "image")
    assert Mirror.objects.get(project=project).watermark_ms == NOON
    (asked,) = held.sent("create")
    assert asked["input"]["taskName"] == f"{course.run.remote_name} [one]"
    assert asked["input"]["filters"] == {"projectId": "one", "searchQuery": {"scope": None, "query": []}}
    left_out = [name for name, value in asked["input"]["params"].items() if not value]
    assert left_out == ["mediaTypeOverride", "includeEmbeddings", "includeInterpolatedFrames"]


def test_the_next_sync_asks_for_what_was_active_since_in_whole_seconds_of_utc(held, settings):
    project = mirror(held)
    held.clock_ms = lambda: NOON + 345
    carried_out(project)
    rows = list(held.projects["one"].rows)
    # a comment: the row itself was not updated
    rows[7] = labelled_row(7, active_ms=NOON + MINUTE, status="IN_REVIEW")
    held.projects["one"].rows = rows
    course = carried_out(project)
    assert (course.run.status, course.run.error, course.run.mode) == (statuses.COMPLETED, "", INCREMENTAL)
    assert (course.run.summary["rows"], course.run.summary["updated"]) == (1, 1)
    assert StoreRow.objects.get(project=project, global_key="key-00007").status == "review"
    assert settings.SYNC_OVERLAP == 600
    (element,) = held.sent("create")[1]["input"]["filters"]["searchQuery"]["query"]
    assert element == {
        "type": "data_row_last_activity_at",
        "value": {"operator": "GREATER_THAN_OR_EQUAL", "timezone": "UTC", "value": "2025-11-30T11:50:00+0000"},
    }


def test_where_nothing_was_active_since_nothing_comes(held):
    project = mirror(held)
    carried_out(project)
    course = carried_out(project)
    assert (course.run.status, course.run.mode, course.run.summary["rows"]) == (statuses.COMPLETED, INCREMENTAL, 0)
    assert len(keys(project)) == COUNT


def test_a_full_sync_leaves_a_tombstone_for_each_row_that_is_gone(held):
    project = mirror(held)
    carried_out(project)
    held.projects["one"].rows = list(held.projects["one"].rows)[2:]
    assert carried_out(project, FULL).run.summary["gone"] == 2
    assert set(StoreTombstone.objects.values_list("global_key", flat=True)) == {"key-00000", "key-00001"}


def test_one_that_ignores_the_filter_is_found_out_with_examples(held):
    project = mirror(held)
    carried_out(project)
    held.habits.ignores_filters = True
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert "Labelbox was asked for rows updated since" in course.run.error
    assert "'key-00000'" in course.run.error
    assert "it ignored the filter" in course.run.error
    assert carried_out(project).run.mode == FULL


def test_a_slice_is_read_whole_each_time(held):
    held.slices["s-1"] = Served("s-1", "Night", [labelled_row(number) for number in range(3)])
    project = mirror(held, "slice:s-1")
    assert project.name == "Night (slice)"
    change_mirror(project=project, actor=ME, options={"project_ids": ["one"], "embeddings": "yes"})
    for _ in range(2):
        course = carried_out(project)
        assert (course.run.status, course.run.error, course.run.mode) == (statuses.COMPLETED, "", FULL)
    (asked, _) = held.sent("create")
    assert asked["input"]["filters"] == {"sliceId": "s-1"}
    params = asked["input"]["params"]
    assert (params["projectIds"], params["modelRunIds"], params["includeEmbeddings"]) == (["one"], None, True)
    assert StoreRow.objects.get(project=project, global_key="key-00000").annotation_count == 2


def test_a_dataset_has_no_labels_unless_projects_are_named(held):
    held.datasets["ds-1"] = Served("ds-1", "Pictures", [labelled_row(number) for number in range(3)])
    project = mirror(held, "dataset:ds-1")
    course = carried_out(project)
    assert (course.run.status, course.run.summary["rows"], course.run.summary["annotations"]) == ("completed", 3, 0)
    change_mirror(project=project, actor=ME, options={"project_ids": ["one"]})
    assert carried_out(project).run.summary["annotations"] == 2
    query = held.sent("create")[0]["input"]["filters"]["searchQuery"]["query"]
    assert query == [{"ids": ["ds-1"], "operator": "is", "type": "dataset"}]


def test_masks_come_in_as_pixels_and_one_that_cannot_be_had_is_counted_until_it_can(held):
    url, colour = f"{held.url}/api/v1/tasks/t/masks/%s/index/1", [9, 8, 7]
    rows = list(held.projects["one"].rows)
    for number in (0, 3):
        mask = {"composite_mask": {"url": url % number, "color_rgb": colour}}
        rows[number] = with_mask(rows[number], mask)
    held.projects["one"].rows = rows
    held.habits.masks["tasks/t/masks/0/index/1"] = picture({(9, 8, 7): (1, 1, 11, 21)})
    project = mirror(held)
    course = carried_out(project)
    assert (course.run.status, course.run.summary["refused_count"]) == (statuses.COMPLETED, 0)
    notes = {note["text"]: note["count"] for note in course.run.summary["notes"]}
    assert [text for text in notes if text.startswith("masks that could not be had (") and "answered 404" in text]
    body = StoreRow.objects.filter(project=project).values_list("body", flat=True)
    assert "composite_mask" not in body.get(global_key="key-00000")
    assert "composite_mask" in body.get(global_key="key-00003")
    assert course.run.summary["not_understood"]
    held.habits.masks["tasks/t/masks/3/index/1"] = picture({(9, 8, 7): (1, 1, 2, 2)})
    assert carried_out(project, FULL).run.summary["not_understood"] == {}
    assert "composite_mask" not in body.get(global_key="key-00003")


def test_of_a_row_in_several_projects_the_first_that_was_asked_for_is_its_own_and_others_are_carried(held):
    row = labelled_row(0)
    row["projects"] = {"two": labelled_row(3, project="two")["projects"]["two"], **row["projects"]}
    held.datasets["ds-1"] = Served("ds-1", "Pictures", [row])
    project = mirror(held, "dataset:ds-1")
    change_mirror(project=project, actor=ME, options={"project_ids": ["one", "two"]})
    course = carried_out(project)
    assert (course.run.status, course.run.summary["annotations"]) == (statuses.COMPLETED, 2)
    assert sum(course.run.summary["not_understood"].values()) == 1
    assert "label-0" in StoreRow.objects.get(project=project).body


def test_a_row_that_is_not_in_the_first_project_has_no_labels_and_those_of_all_others_are_carried(held):
    of_two, of_three = (labelled_row(3, project=name)["projects"] for name in ("two", "three"))
    alone, twice = labelled_row(0), labelled_row(3)
    alone["projects"], twice["projects"] = of_two, {**of_two, **of_three}
    held.datasets["ds-1"] = Served("ds-1", "Pictures", [alone, twice])
    project = mirror(held, "dataset:ds-1")
    change_mirror(project=project, actor=ME, options={"project_ids": ["one", "two", "three"]})
    course = carried_out(project)
    assert (course.run.status, course.run.summary["refused_count"]) == (statuses.COMPLETED, 0)
    assert course.run.summary["annotations"] == 0
    found = [(row["data_row"]["global_key"], [*row["source_extra"]["projects"]]) for row in printed(project)]
    assert found == [("key-00000", ["two"]), ("key-00003", ["two", "three"])]
    assert set(StoreRow.objects.values_list("annotation_count", "status")) == {(0, "to_label")}


def test_options_of_another_sort_of_thing_are_refused_when_they_are_saved(held):
    project = mirror(held)
    with pytest.raises(UserError, match=r"^options.project_ids is not for 'one'; known for it: embeddings$"):
        change_mirror(project=project, actor=ME, options={"project_ids": ["one"]})
    change_mirror(project=project, actor=ME, options={"project_ids": [], "embeddings": "yes"})
    assert Mirror.objects.get(project=project).options == {"embeddings": "yes"}


@pytest.mark.parametrize(
    ("external_id", "offered"),
    [
        ("one", ["embeddings"]),
        ("model_run:mr-1", ["embeddings"]),
        ("dataset:ds-1", ["embeddings", "project_ids", "model_run_ids", "all_model_runs"]),
    ],
)
def test_the_form_offers_the_options_of_the_thing(held, external_id, offered):
    held.datasets["ds-1"] = Served("ds-1", "Pictures", [])
    held.model_runs["mr-1"] = Served("mr-1", "v1", [])
    project = mirror(held, external_id)
    form = MirrorSettingsForm(mirror=Mirror.objects.get(project=project), project=project)
    assert [name for name in form.fields if name.startswith("option.")] == [f"option.{name}" for name in offered]


# of a mask that cannot be had for the moment
LATER: Final = Answer(503, headers={"Retry-After": "99"})
MASK_PATH: Final = "tasks/t/masks/0/index/1"


def first_with_a_mask(held, answer) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The project's rows as they were, and the mask that its first one has now; who asks for that gets ``answer``."""
    mask = {"composite_mask": {"url": f"{held.url}/api/v1/{MASK_PATH}", "color_rgb": [9, 8, 7]}}
    rows = list(held.projects["one"].rows)
    held.projects["one"].rows = [with_mask(rows[0], mask), *rows[1:]]
    held.habits.masks[MASK_PATH] = answer
    return rows, mask


def test_a_row_whose_mask_failed_for_the_moment_comes_again_at_the_next_sync(held):
    shown, fails = picture({(9, 8, 7): (1, 1, 11, 21)}), LATER
    rows, mask = first_with_a_mask(held, shown)
    project = mirror(held)
    assert carried_out(project).run.status == statuses.COMPLETED
    body = StoreRow.objects.filter(project=project, global_key="key-00000").values_list("body", flat=True)

    def synced(answer, wanted=AUTO):
        held.habits.masks[MASK_PATH] = answer
        run = carried_out(project, wanted).run
        settings = Mirror.objects.get(project=project)
        return run.status, run.mode, "composite_mask" in body.get(), settings.watermark_ms, settings.again

    changed = with_mask(labelled_row(0, active_ms=NOON + MINUTE), mask)
    held.projects["one"].rows = [changed, *rows[1:]]
    held.clock_ms = lambda: NOON + 20 * MINUTE
    once = {"row-00000": 1}
    # the watermark moves for all others
    assert synced(fails) == (statuses.PARTIAL, INCREMENTAL, True, NOON + 20 * MINUTE, once)
    error = SyncRun.objects.filter(project=project).latest("pk").error
    assert error == "parts of rows that could not be had now: 1. The next sync asks for their rows once more"
    held.clock_ms = lambda: NOON + 60 * MINUTE
    fetched = held.count("file")
    held.habits.looks = [COMPLETE, *[IN_PROGRESS, COMPLETE] * 3]
    assert synced(shown) == (statuses.COMPLETED, INCREMENTAL, False, NOON + 60 * MINUTE, {})
    assert held.count("file") == fetched + 1, "while the other export is waited for, nothing is fetched time and again"
    changes, by_id = (one["input"]["filters"]["searchQuery"]["query"] for one in held.sent("create")[-2:])
    assert by_id == [{"ids": ["row-00000"], "operator": "is", "type": "data_row_id"}]
    assert [one["type"] for one in changes] == ["data_row_last_activity_at"]
    asked = held.count("create")
    assert synced(fails)[:2] == (statuses.COMPLETED, INCREMENTAL)
    assert held.count("create") == asked + 1
    held.clock_ms = lambda: NOON + 90 * MINUTE
    assert synced(fails, FULL) == (statuses.PARTIAL, FULL, True, NOON + 90 * MINUTE, once)
    for times in (2, 3):
        assert synced(fails)[:3] == (statuses.PARTIAL, INCREMENTAL, True)
        assert Mirror.objects.get(project=project).again == {"row-00000": times}
    # then it is no trouble of the moment
    assert synced(fails)[:3] == (statuses.COMPLETED, INCREMENTAL, True)
    notes = SyncRun.objects.filter(project=project).latest("pk").summary["notes"]
    assert any("4 times in a row" in note["text"] and note["example"] == "row-00000" for note in notes)
    asked = held.count("create")
    assert synced(shown)[:3] == (statuses.COMPLETED, INCREMENTAL, True)
    assert held.count("create") == asked + 1, "what changed alone was asked for"
    assert synced(fails, FULL)[:2] == (statuses.COMPLETED, FULL)
    assert synced(shown, FULL) == (statuses.COMPLETED, FULL, False, NOON + 90 * MINUTE, {})
    assert synced(fails, FULL)[4] == once
    held.projects["one"].rows = rows[1:]
    carried_out(project, FULL)
    assert Mirror.objects.get(project=project).again == {}, "a row that is gone is asked for no more"


def test_a_row_that_changed_or_went_while_its_mask_failed_is_as_it_is_there(held):
    rows, mask = first_with_a_mask(held, LATER)
    project = mirror(held)
    assert carried_out(project).run.status == statuses.PARTIAL
    held.clock_ms = lambda: NOON + 60 * MINUTE
    changed = with_mask(labelled_row(0, active_ms=NOON + 30 * MINUTE, status="IN_REVIEW"), mask)
    held.projects["one"].rows = [changed, *rows[1:]]
    course = carried_out(project)  # it is in both exports, and once in what is read
    assert (course.run.summary["rows"], course.run.summary["refused_count"]) == (1, 0)
    assert StoreRow.objects.get(project=project, global_key="key-00000").status == "review"
    held.clock_ms = lambda: NOON + 120 * MINUTE
    held.projects["one"].rows = rows[1:]
    course = carried_out(project)
    assert (course.run.status, course.run.mode, course.run.summary["rows"]) == (statuses.COMPLETED, INCREMENTAL, 0)
    assert Mirror.objects.get(project=project).again == {}


def test_where_rows_cannot_be_asked_for_by_their_ids_what_changed_comes_all_the_same(held, monkeypatch):
    rows, _ = first_with_a_mask(held, LATER)
    project = mirror(held)
    carried_out(project)
    changed = labelled_row(7, active_ms=NOON + MINUTE, status="IN_REVIEW")
    held.projects["one"].rows = [rows[0], *rows[1:7], changed, *rows[8:]]
    make = held.create_json

    def without_ids(query, given):
        if "data_row_id" in str(given):
            raise RefusedError("GRAPHQL_VALIDATION_FAILED", "unknown filter")
        return make(query, given)

    monkeypatch.setattr(held, "create_json", without_ids)
    for _ in range(2):
        course = carried_out(project)
        assert (course.run.status, course.run.mode) == (statuses.PARTIAL, INCREMENTAL)
        assert "unknown filter" in course.run.error + str(course.run.summary["notes"])
    assert StoreRow.objects.get(project=project, global_key="key-00007").status == "review"
    assert Mirror.objects.get(project=project).again == {"row-00000": 3}


def test_too_many_rows_to_be_asked_for_by_their_ids_hold_the_watermark_once(held, monkeypatch):
    monkeypatch.setattr(names, "MOST_IDS", 0)
    first_with_a_mask(held, LATER)
    project = mirror(held)
    for watermark_ms, then in ((None, "The next sync asks for them once more, .*"), (NOON, ".* by the next full sync")):
        course = carried_out(project)
        assert (course.run.status, course.run.mode) == (statuses.PARTIAL, FULL)
        assert re.fullmatch(rf"parts of rows that could not be had now: 1\. {then}", course.run.error)
        assert Mirror.objects.get(project=project).watermark_ms == watermark_ms
    assert carried_out(project).run.mode == INCREMENTAL
