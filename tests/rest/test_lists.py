"""Lists: filters and orderings from an allow-list, groups, pages that stay put while rows are added, few queries."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exportadmin.runs import statuses
from exports.api.views import LINKS_SHOWN
from exports.models import Artifact, ExportReport, LineIndex
from tests.pages.reports import CHECK_VALUES, CONFIG
from tests.rest.world import Place, Rest, World

START = dt.datetime(2024, 4, 1, tzinfo=dt.UTC)


def make(place: Place, count: int, *, name: str = "Nightly", every: dt.timedelta = dt.timedelta(hours=1), **more: Any):
    """Reports with a file each, made by hand: the list must not depend on how they were run."""
    reports = ExportReport.objects.bulk_create(
        ExportReport(
            project=place.project,
            name=name,
            format="json",
            config=CONFIG,
            status=statuses.COMPLETED,
            check_values=CHECK_VALUES,
            **more,
        )
        for _ in range(count)
    )
    for number, report in enumerate(reports):
        ExportReport.objects.filter(pk=report.pk).update(created_at=START + number * every)
    index = [[line, line * 1000] for line in range(0, 20_000, 500)]
    artifacts = Artifact.objects.bulk_create(
        Artifact(
            report=report,
            name="rows.json",
            media_type="application/json",
            bytes=12,
            sha256="0" * 64,
            lines=20_000,
        )
        for report in reports
    )
    LineIndex.objects.bulk_create(LineIndex(artifact=artifact, entries=index) for artifact in artifacts)
    return reports


def pages(script: Rest, path: str, query: dict[str, Any], *, between=lambda page: None) -> list[list[dict[str, Any]]]:
    """Every page, by ``next``."""
    answer = script.get(path, query).json()
    found = [answer["results"]]
    while answer["next"]:
        between(len(found))
        answer = script.get(answer["next"]).json()
        assert answer["previous"]
        found.append(answer["results"])
        assert len(found) < 200, "it goes round in circles"
    return found


def ids(found: list[list[dict[str, Any]]]) -> list[str]:
    return [row["report_id"] for page in found for row in page]


# --- pages -----------------------------------------------------------------------------------------------------------


def test_a_list_that_grows_while_it_is_read_shows_each_row_once(world: World):
    old = {report.report_id for report in make(world.own, 25)}
    script = world.script("oscar")

    def more(page: int) -> None:
        make(world.own, 3, name="added")  # at old and at new times

    found = ids(pages(script, "reports/", {"page_size": 4, "q": "Nightly"}, between=more))
    assert len(found) == len(set(found)) == 25
    assert set(found) == old
    newest = ids(pages(script, "reports/", {"page_size": 7}, between=lambda page: make(world.own, 1, name="Nightly")))
    assert len(newest) == len(set(newest))
    assert old <= set(newest)


def test_rows_of_the_same_moment_are_told_apart(world: World):
    made = make(world.own, 11, every=dt.timedelta(0))
    found = ids(pages(world.script("oscar"), "reports/", {"page_size": 2, "q": "Nightly"}))
    assert found == [report.report_id for report in sorted(made, key=lambda report: -report.pk)]


def test_more_than_a_thousand_rows_of_one_name_have_an_end(world: World):
    """With DRF's cursor they have none: it counts within equal values, and only to a thousand."""
    make(world.own, 1203)
    query = {"page_size": 200, "ordering": "name", "q": "Nightly"}
    found = ids(pages(world.script("oscar"), "reports/", query))
    assert len(found) == len(set(found)) == 1203


def test_the_way_back_is_the_way_there(world: World):
    make(world.own, 10)
    script = world.script("oscar")
    there, answer = [], script.get("reports/", {"page_size": 3}).json()
    assert answer["previous"] is None
    while True:
        there.append(answer["results"])
        if not answer["next"]:
            break
        answer = script.get(answer["next"]).json()
    back: list[list[dict[str, Any]]] = []
    while True:
        back.insert(0, answer["results"])
        if not answer["previous"]:
            break
        answer = script.get(answer["previous"]).json()
    assert [each["report_id"] for page in back for each in page] == ids(there)


@pytest.mark.parametrize("ordering", ["created_at", "-created_at", "name", "-name"])
def test_every_ordering_orders_all_of_it(world: World, ordering: str):
    for name in ("b", "a", "c"):
        make(world.own, 4, name=name)
    found = pages(world.script("oscar"), "reports/", {"page_size": 5, "ordering": ordering})
    values = [row[ordering.lstrip("-")] for page in found for row in page]
    assert len(values) == 12 + 4
    by_database = list(
        ExportReport.objects.filter(project=world.own.project).order_by(ordering, "pk").values_list("name", flat=True)
    )
    if ordering.endswith("name"):
        assert values == by_database
    else:
        assert values == sorted(values, reverse=ordering.startswith("-"))


def cursor(*parts: Any) -> str:
    raw = json.dumps(parts).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


