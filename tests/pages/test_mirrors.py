"""Projects of a platform in the browser: chosen, mirrored, brought up to date, with what became of each sync."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from connections.access.models import Membership
from connections.models import Connection, Project
from connections.platforms.base import Waiting
from connections.sync.actions import mirror_project, request_sync, sync_now
from connections.sync.models import FULL, SyncRun
from exportadmin.lib.actor import system
from exportadmin.lib.errors import PermanentError, TransientError
from exportadmin.runs import statuses
from tests.connections.platforms import toy
from tests.connections.sync.conftest import remote_row
from tests.pages.people import signed_in, trail
from tests.pages.squeezed import page_html

ME = system("test")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Any, settings: Any) -> None:
    settings.EXPORTADMIN_HOME = tmp_path / "home"
    settings.EXPORTADMIN_HOME.mkdir()


@pytest.fixture
def server() -> Iterator[toy.ToyServer]:
    with toy.registered() as held:
        held.rows["remote"] = [remote_row(number) for number in range(8)]
        held.rows["other"] = []
        yield held


@pytest.fixture
def toys(db: None) -> Connection:
    return Connection.objects.create(name="Toys", kind="toy")


@pytest.fixture
def manager(alice: User) -> Client:
    User.objects.filter(pk=alice.pk).update(is_superuser=True)
    return signed_in(alice)


@pytest.fixture
def mirrored(server: toy.ToyServer, toys: Connection, oscar: User, rita: User) -> Project:
    project = mirror_project(connection=toys, external_id="remote", actor=ME)
    Membership.objects.create(project=project, user=oscar, role="operator")
    Membership.objects.create(project=project, user=rita, role="reviewer")
    return project


def there(connection: Connection) -> str:
    return f"/connections/{connection.public_id}/projects/"


# --- the projects there ----------------------------------------------------------------------------------------------


def test_a_project_is_chosen_mirrored_and_its_first_sync_requested(
    server: toy.ToyServer, toys: Connection, manager: Client
):
    server.left_out = ["Of the projects the first 2 were read."]
    page = page_html(manager.get(there(toys)))
    assert "Project remote" in page and "Project other" in page
    assert "<strong>Not all are listed:</strong> Of the projects the first 2 were read." in page
    answer = manager.post(there(toys), {"external_id": "remote"}, follow=True)
    project = Project.objects.get(external_id="remote")
    assert answer.redirect_chain[0][0] == f"/projects/{project.public_id}/"
    run = SyncRun.objects.get(project=project)
    assert (run.status, run.created_by_name) == (statuses.QUEUED, "alice")
    assert "its rows are on their way" in page_html(answer)
    assert f'<a href="/projects/{project.public_id}/">' in page_html(manager.get(there(toys)))
    assert [line[:3] for line in trail("project.mirrored", "sync.requested")] == [
        ("project.mirrored", "done", "alice"),
        ("sync.requested", "done", "alice"),
    ]


def test_the_projects_there_are_found_by_name_or_id(server: toy.ToyServer, toys: Connection, manager: Client):
    page = page_html(manager.get(there(toys), {"q": "OTHER"}))
    assert "Project other" in page and "Project remote" not in page
    assert "1–1 of 1 project" in page
    assert "None of 2 projects there matches." in page_html(manager.get(there(toys), {"q": "nowhere"}))
    assert manager.get(there(toys), {"query": "other"}).status_code == 400


def test_a_name_that_is_taken_is_told_and_another_one_can_be_given(
    server: toy.ToyServer, toys: Connection, manager: Client
):
    Project.objects.create(connection=toys, name="Project remote")
    refused = manager.post(there(toys), {"external_id": "remote"})
    assert refused.status_code == 400
    assert "Not mirrored:" in page_html(refused)
    manager.post(there(toys), {"external_id": "remote", "name": "Ours"})
    assert Project.objects.get(external_id="remote").name == "Ours"


def test_an_id_that_there_is_not_is_told_beside_the_list(server: toy.ToyServer, toys: Connection, manager: Client):
    refused = manager.post(there(toys), {"external_id": "nowhere"})
    assert refused.status_code == 400
    page = page_html(refused)
    assert "there is no project &#x27;nowhere&#x27;" in page
    assert "Project remote" in page
    assert not Project.objects.filter(external_id="nowhere").exists()


@pytest.mark.parametrize("error", [TransientError("it is away"), PermanentError("the key is wrong")])
def test_a_platform_that_does_not_answer_is_told_with_a_way_on(
    server: toy.ToyServer, toys: Connection, manager: Client, error: Exception
):
    def fail(step: str) -> None:
        raise error

    server.before = fail
    page = page_html(manager.get(there(toys)))
    assert str(error) in page
    assert "Test the connection" in page


def test_a_platform_without_projects_says_so(server: toy.ToyServer, toys: Connection, manager: Client):
    server.rows.clear()
    assert "No projects there" in page_html(manager.get(there(toys)))


def test_only_who_manages_connections_sees_what_is_there(mirrored: Project, oscar: User, mallory: User):
    assert signed_in(mallory).get(there(mirrored.connection)).status_code == 404
    for client in (signed_in(oscar),):
        assert client.get(there(mirrored.connection)).status_code in (403, 404)
        assert client.post(there(mirrored.connection), {"external_id": "other"}).status_code in (403, 404)
    assert Project.objects.filter(connection=mirrored.connection).count() == 1


# --- the project -----------------------------------------------------------------------------------------------------


def test_the_project_says_where_it_comes_from_and_how_it_stands(mirrored: Project, server: toy.ToyServer, oscar: User):
    client = signed_in(oscar)
    page = page_html(client.get(f"/projects/{mirrored.public_id}/"))
    assert "From Toy" in page and "not read yet" in page
    assert "Bring rows in" not in page
    server.rows["remote"][0]["latest_answer"].append({"question_name": "q", "question_type": "hologram", "answer": [1]})
    sync_now(project=mirrored, actor=ME)
    page = page_html(client.get(f"/projects/{mirrored.public_id}/"))
    assert "up to date as of" in page
    assert "Not understood: 1 " in page
    assert '<td data-label="Created" class="ea-num">8</td>' in page


@pytest.mark.parametrize("mode", ["", FULL])
def test_a_sync_is_requested_from_the_project(mirrored: Project, oscar: User, rita: User, mode: str):
    path = f"/projects/{mirrored.public_id}/sync/"
    assert signed_in(rita).post(path, {}).status_code == 403
    answer = signed_in(oscar).post(path, {"mode": mode} if mode else {})
    run = SyncRun.objects.get()
    assert answer["Location"] == f"/syncs/{run.public_id}/"
    assert (run.wanted, run.created_by_name) == (mode or "auto", "oscar")
    again = signed_in(oscar).post(path, {}, follow=True)
    assert "is queued already" in page_html(again)
    assert SyncRun.objects.count() == 1


def test_an_unknown_mode_is_refused_by_its_name(mirrored: Project, oscar: User):
    answer = signed_in(oscar).post(f"/projects/{mirrored.public_id}/sync/", {"mode": "half"}, follow=True)
    assert "unknown mode &#x27;half&#x27;" in page_html(answer)
    assert not SyncRun.objects.exists()


def test_how_it_is_mirrored_is_changed_by_its_admins(mirrored: Project, oscar: User, manager: Client):
    path = f"/projects/{mirrored.public_id}/mirror/"
    assert signed_in(oscar).post(path, {"full_every_hours": "3"}).status_code == 403
    manager.post(path, {"full_every_hours": "3"})
    mirrored.mirror.refresh_from_db()
    assert (mirrored.mirror.full_every_hours, mirrored.mirror.sync_first) == (3, False)
    refused = manager.post(path, {"full_every_hours": "soon"}, follow=True)
    assert "Write a whole number of hours" in page_html(refused)
    assert [line[:3] for line in trail("project.mirror_changed")][-1] == ("project.mirror_changed", "done", "alice")


def test_what_its_syncs_ask_with_is_chosen_on_its_page(mirrored: Project, manager: Client):
    path = f"/projects/{mirrored.public_id}/mirror/"
    manager.post(path, {"full_every_hours": "3", "option.drafts": "yes"})
    mirrored.mirror.refresh_from_db()
    assert mirrored.mirror.options == {"drafts": "yes"}
    assert 'name="option.drafts"' in page_html(manager.get(f"/projects/{mirrored.public_id}/"))
    refused = manager.post(path, {"full_every_hours": "3", "option.drafts": "some"}, follow=True)
    assert "some" in page_html(refused)
    manager.post(path, {"full_every_hours": "3", "option.drafts": ""})
    mirrored.mirror.refresh_from_db()
    assert mirrored.mirror.options == {}


# --- one sync --------------------------------------------------------------------------------------------------------


def test_a_sync_shows_what_became_of_the_rows(mirrored: Project, server: toy.ToyServer, oscar: User):
    first = sync_now(project=mirrored, actor=ME)
    del server.rows["remote"][0]
    server.rows["remote"][0]["file_status"] = "accepted"
    run = sync_now(project=mirrored, actor=ME, mode=FULL)
    page = page_html(signed_in(oscar).get(f"/syncs/{run.public_id}/"))
    for title, count in (("Rows read", 7), ("Created", 0), ("Updated", 1), ("Gone there, deleted here", 1)):
        assert f"<dt>{title}</dt><dd>{count}</dd>" in page
    listed = page_html(signed_in(oscar).get(f"/syncs/?project={mirrored.public_id}"))
    assert listed.index(run.public_id) < listed.index(first.public_id)


def test_a_word_that_nobody_knows_needs_attention(mirrored: Project, server: toy.ToyServer, oscar: User):
    server.looks = [Waiting("Perhaps", is_known=False)]
    run = request_sync(project=mirrored, actor=ME)
    from exportadmin.runs.execute import execute

    execute("sync", run.pk)
    answer = signed_in(oscar).get(f"/syncs/{run.public_id}/progress/", headers={"HX-Request": "true"})
    page = page_html(answer)
    assert "needs attention: Toy says &#x27;Perhaps&#x27;" in page
    assert "ea-note-warning" in page
    assert answer.status_code == 200


def test_a_failed_sync_is_told_on_the_project_and_can_be_asked_for_again(
    mirrored: Project, server: toy.ToyServer, oscar: User
):
    def fail(step: str) -> None:
        raise PermanentError("the key is wrong")

    server.before = fail
    run = sync_now(project=mirrored, actor=ME)
    assert run.status == statuses.FAILED
    client = signed_in(oscar)
    project = page_html(client.get(f"/projects/{mirrored.public_id}/"))
    assert "The last sync failed:" in project and "the key is wrong" in project
    assert "Sync again" in page_html(client.get(f"/syncs/{run.public_id}/"))


def test_a_sync_that_ended_ends_the_polling(mirrored: Project, server: toy.ToyServer, oscar: User):
    run = sync_now(project=mirrored, actor=ME)
    answer = signed_in(oscar).get(f"/syncs/{run.public_id}/progress/", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Refresh"]) == (286, "true")


def test_a_waiting_sync_is_cancelled(mirrored: Project, oscar: User):
    run = request_sync(project=mirrored, actor=ME)
    answer = signed_in(oscar).post(f"/syncs/{run.public_id}/cancel/", follow=True)
    assert "Cancelled." in page_html(answer)
    run.refresh_from_db()
    assert run.status == statuses.CANCELLED
    again = signed_in(oscar).post(f"/syncs/{run.public_id}/cancel/", follow=True)
    assert again.status_code == 200
