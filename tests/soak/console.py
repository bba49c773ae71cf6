"""``python -m tests.soak.console``: our own functions for the driver; see tests/exportadmin/runs/console.py."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

from tests.exportadmin.runs import console


def request(configs: list[dict[str, Any]]) -> list[int]:
    """Queue a report for each: ``format`` and the places to stop at."""
    from connections.models import Project
    from exportadmin.lib.command import shell_actor
    from exports import actions
    from exports.spec.spec import ExportSpec

    project = Project.objects.get()
    return [
        actions.request_export(
            project=project,
            spec=ExportSpec.parse({"format": config["format"]}, project),
            actor=shell_actor(),
            name=json.dumps(config["places"]),
        ).pk
        for config in configs
    ]


def check(pk: int) -> dict[str, Any]:
    """What came out of an ended report, and what is wrong with it."""
    from django.conf import settings

    from exportadmin.audit.models import AuditEntry
    from exports.delivery.verify import verify_report
    from exports.models import ExportReport

    report = ExportReport.objects.get(pk=pk)
    wrong = []
    if report.status != "completed":
        wrong.append(f"ended {report.status} in attempt {report.attempts}: {report.error}")
    elif not (verdict := verify_report(report)).ok:
        wrong += verdict.problems
    lines = Counter(AuditEntry.objects.filter(object_id=report.report_id).values_list("event", flat=True))
    ends = {
        event: lines[event] for event in lines if re.fullmatch(r"export\.(completed|failed|errored|cancelled)", event)
    }
    if ends != {f"export.{report.status}": 1}:
        wrong.append(f"lines in the trail about its end: {ends}")
    folders = [path for path in settings.ARTIFACTS_DIR.glob("*/*") if report.report_id in path.name]
    wrong += [f"{path.name} is left half-made" for path in folders if not (path / "manifest.json").exists()]
    scratch = settings.EXPORTADMIN_HOME / "scratch"
    wrong += [f"{path.name} is left in scratch" for path in scratch.glob(f"{report.report_id}.*")]
    files = list(report.artifacts.values_list("sha256", flat=True))
    return {"attempts": report.attempts, "sha256": files, "wrong": wrong}


def trail() -> list[str]:
    """What is wrong with the trail."""
    from io import StringIO

    from django.core.management import call_command

    said = StringIO()
    try:
        call_command("verify_audit", stdout=said, stderr=said)
    except (Exception, SystemExit) as error:
        return [f"the trail: {error} {said.getvalue()}"]
    return []


if __name__ == "__main__":
    console.main({"request": request, "check": check, "trail": trail})
