"""What failed for one reason is one group, and is retried together: as confirmed, once, by whoever may."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from connections.access.permissions import START, VIEW, projects_for
from connections.access.tokens import issue_token
from connections.models import Connection, Project
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import ConflictError, DeniedError, NothingToDoError
from exports import failures
from exports.models import ExportReport
from tests.pages.people import signed_in
from tests.pages.reports import make_report
from tests.pages.squeezed import page_html
from tests.rest.world import SHELL, Rest


def actor_for(user: User) -> Actor:
    return Actor(kind="user", name=user.username, channel="web", user_id=user.pk)


def of(user: User) -> dict[str, Any]:
    return {"seen": projects_for(user, VIEW), "startable": projects_for(user, START)}


def fail(project: Project, error: str, **values: Any) -> ExportReport:
    return make_report(project, **{"status": "failed", "error": error, **values})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("row 'gk-7' has no width", "row 'a.jpg' has no width"),
        ('class "car" is not known', 'class "tree, tall" is not known'),
        ("rows 1 to 20 of 1,234,567", "rows 40 to 8 of 3"),
        ("/srv/a/b cannot be written: full", "/srv/c/d.json cannot be written: full"),
        ("s3://one/place is not there", "s3://two/place is not there"),
        ("report 3larqnirmi2dnasadso5gkkm is gone", "report euhr4mi2dnasadso5gkkmaab is gone"),
        ("it lasted 3.5 s", "it lasted 12 s"),
        ("two\nlines", "two lines"),
    ],
)
def test_one_cause_is_one_reason_whatever_it_was_about(one: str, other: str):
    assert failures.reason_of(one) == failures.reason_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the bucket answered 403", "the bucket answered 503"),
        ("the disk is full", "the disk is gone"),
        ("it doesn't answer", "it doesn't know"),
        ("the platform doesn't know it, that's why", "the platform doesn't want it, that's why"),
    ],
)
def test_other_causes_are_other_reasons(one: str, other: str):
    assert failures.reason_of(one) != failures.reason_of(other)


def test_the_latest_reason_comes_first_with_all_that_failed_for_it(project: Project, alice: User):
    now = timezone.now()
    made = []
    for age, error in enumerate(("row 'a' is bad", "full", "row 'b' is bad", "full")):
        report = fail(project, error)
        ExportReport.objects.filter(pk=report.pk).update(created_at=now - timedelta(hours=age))
        made.append(report)
    rows, full = failures.failures(**of(alice)).groups
    assert (rows.reason, rows.is_exact, rows.reports) == ("row … is bad", False, (made[0], made[2]))
    assert (full.reason, full.is_exact, full.retryable) == ("full", True, (made[1], made[3]))


def test_only_those_in_ones_projects_count_and_only_those_that_one_may_start(
    members: Project, connection: Connection, oscar: User, rita: User, mallory: User
):
    other = Project.objects.create(connection=connection, name="Not theirs")
    for project in (members, members, other):
        fail(project, "full")
    fail(members, "full", status="cancelled")
    (oscars,) = failures.failures(**of(oscar)).groups
    (ritas,) = failures.failures(**of(rita)).groups
    assert (len(oscars.reports), len(oscars.retryable)) == (2, 2)
    assert (len(ritas.reports), len(ritas.retryable)) == (2, 0)
    assert failures.failures(**of(mallory)).groups == ()
    with pytest.raises(DeniedError, match="rita may not start exports in project 'Street scenes'"):
        failures.retry_group(key=ritas.key, digest=ritas.digest, actor=actor_for(rita), **of(rita))
    with pytest.raises(NothingToDoError):
        failures.retry_group(key=ritas.key, digest=ritas.digest, actor=actor_for(mallory), **of(mallory))


def test_a_group_is_retried_once_and_each_of_it_is_a_line_of_the_trail(members: Project, oscar: User):
    failed = [fail(members, f"row '{number}' is bad", name=f"N{number}") for number in range(3)]
    fail(members, "full")
    group = next(group for group in failures.failures(**of(oscar)).groups if len(group.reports) == 3)
    done = failures.retry_group(key=group.key, digest=group.digest, actor=actor_for(oscar), **of(oscar)).done
    again = {one.again for one in done}
    assert {report.retry_of for report in again if report} == set(failed)
    assert {report.status for report in again if report} == {"queued"}
    assert AuditEntry.objects.filter(event="export.retried").count() == 3
    with pytest.raises(NothingToDoError):
        failures.retry_group(key=group.key, digest=group.digest, actor=actor_for(oscar), **of(oscar))
    assert ExportReport.objects.filter(status="queued").count() == 3


def test_others_than_the_confirmed_ones_are_not_retried_though_they_are_as_many(members: Project, oscar: User):
    first, _ = fail(members, "full"), fail(members, "full")
    (group,) = failures.failures(**of(oscar)).groups
    fail(members, "full")
    make_report(members, retry_of=first, status="completed")
    with pytest.raises(ConflictError, match=r"others than were confirmed .* 2 can be retried: look again"):
        failures.retry_group(key=group.key, digest=group.digest, actor=actor_for(oscar), **of(oscar))
    assert not ExportReport.objects.filter(status="queued").exists()


def test_one_that_is_refused_leaves_the_others_be(members: Project, oscar: User, settings: Any):
    settings.QUOTA_QUEUED_PROJECT = 1
    for _ in range(2):
        fail(members, "full")
    (group,) = failures.failures(**of(oscar)).groups
    came = failures.retry_group(key=group.key, digest=group.digest, actor=actor_for(oscar), **of(oscar))
    assert [one.again is not None for one in came.done] == [True, False]
    assert "exports waiting" in came.done[1].refusal and came.too_many is not None


def test_of_two_who_are_as_fast_as_each_other_one_retries(members: Project, oscar: User, monkeypatch: Any):
    report = fail(members, "full")
    (group,) = failures.failures(**of(oscar)).groups
    real = failures.actions.retry

    def late(**more: Any) -> ExportReport:
        make_report(members, retry_of=report, name="Faster")  # decided already, and not carried out yet
        return real(**more)

    monkeypatch.setattr(failures.actions, "retry", late)
    (one,) = failures.retry_group(key=group.key, digest=group.digest, actor=actor_for(oscar), **of(oscar)).done
    assert (one.again, one.refusal) == (None, "It was retried just now.")
    assert report.retries.get().name == "Faster"


def test_a_used_up_quota_is_429_in_rest_and_one_line_of_the_trail(members: Project, oscar: User, settings: Any):
    settings.QUOTA_QUEUED_PROJECT = 1
    for _ in range(3):
        fail(members, "full")
    script = Rest(issue_token(user=oscar, name="ci", scopes=("exports:run", "exports:read"), actor=SHELL)[1])

    def retry() -> Any:
        (group,) = script.get("reports/failures/").json()["groups"]
        return script.post(f"reports/failures/{group['key']}/retry/", {"digest": group["digest"]})

    partly, none = retry(), retry()
    assert [one["retried_as"] is not None for one in partly.json()] == [True, False, False]
    assert (none.status_code, none["Retry-After"]) == (429, "60")
    (entry,) = AuditEntry.objects.filter(event="request.throttled")
    assert (entry.channel, entry.actor_name) == ("rest", "ci of oscar")


def test_more_than_are_looked_at_are_said_to_be_more(
    project: Project, alice: User, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(failures, "MOST", 2)
    for _ in range(2):
        fail(project, "full")
    assert not failures.failures(**of(alice)).is_cut
    fail(project, "full")
    found = failures.failures(**of(alice))
    assert (found.is_cut, found.groups[0].is_cut) == (True, True)
    call_command("failures")
    said = capsys.readouterr().out
    assert "at least 3 exports: full" in said and "more failed in these days than was looked at" in said
    page = page_html(signed_in(alice).get(f"/exports/failures/{found.groups[0].key}/"))
    assert "At least 3 exports failed for this reason" in page and "these are the newest for this reason" in page


def test_rest_and_the_shell_tell_and_retry_the_same(members: Project, oscar: User, capsys: pytest.CaptureFixture[str]):
    for number in range(2):
        fail(members, f"row '{number}' is bad")
    shell_only = fail(members, "full")
    script = Rest(issue_token(user=oscar, name="ci", scopes=("exports:run", "exports:read"), actor=SHELL)[1])
    told = script.get("reports/failures/").json()
    call_command("failures", "--json")
    assert json.loads(capsys.readouterr().out) == told
    rows = next(group for group in told["groups"] if len(group["reports"]) == 2)
    refused = script.post(f"reports/failures/{rows['key']}/retry/", {"digest": "3"})
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    done = script.post(f"reports/failures/{rows['key']}/retry/", {"digest": rows["digest"]})
    assert done.status_code == 202
    again = {one["retried_as"]: one["report_id"] for one in done.json()}
    found = ExportReport.objects.filter(report_id__in=again, status="queued")
    assert {report.report_id: report.retry_of.report_id for report in found if report.retry_of} == again
    (group,) = script.get("reports/failures/").json()["groups"]
    call_command("failures", "--retry", group["key"])
    assert capsys.readouterr().out == f"{shell_only.report_id} -> {shell_only.retries.get().report_id}\n"
    call_command("failures")
    assert capsys.readouterr().out == "nothing failed that was not retried\n"
    with pytest.raises(CommandError, match="nothing that failed for this reason is left"):
        call_command("failures", "--retry", group["key"])
