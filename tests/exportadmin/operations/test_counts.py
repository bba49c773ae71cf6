"""Hits are counted by all processes together: no more than the limit get through, and it is said when there is room."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing

import pytest
from django.db import connection, connections

from exportadmin.lib import counts


@pytest.fixture(autouse=True)
def _none_yet(transactional_db: None) -> None:
    counts.file().unlink(missing_ok=True)


def keys() -> set[str]:
    if connection.vendor == "postgresql":
        return set(counts.HitCount.objects.values_list("key", flat=True))
    with closing(sqlite3.connect(counts.file())) as rows:
        return {key for (key,) in rows.execute("SELECT key FROM exportadmin_hitcount")}


def test_of_many_at_the_same_time_no_more_than_the_limit_get_through():
    gate, got = threading.Barrier(8), []

    def ask() -> None:
        gate.wait()
        got.extend(counts.hit("a", 10, 60) for _ in range(5))
        connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 40
    assert sum(not wait for wait in got) == 10
    assert all(0 < wait <= 60 for wait in got if wait)


def test_each_key_is_counted_for_itself():
    assert [bool(counts.hit(key, 1, 60)) for key in ("a", "b", "a", "b")] == [False, False, True, True]


@pytest.fixture
def hit_at(monkeypatch):
    """Two a minute, at that second."""

    def hit(seconds: float) -> float:
        monkeypatch.setattr(counts, "NOW", dict.fromkeys(counts.NOW, f"CAST({seconds} AS float8)"))
        return counts.hit("a", 2, 60)

    return hit


def test_the_time_begins_with_the_first_hit(hit_at):
    assert [hit_at(590.0), hit_at(640.0)] == [0.0, 0.0]
    assert hit_at(645.0) == pytest.approx(5.0)
    assert [hit_at(650.0), hit_at(709.0)] == [0.0, 0.0]
    assert hit_at(709.5) == pytest.approx(0.5)


def test_a_clock_that_is_set_back_locks_nobody_out(hit_at):
    assert [hit_at(90_000.0), hit_at(90_000.0), hit_at(600.0), hit_at(601.0)] == [0.0] * 4
    assert hit_at(602.0) == pytest.approx(58.0)


def test_what_nobody_hit_for_a_day_is_forgotten_and_nothing_else(hit_at):
    for _ in range(2):
        hit_at(1000.0)
    counts.hit("b", 1, 30)
    hit_at(1000.0 + counts.KEPT_SECONDS + 40)
    counts.forget_old()
    assert keys() == {"a/60"}


@pytest.mark.one_database  # PostgreSQL counts in a table
def test_a_disk_that_takes_nothing_stops_nobody(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setattr(counts, "file", lambda: tmp_path / "file" / "counts.sqlite3")
    assert [counts.hit("a", 1, 60) for _ in range(3)] == [0.0] * 3
