"""Projects are made, changed and found by name or id; what cannot be is refused and recorded."""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from connections import actions
from connections.access.lookup import find_project
from connections.access.models import Membership
from connections.access.tokens import issue_token
from connections.models import Connection, Project
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, DeniedError, NotFoundError, UserError

pytestmark = pytest.mark.django_db
SHELL = Actor(kind="user", name="tester", channel="shell")


def person(user: User, token: int | None = None) -> Actor:
    return Actor(kind="user", name=user.username, channel="rest", user_id=user.pk, token_id=token)


def last_entry() -> AuditEntry:
    return AuditEntry.objects.order_by("-sequence")[0]


# --- bad days --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["", "  ", "a\nb", "a\tb", "a\x00b", "a\x7fb", "a\x85b", "a\u2028b", "x" * 201, "a\ud800b"]
)
def test_a_name_that_cannot_be_one_is_refused_for_a_new_project_and_an_old_one(project, name):
    with pytest.raises(UserError) as refused:
        actions.create_project(name=name, actor=SHELL)
    assert refused.value.field == "name"
    with pytest.raises(UserError) as refused:
        actions.change_project(project=project, name=name, actor=SHELL)
    assert refused.value.field == "name"
    assert project.name == "Street scenes"
    assert list(Project.objects.values_list("name", flat=True)) == ["Street scenes"]
    assert (last_entry().event, last_entry().outcome) == ("project.changed", "refused")


@pytest.mark.parametrize(
    ("settings", "field"),
    [({"time_zone": "Mars/Olympus"}, "time_zone"), ({"description": "x" * 2001}, "description"),
     ({"description": "a\x00b"}, "description")],
)  # fmt: skip
def test_settings_that_cannot_be_are_refused_by_their_field(project, settings, field):
    with pytest.raises(UserError) as refused:
        actions.create_project(name="New", actor=SHELL, **settings)
    assert refused.value.field == field
    with pytest.raises(UserError) as refused:
        actions.change_project(project=project, actor=SHELL, name="Other", **settings)
    assert refused.value.field == field
    project.refresh_from_db()
    assert (project.name, project.description, project.time_zone) == ("Street scenes", "", "UTC")


def test_a_name_that_is_taken_in_the_connection_is_refused(project):
    with pytest.raises(ConflictError, match="there is a project called 'Street scenes' already"):
        actions.create_project(name=" Street scenes ", actor=SHELL)
    other = actions.create_project(name="Other", actor=SHELL)
    with pytest.raises(ConflictError, match="'Street scenes' already") as refused:
        actions.change_project(project=other, name="Street scenes", actor=SHELL)
    assert refused.value.field == "name"
    assert Project.objects.get(pk=other.pk).name == other.name == "Other"


def test_who_manages_nothing_makes_no_project(members, oscar, rita, mallory):
    for user in (oscar, rita, mallory):
        with pytest.raises(DeniedError, match="projects are made by superusers and by admins"):
            actions.create_project(name="New", actor=person(user))
        assert (last_entry().event, last_entry().outcome) == ("project.created", "refused")
        assert (last_entry().actor_name, last_entry().object_name) == (user.username, "New")


def test_a_bound_token_and_one_without_the_scope_make_no_project(project, alice):
    for scopes, bound in ((["admin"], project), (["exports:run"], None)):
        token, _ = issue_token(user=alice, name="script", scopes=scopes, actor=SHELL, project=bound)
        with pytest.raises(DeniedError):
            actions.create_project(name="New", actor=person(alice, token.pk))
    token, _ = issue_token(user=alice, name="script", scopes=["admin"], actor=SHELL)
    assert actions.create_project(name="New", actor=person(alice, token.pk)).pk


def test_an_operator_changes_nothing_and_a_stranger_finds_nothing(members, oscar, mallory):
    with pytest.raises(DeniedError):
        actions.change_project(project=members, name="Mine", actor=person(oscar))
    with pytest.raises(NotFoundError):
        actions.change_project(project=members, name="Mine", actor=person(mallory))
    members.refresh_from_db()
    assert members.name == "Street scenes"


