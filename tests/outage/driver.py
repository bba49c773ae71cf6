"""One outage from beginning to end, and what has to be true afterwards."""

from __future__ import annotations

import contextlib
import hashlib
import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.exportadmin.runs.world import TERMINAL, until
from tests.outage.server import Server
from tests.outage.visitors import FORMATS, JUDGES, Answer, Book, Visitors
from tests.support.paths import ROOT
from tests.support.shell import PROGRAMS, Installation
from tests.support.up import ADDRESS

PROJECT = "Street scenes"
PASSWORD = "correct horse battery staple"
PROMISED_SECONDS = 5.0  # for any answer while the database is away
KEPT_SECONDS = 2.0  # /readyz keeps its answer for a second, in each web process
PATIENCE = 120.0


@dataclass(frozen=True)
class Plan:
    """How much of everything. ``lease``: seconds until a run without a worker is taken over."""

    seconds: float
    rows: int = 4_000
    scripts: int = 3
    pause: float = 0.2
    most: int = 40
    before: float = 4.0
    after: float = 5.0
    lease: int = 30


@dataclass
class Outcome:
    """What was seen."""

    down: float = 0.0
    answered_again: float = 0.0
    worked_again: float = 0.0
    all_ended: float = 0.0
    running_when_it_stopped: int = 0
    queued_when_it_stopped: int = 0
    tries: int = 0
    keys: int = 0
    answers: Counter[tuple[str, str, int]] = field(default_factory=Counter)  # (when, door, status)
    slowest: dict[str, float] = field(default_factory=dict)  # while it was down, by door
    reports: Counter[str] = field(default_factory=Counter)  # by status
    attempts: Counter[int] = field(default_factory=Counter)
    trail: str = ""
    restarts: int = 0
    wrong: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """For people."""
        lines = [
            f"PostgreSQL was away for {self.down:.1f} s; {self.running_when_it_stopped} reports were running and"
            f" {self.queued_when_it_stopped} queued when it was stopped",
            f"  exports asked for: {self.keys} keys in {self.tries} tries",
            f"  reports:           {_counts(self.reports)}",
            "  attempts:          "
            + ", ".join(f"{count} in {number}" for number, count in sorted(self.attempts.items())),
        ]
        for when in ("before", "at an edge", "down", "after"):
            doors = sorted({door for moment, door, _ in self.answers if moment == when})
            for door in doors:
                seen = Counter(
                    {str(status): n for (at, of, status), n in self.answers.items() if (at, of) == (when, door)}
                )
                slow = f"; slowest {self.slowest[door]:.2f} s" if when == "down" else ""
                lines.append(f"  {when + ':':<11} {door:<8} {_counts(seen)}{slow}")
        lines += [
            f"  after the server was back: first page after {self.answered_again:.1f} s, first report completed after"
            f" {self.worked_again:.1f} s, all ended after {self.all_ended:.1f} s;"
            f" web or worker started anew {self.restarts} times",
            f"  trail:             {self.trail}",
            f"  wrong:             {len(self.wrong)}",
            *(f"    {count} × {line}" for line, count in Counter(self.wrong).most_common(40)),
        ]
        return lines


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{count} × {name}" for name, count in sorted(counter.items())) or "none"


def outage(server: Server, home: Path, plan: Plan, say: Callable[[str], None] = lambda line: None) -> Outcome:
    """Load, stop, wait, start, and look at everything. Main thread only."""
    installation = Installation(
        home,
        server.url,
        extra={
            "DJANGO_SETTINGS_MODULE": "tests.outage.settings",
            "PYTHONPATH": str(ROOT),
            "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            "EXPORTADMIN_THROTTLE_USER": "100000/min",
            "EXPORTADMIN_LEASE_SECONDS": str(plan.lease),
        },
    )
    token = _furnish(installation, plan.rows)
    say(f"a project with {plan.rows:,} rows is there")
    with _up(installation) as (process, address):
        book = Book(address, token, PROJECT, _signed_in(address))
        return _Driver(server, installation, process, book, plan, say).run()


