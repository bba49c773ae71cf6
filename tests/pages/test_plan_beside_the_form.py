"""The plan beside the form: what will go, what stays out and why, how large, how long, and the first rows."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections.models import Project
from connections.sinks import local
from connections.store.upsert import write_rows
from exportadmin.audit.models import AuditEntry
from exportadmin.lib.errors import PermanentError
from exportadmin.runs import statuses
from exports.check_values import CheckValueCounter
from exports.models import ExportReport
from exports.spec import duration, plan, sample
from exports.spec.spec import ExportSpec
from tests.pages.reports import make_report
from tests.pages.test_new_export import NEW, PLAN, form, page_of, said, signed_in
from tests.support.rows import box, mixed, row

pytestmark = pytest.mark.django_db(transaction=True)  # a plan reads through a connection of its own

EMBEDDING = {"id": "e", "name": "clip", "dimensions": 300, "is_custom": False, "values": [{"value": [0.5] * 300}]}


@pytest.fixture
def filled(members: Project) -> Project:
    write_rows(members, mixed(40), now_ms=1_000)
    return members


@pytest.fixture
def operator(filled: Project, oscar: User) -> Client:
    return signed_in(oscar)


def words_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


# --- bad days --------------------------------------------------------------------------------------------------------


def test_a_form_with_mistakes_gets_them_instead_of_a_plan_beside_each_field_too(filled: Project, operator: Client):
    response = operator.post(PLAN, form(filled, updated_after="soon", global_keys="a\na\nb"))
    page = page_of(response)
    assert response.status_code == 200, "htmx shows nothing else"
    assert "The plan waits for 1 correction" in page
    assert "<a href=\"#updated_after\">Updated after</a>: 'soon' is not a time" in page
    assert re.search(r'<p class="ea-field-message ea-field-wrong"\s+id="updated_after_error" hx-swap-oob="true">', page)
    assert said(page, "global_keys") == "2 keys, 1 given twice."


def test_what_reading_refuses_is_said_in_words(filled: Project, operator: Client, monkeypatch: pytest.MonkeyPatch):
    def refuses(*args: Any, **more: Any) -> None:
        raise PermanentError("the platform has forgotten <b>this</b> project")

    monkeypatch.setattr(plan, "build_plan", refuses)
    for path in (PLAN, NEW):
        response = operator.post(path, form(filled, do="plan"))
        assert response.status_code == 200
        assert "There is no plan:</strong> the platform has forgotten &lt;b&gt;this" in response.content.decode()


def test_a_row_that_the_writer_refuses_is_a_stop(members: Project, oscar: User):
    sized = row("bad", box())
    sized.media_attributes = {**sized.media_attributes, "width": None}
    write_rows(members, [sized], now_ms=1_000)
    page = page_of(signed_in(oscar).post(PLAN, form(members, format="png")))
    assert "It would fail:" in page
    assert "of all 1 rows, max_refused allows 0" in page
    assert "a PNG mask needs whole numbers from 1" in page


def test_no_room_on_the_disk_is_a_stop(filled: Project, operator: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(local.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 7}))
    page = words_of(page_of(operator.post(PLAN, form(filled))))
    assert re.search(r"It would fail: about [\d.]+ kB are expected, but the destination has room for 7 bytes\.", page)


def test_ids_that_name_no_row_are_told_with_their_lines(filled: Project, operator: Client):
    page = page_of(operator.post(PLAN, form(filled, global_keys="row-00001\nnosuch\trow-00002\nalso, not")))
    assert said(page, "global_keys") == "4 keys. Not in this project: line 2 ('nosuch'), line 3 ('also, not')."
    assert "2 of 4 global keys are not in this project" in page
    assert "<strong>2</strong> of 40 rows" in page


# --- what it says ----------------------------------------------------------------------------------------------------


def test_the_plan_says_what_goes_what_stays_out_and_why(filled: Project, operator: Client):
    page = words_of(page_of(operator.post(PLAN, form(filled, statuses=["accepted"], format="coco_json"))))
    for part in (
        "10 of 40 rows",
        "Another review status 30",
        "COCO JSON cannot hold",
        "Size about ",
        "Time about a second by the first 10 rows",
        "Plan: 10 of 40 rows.",
        "Left empty, it is called “Street scenes coco_json”.",
    ):
        assert part in page, part


@pytest.mark.parametrize(
    ("format_name", "parts"),
    [
        ("json", ['[\n{"data_row":{"id":', '"row-00002"', "\n]\n"]),
        ("ndjson", ['{"data_row":{"id":', '"row-00002"']),
        ("csv", ["data_row_id,", "row-00002"]),
        ("coco_json", ['{"info":{"description":"Street scenes"', '"annotations":[', '"images":[']),
    ],
)
def test_the_first_rows_are_the_writers_own_bytes(
    filled: Project, operator: Client, format_name: str, parts: list[str]
):
    page = page_of(operator.post(PLAN, form(filled, format=format_name)))
    shown = page.split("<pre")[1].split(">", 1)[1].split("</pre>")[0]
    assert [part for part in parts if part not in shown] == []
    assert "row-00003" not in shown
    assert len(shown.encode()) < 6_000


def test_a_zip_is_shown_by_what_it_holds(filled: Project, operator: Client):
    page = page_of(operator.post(PLAN, form(filled, format="png")))
    assert re.findall(r'<dt class="ea-code">([^<]+)<', page) == [
        "classes.json",
        "masks/000000000001.png",
        "masks/000000000002.png",
        "masks/000000000003.png",
        "index.csv",
    ]


def test_rows_made_of_markup_are_shown_as_text(members: Project, oscar: User):
    write_rows(members, [row("</pre><script>alert(1)</script>", box("<img src=x>"))], now_ms=1_000)
    page = signed_in(oscar).post(PLAN, form(members)).content.decode()
    assert "&lt;/pre&gt;&lt;script&gt;alert(1)" in page
    assert "<script>" not in page and "<img" not in page


def test_a_long_row_is_cut_and_says_how_much_is_missing(members: Project, oscar: User):
    write_rows(members, [row(f"r{n}", box(), embeddings=[EMBEDDING] * 5) for n in range(3)], now_ms=1_000)
    spec = ExportSpec.parse({"format": "ndjson"}, members)
    taken = sample.draw_sample(members, spec)
    begin, rows, end = taken.pieces
    assert (begin.left_out, end.left_out) == (0, 0)
    assert len(rows.text) == sample.SHOWN_BYTES
    assert rows.left_out == taken.bytes - sample.SHOWN_BYTES
    page = page_of(signed_in(oscar).post(PLAN, form(members)))
    assert f"… {rows.left_out:,} bytes more …" in page


def test_embeddings_that_are_most_of_the_size_are_told_and_without_them_nothing_is(members: Project, oscar: User):
    write_rows(members, [row("r", box(), embeddings=[EMBEDDING])], now_ms=1_000)
    client = signed_in(oscar)
    with_them = page_of(client.post(PLAN, form(members)))
    assert re.search(r"Embeddings are about [3-9]\d % of the size: leave them out if nobody needs them", with_them)
    for other in (form(members, parts=["attachments"]), form(members, format="csv"), form(members, format="png")):
        assert "of the size" not in page_of(client.post(PLAN, other))


def test_time_is_told_by_the_last_exports_of_the_format_here_then_elsewhere_then_by_the_sample(filled: Project):
    def seconds(**values: Any) -> None:
        started = timezone.now()
        make_report(
            started_at=started,
            finished_at=started + timedelta(seconds=30),
            **{"status": statuses.COMPLETED, "rows_done": 1_000, "format": "csv", **values},
        )

    taken = sample.Sample(rows=10, bytes=1_000, seconds=0.5)

    def words() -> tuple[str, str]:
        found = duration.estimate_duration(filled, "csv", 2_000, taken)
        assert found is not None
        return found.text, found.basis

    assert words() == ("about 2 min", "by the first 10 rows")
    seconds(project=filled, format="json")
    seconds(project=filled, rows_done=10)  # too small to tell anything
    seconds(project=filled, status=statuses.FAILED)
    assert words() == ("about 2 min", "by the first 10 rows")
    other = Project.objects.create(connection=filled.connection, name="Other")
    seconds(project=other, rows_done=10_000)
    assert words() == ("about 6 s", "by the last export in this format of this installation")
    seconds(project=filled)
    seconds(project=filled)
    assert words() == ("about 60 s", "by the last 2 exports in this format of this project")
    assert duration.estimate_duration(filled, "csv", 0, taken) is None


# --- who is told, what it costs --------------------------------------------------------------------------------------


def test_the_trail_is_told_of_a_plan_that_was_asked_for_and_once_of_those_beside_the_form(
    filled: Project, operator: Client
):
    planned = AuditEntry.objects.filter(event="export.planned")
    for name in ("K", "Ke", "Keep"):
        assert operator.post(PLAN, form(filled, name=name)).status_code == 200
    assert planned.get().details["rows_shown"] == 3
    page = page_of(operator.post(NEW, form(filled, do="plan", name="Keep me")))
    assert "of 40 rows" in page and 'value="Keep me"' in page
    assert [(line.actor_name, line.details["rows_shown"]) for line in planned] == [("oscar", 3)] * 2
    assert 'hx-trigger="input from:#what' in page, "the plan is there: none is asked for at once"
    assert not ExportReport.objects.exists()


def test_a_refused_plan_is_told_once(filled: Project, rita: User):
    assert signed_in(rita).post(PLAN, form(filled)).status_code == 403
    refused = AuditEntry.objects.get(outcome="refused")
    assert (refused.event, refused.actor_name) == ("request.refused", "rita")


def test_a_plan_takes_as_many_queries_with_many_rows(filled: Project, operator: Client):
    ids = {"global_keys": "row-00001\nrow-00002"}
    operator.get(NEW)  # counts what the project holds
    with CaptureQueriesContext(database) as few:
        operator.post(PLAN, form(filled, **ids))
    write_rows(filled, mixed(300), now_ms=2_000)
    for _ in range(10):
        make_report(filled, status=statuses.COMPLETED)
    operator.get(NEW)
    with CaptureQueriesContext(database) as many:
        operator.post(PLAN, form(filled, **ids))
    # session, user; project, may see, may start; its model runs; connections to deliver by; the action's person and
    # right; stand; pace here and elsewhere; on PostgreSQL, where counts of requests stand in the database too, when it
    # was last recorded
    assert [len([query for query in seen if "hitcount" not in query["sql"]]) for seen in (few, many)] == [12, 12]


def test_choosing_parts_names_and_formats_counts_no_row_again_and_a_new_row_does(
    filled: Project, operator: Client, monkeypatch: pytest.MonkeyPatch
):
    counted: list[Any] = []

    class Counting(CheckValueCounter):
        """One is made for each time that rows are counted."""

        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            counted.append(args)

    monkeypatch.setattr(plan, "CheckValueCounter", Counting)
    for same in ({}, {"parts": ["attachments"]}, {"name": "x"}, {"format": "json"}):
        assert "40 of 40 rows" in words_of(page_of(operator.post(PLAN, form(filled, **same))))
    assert len(counted) == 1
    assert "cannot hold" in page_of(operator.post(PLAN, form(filled, format="coco_json")))
    assert "10 of 40 rows" in words_of(page_of(operator.post(PLAN, form(filled, statuses=["accepted"]))))
    assert len(counted) == 3
    write_rows(filled, [row("one-more", box())], now_ms=2_000)
    assert "41 of 41 rows" in words_of(page_of(operator.post(PLAN, form(filled))))
    operator.post(NEW, form(filled, do="plan"))
    assert len(counted) == 5, "whoever asks by the button gets it counted"


def test_a_row_that_was_edited_between_two_plans_is_counted_as_it_is_now(filled: Project, operator: Client):
    """As many rows as before, and another answer."""
    accepted = form(filled, statuses=["accepted"])
    assert "10 of 40 rows" in words_of(page_of(operator.post(PLAN, accepted)))
    edited = next(entry for entry in mixed(40) if entry.status == "review")
    edited.status = "accepted"
    write_rows(filled, [edited], now_ms=1_000)
    assert "11 of 40 rows" in words_of(page_of(operator.post(PLAN, accepted)))