FORGED = {
    "nonsense": "nonsense",
    "no base64": "%%%",
    "empty list": cursor(),
    "another column": cursor("created_by__password", False, "a", 1),
    "no ordering": cursor(None, False, "a", 1),
    "a time that is none": cursor("-created_at", False, "yesterday", 1),
    "a time without zone": cursor("-created_at", False, "2024-01-01T00:00:00", 1),
    "a time before all": cursor("-created_at", False, "0001-01-01T00:00:00+14:00", 1),
    "a number for a time": cursor("-created_at", False, 5, 1),
    "a list for a time": cursor("-created_at", False, [], 1),
    "a key that is none": cursor("-created_at", False, "2024-01-01T00:00:00+00:00", "1"),
    "a key beyond 64 bits": cursor("-created_at", False, "2024-01-01T00:00:00+00:00", 2**64),
    "a negative key": cursor("-created_at", False, "2024-01-01T00:00:00+00:00", -1),
    "a truth for a key": cursor("-created_at", False, "2024-01-01T00:00:00+00:00", True),
    "U+0000 in a name": cursor("name", False, "a\x00", 1),
    "half a surrogate in a name": cursor("name", False, "\ud800", 1),
    "deep": base64.urlsafe_b64encode(b"[" * 1400).decode(),
}


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
def test_a_cursor_that_is_not_ours_is_no_page_and_no_fault(world: World, forged: str):
    answer = world.script("oscar").get("reports/", {"cursor": forged})
    assert (answer.status_code, answer.json()["field"]) == (404, "cursor")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.lists(st.none() | st.booleans() | st.integers() | st.text(max_size=30), min_size=4, max_size=4))
def test_whatever_stands_in_a_cursor(world: World, parts: list[Any]):
    assert world.script("oscar").get("reports/", {"cursor": cursor(*parts)}).status_code == 404


def test_a_cursor_of_another_order_is_said(world: World):
    make(world.own, 3)
    script = world.script("oscar")
    other = script.get("reports/", {"page_size": 1, "ordering": "name"}).json()["next"]
    answer = script.get(other.replace("ordering=name", "ordering=-created_at"))
    assert (answer.status_code, answer.json()["field"]) == (404, "cursor")


# --- what is in it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["reports/", "reports/grouped/", "configs/", "links/", "projects/"])
def test_nobody_sees_what_is_not_theirs(world: World, path: str):
    for person, expected in {"mallory": False, "rita": True, "oscar": True}.items():
        said = world.script(person).get(path).content.decode()
        assert (world.own.project.name in said or world.own.link.public_id in said) is expected, person
        assert world.foreign.project.name not in said
        assert world.foreign.link.public_id not in said
    assert world.foreign.project.name in world.script("sue").get("reports/").content.decode()


def names(script: Rest, **query: Any) -> set[str]:
    answer = script.get("reports/", query)
    assert answer.status_code == 200, answer.content
    return {row["name"] for row in answer.json()["results"]}


def test_filters_keep_what_they_say(world: World):
    script = world.script("oscar")
    make(world.own, 3, name="Old one")
    every = names(script)
    assert names(script, status="failed") == {world.own.failed.name}
    assert names(script, format="csv") == {world.own.table.name}
    assert names(script, q="WAITING") == {world.own.waiting.name}
    assert names(script, q="100%") == set()
    assert names(script, group="in_progress") == {world.own.waiting.name}
    assert names(script, group="completed") == every - {world.own.waiting.name}
    assert names(script, created_before="2024-05-01") == {"Old one"}
    assert names(script, created_after="2024-05-01") == every - {"Old one"}
    assert names(script, created_after="2024-04-01T01:00:00Z", created_before="2024-04-01T01:00:00+00:00") == {
        "Old one"
    }
    assert names(script, created_after="1711933200001", created_before="2024-04-01 03:00:00") == {"Old one"}
    assert names(script, project=world.own.project.name) == names(script, project=world.own.project.public_id) == every
    assert names(script, project=world.own.project.name, status="failed", format="json") == {world.own.failed.name}


def test_a_project_that_one_may_not_see_is_no_filter(world: World):
    for path in ("reports/", "configs/", "reports/grouped/"):
        answer = world.script("oscar").get(path, {"project": world.foreign.project.name})
        assert answer.status_code == 404, path


def test_groups_hold_the_latest_that_ended_and_that_did_not(world: World):
    before = world.script("oscar").get("reports/grouped/").json()
    assert before["is_cut"] == {"completed": False, "in_progress": False}
    assert {row["status"] for row in before["completed"]} >= {"completed", "failed"}
    make(world.own, 50 - len(before["completed"]))
    assert world.script("oscar").get("reports/grouped/").json()["is_cut"]["completed"] is False
    make(world.own, 55)
    answer = world.script("oscar").get("reports/grouped/").json()
    assert answer["is_cut"] == {"completed": True, "in_progress": False}
    assert [row["name"] for row in answer["in_progress"]] == [world.own.waiting.name]
    assert {row["group"] for row in answer["completed"]} == {"completed"}
    assert len(answer["completed"]) == 50
    times = [row["created_at"] for row in answer["completed"]]
    assert times == sorted(times, reverse=True)
    only = world.script("oscar").get("reports/grouped/", {"format": "csv"}).json()
    assert [row["name"] for row in only["completed"]] == [world.own.table.name]


