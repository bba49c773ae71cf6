"""Home: what runs and waits, what failed and why, what was delivered, what needs a person."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from connections.access.models import Membership
from connections.models import Connection, Project
from connections.store.upsert import write_rows
from connections.sync.models import Mirror, SyncRun
from exports.display.control_room import MOST_DELIVERED, MOST_RUNNING, MOST_WAITING
from exports.display.day_bars import HEIGHT, LEAST, charts_of
from exports.lists.per_day import MOST_PROJECTS, Day, ProjectDays, per_project_and_day
from exports.models import ExportReport, Proof, ProofNight
from exports.views.home import MOST_GROUPS
from tests.pages.reports import make_report
from tests.pages.squeezed import page_html
from tests.support.rows import mixed

HOSTILE = """<script>alert(1)</script>"><img src=x onerror=alert(1)>"""


@pytest.fixture
def operator(members: Project, oscar: User) -> Client:
    client = Client()
    client.force_login(oscar)
    return client


@pytest.fixture
def foreign(connection: Connection) -> Project:
    """Not Oscar's, with something of everything."""
    project = Project.objects.create(connection=connection, name="Secret harbour")
    write_rows(project, mixed(12))
    for status in ("running", "queued", "failed", "errored", "completed"):
        make_report(project, name=f"Secret {status}", status=status, error="secret reason", bytes_done=1_000_000)
    return project


def words(client: Client, address: str = "/") -> str:
    response = client.get(address)
    assert response.status_code == 200
    page = page_html(response)
    page = page[page.index("<main") :] if "<main" in page else page
    return " ".join(re.sub(r"<[^>]*>", " ", page).split())


def made_at(at: datetime, project: Project, **values: Any) -> ExportReport:
    report = make_report(project, **values)
    ExportReport.objects.filter(pk=report.pk).update(created_at=at)
    return report


# --- bad days --------------------------------------------------------------------------------------------------------


def test_a_stranger_sees_nothing_of_anybody(foreign: Project, stranger: Client):
    for address in ("/", "/now/"):
        assert "ecret" not in words(stranger, address)
    assert "No exports to see" in words(stranger)


def test_only_what_is_in_ones_own_projects(operator: Client, members: Project, foreign: Project):
    make_report(members, name="Ours", status="completed", bytes_done=2_500)
    said = words(operator)
    assert "ecret" not in said
    assert "Nothing runs and nothing waits." in said
    assert "and not retried, last 14 days Nothing." in said
    assert "1 export requested, 2.5 kB delivered." in said
    assert "ecret" not in words(operator, "/now/")


def test_hostile_names_and_reasons_are_text(connection: Connection, visitor: Client):
    project = Project.objects.create(connection=connection, name=HOSTILE)
    for status in ("running", "queued", "failed"):
        make_report(project, name=HOSTILE, status=status, error=HOSTILE, phase=HOSTILE[:40], created_by_name=HOSTILE)
    for address in ("/", "/now/"):
        page = page_html(visitor.get(address))
        assert "&lt;script&gt;alert(1)" in page
        assert "<script>alert" not in page and "<img src=x" not in page


@pytest.mark.parametrize("address", ["/?x=1", "/now/?x=1"])
def test_unknown_parameters_are_refused(visitor: Client, address: str):
    assert visitor.get(address).status_code == 400


def test_without_any_export_the_way_to_the_first_is_shown(visitor: Client, project: Project):
    page = page_html(visitor.get("/"))
    assert "Three steps to the first export" in page
    for way in ("/projects/", "/exports/new/", "/help/"):
        assert f'href="{way}">' in page[page.index("<main") :]


def test_a_failure_without_a_reason_says_so(visitor: Client, project: Project):
    make_report(project, status="errored", error="")
    assert "No reason was kept." in words(visitor)


# --- now -------------------------------------------------------------------------------------------------------------


def test_what_runs_says_how_far_it_is_and_is_asked_for_again_until_nothing_runs(visitor: Client, project: Project):
    report = make_report(project, name="Big one", status="running", phase="reading", rows_done=250, rows_expected=1000)
    ExportReport.objects.filter(pk=report.pk).update(started_at=timezone.now() - timedelta(seconds=10))
    for address in ("/", "/now/"):
        page = page_html(visitor.get(address))
        assert 'hx-get="/now/" hx-trigger="every 3s"' in page
        assert '<progress class="ea-live-bar" max="100" value="25"' in page
        assert re.search(r"Reading, 25%, 2\d rows/s, about \d+ s left", page)
    ExportReport.objects.update(status="completed")
    for address in ("/", "/now/"):
        assert "hx-get" not in page_html(visitor.get(address))


