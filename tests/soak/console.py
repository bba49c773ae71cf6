"""``python -m tests.soak.console``: our own functions for the driver; see tests/exportadmin/runs/console.py."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.exportadmin.runs import console


def token() -> list[str]:
    """The project's name, and a key for a script of the superuser."""
    from django.contrib.auth import get_user_model

    from connections.access.tokens import issue_token
    from connections.models import Project
    from exportadmin.lib.command import shell_actor

    user = get_user_model()._default_manager.filter(is_superuser=True).get()
    return [Project.objects.get().name, issue_token(user=user, name="soak", scopes=("admin",), actor=shell_actor())[1]]


def made_by(keys: list[str]) -> dict[str, list[list[Any]]]:
    """Of each idempotency key: its reports, as ``[pk, report id]``."""
    from exports.models import ExportReport

    made: dict[str, list[list[Any]]] = {key: [] for key in keys}
    for key, pk, report_id in ExportReport.objects.filter(idempotency_key__in=keys).values_list(
        "idempotency_key", "pk", "report_id"
    ):
        made[key].append([pk, report_id])
    return made


def backends() -> list[int]:
    """Process ids of the database server's sides of everybody's connections; none where there is no server."""
    from django.db import connection

    if connection.vendor == "sqlite":
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        return [pid for (pid,) in cursor.fetchall()]


def part_with(pid: int) -> None:
    """End one connection, politely."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [pid])


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
    lines_in_all = AuditEntry.objects.filter(object_id=report.report_id).count()
    states = sorted(
        (path.name, path.stat().st_ino, path.stat().st_mtime_ns) for folder in folders for path in folder.iterdir()
    )
    return {
        "attempts": report.attempts,
        "fence": report.fence,
        "sha256": files,
        "wrong": wrong,
        "lines": lines_in_all,
        "states": states,
    }


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
    looks: dict[str, Callable[..., Any]] = {
        "token": token,
        "made_by": made_by,
        "backends": backends,
        "part_with": part_with,
    }
    console.main({**looks, "check": check, "trail": trail}, patience=60.0)
