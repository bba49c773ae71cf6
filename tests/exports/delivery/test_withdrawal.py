"""A report that ends without a delivery has none that anybody can see, however it came to that end."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.utils import timezone

from connections.access.models import ApiToken
from connections.access.tokens import issue_token
from connections.sinks import local
from connections.store.upsert import write_rows
from exportadmin.lib.actor import Actor
from exportadmin.runs import statuses
from exportadmin.runs.execute import carry_out
from exportadmin.runs.lease import claim
from exportadmin.runs.limits import MAX_ATTEMPTS
from exportadmin.runs.reaper import reap
from exports import actions
from exports.delivery.verify import verify_folder, verify_report
from exports.models import ExportReport
from exports.run import pipeline
from exports.spec.spec import ExportSpec
from tests.exports.delivery.conftest import PowerCutError
from tests.support.rows import mixed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def filled(members, tmp_path, settings):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    write_rows(members, mixed(30), now_ms=1_000)
    return members


@pytest.fixture
def spec(filled) -> ExportSpec:
    return ExportSpec.parse({"format": "ndjson"}, filled)


def person(user) -> Actor:
    return Actor(kind="user", name=user.username, channel="rest", user_id=user.pk)


def published_and_killed(report: ExportReport, monkeypatch) -> None:
    """One attempt that dies between publication and commit, its lease long over."""

    def dies(*args, **kwargs):
        raise PowerCutError

    lease = claim(ExportReport, report.pk)
    report.refresh_from_db()
    with monkeypatch.context() as broken:
        broken.setattr(pipeline, "end", dies)
        with pytest.raises(PowerCutError):
            carry_out(lease)
    lease.release()
    ExportReport.objects.filter(pk=report.pk).update(lease_until=timezone.now() - timedelta(minutes=1))


def visible() -> list[str]:
    return [path.name for path in Path(settings.ARTIFACTS_DIR).rglob("*") if path.is_file()]


def test_a_run_cancelled_after_its_worker_died_behind_publication(filled, spec, oscar, monkeypatch):
    report = actions.request_export(project=filled, spec=spec, actor=person(oscar))
    published_and_killed(report, monkeypatch)
    assert len(visible()) == 2
    actions.cancel(report=report, actor=person(oscar))
    reap()
    report.refresh_from_db()
    assert report.status == statuses.CANCELLED
    assert visible() == []


def test_a_third_attempt_that_dies_behind_publication(filled, spec, oscar, monkeypatch):
    report = actions.request_export(project=filled, spec=spec, actor=person(oscar))
    published_and_killed(report, monkeypatch)
    ExportReport.objects.filter(pk=report.pk).update(attempts=MAX_ATTEMPTS)
    reap()
    report.refresh_from_db()
    assert report.status == statuses.FAILED
    assert visible() == []


def test_a_shell_run_interrupted_behind_publication(filled, spec, oscar, monkeypatch):
    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        actions.run_now(project=filled, spec=spec, actor=person(oscar))
    assert ExportReport.objects.get().status == statuses.CANCELLED
    assert visible() == []


def test_a_folder_that_cannot_be_synced_after_the_rename_is_delivered_all_the_same(filled, spec, oscar, monkeypatch):
    real = local.sync_folder

    def fails_above(folder):
        if folder.name == filled.public_id:
            raise OSError(5, "Input/output error")
        real(folder)

    monkeypatch.setattr(local, "sync_folder", fails_above)
    report = actions.run_now(project=filled, spec=spec, actor=person(oscar))
    assert report.status == statuses.COMPLETED
    assert verify_report(report).ok


def test_an_adopted_delivery_can_be_read_by_rows(filled, spec, oscar, monkeypatch):
    report = actions.request_export(project=filled, spec=spec, actor=person(oscar))
    published_and_killed(report, monkeypatch)
    with claim(ExportReport, report.pk) as lease:
        report.refresh_from_db()
        carry_out(lease)
    assert report.artifacts.get().lines == 30


def test_the_right_to_run_goes_with_the_account(filled, spec, oscar):
    report = actions.request_export(project=filled, spec=spec, actor=person(oscar))
    oscar.delete()
    with claim(ExportReport, report.pk) as lease:
        report.refresh_from_db()
        carry_out(lease)
    report.refresh_from_db()
    assert report.status == statuses.FAILED
    assert "may no longer run exports" in report.error


def anothers_delivery_in_the_place_of(report, others) -> Path:
    """Whole, and signed by this installation, but another report's."""
    place = Path(settings.ARTIFACTS_DIR, report.project.public_id, report.report_id)
    shutil.copytree(Path(settings.ARTIFACTS_DIR, others.location), place)
    assert verify_folder(place).as_delivered
    return place


