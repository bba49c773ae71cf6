"""Projects: the list, one project, what changed since its last export, its settings."""

from __future__ import annotations

import datetime as dt
import html
import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from connections.access.models import Membership
from connections.models import Project
from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from tests.pages.people import make_admin, signed_in, trail
from tests.pages.reports import CONFIG, make_report
from tests.pages.squeezed import page_html
from tests.support.rows import box, row


@pytest.fixture(autouse=True)
def _figures_are_counted_anew() -> None:
    cache.clear()


def page(project: Project) -> str:
    return f"/projects/{project.public_id}/"


def delivered(project: Project, started: dt.datetime, **more: Any):
    whole = {**CONFIG, "statuses": []}
    given = {"status": "completed", "started_at": started, "finished_at": started, "config": whole, **more}
    return make_report(project, **given)


# --- bad days --------------------------------------------------------------------------------------------------------


def test_a_strangers_project_is_not_there_and_the_trail_is_told(members: Project, stranger: Client):
    for answer in (stranger.get(page(members)), stranger.post(page(members), {"time_zone": "UTC"})):
        assert answer.status_code == 404
        assert members.name not in page_html(answer)
    entries = AuditEntry.objects.filter(event="request.refused")
    assert [(entry.actor_name, entry.project_name) for entry in entries] == [("mallory", members.name)] * 2
    assert stranger.get("/projects/nosuch/").status_code == 404
    listed = page_html(stranger.get("/projects/"))
    assert members.name not in listed
    assert "You have no role in a project yet" in listed


@pytest.mark.parametrize("query", [{"sort": "rows"}, {"order": "name"}, {"sort": "-name"}, {"q": "a\x00b"}])
def test_an_unknown_sorting_or_parameter_is_refused(visitor: Client, members: Project, query: dict[str, str]):
    assert visitor.get("/projects/", query).status_code == 400


@pytest.mark.parametrize("query", [{"q": "x" * 500}, {"q": "<b>"}, {"page": "none"}, {"page": "99"}])
def test_odd_questions_are_answered(visitor: Client, members: Project, query: dict[str, str]):
    answer = visitor.get("/projects/", query)
    assert answer.status_code == 200
    assert "<b>" not in page_html(answer)


def test_an_operator_changes_no_settings(members: Project, oscar: User):
    client = signed_in(oscar)
    assert "Save" not in page_html(client.get(page(members)))
    assert client.post(page(members), {"time_zone": "Asia/Tokyo"}).status_code == 403
    members.refresh_from_db()
    assert members.time_zone == "UTC"


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "a\x00b", "x" * 100])
def test_a_zone_that_there_is_not_is_refused_beside_its_field(members: Project, visitor: Client, zone: str):
    answer = visitor.post(page(members), {"time_zone": zone})
    assert answer.status_code == 400
    assert 'role="alert" id="time_zone_error"' in page_html(answer)
    assert trail("project.changed") == [("project.changed", "refused", "alice", members.name)]


def test_a_hostile_name_stays_text_in_page_and_command(visitor: Client, connection):
    name = """x'; rm -rf "$HOME" <script>"""
    shown = page_html(visitor.get(page(Project.objects.create(connection=connection, name=name))))
    assert "<script>" not in shown
    quoted = """--project=&#x27;x&#x27;&quot;&#x27;&quot;&#x27;; rm -rf &quot;$HOME&quot; &lt;script&gt;&#x27;"""
    assert quoted in shown


# --- the list --------------------------------------------------------------------------------------------------------


