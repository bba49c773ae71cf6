"""A project with two batches of which not all is done, and Diffgram's client in front of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User

from connections.access.models import Membership
from connections.access.tokens import issue_token
from connections.models import Project as OurProject
from connections.store.upsert import write_rows
from exportadmin.runs import statuses
from exportadmin.runs.execute import run_in_foreground
from exportadmin.runs.lease import claim
from exports.dialects.diffgram import views
from exports.models import ExportReport
from tests.exports.dialects.diffgram.sdk import Project
from tests.rest.world import SHELL
from tests.support.rows import answer, box, polygon, row


def make(number: int) -> ExportReport:
    """Carry out the export that was asked for."""
    lease = claim(ExportReport, number, foreground=True)
    assert lease is not None
    run_in_foreground(lease)
    return ExportReport.objects.get(pk=number)


@dataclass
class Site:
    """``key`` is that of ``token``."""

    project: OurProject
    token: Any
    key: str

    def client(self, *, begin: bool = True, **other: str) -> Project:
        keys = {"client_id": self.token.public_id, "client_secret": self.key}
        return Project(other.pop("project_string_id", self.project.public_id), **keys | other, begin=begin)

    def report(self, export: Any) -> ExportReport:
        return ExportReport.objects.get(pk=export.id)


@pytest.fixture
def site(project: OurProject, oscar: User, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Site:
    settings.EXPORTADMIN_HOME = tmp_path
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    batches = {"one.jpg": "b1", "two.jpg": "b1", "three.jpg": "b2", "four.jpg": ""}
    done = ("one.jpg", "three.jpg")
    rows = [
        row(
            name, box("car"), polygon("road"), answer(), status="accepted" if name in done else "review", batch_id=batch
        )
        for name, batch in batches.items()
    ]
    write_rows(project, rows, now_ms=1_700_000_000_000)
    Membership.objects.create(project=project, user=oscar, role="operator")
    scopes = ["exports:read", "exports:run", "links:issue"]
    token, key = issue_token(user=oscar, name="script", scopes=scopes, actor=SHELL)
    monkeypatch.setattr(views, "wait_for_end", made_at_once)
    return Site(project, token, key)


def made_at_once(report: ExportReport, seconds: float, waiter: str) -> bool:
    """Nobody waits for a worker: what is asked for is made at once."""
    if report.status in statuses.ACTIVE:
        make(report.pk)
    return True


def too_slow(report: ExportReport, seconds: float, waiter: str) -> bool:
    """The time is over before it is made."""
    return True
