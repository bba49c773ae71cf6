"""``python -m bench.lists``: the list of exports with 1,000 reports and with 100,000, on SQLite and on PostgreSQL.

The page and the REST list, asked by a superuser, by a member of one project of ten and by a member of three, through
Django's test client: one process a size, asked in turns. Printed are medians, and the median of the rounds' ratios:
more than 1.2 is too slow. CPU is that of our process, which on SQLite is all there is; what else the machine does
disturbs it less.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from bench.measure import ROOT, Spread, ratio

SIZES = (1_000, 100_000)
PROJECTS = 10
MOST = 1.2
PEOPLE = {"superuser": None, "member of one": 1, "member of three": 3}  # of how many projects
ENDPOINTS = {
    "page": "/exports/",
    "page 2": "/exports/?page=2",
    "page, failed": "/exports/?status=failed",
    "REST": "/api/v1/reports/",
    "REST, completed": "/api/v1/reports/?status=completed",
}


def arguments() -> Namespace:
    """The flags."""
    parser = ArgumentParser(prog="python -m bench.lists", description=__doc__)
    parser.add_argument("--rounds", type=int, default=21, help="how often each list is asked for (%(default)s)")
    parser.add_argument("--databases", default="sqlite,postgres", metavar="D[,D]", help="%(default)s")
    parser.add_argument("--only", default="", metavar="TEXT", help="lists whose door or person has this in its name")
    parser.add_argument("--plans", action="store_true", help="show how the database finds the slow ones")
    parser.add_argument("--child", type=int, help="for itself: make so many reports and answer")
    return parser.parse_args()


def main() -> int:
    """Exit code 1 when a ratio is above the limit."""
    args = arguments()
    if args.child:
        child(args.child)
        return 0
    slow = 0
    for name in args.databases.split(","):
        with databases(name) as urls:
            slow += compare(name, urls, args)
    return 1 if slow else 0


@contextmanager
def databases(name: str) -> Iterator[list[str | None]]:
    """An address for each size; ``None`` is SQLite in the home folder."""
    if name == "sqlite":
        yield [None for _ in SIZES]
        return
    import psycopg

    from tests.support.postgres import running

    with running() as url:
        names = [f"lists{size}" for size in SIZES]
        with psycopg.connect(url, autocommit=True) as connection:
            for one in names:
                connection.execute(f'CREATE DATABASE "{one}"')
        yield [url.replace("/exportadmin?", f"/{one}?") for one in names]


def compare(database: str, urls: list[str | None], args: Namespace) -> int:
    """Ask in turns and print. How many ratios are above the limit."""
    with ExitStack() as stack:
        homes = [Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="exportadmin-lists-"))) for _ in SIZES]
        children = [Installation(size, home, url) for size, home, url in zip(SIZES, homes, urls, strict=True)]
        for one in children:
            stack.callback(one.close)
        for one in children:
            one.answer()  # ready
        say(f"=== {database}: {SIZES[1]:,} reports beside {SIZES[0]:,}, {args.rounds} rounds, load {load()}")
        slow = 0
        for endpoint in ENDPOINTS:
            for person in PEOPLE:
                if args.only in f"{endpoint}, {person}":
                    slow += one_list(children, endpoint, person, args)
    return slow


def one_list(children: list[Installation], endpoint: str, person: str, args: Namespace) -> int:
    """One list of one person."""
    samples: list[list[dict[str, Any]]] = [[] for _ in children]
    # counting costs time, so it has a turn of its own, which warms caches and connections as well
    queries = {one.ask(endpoint, person, "count")["queries"] for one in children}
    for number in range(args.rounds):
        order = list(enumerate(children))
        for index, one in order if number % 2 else reversed(order):
            samples[index].append(one.ask(endpoint, person, "time"))
    few, many = ([sample["ms"] for sample in series] for series in samples)
    rounds, cpu = ratio(many, few), ratio(*([one["cpu_ms"] for one in series] for series in reversed(samples)))
    assert rounds is not None and cpu is not None
    verdict = "" if rounds.median <= MOST else f"  MORE THAN {MOST}"
    say(
        f"{endpoint:<16} {person:<16} {Spread.of(few).median:7.1f} ms → {Spread.of(many).median:7.1f} ms   "
        f"ratio {rounds.median:5.2f} (CPU {cpu.median:.2f})   queries {' or '.join(map(str, sorted(queries)))}{verdict}"
    )
    if verdict and args.plans:
        for line in children[-1].ask(endpoint, person, "plans")["plans"]:
            say(f"    {line}")
    return int(bool(verdict)) + int(len(queries) > 1)


class Installation:
    """A process with its own installation."""

    def __init__(self, size: int, home: Path, url: str | None) -> None:
        environment = {**os.environ, "EXPORTADMIN_HOME": str(home), "EXPORTADMIN_LOG_LEVEL": "ERROR"}
        environment.pop("EXPORTADMIN_DATABASE_URL", None)
        environment |= {"EXPORTADMIN_THROTTLE_USER": "100000/min"}
        if url:
            environment["EXPORTADMIN_DATABASE_URL"] = url
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.lists", "--child", str(size)],
            env=environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, endpoint: str, person: str, what: str) -> dict[str, Any]:
        """One request: its ``time`` (``ms``), the ``count`` of its ``queries``, or their ``plans``."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([endpoint, person, what]) + "\n")
        self._process.stdin.flush()
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """The next line."""
        assert self._process.stdout is not None
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return found

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def load() -> str:
    """Of the machine, over the last minute."""
    return f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def say(line: str) -> None:
    """At once, also into a pipe."""
    print(line, flush=True)