# --- made and changed ------------------------------------------------------------------------------------------------


def test_who_makes_a_project_is_its_admin_unless_superuser(project, oscar, alice):
    Membership.objects.create(project=project, user=oscar, role="admin")
    made = actions.create_project(name=" Harbour ", description=" Boats ", time_zone="Asia/Tokyo", actor=person(oscar))
    assert (made.name, made.description, made.time_zone, made.external_id) == ("Harbour", "Boats", "Asia/Tokyo", "")
    assert Membership.objects.get(project=made).user == oscar
    entry = last_entry()
    assert (entry.event, entry.project_id, entry.object_name) == ("project.created", made.public_id, "Harbour")
    assert entry.after == {"name": "Harbour", "description": "Boats", "time_zone": "Asia/Tokyo"}
    granted = AuditEntry.objects.get(event="membership.granted", project_id=made.public_id)
    assert (granted.object_name, granted.details) == ("oscar", {"role": "admin"})
    assert not Membership.objects.filter(project=actions.create_project(name="Sea", actor=person(alice))).exists()


def test_what_changed_is_recorded_with_before_and_after_and_nothing_else_is(project):
    for _ in range(2):  # nothing new: nothing recorded
        actions.change_project(project=project, name="Roads", description="Cars", time_zone="UTC", actor=SHELL)
    (entry,) = AuditEntry.objects.filter(event="project.changed")
    assert entry.before == {"name": "Street scenes", "description": ""}
    assert entry.after == {"name": "Roads", "description": "Cars"}
    assert (entry.project_name, entry.object_name) == ("Street scenes", "Street scenes")
    assert Project.objects.get().name == "Roads"


# --- found -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def twins(project) -> list[Project]:
    platform = Connection.objects.create(name="Elsewhere", kind="store")
    return [project, Project.objects.create(connection=platform, name=project.name, external_id="7")]


def test_a_name_of_several_is_refused_with_their_ids_and_an_id_finds_one(twins, oscar):
    with pytest.raises(ConflictError, match="is the name of several projects") as refused:
        find_project("Street scenes")
    assert all(twin.public_id in refused.value.message for twin in twins)
    assert [find_project(twin.public_id) for twin in twins] == twins
    for command in (["set_role", "oscar", "Street scenes", "admin"], ["change_project", "Street scenes", "--name", "X"],
                    ["issue_token", "oscar", "--scope", "admin", "--project", "Street scenes"],
                    ["delete_project", "Street scenes", "--confirm", "Street scenes"],
                    ["run_export", "Street scenes", "--format", "csv"]):  # fmt: skip
        with pytest.raises(CommandError, match="is the name of several projects") as wrong:
            call_command(*command)
        assert wrong.value.returncode == 2


def test_a_project_called_like_anothers_id_does_not_take_its_place(project):
    Project.objects.create(connection=project.connection, name=project.public_id)
    assert find_project(project.public_id) == project


# --- the shell -------------------------------------------------------------------------------------------------------


def test_the_shell_makes_lists_and_changes_projects(capsys):
    call_command("list_projects")
    assert capsys.readouterr().out == "no projects yet\n"
    call_command("create_project", "Harbour", description="Boats")
    made = Project.objects.get()
    assert capsys.readouterr().out == f"{made.public_id}\n"
    call_command("change_project", "Harbour", name="Port", time_zone="Europe/Warsaw", json=True)
    printed = json.loads(capsys.readouterr().out)
    assert {key: printed[key] for key in ("id", "name", "description", "time_zone", "connection", "external_id")} == {
        "id": made.public_id, "name": "Port", "description": "Boats", "time_zone": "Europe/Warsaw",
        "connection": "Built-in store", "external_id": "",
    }  # fmt: skip
    call_command("list_projects", json=True)
    assert json.loads(capsys.readouterr().out) == [printed]
    call_command("list_projects")
    assert capsys.readouterr().out == f"{made.public_id}  Built-in store  Port\n"
    with pytest.raises(CommandError, match="there is a project called 'Port' already") as taken:
        call_command("create_project", "Port")
    assert taken.value.returncode == 2
