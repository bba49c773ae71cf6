"""A sync from Labelbox: what it asks for, what comes in, and what it asks for the next time."""

from __future__ import annotations

import pytest

from connections.connection_actions import create_connection
from connections.models import Project
from connections.store.models import StoreRow, StoreTombstone
from connections.sync.actions import change_mirror, mirror_project
from connections.sync.models import FULL, INCREMENTAL, Mirror
from exportadmin.runs import statuses
from tests.connections.sync.conftest import ME, MINUTE, carried_out, keys
from tests.rest.world import SHELL
from tests.support.labelbox_server import LabelboxServer, Served, labelled_row, picture, with_mask

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
    assert left_out == ["mediaTypeOverride", "includeInterpolatedFrames"]


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
    change_mirror(project=project, actor=ME, options={"project_ids": ["one"], "embeddings": "no"})
    for _ in range(2):
        course = carried_out(project)
        assert (course.run.status, course.run.error, course.run.mode) == (statuses.COMPLETED, "", FULL)
    (asked, _) = held.sent("create")
    assert asked["input"]["filters"] == {"sliceId": "s-1"}
    params = asked["input"]["params"]
    assert (params["projectIds"], params["modelRunIds"], params["includeEmbeddings"]) == (["one"], None, False)
    assert StoreRow.objects.get(project=project, global_key="key-00000").annotation_count == 2


def test_a_dataset_has_no_labels_unless_projects_are_named(held):
    held.datasets["ds-1"] = Served("ds-1", "Pictures", [labelled_row(number) for number in range(3)])
    project = mirror(held, "dataset:ds-1")
    course = carried_out(project)
    assert (course.run.status, course.run.summary["rows"], course.run.summary["annotations"]) == ("completed", 3, 0)
    change_mirror(project=project, actor=ME, options={"all_projects": "yes"})
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


def test_options_of_another_sort_of_thing_end_it_in_words(held):
    project = mirror(held)
    change_mirror(project=project, actor=ME, options={"project_ids": ["one"]})
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert course.run.error == (
        "Labelbox, asking for the export: project_ids is not for a project: Labelbox has it for a dataset and a slice "
        "and the catalog"
    )
    assert held.count("create") == 0