# --- in the child ----------------------------------------------------------------------------------------------------


def child(size: int) -> None:
    """Fill the tables, then answer questions from stdin until it closes."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "exportadmin.settings"
    import django
    from django.conf import settings

    # the pages' addresses of static files without collecting them first
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": STATIC}}
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    settings.STATIC_ROOT.mkdir()
    clients = fill(size)
    say(json.dumps({"ready": size}))
    for line in sys.stdin:
        endpoint, person, what = json.loads(line)
        say(json.dumps(measure(clients[person], ENDPOINTS[endpoint], what)))


STATIC = "django.contrib.staticfiles.storage.StaticFilesStorage"


def fill(size: int) -> dict[str, Any]:
    """Projects, people, reports with a file each. A signed-in client per person."""
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.utils import timezone

    from connections.access.models import Membership
    from connections.models import Connection, Project
    from exports.models import Artifact, ExportReport

    store = Connection.objects.create(name="Built-in store", kind="store")
    projects = [Project.objects.create(connection=store, name=f"Project {number}") for number in range(PROJECTS)]
    now = timezone.now()
    field = ExportReport._meta.get_field("created_at")
    field.auto_now_add = False  # times of our own, as a year of nightly exports has them
    statuses = ("completed",) * 17 + ("failed", "cancelled", "running")
    config = {"statuses": ["accepted", "review"], "filter": {}, "include": {}, "options": {}, "note": "x" * 400}
    for start in range(0, size, 2_000):
        reports = ExportReport.objects.bulk_create(
            ExportReport(
                project=projects[number % PROJECTS],
                name=f"Nightly {number}",
                format=("json", "ndjson", "coco_json")[number % 3],
                config=config,
                status=statuses[number * 7 % 20],
                check_values={"rows_kept": number, "classes": {f"class {one}": one for one in range(20)}},
                rows_done=number,
                created_at=now - timedelta(minutes=size - number),
                created_by_name="alice",
            )
            for number in range(start, min(start + 2_000, size))
        )
        Artifact.objects.bulk_create(
            Artifact(report=report, name="data.json", media_type="application/json", bytes=12_345, sha256="0" * 64)
            for report in reports
        )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")  # as autovacuum does it for an installation that lives
    clients = {}
    for person, count in PEOPLE.items():
        user = get_user_model().objects.create_user(person.replace(" ", "-"), is_superuser=count is None)
        for project in projects[: count or 0]:
            Membership.objects.create(project=project, user=user, role="reviewer")
        clients[person] = Client(headers={"host": "localhost"})
        clients[person].force_login(user)
    return clients


def measure(client: Any, address: str, what: str) -> dict[str, Any]:
    """Ask once; see :meth:`Asked.ask`."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    if what == "time":
        started, cpu = time.perf_counter(), time.process_time()
        answer = client.get(address)
        found = {"ms": (time.perf_counter() - started) * 1000, "cpu_ms": (time.process_time() - cpu) * 1000}
        assert answer.status_code == 200, answer.content[:500]
        return found
    with CaptureQueriesContext(connection) as queries:
        client.get(address)
    if what == "count":
        return {"queries": len(queries)}
    return {"plans": [line for query in queries.captured_queries for line in plan(query)]}


def plan(query: dict[str, str]) -> list[str]:
    """A query, its milliseconds and how the database goes about it."""
    from django.db import connection

    head = f"{float(query['time']) * 1000:.1f} ms  {query['sql'][:2000]}"
    if not query["sql"].startswith("SELECT"):
        return [head]
    explain = "EXPLAIN QUERY PLAN " if connection.vendor == "sqlite" else "EXPLAIN "
    with connection.cursor() as cursor:
        cursor.execute(explain + query["sql"])
        return [head, *(f"        {row[-1]}" for row in cursor.fetchall())]


if __name__ == "__main__":
    sys.exit(main())