def test_the_list_shows_rows_role_and_last_export_and_sorts(visitor: Client, alice: User, connection):
    old, new = (Project.objects.create(connection=connection, name=name) for name in ("Beta", "Alpha"))
    write_rows(old, [row("r1", box()), row("r2")])
    delivered(old, dt.datetime(2026, 1, 2, tzinfo=dt.UTC))
    Membership.objects.create(project=new, user=alice, role="reviewer")
    listed = page_html(visitor.get("/projects/"))
    assert listed.index("Alpha") < listed.index("Beta")
    assert '<td data-label="Rows" class="ea-num">2</td>' in listed
    assert "2 Jan 2026, 00:00 UTC" in listed
    assert "Reviewer" in listed and "Superuser" in listed
    by_export = page_html(visitor.get("/projects/", {"sort": "exported"}))
    assert by_export.index("Beta") < by_export.index("Alpha")
    found = page_html(visitor.get("/projects/", {"q": "alph"}))
    assert "Alpha" in found and "Beta" not in found
    assert "No project of that name" in page_html(visitor.get("/projects/", {"q": "gamma"}))


def test_the_list_costs_the_same_with_many_projects(visitor: Client, project: Project, django_assert_num_queries):
    with django_assert_num_queries(5):
        visitor.get("/projects/")
    for number in range(40):
        made = Project.objects.create(connection=project.connection, name=f"P{number:02}")
        delivered(made, dt.datetime(2026, 1, 2, tzinfo=dt.UTC))
    with django_assert_num_queries(5):
        assert "1–25 of 41 projects" in page_html(visitor.get("/projects/"))


# --- one project -----------------------------------------------------------------------------------------------------


def test_an_empty_project_says_how_to_bring_rows_in(members: Project, visitor: Client, rita: User):
    command = "exportadmin import_rows annotations.json --project=&#x27;Street scenes&#x27;"
    assert command in page_html(visitor.get(page(members)))
    reviewer = page_html(signed_in(rita).get(page(members)))
    assert command not in reviewer
    assert "Its admins can do that" in reviewer


def test_rows_and_annotations_are_counted_with_bars(members: Project, visitor: Client):
    write_rows(members, [row("r1", box("car"), box("tree")), row("r2", box("car"), status="accepted")])
    shown = page_html(visitor.get(page(members)))
    assert "2 rows with 3 annotations" in shown
    for words in ("accepted", "review", "car", "tree", "by class", "by review status"):
        assert words in shown
    assert shown.count('class="ea-bar"') == 5
    assert "ea-total-bad" not in shown


def test_what_changed_since_the_last_export_is_said_in_words(members: Project, visitor: Client):
    start = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    # whatever times the rows bring: what counts is when they came here
    write_rows(members, [row("r1"), row("r2", updated_ms=4_000_000_000_000)])
    assert "Nothing was exported" in page_html(visitor.get(page(members)))
    delivered(members, start - dt.timedelta(days=9), name="Older", revision=0)
    newer = delivered(members, start, name="Newer", revision=1)
    make_report(members, name="Failed since", status="failed", started_at=start + dt.timedelta(days=1))
    shown = page_html(visitor.get(page(members)))
    assert "No row came, changed or was deleted" in shown and ">Newer</a>" in shown
    write_rows(members, [row("r1", box(), updated_ms=1), row("r3", created_ms=1), row("r4")])
    shown = page_html(visitor.get(page(members)))
    assert "<strong>2 rows came and 1 changed</strong>" in shown
    (address,) = re.findall(r'href="([^"]+)">Export what has changed<', shown)
    form = page_html(visitor.get(html.unescape(address)))
    assert re.search(rf'<input[^>]*name="since_revision" value="{newer.report_id}"', form)


def _config(**asked: Any) -> dict[str, Any]:
    return {**CONFIG, "statuses": [], **asked}


LEAVES_ROWS_OUT = {
    "statuses": _config(statuses=["accepted"]),
    "one key": _config(filter={"global_keys": ["gk-1"]}),
    "increment with a condition": _config(filter={"since_revision": 1, "with_annotations": True}),
    "increment with statuses": _config(statuses=["accepted"], filter={"since_revision": 1}),
    "increment after a gap": _config(filter={"since_revision": 2}),
    "one person's labels": _config(labels="created_by:oscar"),
    "ground truth": _config(labels="ground_truth"),
}