def test_a_delivery_of_another_report_in_its_place_is_not_adopted(filled, spec, oscar):
    others = actions.run_now(project=filled, spec=spec, actor=person(oscar))
    report = actions.request_export(project=filled, spec=spec, actor=person(oscar))
    ExportReport.objects.filter(pk=report.pk).update(attempts=1)
    place = anothers_delivery_in_the_place_of(report, others)
    with claim(ExportReport, report.pk) as lease:
        report.refresh_from_db()
        carry_out(lease)
    report.refresh_from_db()
    assert report.status == statuses.FAILED
    assert report.error.startswith(f"{place} holds something else than this report's delivery: signed by ")
    assert report.error.endswith(f", as delivered, of report {others.report_id}")
    assert not report.artifacts.exists()
    assert verify_folder(place).ok, "what is not ours stays"


def test_a_delivery_of_another_report_in_its_place_is_not_taken_away(filled, spec, oscar):
    others = actions.run_now(project=filled, spec=spec, actor=person(oscar))
    report = actions.request_export(project=filled, spec=spec, actor=person(oscar))
    place = anothers_delivery_in_the_place_of(report, others)
    actions.cancel(report=report, actor=person(oscar))
    report.refresh_from_db()
    assert report.status == statuses.CANCELLED
    assert verify_folder(place).ok


def test_the_right_to_run_goes_when_the_account_is_deactivated(filled, spec, oscar, alice):
    """Superusers too: that they may do everything is asked only after whether they may sign in."""
    for user in (oscar, alice):
        report = actions.request_export(project=filled, spec=spec, actor=person(user))
        user.is_active = False
        user.save()
        with claim(ExportReport, report.pk) as lease:
            report.refresh_from_db()
            carry_out(lease)
        report.refresh_from_db()
        assert report.status == statuses.FAILED
        assert report.error == f"{user.username} may no longer run exports in this project: nothing was delivered"
    assert visible() == []


@pytest.mark.parametrize("ended", ["expires_at", "revoked_at"])
def test_the_right_to_run_ends_with_the_token_while_the_run_waits(filled, spec, oscar, ended):
    token, _ = issue_token(
        user=oscar, name="nightly", scopes=("exports:run",), actor=replace(person(oscar), channel="shell")
    )
    actor = replace(person(oscar), token_id=token.pk)
    report, alright = (actions.request_export(project=filled, spec=spec, actor=actor) for _ in range(2))
    for run, at in ((alright, None), (report, timezone.now())):
        ApiToken.objects.filter(pk=token.pk).update(**{ended: at})
        with claim(ExportReport, run.pk) as lease:
            run.refresh_from_db()
            carry_out(lease)
        run.refresh_from_db()
    assert alright.status == statuses.COMPLETED, alright.error
    assert report.status == statuses.FAILED
    assert report.error == "token 'nightly', which asked for this export, ended before the export started"


def test_a_shell_run_whose_terminal_died_is_not_gone_on_with_by_a_worker(filled, spec, oscar, tmp_path):
    report = actions.request_export(project=filled, spec=spec, actor=person(oscar))
    config = {**report.config, "destination": {"kind": "local", "folder": str(tmp_path / "mine")}}
    ExportReport.objects.filter(pk=report.pk).update(
        config=config,
        is_ours=False,
        status=statuses.RUNNING,
        attempts=1,
        lease_until=timezone.now() - timedelta(minutes=1),
    )
    reap()
    report.refresh_from_db()
    assert (report.status, report.error) == (statuses.CANCELLED, "its shell went away before it was done")


def test_the_folder_where_one_stands_is_refused_before_anything_is_read(filled, tmp_path, monkeypatch):
    from django.core.management import CommandError, call_command

    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(CommandError, match="where you stand or a mount point"):
        call_command("run_export", filled.name, format="json", output=Path())
    assert not ExportReport.objects.exists()


GOOD = {"name": "x", "bytes": 1, "sha256": "0", "media_type": "a/b"}


@pytest.mark.parametrize(
    "files",
    [
        [{}],
        [1],
        [GOOD | {"name": "../x"}],
        [GOOD | {"bytes": 1.0}],
        [GOOD | {"bytes": True}],
        [GOOD | {"bytes": "1"}],
        [GOOD | {"lines": 1.0}],
        [GOOD | {"lines": False}],
        [GOOD, GOOD | {"sha256": None}],
    ],
    ids=str,
)
def test_a_manifest_that_points_elsewhere_is_none(files, tmp_path):
    import hashlib

    import orjson

    def canonical(document):
        return orjson.dumps(document, option=orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)

    document = {"manifest_version": 1, "files": files}
    document["seal"] = hashlib.sha256(canonical(document)).hexdigest()
    (tmp_path / "manifest.json").write_bytes(canonical(document))
    assert verify_folder(tmp_path).problems == ["manifest.json lists something that is no plain file of its folder"]