def test_what_runs_is_shown_however_much_waits(visitor: Client, project: Project):
    """It was the ten newest of both: sixteen that waited hid the two that ran."""
    make_report(project, name="Old one that runs", status="running")
    for number in range(MOST_WAITING + 6):
        make_report(project, name=f"Waiting {number}", status="queued")
    said = words(visitor)
    assert "Old one that runs" in said and "Nothing runs" not in said
    assert f"1 running, {MOST_WAITING + 6} waiting" in said
    assert said.count("Queued") == MOST_WAITING
    assert "All that are in progress" in said


def test_more_that_run_than_fit_are_named_as_more(visitor: Client, project: Project):
    for number in range(MOST_RUNNING + 1):
        make_report(project, name=f"Run {number}", status="running")
    said = words(visitor)
    assert said.count("Running") == MOST_RUNNING
    assert "All that are in progress" in said


def test_what_waits_says_its_place_as_projects_take_turns(visitor: Client, project: Project, connection: Connection):
    other = Project.objects.create(connection=connection, name="Another one")
    for number in range(3):
        make_report(project, name=f"Ours {number}", status="queued")
    make_report(other, name="Theirs", status="queued")
    make_report(
        other, name="Later", status="queued", not_before=timezone.now() + timedelta(hours=1), error="busy there"
    )
    said = words(visitor)
    order = re.findall(r"(Ours \d|Theirs|Later) (?:Street|Another) .*?(Next of 4|Place \d of 4|Cancel)", said)
    assert order == [
        ("Ours 0", "Next of 4"),
        ("Theirs", "Place 2 of 4"),
        ("Ours 1", "Place 3 of 4"),
        ("Ours 2", "Place 4 of 4"),
        ("Later", "Cancel"),
    ]
    assert "not before" in said and "Busy there" in said


def test_it_is_cancelled_from_here_and_one_is_back_here(operator: Client, members: Project):
    report = make_report(members, name="Too much", status="queued")
    page = page_html(operator.get("/"))
    assert f'action="/exports/{report.report_id}/cancel/"' in page
    answer = operator.post(f"/exports/{report.report_id}/cancel/", {"next": "/"})
    assert (answer.status_code, answer["Location"]) == (302, "/")
    report.refresh_from_db()
    assert report.status == "cancelled"


def test_who_may_not_cancel_is_offered_no_button(members: Project, rita: User):
    make_report(members, status="running")
    make_report(members, status="failed", error="broken")
    client = Client()
    client.force_login(rita)
    page = page_html(client.get("/"))
    assert "/cancel/" not in page and "Retry" not in page and "broken" in page


# --- failures --------------------------------------------------------------------------------------------------------


def test_failures_of_one_reason_are_one_line_with_their_number(visitor: Client, project: Project):
    for number in range(12):
        make_report(project, status=("failed", "errored")[number % 2], error=f"row 'gk-{number}' has no width")
    make_report(project, name="Alone", status="failed", error="the disk is full")
    said = words(visitor)
    assert "row … has no width 12 exports in" in said and "Retry these 12…" in said
    assert "the disk is full Alone in" in said and "Retry this one…" in said


def test_what_was_retried_and_what_is_long_over_is_no_longer_listed(visitor: Client, project: Project):
    first = make_report(project, status="failed", error="retried since")
    make_report(project, status="completed", retry_of=first)
    made_at(timezone.now() - timedelta(days=15), project, name="Long ago", status="failed", error="forgotten")
    said = words(visitor)
    assert "retried since" not in said and "forgotten" not in said and "last 14 days Nothing." in said


def test_further_reasons_are_behind_a_summary_with_their_number(visitor: Client, project: Project):
    now = timezone.now()
    for age in range(MOST_GROUPS + 2):
        made_at(now - timedelta(hours=age), project, status="failed", error="broken " + "abcdefgh"[age])
    said = words(visitor)
    assert re.findall(r"broken (\w)", said) == list("abcdefg")
    assert "2 more reasons broken f" in said


# --- deliveries ------------------------------------------------------------------------------------------------------


def test_the_last_deliveries_say_what_where_to_when_and_how_much(
    visitor: Client, project: Project, connection: Connection
):
    now = timezone.now().replace(year=2026, month=3, day=4, hour=5, minute=6)
    vault = Connection.objects.create(name="Team bucket", kind="s3")
    for number in range(MOST_DELIVERED):
        make_report(project, name=f"Older {number}", status="completed", finished_at=now - timedelta(hours=1 + number))
    # asked for first and delivered last
    late = made_at(
        now - timedelta(days=2),
        project,
        name="To the bucket",
        status="partial",
        finished_at=now,
        rows_done=1234,
        bytes_done=5_000_000,
        destination=vault,
    )
    said = words(visitor)
    section = said[said.index("Last deliveries") : said.index("The last 14 days")]
    assert section.startswith(
        f"Last deliveries To the bucket {project.name}, to Team bucket 4 Mar 2026, 05:06 UTC 1,234 rows 5.0 MB Partial"
    )
    assert "to this installation" in section
    assert section.count("Older") == MOST_DELIVERED - 1
    assert late.report_id in page_html(visitor.get("/"))


