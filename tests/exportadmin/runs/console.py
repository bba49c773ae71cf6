"""``python -m tests.exportadmin.runs.console``: our own functions for a driver outside, in JSON lines."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any


def main(more: dict[str, Callable[..., Any]], *, patience: float = 0.0) -> None:
    """Until the end of the input. ``more``: verbs on top of these, or in their place.

    A database that fails one is asked again for so many seconds: for verbs that only look.
    """
    import django

    django.setup()
    from django.db import DatabaseError, InterfaceError, close_old_connections, connection

    verbs = {"request": request, "look": look, "cancel": cancel, "cluster": cluster, **more}
    print(json.dumps("ready"), flush=True)
    for line in sys.stdin:
        verb, arguments = json.loads(line)
        until = time.monotonic() + patience
        while True:
            close_old_connections()
            try:
                answer = verbs[verb](**arguments)
                break
            except (DatabaseError, InterfaceError):
                connection.close()
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)
        print(json.dumps(answer), flush=True)


def request(configs: list[dict[str, Any]]) -> list[int]:
    """Queue a report for each config. Their keys."""
    from connections.models import Connection, Project
    from exportadmin.runs.queue import enqueue
    from exports.models import ExportReport

    connection, _ = Connection.objects.get_or_create(name="Built-in store", kind="store")
    project, _ = Project.objects.get_or_create(connection=connection, name="Street scenes")
    keys = []
    for config in configs:
        report = ExportReport.objects.create(project=project, name="a run", format="json", config=config)
        enqueue(report)
        keys.append(report.pk)
    return keys


def look(pks: list[int]) -> dict[str, dict[str, Any]]:
    """Columns of reports, by key."""
    from exports.models import ExportReport

    columns = ("report_id", "status", "attempts", "fence", "error", "phase", "rows_done", "location")
    return {str(row.pop("pk")): row for row in ExportReport.objects.filter(pk__in=pks).values("pk", *columns)}


def cancel(pk: int) -> str:
    """Ask for the end of a report. What it is then."""
    from exports.models import ExportReport

    ExportReport.objects.filter(pk=pk).update(cancel_requested=True)
    return ExportReport.objects.get(pk=pk).status


def cluster() -> dict[str, Any] | None:
    """Process ids of the living cluster by role; ``None``: it has not reported (again) yet."""
    from django_q.status import Stat

    stats = Stat.get_all()
    if len(stats) != 1 or len(stats[0].workers) == 0 or not stats[0].pusher or not stats[0].monitor:
        return None
    stat = stats[0]
    return {"sentinel": stat.sentinel, "workers": stat.workers, "pusher": stat.pusher, "monitor": stat.monitor}


if __name__ == "__main__":
    main({})
