"""A mirror of Label Studio: what a full sync brings, and what a later one asks for."""

from __future__ import annotations

import pytest

from connections.connection_actions import create_connection
from connections.models import Project
from connections.store.models import StoreClass, StoreRow
from connections.sync.actions import mirror_project
from connections.sync.models import Mirror
from exportadmin.runs import statuses
from tests.connections.sync.conftest import ME, carried_out, keys
from tests.rest.world import SHELL
from tests.support.label_studio_server import PERSONAL_TOKEN, LabelStudioServer, MadeTasks

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


def test_the_next_sync_asks_for_what_changed_through_a_view_of_its_own(project: Project, held: LabelStudioServer):
    carried_out(project)
    watermark = Mirror.objects.get(project=project).watermark_ms
    assert watermark == held.exports[1].created_ms
    held.projects[1].tasks.changed = {5: watermark + 1000}
    course = carried_out(project)
    assert (course.run.status, course.run.error, course.run.mode) == (statuses.COMPLETED, "", "incremental")
    assert course.run.summary["rows"] == 1
    assert course.run.summary["updated"] == 1


def test_one_that_ignores_the_view_is_found_out_with_examples(project: Project, held: LabelStudioServer):
    carried_out(project)
    held.habits.ignores_view = True
    course = carried_out(project)
    assert course.run.status == statuses.FAILED
    assert "Label Studio, fetching the file: tasks updated since" in course.run.error
    assert "such as 1 (updated 2025-09-23T05:27:28.989000+00:00), 2 (" in course.run.error
