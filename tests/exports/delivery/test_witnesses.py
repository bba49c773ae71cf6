"""Manifests of deliveries witness the trail: it is compared with all that lie there, known to the database or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as used
from django.db import connection

from connections.models import Project
from connections.store.upsert import write_rows
from exportadmin.audit import triggers
from exportadmin.audit.checkpoints.comparing import verify_here
from exportadmin.audit.checkpoints.file import lines
from exportadmin.audit.checkpoints.form import parse
from exportadmin.audit.models import CheckpointSeries
from exportadmin.lib.actor import Actor
from exports import actions
from exports.models import ExportReport
from exports.spec.spec import ExportSpec
from tests.exportadmin.audit.support import cut, fill, head, rehash
from tests.support.deliveries import delivery_folder
from tests.support.rows import mixed

USER = Actor(kind="user", name="tester", channel="shell")

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_home(settings: Any, tmp_path: Path) -> None:
    settings.EXPORTADMIN_HOME = tmp_path
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"


def deliver(project: Project) -> tuple[ExportReport, dict[str, Any]]:
    spec = ExportSpec.parse({"format": "ndjson"}, project)
    report = actions.run_now(project=project, spec=spec, actor=USER)
    assert report.is_delivered, report.error
    return report, json.loads((delivery_folder(report) / "manifest.json").read_bytes())


def without_checkpoints() -> None:
    used.CHECKPOINTS_FILE.unlink()
    CheckpointSeries.objects.all().delete()


def test_a_checkpoint_of_the_manifests_head_is_there_before_the_delivery_and_one_of_its_end_after(project: Project):
    write_rows(project, mixed(3), now_ms=1_000)
    _, manifest = deliver(project)
    before, after = (parse(raw) for raw in lines(used.CHECKPOINTS_FILE))
    assert (before.sequence, before.hash) == (manifest["audit_head"]["sequence"], manifest["audit_head"]["hash"])
    assert (after.sequence, after.hash) == head()
    assert before.cause == after.cause == "delivery"


def test_an_export_goes_on_where_no_checkpoint_can_be_written(project: Project, settings: Any, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    settings.CHECKPOINTS_FILE = tmp_path / "file" / "checkpoints"
    fill(3)
    _, manifest = deliver(project)
    assert manifest["audit_head"]["sequence"] >= 3


def test_manifests_find_a_trail_that_was_set_back_before_the_database_knew_of_them(project: Project):
    write_rows(project, mixed(3), now_ms=1_000)
    fill(10)
    report, manifest = deliver(project)
    without_checkpoints()
    assert verify_here(everywhere=True).unbroken
    with triggers.lifted(connection):
        cut(5)
    ExportReport.objects.filter(pk=report.pk).delete()
    verdict = verify_here(everywhere=True)
    assert (verdict.kind, verdict.sequence) == ("truncated", 6)
    assert (
        f"entry {manifest['audit_head']['sequence']}, by manifest of delivery {report.report_id} at" in verdict.message
    )
    assert verify_here(everywhere=False).kind == "truncated"


def test_manifests_find_a_trail_that_was_hashed_anew(project: Project):
    fill(10)
    deliver(project)
    without_checkpoints()
    with triggers.lifted(connection):
        rehash(4, actor_name="mallory")
    assert verify_here(everywhere=True).kind == "rewritten"


def test_a_manifest_that_was_changed_or_is_not_ours_witnesses_nothing(project: Project, settings: Any):
    fill(10)
    report, _ = deliver(project)
    without_checkpoints()
    path = delivery_folder(report) / "manifest.json"
    kept = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(kept.replace(b'"sequence": 1', b'"sequence": 9'))
    with triggers.lifted(connection):
        cut(5)
    assert verify_here(everywhere=True).unbroken
    path.write_bytes(kept)
    assert not verify_here(everywhere=True).unbroken
    settings.SIGNING_KEYS = ["abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"]
    assert verify_here(everywhere=True).unbroken
