"""``exportadmin up``: web and worker come together and go together."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import sys
import time
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from exports.management.commands.up import listen
from tests.exportadmin.runs.stub.runner import expected_bytes
from tests.exportadmin.runs.world import World, descendants, kill, new_world, parents, survivors, until
from tests.support.shell import PROGRAMS, Installation, new_installation

ADDRESS = re.compile(r"Export Admin is at http://127\.0\.0\.1:(\d+)/")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    with new_installation(tmp_path_factory.mktemp("up")) as installation, new_world(installation) as made:
        yield made


@pytest.fixture
def up(installed):
    installed.forget()
    if installed.supervisor is None:
        start(installed)
    return installed


def start(world: World) -> None:
    world.start(str(PROGRAMS / "exportadmin"), "up", "--bind", "127.0.0.1:0")


def port(world: World) -> int:
    return int(until(lambda: ADDRESS.search(world.log_since_start()), "the address")[1])


def answer(number: int) -> int:
    client = http.client.HTTPConnection("127.0.0.1", number, timeout=30)
    client.request("GET", "/sign-in/", headers={"Connection": "close"})
    return client.getresponse().status


def command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()


def pids(world: World) -> set[int]:
    assert world.supervisor is not None
    return {world.supervisor.pid, *descendants(world.supervisor.pid)}


def test_a_stop_in_the_middle_of_a_run_is_clean_and_the_run_goes_on_at_the_next_start(up):
    number = port(up)
    (pk,) = up.request({"stop_at": ["between rows"]})
    run = up.waiting()
    every = pids(up)
    supervisor, up.supervisor = up.supervisor, None
    supervisor.send_signal(signal.SIGTERM)
    until(lambda: "sentinel stopping cluster processes" in up.log_text(), "the stop")
    run.go()
    assert supervisor.wait(timeout=15) == 0
    assert survivors(every) == set()
    with pytest.raises(OSError):
        answer(number)
    assert up.look(pk)["status"] == "running"
    start(up)
    row = up.ended(pk)
    assert (row["status"], row["attempts"]) == ("completed", 1)
    assert up.delivered(row) == expected_bytes(pk, 10)


def test_ctrl_c_does_not_wait_for_a_run_that_does_not_listen(up):
    (pk,) = up.request({"stop_at": ["between rows"]})
    up.waiting()  # and is never let go
    every = pids(up)
    begun = time.monotonic()
    assert up.stop(signal.SIGINT) == 0
    assert time.monotonic() - begun < 15, "the limit that is promised"
    assert survivors(every) == set()
    start(up)
    assert (up.ended(pk)["status"], up.look(pk)["attempts"]) == ("completed", 2)


def test_a_killed_web_server_is_started_again_at_the_same_address(up):
    number = port(up)
    assert answer(number) == 200
    (web,) = (pid for pid, parent in parents().items() if parent == up.supervisor.pid and "--bind fd:" in command(pid))
    family = {web, *descendants(web)}
    kill(web)
    until(lambda: not survivors(family), "the end of the web server and its own")
    assert answer(number) == 200, "the socket is the supervisor's: who comes meanwhile waits"


def test_killing_the_supervisor_leaves_nothing_behind(up):
    port(up)
    until(lambda: len(pids(up)) >= 10, "supervisor, web and its two, worker, sentinel and its four")
    every = pids(up)
    up.stop(signal.SIGKILL)
    until(lambda: not survivors(every), "the end of every process")


def test_a_killed_worker_command_leaves_nothing_behind_also_without_a_supervisor(installed):
    installed.stop()
    installed.start(sys.executable, "-m", "django", "worker")
    every = pids(installed)
    assert len(every) >= 6, "main, sentinel, two workers, pusher, monitor"
    installed.stop(signal.SIGKILL)
    until(lambda: not survivors(every), "the end of every process")


def test_an_address_that_is_taken_is_one_clear_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = Installation(tmp_path).run("up", "--bind", address)
    assert done.returncode == 1
    assert done.stderr == f"error: cannot listen at {address}: something else listens there; name another with --bind\n"


@pytest.mark.parametrize("bind", ["8000", "localhost", "127.0.0.1:99999", ":8000", "127.0.0.1:http"])
def test_an_address_without_a_meaning_is_wrong_use(bind):
    with pytest.raises(CommandError, match="expected HOST:PORT") as refused:
        listen(bind)
    assert refused.value.returncode == 2


@pytest.mark.parametrize("verb", [("up", "--bind", "127.0.0.1:0"), ("worker",)])
def test_without_the_migrations_nothing_starts(tmp_path, verb):
    done = Installation(tmp_path).run(*verb)
    assert done.returncode == 1
    assert re.fullmatch(r"error: the database lacks \d+ migrations: run `exportadmin migrate` first\n", done.stderr)


def test_a_bad_setting_stops_the_start(tmp_path):
    done = Installation(tmp_path, extra={"EXPORTADMIN_LEASE_SECONDS": "soon"}).run("worker")
    assert done.returncode != 0
    assert "EXPORTADMIN_LEASE_SECONDS='soon' is not a whole number" in done.stderr
