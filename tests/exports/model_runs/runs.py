"""What the tests of model runs share: rows with a run, and exports of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from connections.store.import_row import IncomingLabel, IncomingPredictions, IncomingRow, IncomingRun
from exportadmin.lib.actor import Actor
from exports import actions
from exports.models import ExportReport
from exports.spec.spec import ExportSpec
from tests.support.deliveries import delivery_folder

SHELL = Actor(kind="user", name="tester", channel="shell")
RUN = IncomingRun("run-1", "model-1", name="v1", model_name="My model")
SCOPE = {"kind": "model_run", "id": "run-1"}


def scored(mark: dict[str, Any], confidence: float | None = 0.9) -> dict[str, Any]:
    """A prediction."""
    return mark if confidence is None else {**mark, "confidence": confidence}


def predicted(row: IncomingRow, *marks: dict[str, Any], run: IncomingRun = RUN, **more: Any) -> IncomingRow:
    """The row, in a run that found ``marks``."""
    labels = [IncomingLabel(objects=list(marks), label_id=f"{row.key}-p")] if marks else []
    row.predictions.append(IncomingPredictions(run, labels, **more))
    return row


def export(project: Any, format: str = "ndjson", *, scope: Any = SCOPE, **body: Any) -> ExportReport:
    spec = ExportSpec.parse({"format": format, "scope": scope, **body}, project)
    report = actions.run_now(project=project, spec=spec, actor=SHELL)
    assert report.is_delivered, report.error
    return report


def delivered(report: ExportReport) -> Path:
    artifact = report.artifacts.order_by("pk").first()
    assert artifact is not None
    return delivery_folder(report) / artifact.name


def rows_of(report: ExportReport) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in delivered(report).read_bytes().splitlines()]
