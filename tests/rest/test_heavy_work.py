"""Plans, previews and comparisons are few at once and bounded in time; everything else goes on meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from exportadmin.lib import heavy
from exportadmin.lib.errors import ConflictError
from exportadmin.lib.heavy import check_time, heavy_work
from tests.rest.world import OWN, World

PLAN = {"project": OWN, "format": "csv"}


@pytest.fixture
def _all_places_taken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(heavy, "WAIT_SECONDS", 0.0)
    for _ in range(heavy.AT_ONCE):
        assert heavy.places.acquire(blocking=False)
    yield
    for _ in range(heavy.AT_ONCE):
        heavy.places.release()


@pytest.mark.usefixtures("_all_places_taken")
def test_one_plan_too_many_is_asked_to_come_back(world: World):
    answer = world.script("oscar").post("reports/plan/", PLAN)
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert int(answer.headers["Retry-After"]) > 0
    assert "try again in a few seconds" in answer.json()["detail"]
    assert world.script("oscar").get("projects/").status_code == 200


@pytest.mark.usefixtures("_all_places_taken")
def test_pages_that_are_heavy_say_so_and_light_ones_are_answered(world: World):
    browser = world.browser("oscar")
    own = world.own.done.report_id
    for path in (f"/exports/{own}/preview/", f"/exports/{own}/compare/"):
        answer = browser.get(path)
        assert answer.status_code == 503, path
        assert int(answer.headers["Retry-After"]) > 0
        assert "try again in a few seconds" in answer.content.decode()
    assert browser.get(f"/exports/{own}/").status_code == 200


def test_a_place_is_free_again_after_whatever_happened(world: World):
    script = world.script("oscar")
    for _ in range(2 * heavy.AT_ONCE + 1):
        assert script.post("reports/plan/", {**PLAN, "project": "nowhere"}).status_code == 404
        assert script.post("reports/plan/", PLAN).status_code == 200


def test_what_takes_too_long_is_stopped_and_says_what_to_do(world: World, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(heavy, "MOST_SECONDS", -1.0)
    answer = world.script("oscar").post("reports/plan/", PLAN)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "ask for less" in answer.json()["detail"]


def test_work_within_other_work_is_one_piece(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(heavy, "WAIT_SECONDS", 0.0)
    with heavy_work(), heavy_work(), heavy_work():
        check_time()


def test_nothing_is_bounded_where_nobody_waits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(heavy, "MOST_SECONDS", -1.0)
    check_time()  # as in the worker and in the shell
    with heavy_work(), pytest.raises(ConflictError):
        check_time()