def test_a_connection_that_one_may_not_know_of_is_not_named(operator: Client, members: Project):
    vault = Connection.objects.create(name="Secret bucket", kind="s3")
    make_report(members, status="completed", finished_at=timezone.now(), destination=vault)
    said = words(operator)
    assert "Secret bucket" not in said and "to a connection" in said


# --- days ------------------------------------------------------------------------------------------------------------


def test_days_are_those_of_the_persons_zone_and_all_of_them_are_there(project: Project, monkeypatch):
    noon = datetime(2026, 3, 29, 12, tzinfo=UTC)  # the day on which Berlin's clocks go forward
    monkeypatch.setattr(timezone, "now", lambda: noon)
    for at, bytes_done, status in (
        (datetime(2026, 3, 28, 22, 59, tzinfo=UTC), 1, "completed"),  # 23:59 in Berlin
        (datetime(2026, 3, 28, 23, 0, tzinfo=UTC), 10, "partial"),  # midnight there: the next day
        (datetime(2026, 3, 29, 11, 0, tzinfo=UTC), 100, "failed"),  # not delivered: counted without its bytes
        (datetime(2026, 3, 15, 22, 59, tzinfo=UTC), 1000, "completed"),  # a minute too old
        (datetime(2026, 3, 15, 23, 0, tzinfo=UTC), 10_000, "completed"),
    ):
        made_at(at, project, bytes_done=bytes_done, status=status)
    with timezone.override("Europe/Berlin"):
        (line,) = per_project_and_day(ExportReport.objects.all())
    assert len(line.days) == 14
    assert [str(day.date) for day in (line.days[0], line.days[-1])] == ["2026-03-16", "2026-03-29"]
    counted = [(day.exports, day.delivered, day.failed, day.bytes) for day in line.days if day.exports]
    assert counted == [(1, 1, 0, 10_000), (1, 1, 0, 1), (2, 1, 1, 10)]
    with timezone.override("UTC"):
        (line,) = per_project_and_day(ExportReport.objects.all())
    assert [(day.date.day, day.exports, day.bytes) for day in line.days if day.exports] == [(28, 2, 11), (29, 1, 0)]


def test_the_busiest_projects_have_a_line_each_and_all_others_one_together(connection: Connection):
    for number in range(MOST_PROJECTS + 3):
        each = Project.objects.create(connection=connection, name=f"P{number}")
        for _ in range(10 - number):
            make_report(each, status="completed", bytes_done=1)
    lines = per_project_and_day(ExportReport.objects.all())
    assert [(line.name, line.total.exports) for line in lines] == [
        *((f"P{number}", 10 - number) for number in range(MOST_PROJECTS)),
        ("All other projects", 4 + 3 + 2),
    ]


def test_bars_are_stacked_on_one_scale_and_empty_days_are_empty(project: Project, connection: Connection):
    other = Project.objects.create(connection=connection, name="Small")
    for status in ("completed", "completed", "failed", "cancelled"):
        make_report(project, status=status)
    make_report(other, status="completed")
    charts = charts_of(per_project_and_day(ExportReport.objects.all()))
    assert charts is not None and charts.most == 4
    big, small = charts.bars
    assert [(part.outcome, part.height) for part in big.parts] == [("delivered", 15), ("failed", 7.5), ("other", 7.5)]
    assert [part.y for part in big.parts] == [15, 7.5, 0]  # one upon the other, up to the top
    assert [(part.outcome, part.y + part.height) for part in small.parts] == [("delivered", HEIGHT)]
    assert small.parts[0].height == HEIGHT / 4
    assert {part.x for part in big.parts} == {131.5}  # today; of thirteen empty days there is nothing to see


@pytest.mark.parametrize("counts", [(200, 0, 0), (199, 1, 0), (1, 0, 199), (198, 1, 1), (1, 1, 198), (67, 67, 66)])
def test_of_the_highest_bar_every_part_is_seen_whole(counts: tuple[int, int, int]):
    delivered, failed, _ = counts
    day = Day(date(2026, 6, 3), exports=200, delivered=delivered, failed=failed)
    charts = charts_of([ProjectDays("All", "", (day,))])
    assert charts is not None
    parts = charts.bars[0].parts
    bottom = HEIGHT
    for part in parts:
        assert part.height >= LEAST
        assert part.y + part.height == pytest.approx(bottom), "each stands on the one below"
        bottom = part.y
    assert bottom == pytest.approx(0)


