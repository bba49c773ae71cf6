"""Whose rows a catalog is: asked when it is requested, and again when it runs."""

from __future__ import annotations

import pytest

from connections.access.models import Membership
from connections.models import Project
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.errors import ConflictError, NotFoundError, UserError
from exports import actions
from exports.models import ExportReport
from tests.exports.catalog.world import export, ids, person, request, rows, run


def test_a_catalog_is_of_the_projects_in_which_whoever_asks_may_export(world, oscar, alice):
    assert ids(rows(export(world.north, oscar))) == ["d1", "d2", "d3", "d4"]
    assert ids(rows(export(world.north, alice))) == ["d1", "d2", "d3", "d4", "d5"]


def test_who_may_only_look_into_a_project_does_not_export_its_rows_from_another_one(world, rita):
    Membership.objects.create(project=world.north, user=rita, role="operator")
    Membership.objects.create(project=world.south, user=rita, role="reviewer")
    assert ids(rows(export(world.north, rita))) == ["d1", "d2", "d3"]


def test_a_project_of_others_is_as_one_that_does_not_exist(world, oscar):
    messages = []
    for foreign in (world.east.public_id, "nosuch"):
        with pytest.raises(UserError) as refused:
            request(world.north, oscar, project_ids=[world.south.public_id, foreign])
        assert refused.value.field == "project_ids[1]"
        messages.append(refused.value.message.replace(foreign, "ID"))
    assert messages[0] == messages[1]
    assert not ExportReport.objects.exists()
    assert AuditEntry.objects.order_by("-sequence")[0].outcome == "refused"


def test_a_project_of_another_connection_is_none_of_the_catalog(world, alice):
    from connections.models import Connection

    other = Connection.objects.create(name="Another", kind="store")
    far = Project.objects.create(connection=other, name="Far")
    with pytest.raises(UserError, match="no project"):
        request(world.north, alice, project_ids=[far.public_id])


@pytest.mark.parametrize("kind", ["dataset", "slice"])
def test_a_dataset_or_slice_of_others_is_as_one_that_does_not_exist(world, oscar, kind):
    from exports.models import Slice

    foreign = Slice.objects.create(project=world.east, name="theirs").public_id if kind == "slice" else "demo"
    messages = []
    for identity in (foreign, "nosuch"):
        with pytest.raises(UserError) as refused:
            request(world.north, oscar, scope={"kind": kind, "id": identity})
        assert refused.value.field == "scope.id"
        messages.append(refused.value.message.replace(identity, "ID"))
    assert messages[0] == messages[1]


def test_who_lost_a_project_between_request_and_run_gets_nothing(world, oscar):
    report = request(world.north, oscar)
    Membership.objects.filter(project=world.south, user=oscar).delete()
    assert run(report).status == "failed"
    assert report.error == (
        "oscar may no longer run exports in another project that this export reads: nothing was delivered"
    )
    assert not report.artifacts.exists()


def test_a_project_that_was_deleted_between_request_and_run_ends_it_in_words(world, oscar):
    report = request(world.north, oscar, all_projects=True)
    from django.utils import timezone

    Project.objects.filter(pk=world.south.pk).update(deleted_at=timezone.now())
    assert run(report).status == "failed"
    assert f"project {world.south.public_id}, which this export reads, was deleted" in report.error


def test_a_project_that_was_made_since_is_not_read(world, oscar, alice):
    report = request(world.north, oscar)
    Membership.objects.create(project=world.east, user=oscar, role="operator")
    assert ids(rows(run(report))) == ["d1", "d2", "d3", "d4"]


def test_a_retry_reads_the_same_projects_and_only_for_who_may_read_them_all(world, oscar, rita, alice):
    report = export(world.north, oscar)
    Membership.objects.create(project=world.north, user=rita, role="operator")
    with pytest.raises(NotFoundError):
        actions.retry(report=report, actor=person(rita))
    again = run(actions.retry(report=report, actor=person(alice)))
    assert ids(rows(again)) == ["d1", "d2", "d3", "d4"]


def test_a_retry_where_a_project_was_deleted_is_refused_in_words_and_names_it_to_nobody_else(world, oscar, alice):
    from django.utils import timezone

    report = export(world.north, oscar)
    Project.objects.filter(pk=world.south.pk).update(deleted_at=timezone.now())
    with pytest.raises(NotFoundError) as refused:
        actions.retry(report=report, actor=person(oscar))
    assert world.south.public_id not in refused.value.message
    with pytest.raises(ConflictError, match=f"project {world.south.public_id}, which this export reads, was deleted"):
        actions.retry(report=report, actor=person(alice))
    assert ExportReport.objects.count() == 1


def test_the_trail_tells_the_scope_and_every_project_that_is_read(world, oscar):
    request(world.north, oscar, project_ids=[world.south.public_id])
    entry = AuditEntry.objects.filter(event="export.requested").get()
    assert entry.details["scope"] == "the catalog"
    assert entry.details["reads"] == [world.south.public_id]


def test_a_token_that_is_bound_to_a_project_has_that_one_alone(world, oscar):
    from connections.access.models import ApiToken
    from exportadmin.lib.actor import Actor
    from exports.spec.catalog import catalog_of

    token = ApiToken.objects.create(
        user=oscar, name="t", digest="x", prefix="x", scopes=["exports:run"], project=world.north
    )
    actor = Actor(kind="user", name="oscar", channel="rest", user_id=oscar.pk, token_id=token.pk)
    assert catalog_of(world.north, actor) == [world.north]
    assert catalog_of(world.north, person(oscar)) == [world.north, world.south]
