"""kill -9 of the worker at every phase of an import: nothing doubled, nothing lost, and every figure adds up."""

from __future__ import annotations

import json

import pytest

from tests.connections.store.imports.barriers.apps import BARRIERS
from tests.exportadmin.runs.world import TERMINAL, World, kill, until
from tests.support.paths import ROOT
from tests.support.shell import new_installation

# ODD: rows with a key of theirs that went in, 4 of 23 being refused
ROWS, REFUSED, ODD = 1150, 40, 19
ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "tests.connections.store.imports.barrier_settings",
    "PYTHONPATH": str(ROOT),
    "EXPORTADMIN_LEASE_SECONDS": "2",
    "EXPORTADMIN_REAP_SECONDS": "1",
}


def lines(rows=ROWS):
    """Good rows with boxes; among them keys that come again and rows of a status that there is not."""
    for number in range(rows):
        key = f"picture-{number if number % 60 else 7}"
        row = {"data_row": {"global_key": key, "row_data": f"https://img.example.test/{number}.jpg"}}
        if number % 57 == 20:
            row["data_row"] = {"row_data": "no key"}
        if number % 50 == 10:
            row["of_theirs"] = 1
        yield json.dumps(row)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    home = tmp_path_factory.mktemp("world")
    with new_installation(home) as installation:
        installation.extra.update(ENVIRONMENT)
        with World(installation, console="tests.connections.store.imports.console") as made:
            made.start()
            yield made


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "rows.ndjson"
    path.write_text("\n".join(lines()))
    return str(path)


def ended(world, pk):
    def look():
        found = world.ask("look", pks=[pk])[str(pk)]
        return found if found["status"] in TERMINAL else None

    return until(look, f"the end of import {pk}")


@pytest.fixture(scope="module")
def undisturbed(world, source):
    """What an import comes to that nobody kills."""
    (pk,) = world.ask("request", source=source, names=["undisturbed"])
    found = ended(world, pk)
    assert (found["status"], found["attempts"], found["ends"]) == ("partial", 1, ["import.partial"])
    summary = found["summary"]
    assert summary["rows"] == ROWS == summary["created"] + summary["refused_count"]
    assert summary["refused_count"] == REFUSED
    assert summary["note_counts"]["carried"] == ODD
    return found


def test_a_worker_killed_anywhere_in_an_import_costs_one_attempt_and_nothing_else(world, source, undisturbed):
    pks = dict(zip(BARRIERS, world.ask("request", source=source, names=list(BARRIERS)), strict=True))
    for _ in BARRIERS:
        kill(world.waiting().pid)
    for name, pk in pks.items():
        found = ended(world, pk)
        assert found == {**undisturbed, "attempts": 2}, name


def test_a_cancel_is_obeyed_and_what_was_written_stays_whole(world, tmp_path):
    long = tmp_path / "long.ndjson"  # more rows than go in between two looks at whether somebody asked for the end
    long.write_text("\n".join(lines(30_000)))
    (pk,) = world.ask("request", source=str(long), names=["between batches"])
    run = world.waiting()
    assert world.ask("cancel", pk=pk) == "running"
    run.go()
    found = ended(world, pk)
    assert (found["status"], found["ends"], found["upload"]) == (
        "cancelled",
        ["import.cancel_requested", "import.cancelled"],
        False,
    )
    assert 50 <= found["summary"]["rows"] < 30_000  # how far it came by then, the machine says


def test_a_cancelled_import_whose_worker_is_killed_does_not_begin_again(world, source):
    (pk,) = world.ask("request", source=source, names=["importing"])
    run = world.waiting()
    assert world.ask("cancel", pk=pk) == "running"
    kill(run.pid)
    assert ended(world, pk)["status"] == "cancelled"
