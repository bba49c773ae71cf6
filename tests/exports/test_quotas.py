"""Nobody takes all there is: so many exports waiting, asked for in a day, links open, imports; then 429."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections as databases

from connections.access.tokens import issue_token
from connections.models import Connection, Project
from connections.rows.batch import PARTS
from connections.store.imports.actions import ImportSpec, begin_upload
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import USER, Actor, system
from exportadmin.lib.errors import ConflictError, TooManyError
from exportadmin.runs import statuses
from exports import actions
from exports.links import actions as link_actions
from exports.models import Artifact, ExportReport, Link
from exports.spec.spec import ExportSpec
from tests.exports.downloads.support import actor as actor_for
from tests.pages.people import signed_in
from tests.pages.reports import deliver
from tests.rest.world import SHELL, Rest

pytestmark = pytest.mark.django_db
REPORTS = "reports/"


@pytest.fixture
def artifact(members: Project, tmp_path: Path) -> Artifact:
    return deliver(members, tmp_path / "d")


def ask(project: Project, actor: Actor, **more: Any) -> ExportReport:
    spec = ExportSpec.parse({"format": "json"}, project)
    return actions.request_export(project=project, spec=spec, actor=actor, **more)


def script(user: User) -> Rest:
    return Rest(issue_token(user=user, name="script", scopes=["admin"], actor=SHELL)[1])


def limit(settings: Any, **limits: int) -> None:
    for name, most in limits.items():
        setattr(settings, f"QUOTA_{name}", most)


def test_more_than_so_many_wait_for_nobody_and_rest_says_when_to_come_again(members: Project, oscar: User, settings):
    limit(settings, QUEUED_PERSON=2)
    body = {"project": members.public_id, "format": "json"}
    client = script(oscar)
    assert [client.post(REPORTS, body).status_code for _ in range(3)] == [202, 202, 429]
    answer = client.post(REPORTS, body)
    assert (answer.json()["code"], answer["Retry-After"]) == ("throttled", "60")
    assert "oscar has 2 exports waiting" in answer.json()["detail"]
    assert "EXPORTADMIN_QUOTA_QUEUED_PERSON" in answer.json()["detail"]
    assert ExportReport.objects.count() == 2
    ExportReport.objects.filter(pk=ExportReport.objects.first().pk).update(status=statuses.RUNNING)  # type: ignore[union-attr]
    assert client.post(REPORTS, body).status_code == 202


def test_who_goes_on_leaves_a_line_a_minute_that_says_which_limit(members: Project, oscar: User, settings):
    limit(settings, QUEUED_PERSON=1)
    client = script(oscar)
    for _ in range(5):
        client.post(REPORTS, {"project": members.public_id, "format": "json"})
    (entry,) = AuditEntry.objects.filter(event="request.throttled")
    assert (entry.actor_user_id, "exports waiting" in entry.reason) == (oscar.pk, True)
    assert not AuditEntry.objects.filter(event="export.requested", outcome="refused").exists()


def test_a_page_says_it_too(members: Project, oscar: User, settings):
    limit(settings, QUEUED_PERSON=1)
    client = signed_in(oscar)
    form = {"project": members.public_id, "format": "json", "parts": list(PARTS), "key": "k1", "do": "run"}
    ask(members, actor_for(oscar))
    answer = client.post("/exports/new/", form)
    assert (answer.status_code, answer["Retry-After"]) == (429, "60")
    assert "exports waiting" in answer.content.decode()
    assert AuditEntry.objects.filter(event="request.throttled").count() == 1


def test_a_project_has_its_share_whoever_asks_and_others_have_theirs(
    members: Project, alice: User, oscar: User, settings
):
    limit(settings, QUEUED_PROJECT=2, QUEUED_PERSON=0)
    other = Project.objects.create(connection=Connection.objects.get(), name="other")
    ask(members, actor_for(oscar))
    ask(members, actor_for(alice))
    for user in (alice, oscar):
        with pytest.raises(TooManyError, match="has 2 exports waiting"):
            ask(members, actor_for(user))
    ask(other, actor_for(alice))


def test_so_many_a_day_however_fast_they_run_and_what_is_refused_counts_nothing(
    members: Project, alice: User, oscar: User, settings
):
    limit(settings, RUNS_PERSON=2, RUNS_PROJECT=3)
    for _ in range(2):
        ask(members, actor_for(oscar))
        ExportReport.objects.update(status=statuses.COMPLETED)
    for _ in range(3):
        with pytest.raises(TooManyError, match="oscar has asked for 2 exports within a day") as refusal:
            ask(members, actor_for(oscar))
    assert 24 * 3600 - 60 < refusal.value.retry_after <= 24 * 3600
    ask(members, actor_for(alice))
    with pytest.raises(TooManyError, match=r"project .* has asked for 3 exports"):
        ask(members, actor_for(alice))


@pytest.mark.django_db(transaction=True)
def test_a_request_that_fails_eats_nothing_of_the_day(members: Project, oscar: User, settings, monkeypatch):
    limit(settings, RUNS_PERSON=1, RUNS_PROJECT=1)

    def full(report: ExportReport) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(actions, "enqueue", full)
        for _ in range(3):
            with pytest.raises(OSError, match="no space left"):
                ask(members, actor_for(oscar))
    ask(members, actor_for(oscar))
    for _ in range(3):
        with pytest.raises(TooManyError):
            ask(members, actor_for(oscar))
    assert ExportReport.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_import_that_fails_eats_nothing_of_the_day(members: Project, alice: User, settings, monkeypatch):
    limit(settings, IMPORTS_PERSON=1)
    spec = ImportSpec(members.public_id, "rows.ndjson", format="ndjson")

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("no line")

    with monkeypatch.context() as patched:
        patched.setattr("exportadmin.audit.record.record", broken)
        for _ in range(2):
            with pytest.raises(RuntimeError, match="no line"):
                begin_upload(spec=spec, actor=actor_for(alice), bytes_total=10)
    begin_upload(spec=spec, actor=actor_for(alice), bytes_total=10)


def test_a_key_that_is_sent_again_asks_for_nothing_more(members: Project, oscar: User, settings):
    limit(settings, RUNS_PERSON=1)
    first = ask(members, actor_for(oscar), idempotency_key="k")
    assert ask(members, actor_for(oscar), idempotency_key="k") == first


def test_the_product_and_the_shell_have_no_limits(members: Project, settings):
    limit(settings, QUEUED_PERSON=1, QUEUED_PROJECT=1, RUNS_PROJECT=1, RUNS_PERSON=1)
    for actor in (SHELL, system(), SHELL):
        ask(members, actor)


def test_open_links_are_counted_and_an_end_makes_room(artifact: Artifact, oscar: User, settings):
    limit(settings, LINKS_PERSON=2)
    made = [link_actions.issue_link(artifact=artifact, actor=actor_for(oscar), seconds=600)[0] for _ in range(2)]
    answer = script(oscar).post(f"artifacts/{artifact.public_id}/links/", {"seconds": 600})
    assert answer.status_code == 429
    assert 500 < int(answer["Retry-After"]) <= 600, "when the first of them ends"
    link_actions.revoke_link(link=made[0], actor=actor_for(oscar))
    link_actions.issue_link(artifact=artifact, actor=actor_for(oscar))
    assert Link.objects.count() == 3


def test_links_of_a_project_are_counted_whoever_makes_them(artifact: Artifact, alice: User, oscar: User, settings):
    limit(settings, LINKS_PROJECT=1)
    link_actions.issue_link(artifact=artifact, actor=actor_for(oscar))
    with pytest.raises(TooManyError, match="open links"):
        link_actions.issue_link(artifact=artifact, actor=actor_for(alice))


def test_imports_are_counted_by_the_day(members: Project, alice: User, settings):
    limit(settings, IMPORTS_PERSON=1)
    spec = ImportSpec(members.public_id, "rows.ndjson", format="ndjson")
    begin_upload(spec=spec, actor=actor_for(alice), bytes_total=10)
    with pytest.raises(TooManyError, match="1 imports within a day"):
        begin_upload(spec=spec, actor=actor_for(alice), bytes_total=10)


@pytest.mark.django_db(transaction=True)
def test_of_requests_at_the_same_moment_no_more_get_through(members: Project, oscar: User, settings):
    limit(settings, QUEUED_PERSON=3)
    start = threading.Barrier(8)
    outcomes: list[str] = []

    def one() -> None:
        start.wait()
        try:
            ask(members, actor_for(oscar))
            outcomes.append("made")
        except (TooManyError, ConflictError) as error:
            outcomes.append(type(error).__name__)
        finally:
            databases.close_all()

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["TooManyError"] * 5 + ["made"] * 3


def test_an_id_that_no_row_can_have_is_refused(members: Project, oscar: User):
    body = {"project": members.public_id, "format": "json", "filter": {"global_keys": ["k" * 1_200_000]}}
    answer = script(oscar).post(REPORTS, body)
    assert (answer.status_code, answer.json()["field"]) == (400, "filter.global_keys[0]")
    assert "1,200,000 characters; at most 500" in answer.json()["detail"]
    assert ExportReport.objects.count() == 0


def test_somebody_without_an_account_is_not_asked(members: Project):
    assert actions.quotas.hold(members, Actor(kind=USER, name="anonymous", channel="web")) is False