def test_the_status_of_many_comes_in_the_order_asked_and_tells_nothing_of_others(world: World):
    wanted = [world.own.failed.report_id, "nothing", world.foreign.done.report_id, world.own.done.report_id]
    answer = world.script("oscar").get("reports/status/", {"ids": ", ".join(wanted)}).json()
    assert [(row["report_id"], row["status"]) for row in answer] == list(
        zip(wanted, ["failed", "unknown", "unknown", "completed"], strict=True)
    )
    assert answer[0]["error"] == "the disk is full"
    assert answer[3]["progress"]["percent"] == 100.0
    assert answer[1] == {"report_id": "nothing", "status": "unknown", "progress": None, "error": "", "links": []}


def test_the_status_of_many_tells_which_links_open_their_files_and_for_how_long(world: World):
    """The address of a link is in the answer that made it; here is what somebody who kept it wants to know."""
    wanted = [world.own.done.report_id, world.own.failed.report_id]
    client = world.script("oscar")
    before = client.get("reports/status/", {"ids": ",".join(wanted)}).json()[0]["links"]
    artifact = world.own.done.artifacts.get()
    made = client.post(f"artifacts/{artifact.public_id}/links/", {"seconds": 600}).json()
    ended = client.post(f"artifacts/{artifact.public_id}/links/", {"seconds": 600}).json()
    client.post(f"links/{ended['link_id']}/revoke/", {})
    done, failed = client.get("reports/status/", {"ids": ",".join(wanted)}).json()
    newest = done["links"][0]
    assert newest["link_id"] == made["link_id"]
    assert (newest["artifact_id"], newest["name"], newest["one_time"]) == (artifact.public_id, artifact.name, False)
    assert newest["expires_at"] == made["expires_at"]
    assert 0 < newest["seconds_left"] <= 600
    # less time is left than before, and nothing else has changed
    assert [{**link, "seconds_left": 0} for link in done["links"][1:]] == [
        {**link, "seconds_left": 0} for link in before
    ]
    assert failed["links"] == []


def test_the_status_of_many_shows_the_newest_links_of_each(world: World):
    artifact, client = world.own.done.artifacts.get(), world.script("oscar")
    made = [
        client.post(f"artifacts/{artifact.public_id}/links/", {"seconds": 600}).json()["link_id"]
        for _ in range(LINKS_SHOWN + 1)
    ]
    shown = client.get("reports/status/", {"ids": world.own.done.report_id}).json()[0]["links"]
    assert [one["link_id"] for one in shown] == made[:0:-1]


@pytest.mark.parametrize("ids_", ["", ",", " , ", "a b", "a;b", "x" * 65, ",".join(["a"] * 201), "a\x00"])
def test_the_status_of_what_are_no_ids_is_refused(world: World, ids_: str):
    answer = world.script("oscar").get("reports/status/", {"ids": ids_})
    assert (answer.status_code, answer.json()["field"]) == (400, "ids")


# --- what it costs ---------------------------------------------------------------------------------------------------


def queries(ask: Any) -> list[str]:
    with CaptureQueriesContext(connection) as seen:
        assert ask().status_code == 200
    # what is counted for all processes (exportadmin/lib/counts.py) stands in the database on PostgreSQL only
    return [query["sql"] for query in seen if "hitcount" not in query["sql"]]


# path → queries with a token: the token, the list, and what stands around each row in one more. Of reports, the
# person's projects are asked for first: that is what lets the list walk along an index (exports/listing.py).
COSTS = {
    "reports/": 4,
    "reports/grouped/": 6,
    "projects/": 2,
    "configs/": 2,
    "links/": 2,
    "tokens/": 2,
    "audit/": 3,
}


@pytest.mark.parametrize("path", COSTS)
def test_a_list_asks_the_database_as_often_for_fifty_as_for_five(world: World, path: str):
    script = world.script("alice")
    script.get(path)  # the last use of the token is noted
    few = queries(lambda: script.get(path, {} if "grouped" in path else {"page_size": 100}))
    make(world.own, 50)
    many = queries(lambda: script.get(path, {} if "grouped" in path else {"page_size": 100}))
    assert len(few) == len(many) == COSTS[path], "\n".join(many)


def test_a_list_does_not_load_the_places_of_rows(world: World):
    make(world.own, 5)
    script = world.script("alice")
    script.get("reports/")
    assert not [sql for sql in queries(lambda: script.get("reports/")) if "lineindex" in sql]


def test_a_page_of_a_session_costs_the_session_and_the_person_on_top(world: World):
    browser = world.browser("alice")
    assert len(queries(lambda: browser.get("/api/v1/reports/"))) == COSTS["reports/"] + 1
