"""A deleted project is gone for everybody at once; its rows and files follow in pieces, its lines in the trail stay."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, models, transaction
from django.test import Client

from connections import actions, deletion
from connections.access.models import ApiToken, Membership
from connections.access.tokens import issue_token
from connections.models import Project
from connections.sinks.local import LocalDelivery
from connections.store.models import StoreClass, StoreProject, StoreRow
from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, DeniedError, NotFoundError, PermanentError, UserError
from exportadmin.runs import statuses
from exports import actions as exports
from exports import config_actions
from exports.links import actions as link_actions
from exports.models import Artifact, DeletedLink, Download, ExportConfig, ExportReport, Link
from exports.spec.conversion import conversion_spec
from exports.spec.spec import ExportSpec
from tests.support.deliveries import delivery_folder
from tests.support.rows import mixed

pytestmark = pytest.mark.django_db(transaction=True)
SHELL = Actor(kind="user", name="tester", channel="shell")


def person(user: User) -> Actor:
    return Actor(kind="user", name=user.username, channel="rest", user_id=user.pk)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def export(project: Project, **more: object) -> ExportReport:
    spec = ExportSpec.parse({"format": "ndjson"}, project)
    return exports.run_now(project=project, spec=spec, actor=SHELL, **more)


def delete(project: Project, actor: Actor = SHELL) -> deletion.Contents:
    return actions.delete_project(project=project, confirm=project.name, actor=actor)


def purge() -> None:
    deletion.Sweep().tick()


@pytest.fixture
def filled(members, tmp_path, settings) -> Project:
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    settings.MEDIA_DIR = tmp_path / "media"
    write_rows(members, mixed(30), now_ms=1_000)
    return members


@pytest.fixture
def full(filled, oscar, settings) -> Project:
    """With one of everything."""
    report = export(filled, name="All of it")
    link_actions.issue_link(artifact=report.artifacts.get(), actor=SHELL)
    config_actions.save_config(
        project=filled, name="Nightly", spec=ExportSpec.parse({"format": "csv"}, filled), actor=SHELL
    )
    issue_token(user=oscar, name="script", scopes=["exports:read"], actor=SHELL, project=filled)
    (settings.MEDIA_DIR / filled.public_id).mkdir(parents=True)
    (settings.MEDIA_DIR / filled.public_id / "a.png").write_bytes(b"png")
    return filled


def test_nothing_of_it_stays_among_the_deliveries(full, settings):
    assert [path.name for path in settings.ARTIFACTS_DIR.iterdir()] == [full.public_id]
    delete(full)
    purge()
    assert not Project.with_deleted.exists()
    assert list(settings.ARTIFACTS_DIR.iterdir()) == []


# --- bad days --------------------------------------------------------------------------------------------------------


def test_a_stranger_finds_nothing_an_operator_is_told_no_and_both_are_recorded(full, mallory, oscar):
    with pytest.raises(NotFoundError):
        delete(full, person(mallory))
    with pytest.raises(DeniedError):
        delete(full, person(oscar))
    entries = AuditEntry.objects.filter(event="project.deleted")
    assert [(entry.outcome, entry.object_name) for entry in entries] == [("refused", "Street scenes")] * 2
    assert Project.objects.get() == full
    assert Membership.objects.count() == 2


@pytest.mark.parametrize("name", ["", "street scenes", "Street scenes ", "yes"])
def test_without_its_exact_name_it_stays(full, name):
    with pytest.raises(UserError, match="type the project's name, 'Street scenes'") as refused:
        actions.delete_project(project=full, confirm=name, actor=SHELL)
    assert refused.value.field == "confirm"
    assert Project.objects.exists()


@pytest.mark.parametrize("status", sorted(statuses.ACTIVE))
def test_while_an_export_waits_or_runs_it_stays(full, status):
    report = exports.request_export(project=full, spec=ExportSpec.parse({"format": "csv"}, full), actor=SHELL)
    ExportReport.objects.filter(pk=report.pk).update(status=status)
    with pytest.raises(ConflictError, match=f"is in use: cancel or await export {report.report_id}"):
        delete(full)
    assert Project.objects.exists() and ApiToken.objects.exists()
    ExportReport.objects.filter(pk=report.pk).update(status="cancelled")
    delete(full)
    assert not Project.objects.exists()


def test_deleted_twice_the_second_time_finds_nothing(full, alice):
    delete(full)
    with pytest.raises(NotFoundError):
        delete(full)
    with pytest.raises(NotFoundError):
        delete(Project.with_deleted.get(), person(alice))
    assert AuditEntry.objects.filter(event="project.deleted", outcome="done").count() == 1


def test_whoever_had_the_project_in_hand_begins_nothing_in_it_any_more(full, alice):
    spec = ExportSpec.parse({"format": "csv"}, full)
    delete(Project.objects.get(pk=full.pk))
    for actor in (SHELL, person(alice)):
        with pytest.raises(NotFoundError):
            exports.request_export(project=full, spec=spec, actor=actor)
    with pytest.raises(NotFoundError, match="was deleted meanwhile"):
        write_rows(full, mixed(3))
    assert ExportReport.objects.count() == 1


def test_a_request_that_meets_a_deletion_waits_for_it_and_finds_no_project(full):
    spec = ExportSpec.parse({"format": "csv"}, full)
    caught: list[BaseException] = []

    def request() -> None:
        try:
            exports.request_export(project=full, spec=spec, actor=SHELL)
        except BaseException as error:
            caught.append(error)
        finally:
            connection.close()

    with transaction.atomic():
        delete(full)
        thread = threading.Thread(target=request)
        thread.start()
        thread.join(0.5)
        assert thread.is_alive()
    thread.join(30)
    assert isinstance(caught[0], NotFoundError)
    assert ExportReport.objects.count() == 1


def test_files_that_cannot_be_removed_keep_the_project_hidden_until_they_can(full, monkeypatch, caplog):
    def stays(self: LocalDelivery) -> None:
        raise PermanentError("the disk is read-only")

    folder = delivery_folder(ExportReport.objects.get())
    delete(full)
    with monkeypatch.context() as patched:
        patched.setattr(LocalDelivery, "remove", stays)
        sweep = deletion.Sweep()
        sweep.tick()
        sweep.tick()  # not again within the hour
    assert caplog.text.count("the disk is read-only") == 1
    assert "cannot be taken away entirely yet" in caplog.text
    assert folder.exists() and ExportReport.objects.exists() and Project.with_deleted.exists()
    assert not StoreRow.objects.exists()
    assert not AuditEntry.objects.filter(event="project.purged").exists()
    purge()
    assert not folder.exists() and not Project.with_deleted.exists()


def test_a_sweep_that_dies_half_way_is_gone_on_with(full, monkeypatch):
    monkeypatch.setattr(deletion, "PIECE", 7)
    delete(full)
    pieces = deletion.take_away(Project.with_deleted.get())
    counted = [next(pieces) for _ in range(3)]
    assert counted[0] == 1 and sum(counted) < 30
    pieces.close()
    purge()
    assert not Project.with_deleted.exists() and not StoreRow.objects.exists()
    assert AuditEntry.objects.filter(event="project.purged").count() == 1


def test_two_sweeps_side_by_side_end_it_once(full, monkeypatch):
    monkeypatch.setattr(deletion, "PIECE", 7)
    delete(full)
    project = Project.with_deleted.get()
    one, other = deletion.take_away(project), deletion.take_away(project)
    for _ in range(3):
        next(one, None)
        next(other, None)
    for pieces in (one, other):
        list(pieces)
    assert not Project.with_deleted.exists()
    assert AuditEntry.objects.filter(event="project.purged").count() == 1


# --- gone at once ----------------------------------------------------------------------------------------------------


def test_it_is_gone_for_everybody_before_anything_is_taken_away(full, alice, oscar):
    report, link = ExportReport.objects.get(), Link.objects.get()
    config = ExportConfig.objects.get()
    browser = signed_in(alice)
    pages = [
        f"/projects/{full.public_id}/",
        f"/projects/{full.public_id}/delete/",
        f"/exports/{report.report_id}/",
        f"/exports/{report.report_id}/files/{report.artifacts.get().name}/",
        f"/configs/{config.public_id}/",
        f"/links/{link.public_id}/",
        f"/api/v1/projects/{full.public_id}/",
        f"/api/v1/reports/{report.report_id}/",
        f"/api/v1/artifacts/{report.artifacts.get().public_id}/download/",
    ]
    assert [browser.get(page).status_code for page in pages] == [200] * len(pages)
    delete(full)
    assert StoreRow.objects.exists() and ExportReport.objects.exists()
    for client in (browser, signed_in(oscar)):
        assert [client.get(page).status_code for page in pages] == [404] * len(pages)
        for page in ("/", "/projects/", "/exports/", "/configs/", "/links/"):
            shown = client.get(page).content.decode()
            assert full.public_id not in shown and report.name not in shown, page
    assert not Membership.objects.exists() and not ApiToken.objects.exists()


def test_its_links_say_gone_before_and_after_and_one_for_a_person_only_to_that_person(full, oscar, mallory):
    artifact = Artifact.objects.get()
    _, token = link_actions.issue_link(artifact=artifact, actor=SHELL)
    _, bound = link_actions.issue_link(artifact=artifact, actor=SHELL, for_user=oscar)
    anybody, its_person, other = Client(), signed_in(oscar), signed_in(mallory)
    assert anybody.get(f"/exports/l/{token}/").status_code == 200
    delete(full)
    for _ in range(2):
        for path in (f"/exports/l/{token}/", f"/exports/l/{token}/file"):
            answer = anybody.get(path)
            assert answer.status_code == 410
            assert "The file behind this link has been removed." in answer.content.decode()
        assert its_person.get(f"/exports/l/{bound}/").status_code == 410
        assert other.get(f"/exports/l/{bound}/").status_code == 404
        purge()
    assert not Link.objects.exists()
    assert DeletedLink.objects.count() == 3
    entry = AuditEntry.objects.filter(event="link.refused", reason="removed").order_by("-sequence")[0]
    assert entry.details["link"] in DeletedLink.objects.values_list("public_id", flat=True)


def test_its_name_is_free_at_once(full):
    delete(full)
    again = actions.create_project(name=full.name, actor=SHELL)
    purge()
    assert list(Project.with_deleted.all()) == [again]


# --- and then everything ---------------------------------------------------------------------------------------------


def test_everything_that_points_to_it_goes_and_nothing_of_another_project(full, connection, settings):
    other = Project.objects.create(connection=full.connection, name="Harbour")
    write_rows(other, mixed(5), now_ms=1_000)
    kept = export(other, name="Stays")
    link_actions.issue_link(artifact=kept.artifacts.get(), actor=SHELL)
    folder = delivery_folder(ExportReport.objects.get(project=full))
    assert folder.exists()
    delete(full)
    purge()
    assert not folder.exists() and not (settings.MEDIA_DIR / full.public_id).exists()
    assert delivery_folder(kept).exists()
    assert list(Project.with_deleted.all()) == [other]
    for model in _models_of_projects():
        assert not model._base_manager.exclude(project=other).exists() or model is ApiToken, model
    assert (StoreRow.objects.count(), StoreProject.objects.count()) == (5, 1)
    assert StoreClass.objects.exists()
    assert (Artifact.objects.count(), Link.objects.count()) == (1, 1)
    assert not Download.objects.exists()


def _models_of_projects() -> list[type[models.Model]]:
    return [relation.related_model for relation in Project._meta.related_objects]


def test_the_trail_keeps_its_lines_with_counts_and_names(full, alice):
    gone = delete(full, person(alice))
    before = signed_in(alice).get("/audit/", {"project": full.public_id}).content.decode()
    assert 'href="/exports/' not in before.partition("<main")[2]
    purge()
    deleted, purged = AuditEntry.objects.filter(event__in=("project.deleted", "project.purged")).order_by("sequence")
    assert gone.counts == {
        "rows": 30, "exports": 1, "files": 1, "configs": 1, "slices": 0, "links": 1, "members": 2, "tokens": 1,
    }  # fmt: skip
    assert deleted.details == {**{f"{name}_count": count for name, count in gone.counts.items()}, "left_behind": []}
    assert deleted.before == {"name": "Street scenes", "description": "", "time_zone": "UTC"}
    assert {(entry.project_id, entry.project_name) for entry in (deleted, purged)} == {(full.public_id, full.name)}
    assert (purged.actor_name, purged.outcome) == ("system", "done")
    shown = signed_in(alice).get("/audit/", {"project": full.public_id}).content.decode()
    assert "took away everything of deleted project" in shown
    assert f'href="/projects/{full.public_id}/"' not in shown
    assert 'href="/exports/' not in shown.partition("<main")[2]


@pytest.mark.parametrize("piece", [1, 50])
def test_conversions_go_with_what_they_were_made_of(filled, monkeypatch, piece):
    monkeypatch.setattr("exports.deletion.PIECE", piece)
    first = export(filled)
    second = exports.convert_report(
        report=first, spec=conversion_spec(first, {"format": "json"}), actor=SHELL, now=True
    )
    exports.convert_report(report=second, spec=conversion_spec(second, {"format": "csv"}), actor=SHELL, now=True)
    delete(filled)
    purge()
    assert not Project.with_deleted.exists() and not ExportReport.objects.exists()


def test_folders_that_are_not_ours_stay_and_are_named(filled, tmp_path, capsys):
    theirs = tmp_path / "theirs"
    call_command("run_export", filled.name, format="csv", output=theirs)
    ours = delivery_folder(export(filled))
    capsys.readouterr()
    call_command("delete_project", filled.name, confirm=filled.name, json=True)
    printed = json.loads(capsys.readouterr().out)
    assert printed["left_behind"] == [str(theirs)]
    assert printed["counts"]["files"] == 1
    assert len(list(Path(theirs).iterdir())) == 2
    assert not ours.exists()
    assert AuditEntry.objects.get(event="project.deleted").details["left_behind"] == [str(theirs)]


def test_the_shell_takes_everything_away_before_it_ends_and_wants_the_name(full, capsys):
    with pytest.raises(CommandError, match="type the project's name") as wrong:
        call_command("delete_project", full.public_id, confirm="y")
    assert wrong.value.returncode == 2
    capsys.readouterr()
    call_command("delete_project", full.public_id, confirm=full.name)
    printed = capsys.readouterr().out
    assert (
        "project Street scenes deleted: 30 rows, 1 exports, 1 files, 1 configs, 0 slices, 1 links, 2 members" in printed
    )
    assert not Project.with_deleted.exists() and not StoreRow.objects.exists() and not ExportReport.objects.exists()


def test_the_shell_says_when_files_stay(full, monkeypatch):
    def stays(self: LocalDelivery) -> None:
        raise PermanentError("the disk is read-only")

    monkeypatch.setattr(LocalDelivery, "remove", stays)
    with pytest.raises(CommandError, match="some files cannot be removed now") as failed:
        call_command("delete_project", full.public_id, confirm=full.name)
    assert failed.value.returncode == 1


def test_the_pieces_are_small_however_much_there_is(filled, monkeypatch):
    monkeypatch.setattr(deletion, "PIECE", 10)
    monkeypatch.setattr("exports.deletion.PIECE", 2)
    for number in range(5):
        export(filled, name=f"Run {number}")
    delete(filled)
    pieces = list(deletion.take_away(Project.with_deleted.get()))
    assert max(pieces) == 10
    assert pieces[:3] == [2, 2, 1]