def test_the_bars_are_told_as_a_table_too(visitor: Client, project: Project):
    for status in ("completed", "completed", "failed"):
        make_report(project, status=status, bytes_done=1_000_000)
    page = page_html(visitor.get("/"))
    table = page[page.index('class="table ea-day-table"') :]
    assert table.count('<th scope="row">') == 14
    said = words(visitor)
    assert f"{project.name} 3 (1 failed) 2.0 MB" in said
    assert "3 exports requested, 2.0 MB delivered." in said


# --- what needs somebody ---------------------------------------------------------------------------------------------


def test_a_mirror_whose_last_sync_failed_is_told_until_one_succeeds(operator: Client, members: Project):
    make_report(members, status="completed")
    Mirror.objects.create(project=members)
    SyncRun.objects.create(project=members, status="completed")
    bad = SyncRun.objects.create(project=members, status="failed", error="the platform does not know this project")
    SyncRun.objects.create(project=members, status="queued")  # not over: what is known is still the one before
    page = page_html(operator.get("/"))
    assert f'href="/syncs/{bad.public_id}/"' in page and "The platform does not know this project" in page
    SyncRun.objects.update(status="completed")
    assert "The platform does not know" not in page_html(operator.get("/"))


# --- figures ---------------------------------------------------------------------------------------------------------


def test_the_number_of_queries_does_not_depend_on_what_there_is(
    members: Project, connection: Connection, oscar: User, operator: Client
):
    def asked(address: str) -> int:
        with CaptureQueriesContext(database) as queries:
            assert operator.get(address).status_code == 200
        return len([query for query in queries if "hitcount" not in query["sql"]])

    asked("/")  # what is asked once a session
    for status in ("running", "queued", "failed", "completed"):
        make_report(members, status=status)
    few, few_now = asked("/"), asked("/now/")
    for number in range(200):
        status = ("running", "failed", "completed", "queued")[number % 4]
        make_report(members, name=f"Run {number}", status=status, error=f"broken {chr(97 + number % 26)}")
    assert (asked("/"), asked("/now/")) == (few, few_now)
    for number in range(30):
        other = Project.objects.create(connection=connection, name=f"Project {number:02}")
        Membership.objects.create(project=other, user=oscar, role="operator")
        make_report(other, status="queued")
        make_report(other, status="failed", error=f"fails in {other.name}")
    assert (asked("/"), asked("/now/")) == (few, few_now)


def test_deliveries_that_are_not_as_they_were_are_listed_as_a_sentence(operator: Client, members: Project):
    for name in ("First", "Second"):
        make_report(members, name=name, status="completed", altered_at=timezone.now())
    told = words(operator)
    assert "Their files are not handed out until a proof finds them as they were." in told
    note = operator.get("/").content.decode()
    listed = re.search(r"Not as delivered:(.*?)Their files", note, re.DOTALL)
    assert listed is not None
    text = " ".join(re.sub(r"<[^>]*>", "", listed[1]).split())
    assert text in ("First, Second.", "Second, First.")


# --- proofs -----------------------------------------------------------------------------------------------------------


def test_a_delivery_that_is_not_what_was_delivered_is_an_alert_until_it_is_right_or_its_files_are_gone(
    visitor: Client, project: Project
):
    now = timezone.now()
    bad = make_report(project, status="completed", name="Bad", altered_at=now, proof_result="gone", proved_at=now)
    page = page_html(visitor.get("/"))
    assert "Not as delivered:" in page and f"/exports/{bad.report_id}/#proof" in page and "(gone)" in page
    # found by a download after a proof that found nothing
    ExportReport.objects.filter(pk=bad.pk).update(proof_result="equal")
    assert "Not as delivered:" in page_html(visitor.get("/")) and "(as delivered)" not in page_html(visitor.get("/"))
    ExportReport.objects.filter(pk=bad.pk).update(files_removed_at=now)
    assert "Not as delivered:" not in page_html(visitor.get("/"))


def test_the_last_night_is_told_of_the_projects_that_one_sees(visitor: Client, members: Project, rita: User):
    assert "Nightly proof" not in page_html(visitor.get("/"))
    other = Project.objects.create(connection=members.connection, name="Another one")
    night = ProofNight.objects.create(began_at=timezone.now())
    for project, result in ((members, "equal"), (members, "equal"), (members, "changed"), (other, "gone")):
        report = make_report(project, status="completed")
        Proof.objects.create(
            report=report, project=project, night=night, how="sampled", status="completed", result=result
        )
    unreachable = make_report(members, status="completed")
    Proof.objects.create(report=unreachable, project=members, night=night, how="sampled", status="failed")
    page = page_html(visitor.get("/"))
    words = "5 deliveries looked at: 2 as delivered, 1 changed, 1 gone or in part, 1 could not be looked at"
    assert words in " ".join(page.split())
    client = Client()
    client.force_login(rita)
    words = "4 deliveries looked at: 2 as delivered, 1 changed, 1 could not be looked at"
    assert words in " ".join(page_html(client.get("/")).split())
