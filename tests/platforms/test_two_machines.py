"""Two machines on one PostgreSQL and one S3 store: what is begun on one goes on on the other, and neither is needed."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from exportadmin.lib.ids import new_id
from tests.platforms.machines import Machine, barrier, until
from tests.support import postgres, s3_store, seaweed

LIMIT = 30


@pytest.fixture(scope="module")
def store() -> Iterator[seaweed.Store]:
    with seaweed.running() as started:
        started.new_bucket("shared")
        yield started


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgres.running() as url:
        yield url


@pytest.fixture(scope="module")
def variables(store: seaweed.Store) -> dict[str, str]:
    keys = {f"EXPORTADMIN_{name}_KEY": secrets.token_urlsafe(48) for name in ("SECRET", "ENCRYPTION", "SIGNING")}
    return {
        **s3_store.artifact_variables(store.endpoint, "shared/exports"),
        **keys,
        "EXPORTADMIN_LEASE_SECONDS": "8",
        "EXPORTADMIN_REAP_SECONDS": "1",
        "EXPORTADMIN_WORKERS": "1",
    }


@pytest.fixture
def machines(tmp_path: Path, database: str, variables: dict[str, str]) -> Iterator[tuple[Machine, Machine]]:
    first, second = (Machine(tmp_path / name, database, variables) for name in ("first", "second"))
    for machine in (first, second):
        machine.home.mkdir()
    first.run("migrate", "--verbosity", "0")
    first.run("load_demo", "--no-exports")
    yield first, second
    for machine in (first, second):
        machine.kill()


def new_key(machine: Machine) -> str:
    """Of a new superuser, who has asked for nothing yet."""
    name, shell = f"sue{new_id()}", machine.shell
    shell.extra = {**shell.extra, "DJANGO_SUPERUSER_PASSWORD": secrets.token_urlsafe(12)}
    made = shell.run("createsuperuser", "--noinput", "--username", name, "--email", "")
    assert made.returncode == 0, made.stderr
    scopes = ("exports:run", "exports:read", "links:issue", "admin")
    return machine.run("issue_token", name, *(word for scope in scopes for word in ("--scope", scope))).strip()


def export(machine: Machine, key: str, **places: str) -> str:
    """The id of a report that was requested there. ``places``: where an attempt is to wait."""
    name = json.dumps({number.removeprefix("attempt_"): place for number, place in places.items()})
    body = {"project": "Demo", "format": "ndjson", "name": name}
    return str(machine.post("reports/", key, body)["report_id"])


def completed(machine: Machine, report_id: str, key: str) -> dict[str, Any]:
    ended = until(
        lambda: next(
            (found for found in [machine.report(report_id, key)] if found["status"] not in ("queued", "running")), None
        ),
        f"report {report_id}",
    )
    assert ended["status"] == "completed", ended
    return dict(ended)


def test_what_is_asked_for_on_one_is_run_by_the_other_and_downloaded_from_the_first(machines, store, database):
    first, second = machines
    first.start_web()
    second.start_web()
    second.start_worker()
    key = new_key(first)
    report_id = export(first, key)
    report = completed(first, report_id, key)
    (artifact,) = [found for found in report["artifacts"] if found["name"].endswith(".ndjson")]
    bodies = [machine.get(f"/api/v1/artifacts/{artifact['artifact_id']}/download/", key) for machine in machines]
    assert [answer.status_code for answer in bodies] == [200, 200]
    assert bodies[0].content == bodies[1].content
    assert len(bodies[0].content) == artifact["bytes"] > 0
    part = first.get(f"/api/v1/artifacts/{artifact['artifact_id']}/download/", key, stream=False)
    assert part.ok
    verified = first.post(f"reports/{report_id}/verify/", key, {})
    assert verified["ok"], verified
    for machine in machines:
        # the checkpoints of the trail are meant to lie outside what machines share
        left = [name for name in machine.files() if not name.startswith(("media", "audit-checkpoints"))]
        assert left == [], f"kept on {machine.home.name} alone"
    assert all(machine.get("/readyz").status_code == 200 for machine in machines)


def test_both_count_together_what_one_person_asks_for(machines):
    for machine in machines:
        machine.variables = {**machine.variables, "EXPORTADMIN_THROTTLE_USER": f"{LIMIT}/hour"}
        machine.start_web()
    key = new_key(machines[0])
    answers = [machines[number % 2].get("/api/v1/projects/", key).status_code for number in range(LIMIT + 6)]
    assert answers == [200] * LIMIT + [429] * 6


def test_a_one_time_link_hands_out_one_copy_whoever_is_asked(machines):
    first, second = machines
    for machine in machines:
        machine.start_web()
    second.start_worker()
    key = new_key(first)
    report = completed(first, export(first, key), key)
    (artifact,) = [found for found in report["artifacts"] if found["name"].endswith(".ndjson")]
    link = first.post(f"artifacts/{artifact['artifact_id']}/links/", key, {"seconds": 3600, "one_time": True})
    path = "/" + link["url"].split("/", 3)[3].rstrip("/") + "/file"
    gate, answers = threading.Barrier(4), []

    def download(machine: Machine) -> None:
        gate.wait()
        answers.append(machine.get(path))

    threads = [threading.Thread(target=download, args=(machines[number % 2],)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    whole = [answer for answer in answers if answer.status_code == 200]
    assert len(whole) == 1
    assert len(whole[0].content) == artifact["bytes"]
    assert all(machine.get(path).status_code == 410 for machine in machines)


@pytest.mark.parametrize("place", ["between rows", "after the last byte", "before commit"])
def test_a_machine_that_dies_in_the_middle_of_a_run_leaves_it_to_the_other(machines, store, database, place):
    for machine in machines:
        machine.start_web()
    key = new_key(machines[0])
    with barrier(list(machines)) as met:
        for machine in machines:
            machine.start_worker()
        report_id = export(machines[0], key, attempt_1=place)
        dead = met()
        dead.kill()
        alive = next(machine for machine in machines if machine is not dead)
        report = completed(alive, report_id, key)
    with psycopg.connect(database) as connection:
        found = connection.execute("SELECT attempts FROM exports_exportreport WHERE report_id = %s", [report_id])
        assert found.fetchone() == (2,)
    keys = store.keys("shared", "exports/")
    assert len([name for name in keys if report_id in name and name.endswith("/manifest.json")]) == 1
    assert [name for name in keys if report_id in name and ".part" in name] == []
    assert store.uploads("shared") == []
    for artifact in report["artifacts"]:
        body = alive.get(f"/api/v1/artifacts/{artifact['artifact_id']}/download/", key)
        assert len(body.content) == artifact["bytes"]


def test_a_machine_with_keys_of_its_own_does_not_start(machines, tmp_path, database, variables):
    machines[0].start_web()
    (tmp_path / "third").mkdir()
    other = {**variables, "EXPORTADMIN_SIGNING_KEY": secrets.token_urlsafe(48)}
    refused = Machine(tmp_path / "third", database, other).shell.run("worker")
    assert refused.returncode == 1
    assert "EXPORTADMIN_SIGNING_KEY" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