@pytest.mark.parametrize("config", LEAVES_ROWS_OUT.values(), ids=LEAVES_ROWS_OUT)
def test_an_export_of_some_rows_does_not_hide_what_changed_since_all_of_them_left(
    members: Project, visitor: Client, config: dict[str, Any]
):
    start = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    write_rows(members, [row("r1"), row("r2")])
    delivered(members, start, name="Some", config=config, revision=1)
    assert "Nothing was exported" in page_html(visitor.get(page(members)))
    delivered(members, start, name="All", revision=1)
    write_rows(members, [row("r1", box())])
    write_rows(members, [row("r3")])
    delivered(members, start, name="Some", config=config, revision=3)
    shown = page_html(visitor.get(page(members)))
    assert "<strong>1 row came and 1 changed</strong>" in shown and ">All</a>" in shown


def test_increments_without_a_gap_go_on_from_it(members: Project, visitor: Client):
    start = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    write_rows(members, [row("r1"), row("r2")])
    whole = delivered(members, start, name="All", revision=1)
    delivered(members, start, name="As a table", revision=1, converted_from=whole)
    for number, since in enumerate((1, 2)):
        write_rows(members, [row("r1", *[box()] * (number + 1))])
        config = _config(filter={"since_revision": since}, labels="all")
        delivered(members, start, name=f"Increment {number}", config=config, revision=since + 1)
    shown = page_html(visitor.get(page(members)))
    assert "No row came, changed or was deleted" in shown and ">Increment 1</a>" in shown
    write_rows(members, [row("r4")])
    assert "<strong>1 row came</strong>" in page_html(visitor.get(page(members)))


@pytest.mark.parametrize("query", ["since_revision=3", "project={id}&config=x", "project={id}&after=2026-01-02"])
def test_a_form_that_nobody_can_mean_is_refused(members: Project, visitor: Client, query: str):
    assert visitor.get(f"/exports/new/?{query.format(id=members.public_id)}").status_code == 400


def test_those_who_may_not_start_exports_are_not_asked_to(members: Project, rita: User, oscar: User):
    write_rows(members, [row("r1")])
    assert "/exports/new/" in page_html(signed_in(oscar).get(page(members)))
    assert "/exports/new/" not in page_html(signed_in(rita).get(page(members)))


def test_the_latest_ten_exports_of_this_project_are_listed(members: Project, visitor: Client):
    other = Project.objects.create(connection=members.connection, name="Other")
    make_report(other, name="Not mine")
    for number in range(12):
        make_report(members, name=f"Run {number:02}")
    shown = page_html(visitor.get(page(members)))
    assert [f"Run {number:02}" in shown for number in (0, 1, 2, 11)] == [False, False, True, True]
    assert "Not mine" not in shown


def test_a_changed_zone_is_recorded_with_before_and_after(members: Project, oscar: User):
    client = make_admin(members, oscar)
    for _ in range(2):  # nothing new: nothing recorded
        assert client.post(page(members), {"time_zone": "Asia/Tokyo"}).status_code == 302
    members.refresh_from_db()
    assert members.time_zone == "Asia/Tokyo"
    (entry,) = AuditEntry.objects.filter(event="project.changed")
    assert (entry.before, entry.after) == ({"time_zone": "UTC"}, {"time_zone": "Asia/Tokyo"})


def test_the_page_costs_the_same_with_many_rows_exports_and_members(
    members: Project, visitor: Client, django_assert_num_queries
):
    write_rows(members, [row(f"r{number}", box()) for number in range(3)])
    visitor.get(page(members))
    with django_assert_num_queries(11):
        visitor.get(page(members))
    for number in range(15):
        make_report(members, name=f"Run {number:02}")
        Membership.objects.create(project=members, user=User.objects.create_user(f"p{number}"), role="reviewer")
    with django_assert_num_queries(11):
        visitor.get(page(members))
