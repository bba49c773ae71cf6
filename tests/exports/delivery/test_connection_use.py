"""A connection is used by projects to which it was granted: asked at request, at save and at the start of a run."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import pytest
from django.core.management import CommandError, call_command
from django.db import connections as databases
from django.test import Client

from connections.adapters import FAILED, PASSED, Step
from connections.connection_actions import (
    delete_connection,
    disable_connection,
    enable_connection,
    grant_connection,
    revoke_connection,
)
from connections.models import Connection, ConnectionGrant, Project
from connections.use import used_by
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.errors import ConflictError, UserError
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from exports import actions, config_actions
from exports.models import ExportConfig, ExportReport
from exports.run import retention
from tests.connections.sinks.blobs import BlobSink
from tests.rest.world import SHELL

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hidden(archive) -> Connection:
    """Of the same kind, granted to another project."""
    made = Connection.objects.create(name="Whispering hall", kind=BlobSink.key)
    other = Project.objects.create(connection=Project.objects.all()[0].connection, name="Other")
    ConnectionGrant.objects.create(connection=made, project=other, granted_by="alice")
    return made


@pytest.fixture
def body(archive, filled) -> dict:
    return {"project": filled.name, "format": "ndjson", "destination": to(archive)}


def to(connection: Connection) -> dict[str, str]:
    return {"kind": "blobs", "connection": connection.public_id}


@pytest.fixture
def waiting(body, script) -> ExportReport:
    return ExportReport.objects.get(report_id=script.post("reports/", body).json()["report_id"])


@pytest.fixture
def tested(monkeypatch) -> Iterator[list[Step]]:
    """What a test of a store of blobs finds out."""
    steps = [Step("reach", "Reach it", PASSED)]
    monkeypatch.setattr(BlobSink, "test", classmethod(lambda cls, connection: iter(steps)))
    return steps


def ended(report: ExportReport) -> tuple[str, str]:
    execute("export", report.pk)
    report.refresh_from_db()
    return report.status, report.error


@pytest.mark.parametrize("named_by", ["public_id", "name"])
@pytest.mark.parametrize("address", ["reports/", "reports/plan/", "configs/"])
def test_a_connection_that_was_not_granted_is_not_used_and_not_named(
    hidden, archive, script, filled, body, address, named_by
):
    wrong = {**body, "destination": {"kind": "blobs", "connection": getattr(hidden, named_by)}}
    answer = script.post(address, {**wrong, **({"name": "nightly"} if address == "configs/" else {})})
    assert (answer.status_code, answer.json()["field"]) == (400, "destination")
    assert f"known: {archive.public_id} ('Archive')" in answer.json()["detail"]
    if named_by == "public_id":
        assert hidden.name not in answer.content.decode()
    assert not ExportReport.objects.exists()
    assert not ExportConfig.objects.exists()


def test_the_form_offers_those_of_the_project(hidden, archive, filled, alice):
    pages = Client()
    pages.force_login(alice)
    page = pages.get("/exports/new/", {"project": filled.public_id}).content.decode()
    assert archive.public_id in page
    assert hidden.public_id not in page
    assert hidden.name not in page
    disable_connection(connection=archive, actor=SHELL)
    assert archive.public_id not in pages.get("/exports/new/", {"project": filled.public_id}).content.decode()


def test_the_shell_may_name_it_by_its_name_and_needs_the_grant_too(hidden, archive, filled, home):
    flags = ["--format", "ndjson", "--destination", "kind=blobs", "--destination"]
    call_command("run_export", filled.name, *flags, "connection=Archive")
    report = ExportReport.objects.get()
    assert (report.destination, report.config["destination"]) == (archive, to(archive))
    with pytest.raises(CommandError, match="names no connection of kind blobs that project"):
        call_command("run_export", filled.name, *flags, f"connection={hidden.name}")


def test_disabled_it_is_refused_until_it_is_enabled_again(archive, script, body):
    disable_connection(connection=archive, actor=SHELL)
    refused = script.post("reports/", body)
    assert (refused.status_code, refused.json()["detail"]) == (409, "connection 'Archive' is disabled")
    enable_connection(connection=archive, actor=SHELL)
    assert script.post("reports/", body).status_code == 202


def test_what_waits_is_asked_again_when_it_starts(archive, waiting, filled, home):
    revoke_connection(connection=archive, project=filled, actor=SHELL)
    assert ended(waiting) == (
        statuses.FAILED,
        f"the connection is not granted to project {filled.name!r}: nothing was delivered",
    )
    assert not (home / "blob-stores").exists()


def test_what_waits_is_not_begun_through_a_disabled_connection(archive, waiting, home):
    disable_connection(connection=archive, actor=SHELL)
    assert ended(waiting) == (statuses.FAILED, "connection 'Archive' is disabled: nothing was delivered")
    assert not (home / "blob-stores").exists()


def test_what_was_delivered_is_read_through_it_whatever_became_of_it(archive, waiting, filled, script):
    assert ended(waiting)[0] == statuses.COMPLETED
    disable_connection(connection=archive, actor=SHELL)
    revoke_connection(connection=archive, project=filled, actor=SHELL)
    assert script.post(f"reports/{waiting.report_id}/verify/").json()["ok"] is True
    again = script.post(f"reports/{waiting.report_id}/retry/")
    assert (again.status_code, "may use" in again.json()["detail"]) == (400, True)
    converted = script.post(f"reports/{waiting.report_id}/convert/", {"format": "csv", "destination": to(archive)})
    assert converted.status_code == 400


def test_a_saved_config_is_asked_when_it_is_run(archive, script, body, filled, tested):
    config = script.post("configs/", {**body, "name": "nightly"}).json()
    run = {"project": filled.name, "config_id": config["config_id"]}
    assert script.post("reports/", run).status_code == 202
    revoke_connection(connection=archive, project=filled, actor=SHELL)
    assert script.post("reports/", run).status_code == 400


def test_who_used_it_for_what_is_in_the_trail(archive, waiting, alice):
    used = AuditEntry.objects.get(event="connection.used")
    assert (used.object_id, used.object_name, used.project_id) == (
        archive.public_id, "Archive", waiting.project.public_id,
    )  # fmt: skip
    assert used.details == {"report": waiting.report_id, "name": waiting.name}
    assert "alice" in used.actor_name


def test_a_config_is_saved_when_its_connection_passes_its_test(archive, script, body, tested):
    assert script.post("configs/", {**body, "name": "nightly"}).status_code == 201
    archive.refresh_from_db()
    assert (archive.test_result["state"], archive.test_steps) == (PASSED, tested)
    tested.append(Step("write", "Write", FAILED, "the bucket is read-only", "allow s3:PutObject"))
    refused = script.post("configs/", {**body, "name": "weekly"})
    assert refused.status_code == 409
    assert "Write: the bucket is read-only. allow s3:PutObject" in refused.json()["detail"]
    config = ExportConfig.objects.get()
    with pytest.raises(ConflictError, match="does not pass its test"):
        spec = actions.ExportSpec.parse({"format": "csv", "destination": to(archive)}, config.project)
        config_actions.change_config(config=config, name="nightly", spec=spec, actor=SHELL)
    assert ExportConfig.objects.get().body["format"] == "ndjson"


def test_it_is_not_deleted_while_something_uses_it_and_says_what(archive, script, body, waiting, filled, tested, home):
    config = script.post("configs/", {**body, "name": "nightly"}).json()
    with pytest.raises(ConflictError) as refused:
        delete_connection(connection=archive, actor=SHELL)
    assert refused.value.message == (
        f"connection 'Archive' is in use: 1 config ('nightly' of project {filled.name!r}); "
        f"1 running export ({waiting.name!r} of project {filled.name!r})"
    )
    assert ended(waiting)[0] == statuses.COMPLETED
    config_actions.delete_config(config=ExportConfig.objects.get(public_id=config["config_id"]), actor=SHELL)
    with pytest.raises(ConflictError, match=rf"in use: 1 delivered export \('{waiting.name}'"):
        delete_connection(connection=archive, actor=SHELL)
    assert [(use.what, use.count, use.first[0].id) for use in used_by(archive)] == [
        ("delivered export", 1, waiting.report_id)
    ]
    actions.remove_files(report=waiting, actor=SHELL, why="")
    delete_connection(connection=archive, actor=SHELL)
    waiting.refresh_from_db()
    assert waiting.destination.name == "Archive"
    assert script.get(f"reports/{waiting.report_id}/").status_code == 200
    assert script.post(f"reports/{waiting.report_id}/retry/").status_code == 400
    retention.retain(waiting.finished_at)


def test_of_a_deletion_and_a_request_at_the_same_moment_one_is_refused(archive, filled, home):
    body = {"format": "ndjson", "destination": to(archive)}
    for round in range(6):
        made = Connection.objects.create(name=f"Archive {round}", kind=BlobSink.key)
        ConnectionGrant.objects.create(connection=made, project=filled, granted_by="alice")
        spec = actions.ExportSpec.parse({**body, "destination": to(made)}, filled)
        both, outcomes = threading.Barrier(2), {}

        def attempt(what, work, outcomes=outcomes, both=both):
            both.wait()
            try:
                outcomes[what] = work()
            except UserError as refusal:
                outcomes[what] = refusal
            finally:
                databases.close_all()

        works = {
            "request": partial(actions.request_export, project=filled, spec=spec, actor=SHELL),
            "delete": partial(delete_connection, connection=made, actor=SHELL),
        }
        threads = [threading.Thread(target=attempt, args=pair) for pair in works.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        refused = [what for what, outcome in outcomes.items() if isinstance(outcome, UserError)]
        assert len(refused) == 1, outcomes
        assert Connection.objects.filter(pk=made.pk).exists() == (refused == ["delete"])


def test_a_project_is_mirrored_by_its_connection(archive, filled):
    Project.objects.filter(pk=filled.pk).update(connection=archive)
    with pytest.raises(ConflictError, match=rf"in use: 1 project \('{filled.name}'"):
        delete_connection(connection=archive, actor=SHELL)


def test_used_by_tells_of_the_projects_that_are_asked_about_only(archive, hidden, waiting, filled):
    assert used_by(archive, Project.objects.exclude(pk=filled.pk)) == []
    assert [use.count for use in used_by(archive, Project.objects.filter(pk=filled.pk))] == [1]


def test_a_grant_of_another_project_is_none_of_this_one(hidden, archive, script, body, filled):
    grant_connection(connection=hidden, project=filled, actor=SHELL)
    assert script.post("reports/", {**body, "destination": to(hidden)}).status_code == 202