class _Driver:
    def __init__(
        self,
        server: Server,
        installation: Installation,
        process: subprocess.Popen[bytes],
        book: Book,
        plan: Plan,
        say: Callable[[str], None],
    ) -> None:
        self._server, self._installation, self._process = server, installation, process
        self._book, self._plan, self._say = book, plan, say
        self._out = Outcome()
        self._edges: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)

    def run(self) -> Outcome:
        undisturbed = self._undisturbed()
        self._say("undisturbed exports are done")
        visitors = Visitors(self._book, scripts=self._plan.scripts, pause=self._plan.pause, most=self._plan.most)
        visitors.come()
        time.sleep(self._plan.before)
        self._stop_and_start()
        time.sleep(self._plan.after)
        if not visitors.leave(PATIENCE):
            self._out.wrong.append("a visitor waits in vain")
        self._wait_for_the_end()
        self._judge_answers()
        self._judge_reports(undisturbed)
        self._judge_trail()
        self._out.restarts = self._words().count(" ended with ")
        if self._process.poll() is not None:
            self._out.wrong.append("`exportadmin up` has ended")
        return self._out

    # --- what happens -------------------------------------------------------------------------------------------------

    def _undisturbed(self) -> dict[str, bytes]:
        """Of each format: the file of an export that nothing disturbs."""
        for name in FORMATS:
            self._book.formats[f"undisturbed-{name}"] = name
        ids = {name: until(lambda n=name: self._book.request_export(f"undisturbed-{n}"), name) for name in FORMATS}
        files = {name: self._file_of(self._ended(report_id)) for name, report_id in ids.items()}
        query = "SELECT a.public_id FROM exports_artifact a JOIN exports_exportreport r ON r.id = a.report_id"
        self._book.artifact = (self._server.rows(f"{query} WHERE r.format = 'ndjson'")[0][0], files["ndjson"])
        return files

    def _ended(self, report_id: str) -> str:
        query = "SELECT status, error FROM exports_exportreport WHERE report_id = %s"
        until(lambda: self._server.rows(query, report_id)[0][0] in TERMINAL, f"the end of {report_id}", PATIENCE)
        ((status, error),) = self._server.rows(query, report_id)
        assert status == "completed", f"an undisturbed export ended {status}: {error}\n{self._words()[-3000:]}"
        return report_id

    def _stop_and_start(self) -> None:
        """In the middle of a run."""
        counts = "SELECT status, count(*) FROM exports_exportreport WHERE status IN ('running', 'queued') GROUP BY 1"
        active = until(lambda: dict(seen) if "running" in dict(seen := self._server.rows(counts)) else {}, "a run")
        self._out.running_when_it_stopped = active.get("running", 0)
        self._out.queued_when_it_stopped = active.get("queued", 0)
        stopping = time.monotonic()
        self._server.stop_at_once()
        down = time.monotonic()
        self._say("PostgreSQL is stopped")
        time.sleep(self._plan.seconds)
        starting = time.monotonic()
        self._server.start_again()
        up = time.monotonic()
        self._say("PostgreSQL is there again")
        self._edges = (stopping, down, starting, up)
        self._out.down = up - stopping

    def _wait_for_the_end(self) -> None:
        active = "SELECT count(*) FROM exports_exportreport WHERE status IN ('running', 'queued')"
        deadline = time.monotonic() + PATIENCE
        while (left := self._server.rows(active)[0][0]) and time.monotonic() < deadline:
            time.sleep(0.1)
        up = self._edges[3]
        self._out.all_ended = time.monotonic() - up
        if left:
            self._out.wrong.append(f"{left} reports did not end within {PATIENCE:.0f} s")
        pages = [one.began + one.seconds for one in self._book.answers if one.channel == "page" and one.status == 200]
        self._out.answered_again = min((at for at in pages if at > up), default=float("inf")) - up
        since = (
            "SELECT extract(epoch FROM min(finished_at)) FROM exports_exportreport WHERE finished_at > to_timestamp(%s)"
        )
        self._wait_until_it_is_ready(deadline)
        first = self._server.rows(since, time.time() - (time.monotonic() - up))[0][0]
        self._out.worked_again = float(first) - (time.time() - (time.monotonic() - up)) if first else float("inf")

    def _wait_until_it_is_ready(self, deadline: float) -> None:
        """It says so once it has seen its worker again, which has a beat of its own."""
        while time.monotonic() < deadline:
            answer = self._book.ask("readyz", "/readyz")
            if answer is not None and answer.status_code == 200:
                return
            time.sleep(0.1)

    # --- what has to be true ------------------------------------------------------------------------------------------

    def _judge_answers(self) -> None:
        for answer in self._book.answers:
            when = self._when(answer)
            self._out.answers[when, answer.channel, answer.status] += 1
            if answer.wrong:
                self._out.wrong.append(f"{when}: {answer.channel}: {answer.wrong}")
            if when == "down":
                self._out.slowest[answer.channel] = max(self._out.slowest.get(answer.channel, 0.0), answer.seconds)
                if answer.status != (200 if answer.channel == "healthz" else 503):
                    self._out.wrong.append(f"{answer.channel} answered {answer.status} without a database")
                if answer.seconds > PROMISED_SECONDS:
                    self._out.wrong.append(f"{answer.channel} took {answer.seconds:.1f} s to answer without a database")
            elif when in ("before", "after") and answer.status >= 400 and answer.channel != "readyz":
                self._out.wrong.append(f"{when}: {answer.channel} answered {answer.status}")
        doors = {door for when, door, _ in self._out.answers if when == "down"}
        if doors != set(JUDGES):
            self._out.wrong.append(f"while it was down only these were asked: {', '.join(sorted(doors))}")
        if not any(when == "after" and door == "readyz" and status == 200 for when, door, status in self._out.answers):
            self._out.wrong.append("/readyz was not ready again")

    def _when(self, answer: Answer) -> str:
        stopping, down, starting, up = self._edges
        ended = answer.began + answer.seconds
        if ended < stopping:
            return "before"
        if answer.began > up:
            return "after"
        kept = KEPT_SECONDS if answer.channel == "readyz" else 0.0
        return "down" if answer.began > down + kept and ended < starting else "at an edge"

    def _judge_reports(self, undisturbed: dict[str, bytes]) -> None:
        keys = self._book.formats
        self._out.keys = len(keys)
        self._out.tries = sum(one.channel == "create" for one in self._book.answers)
        for key in keys:  # once more: the same key has to give the same report
            self._book.request_export(key)
        found = self._server.rows(
            "SELECT report_id, idempotency_key, format, status, attempts, error FROM exports_exportreport"
        )
        by_key = Counter(key for _, key, *_ in found)
        given = self._book.reports
        self._out.wrong += [f"lost: {key!r} was accepted and is not there" for key in given if not by_key[key]]
        self._out.wrong += [f"never accepted: {key!r}" for key in keys if key not in given]
        self._out.wrong += [f"doubled: {key!r} has {n} reports" for key, n in by_key.items() if n > 1]
        self._out.wrong += [f"{key!r} was given {len(ids)} ids" for key, ids in given.items() if len(ids) > 1]
        self._out.wrong += [f"nobody asked for {key!r}" for key in by_key if key not in keys]
        for report_id, key, kind, status, attempts, error in found:
            self._out.reports[status] += 1
            self._out.attempts[attempts] += 1
            if status != "completed":
                self._out.wrong.append(f"{key!r} ended {status} in attempt {attempts}: {error}")
            elif given.get(key) != {report_id}:
                self._out.wrong.append(f"{key!r} is {report_id} in the database and {given.get(key)} outside")
            elif self._file_of(report_id) != undisturbed[kind]:
                self._out.wrong.append(f"{key!r} ({kind}) has other bytes than an undisturbed run")
        self._judge_folders({report_id for report_id, *_ in found})

    def _judge_folders(self, ids: set[str]) -> None:
        folders = list((self._installation.home / "artifacts").glob("*/*"))
        self._out.wrong += [f"{one.name} is left half-made" for one in folders if not (one / "manifest.json").exists()]
        self._out.wrong += [f"{one.name} belongs to no report" for one in folders if one.name.strip(".") not in ids]
        left = list((self._installation.home / "scratch").glob("*"))
        self._out.wrong += [f"{one.name} is left in scratch" for one in left]

    def _file_of(self, report_id: str) -> bytes:
        """Its one file, which has to be what the database says of it."""
        ((location, name, size, digest),) = self._server.rows(
            "SELECT r.location, a.name, a.bytes, a.sha256 FROM exports_exportreport r"
            " JOIN exports_artifact a ON a.report_id = r.id WHERE r.report_id = %s",
            report_id,
        )
        content = (self._installation.home / "artifacts" / location / name).read_bytes()
        if (len(content), hashlib.sha256(content).hexdigest()) != (size, digest):
            self._out.wrong.append(f"{name} is not what the database says of it")
        return content

    def _judge_trail(self) -> None:
        done = self._installation.run("verify_audit")
        self._out.trail = " ".join(done.stdout.split()) or done.stderr.strip()
        if done.returncode:
            self._out.wrong.append(f"the trail does not verify: {self._out.trail}")
        events = self._server.rows(
            "SELECT object_id, event, count(*) FROM audit_auditentry"
            " WHERE event ~ '^export\\.(requested|completed|failed|errored|cancelled)$' AND outcome = 'done'"
            " GROUP BY 1, 2"
        )
        lines = {(report_id, event): count for report_id, event, count in events}
        for (report_id,) in self._server.rows("SELECT report_id FROM exports_exportreport"):
            told = {event: count for (of, event), count in lines.items() if of == report_id}
            if told != {"export.requested": 1, "export.completed": 1}:
                self._out.wrong.append(f"the trail tells of {report_id}: {told}")

    def _words(self) -> str:
        return (self._installation.home / "log").read_text(errors="replace")


