"""A project of a platform is mirrored: by superusers, once, and nobody gets a role in it."""

from __future__ import annotations

import pytest

from connections.access.models import Membership
from connections.connection_actions import disable_connection
from connections.models import Project
from connections.sync.actions import (
    cancel_sync,
    change_mirror,
    list_remote_projects,
    mirror_project,
    request_sync,
)
from connections.sync.models import Mirror, SyncRun
from connections.sync.representation import mirror_json, sync_json
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import (
    ConflictError,
    DeniedError,
    NotFoundError,
    PermanentError,
    TransientError,
    UnavailableError,
    UserError,
)
from exports.actions import delete_rows
from tests.connections.sync.conftest import ME

pytestmark = pytest.mark.django_db(transaction=True)


def acting(user):
    return Actor(kind="user", name=user.get_username(), channel="rest", user_id=user.pk)


def raises(error):
    def step(name):
        raise error

    return step


def test_a_superuser_lists_the_projects_there_and_sees_which_are_mirrored(server, toys, mirrored, alice):
    server.rows["another"] = []
    offered = list_remote_projects(connection=toys, actor=acting(alice)).offered
    assert [(each.remote.external_id, each.project) for each in offered] == [("another", None), ("remote", mirrored)]


def test_who_is_no_superuser_lists_and_mirrors_nothing_and_the_platform_is_not_asked(server, toys, oscar):
    server.before = raises(AssertionError("it was asked"))
    for attempt in (
        lambda: list_remote_projects(connection=toys, actor=acting(oscar)),
        lambda: mirror_project(connection=toys, external_id="remote", actor=acting(oscar)),
    ):
        with pytest.raises((DeniedError, NotFoundError)):
            attempt()
    assert not Project.objects.exists()
    refused = AuditEntry.objects.get(event="project.mirrored")
    assert (refused.outcome, refused.actor_name) == ("refused", "oscar")


def test_a_mirrored_project_has_its_name_there_and_no_members(server, toys, alice):
    project = mirror_project(connection=toys, external_id="remote", actor=acting(alice))
    assert (project.connection, project.external_id, project.name) == (toys, "remote", "Project remote")
    assert project.mirror.data_type == "image"
    assert project.mirror.watermark_ms is None
    assert not Membership.objects.filter(project=project).exists()
    entry = AuditEntry.objects.get(event="project.mirrored")
    assert (entry.object_id, entry.outcome) == (project.public_id, "done")
    assert mirror_json(project.mirror)["synced_at"] is None


def test_a_project_is_mirrored_once(toys, mirrored):
    with pytest.raises(ConflictError, match="is mirrored already, as 'Project remote'"):
        mirror_project(connection=toys, external_id="remote", actor=ME, name="Another")
    assert Mirror.objects.count() == 1


def test_a_name_that_is_taken_within_the_connection_is_refused(server, toys, mirrored):
    server.rows["two"] = []
    with pytest.raises(ConflictError, match="already"):
        mirror_project(connection=toys, external_id="two", actor=ME, name="Project remote")


@pytest.mark.parametrize("external_id", ["", "nowhere", "x" * 201])
def test_what_is_not_there_is_not_mirrored_and_the_refusal_is_in_the_trail(server, toys, external_id):
    with pytest.raises(UserError):
        mirror_project(connection=toys, external_id=external_id, actor=ME)
    assert not Project.objects.exists()
    assert AuditEntry.objects.get(event="project.mirrored").outcome == "refused"


@pytest.mark.parametrize(
    ("error", "expected"),
    [(TransientError("no answer"), UnavailableError), (PermanentError("a wrong key"), UserError)],
)
def test_what_the_platform_says_is_said(server, toys, error, expected):
    server.before = raises(error)
    with pytest.raises(expected, match=f"connection 'Toys': {error}"):
        list_remote_projects(connection=toys, actor=ME)


def test_a_connection_that_is_disabled_or_none_to_a_platform_is_refused(server, toys, connection):
    disable_connection(connection=toys, actor=ME)
    toys.refresh_from_db()
    with pytest.raises(ConflictError, match="is disabled"):
        list_remote_projects(connection=toys, actor=ME)
    with pytest.raises(UserError, match="none to a labelling platform"):
        list_remote_projects(connection=connection, actor=ME)


def test_settings_are_changed_by_the_projects_admins_and_recorded(mirrored, oscar):
    Membership.objects.create(project=mirrored, user=oscar, role="operator")
    with pytest.raises(DeniedError):
        change_mirror(project=mirrored, actor=acting(oscar), full_every_hours=1)
    Membership.objects.update(role="admin")
    assert (
        change_mirror(project=mirrored, actor=acting(oscar), full_every_hours=0, sync_first=False).sync_first is False
    )
    change_mirror(project=mirrored, actor=acting(oscar), full_every_hours=0)
    entries = AuditEntry.objects.filter(event="project.mirror_changed").values_list("outcome", flat=True)
    assert sorted(entries) == ["done", "refused"], "and what changes nothing is not recorded"
    with pytest.raises(UserError, match="full_every_hours"):
        change_mirror(project=mirrored, actor=acting(oscar), full_every_hours=1_000_000)


def test_whoever_may_start_exports_may_ask_for_a_sync(mirrored, oscar, rita, mallory):
    Membership.objects.create(project=mirrored, user=oscar, role="operator")
    Membership.objects.create(project=mirrored, user=rita, role="reviewer")
    with pytest.raises(DeniedError):
        request_sync(project=mirrored, actor=acting(rita))
    with pytest.raises(NotFoundError):
        request_sync(project=mirrored, actor=acting(mallory))
    run = request_sync(project=mirrored, actor=acting(oscar))
    assert sync_json(run)["status"] == "queued"
    assert cancel_sync(run=run, actor=acting(oscar)).status == "cancelled"
    requested = AuditEntry.objects.filter(event="sync.requested").values_list("actor_name", "outcome")
    assert set(requested) == {("rita", "refused"), ("mallory", "refused"), ("oscar", "done")}


def test_there_is_one_active_sync_of_a_project(mirrored):
    run = request_sync(project=mirrored, actor=ME)
    with pytest.raises(ConflictError, match=f"{run.label} .* is queued already"):
        request_sync(project=mirrored, actor=ME)
    assert SyncRun.objects.count() == 1


def test_modes_are_known_and_only_mirrored_projects_are_synced(mirrored, project):
    with pytest.raises(UserError, match="unknown mode 'fast'; known: auto, full"):
        request_sync(project=mirrored, actor=ME, mode="fast")
    with pytest.raises(UserError, match="mirrors no project of a platform"):
        request_sync(project=project, actor=ME)


def test_rows_of_a_mirror_are_deleted_there(mirrored):
    with pytest.raises(ConflictError, match="mirrors one of a platform: rows that are deleted there go with"):
        delete_rows(project=mirrored, body={"global_keys": ["1"]}, reason="not ours", actor=ME)
