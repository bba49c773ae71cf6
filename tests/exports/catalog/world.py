"""Three projects of one connection whose rows overlap, for tests of the catalog."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from connections.access.models import Membership
from connections.models import Connection, Project
from connections.store.import_row import IncomingLabel, IncomingRow
from connections.store.upsert import write_rows
from exportadmin.lib.actor import Actor
from exportadmin.runs.execute import carry_out
from exportadmin.runs.lease import claim
from exports import actions
from exports.models import ExportReport
from exports.spec.spec import ExportSpec
from tests.support.deliveries import delivery_folder
from tests.support.rows import answer, box, polygon, row

DAY = 24 * 60 * 60 * 1000


def person(user: Any) -> Actor:
    return Actor(kind="user", name=user.username, channel="rest", user_id=user.pk)


def data_row(name: str, *marks: dict, **more: Any) -> IncomingRow:
    """One that bears its own id, so that it is the same in every project."""
    more.setdefault("activity_ms", DAY)
    made = row(f"key-{name}", *marks, row_id=name, dataset_id=more.pop("dataset_id", "ds-quay"), **more)
    made.dataset = "Quay" if made.dataset_id == "ds-quay" else "Pier"
    return made


@dataclass
class World:
    """``north`` has d1, d2, d3; ``south`` d2, d3, d4; ``east`` d3, d5, and is a project of others."""

    connection: Connection
    north: Project
    south: Project
    east: Project

    @classmethod
    def build(cls, connection: Connection, oscar: Any) -> World:
        north, south, east = (
            Project.objects.create(connection=connection, name=name) for name in ("North", "South", "East")
        )
        for project in (north, south):
            Membership.objects.create(project=project, user=oscar, role="operator")
        # south's classes have other numbers than north's
        write_rows(
            north,
            [
                data_row("d1", box("car"), label_created_ms=DAY),
                data_row("d2", box("car"), box("person"), status="accepted", label_created_ms=2 * DAY),
                data_row("d3", dataset_id="ds-pier"),
            ],
            now_ms=10 * DAY,
        )
        write_rows(
            south,
            [
                data_row("d2", polygon("road"), box("car"), activity_ms=5 * DAY, label_created_ms=6 * DAY),
                data_row("d3", answer("quality"), dataset_id="ds-pier", source_extra={"coco": {"license": 1}}),
                data_row("d4", polygon("road"), dataset_id="ds-pier", label_created_ms=3 * DAY),
            ],
            now_ms=10 * DAY,
        )
        write_rows(east, [data_row("d3", box("secret"), activity_ms=9 * DAY), data_row("d5")], now_ms=10 * DAY)
        return cls(connection, north, south, east)


CATALOG: dict[str, Any] = {"kind": "catalog"}


def request(project: Project, user: Any, format: str = "ndjson", scope: Any = CATALOG, **more: Any) -> ExportReport:
    spec = ExportSpec.parse({"format": format, "scope": scope, **more}, project)
    return actions.request_export(project=project, spec=spec, actor=person(user))


def run(report: ExportReport) -> ExportReport:
    lease = claim(ExportReport, report.pk)
    assert lease is not None
    carry_out(lease)
    report.refresh_from_db()
    return report


def export(project: Project, user: Any, format: str = "ndjson", scope: Any = CATALOG, **more: Any) -> ExportReport:
    report = run(request(project, user, format, scope, **more))
    assert report.status == "completed", report.error
    return report


def main_file(report: ExportReport) -> Path:
    artifact = report.artifacts.order_by("pk").first()
    assert artifact is not None
    return delivery_folder(report) / artifact.name


def rows(report: ExportReport) -> list[dict[str, Any]]:
    return [json.loads(line) for line in main_file(report).read_bytes().splitlines()]


def ids(found: list[dict[str, Any]]) -> list[str]:
    return [each["data_row"]["id"] for each in found]


def with_several_labels(name: str, *labels: IncomingLabel) -> IncomingRow:
    return data_row(name, labels=list(labels))