# --- an installation with rows, running -------------------------------------------------------------------------------


def _furnish(installation: Installation, rows: int) -> str:
    """Tables, a superuser, a project with rows. A token."""
    source = installation.home / "rows.coco.json"
    source.write_text(json.dumps(_coco(rows)))
    key = ""
    for command in (
        ["migrate", "--verbosity", "0"],
        ["createsuperuser", "--noinput", "--username", "alice", "--email", "alice@example.org"],
        ["import_rows", str(source), "--project", PROJECT],
        ["issue_token", "alice", "--scope", "admin"],
    ):
        done = installation.run(*command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        key = done.stdout.strip()
    return key


def _coco(rows: int) -> dict[str, object]:
    images = [{"id": n, "file_name": f"{n:06}.jpg", "width": 640, "height": 480} for n in range(1, rows + 1)]
    boxes = [
        {
            "id": n * 3 + part,
            "image_id": n,
            "category_id": 1 + (n + part) % 3,
            "bbox": [part * 10, n % 100, 50 + part, 60],
            "area": (50 + part) * 60,
            "iscrowd": 0,
        }
        for n in range(1, rows + 1)
        for part in range(3)
    ]
    categories = [{"id": n, "name": name} for n, name in enumerate(("car", "person", "bicycle"), start=1)]
    return {"images": images, "annotations": boxes, "categories": categories}


@contextlib.contextmanager
def _up(installation: Installation) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """``exportadmin up``: the process and where it answers."""
    log = installation.home / "log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [PROGRAMS / "exportadmin", "up", "--bind", "127.0.0.1:0"],
            env=installation.environment,
            cwd=installation.home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        found = until(lambda: ADDRESS.search(log.read_text(errors="replace")), "the address")
        yield process, found[1]
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _signed_in(address: str) -> requests.Session:
    session = requests.Session()
    session.get(f"{address}/sign-in/", timeout=30)
    said = {"username": "alice", "password": PASSWORD, "csrfmiddlewaretoken": session.cookies["csrftoken"]}
    done = session.post(f"{address}/sign-in/", said, headers={"Referer": address}, timeout=30)
    assert done.status_code == 200 and done.url == f"{address}/", done.text[:500]
    return session
