"""PostgreSQL stops in the middle of runs and comes back: nothing is lost, nothing is done twice."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys

import psycopg
import pytest

from tests.exportadmin.runs.stub.runner import expected_bytes
from tests.exportadmin.runs.world import new_world, until
from tests.support import postgres
from tests.support.shell import Installation


class Restartable(postgres.Cluster):
    """A server whose folder outlives a stop."""

    def go_away(self) -> None:
        """PostgreSQL's "fast shutdown": every connection is cut, what was committed stays."""
        assert self._process is not None
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=60)

    def come_back(self) -> None:
        """Start again on the same data."""
        assert self._process is not None
        arguments = list(self._process.args)  # type: ignore[arg-type]
        programs = postgres.binaries()
        assert programs is not None
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(  # type: ignore[assignment]
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as_user(programs),
            )
        self._wait_until_it_answers(self._process)


@pytest.fixture
def server():
    if postgres.binaries() is None:
        pytest.skip(f"NOT RUN: no PostgreSQL server programs; {postgres.ADVICE}")
    made = Restartable(postgres.new_folder())
    made.start()
    yield made
    made.stop()


@contextlib.contextmanager
def told(world):
    """What the processes said, when the test fails."""
    try:
        yield
    except BaseException:
        print(world.log_text())
        raise


def test_runs_survive_a_database_that_goes_away_and_comes_back(server, tmp_path):
    with psycopg.connect(postgres.url(server.folder, "postgres"), autocommit=True) as connection:
        connection.execute("CREATE DATABASE exportadmin")
    installation = Installation(tmp_path, postgres.url(server.folder))
    assert installation.run("migrate", "--verbosity", "0").returncode == 0
    with new_world(installation) as world, told(world):
        world.start(sys.executable, "-m", "tests.exportadmin.runs.supervised")
        pks = world.request({"stop_at": ["between rows"]}, {"stop_at": ["before commit"]}, {}, {})
        runs = [world.waiting(), world.waiting()]
        server.go_away()
        for run in runs:
            run.go()
        until(lambda: "the database does not answer" in world.log_text(), "the worker that notices")
        server.come_back()
        for pk in pks:
            row = world.ended(pk)
            assert (row["status"], row["attempts"]) in {("completed", 1), ("completed", 2)}, world.log_text()
            assert world.delivered(row) == expected_bytes(pk, 10)
            until(lambda pk=pk: world.times_finished(pk), "the stub's own line, which it writes after the end")
            assert world.times_finished(pk) == 1
        assert world.half_made() == []
