"""The list of exports and home in a real Chromium: lines that renew themselves, several at once, with keys only."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from connections.models import Connection, Project
from exports.models import ExportReport
from tests.pages.reports import make_report
from tests.support import cast
from tests.support.browsing import sign_in, violations


@pytest.fixture
def runs(site: str, page: Page) -> dict[str, ExportReport]:
    """One that runs, one that waits, one that failed; Alice is signed in."""
    cast.alice()
    connection = Connection.objects.create(name="Built-in store", kind="store")
    project = Project.objects.create(connection=connection, name="Street scenes")
    made = {
        "Runs": make_report(project, name="Runs", status="running", phase="reading", rows_done=10, rows_expected=40),
        "Waits": make_report(project, name="Waits"),
        "Broke": make_report(project, name="Broke", status="failed", error="The disk is full."),
    }
    sign_in(page, site, "alice", cast.PASSWORD)
    return made


def test_lines_renew_themselves_and_keep_what_is_ticked(runs: dict[str, ExportReport], site: str, page: Page):
    page.goto(f"{site}/exports/")
    line = page.get_by_role("row").filter(has_text="Runs")
    expect(line).to_contain_text("Reading, 25%")
    box = page.get_by_role("checkbox", name="Select Runs")
    box.check()
    expect(page.get_by_text("With the selected (1):")).to_be_visible()
    ExportReport.objects.filter(name="Runs").update(rows_done=30)
    expect(line).to_contain_text("Reading, 75%")
    ExportReport.objects.filter(name="Runs").update(status="completed", rows_done=40, bytes_done=2_000)
    expect(line).to_contain_text("Completed")
    expect(line).to_contain_text("2.0 kB")
    expect(box).to_be_checked()
    ExportReport.objects.filter(name="Waits").update(status="cancelled")
    expect(page.locator("#exports-live[hx-get]")).to_have_count(0)
    assert violations(page) == []


def test_several_are_done_with_keys_only_and_home_forgets_what_has_ended(
    runs: dict[str, ExportReport], site: str, page: Page
):
    page.goto(f"{site}/exports/")
    page.get_by_role("button", name="Select all").press("Enter")
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(3)
    page.get_by_role("checkbox", name="Select Broke").press("Space")
    page.get_by_text("Delete files…").press("Enter")
    expect(page.get_by_role("button", name="Delete the files")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Cancel", exact=True).press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Cancel: 2 done, 0 not")
    assert violations(page) == []
    page.get_by_role("link", name="Home").click()
    now = page.locator("#home-now")
    expect(now).to_contain_text("Stopping, 25%")
    expect(page.get_by_text("The disk is full.")).to_be_visible()
    assert violations(page) == []
    ExportReport.objects.filter(name="Runs").update(status="cancelled")
    expect(now).to_have_text(re.compile("Nothing runs and nothing waits"))
    assert now.get_attribute("hx-get") is None


def test_a_session_that_ends_leaves_the_page_as_it_is(runs: dict[str, ExportReport], site: str, page: Page):
    page.goto(f"{site}/exports/")
    page.context.clear_cookies()
    with page.expect_response(lambda response: "/sign-in/" in response.url):
        pass
    expect(page.get_by_label("Password")).to_have_count(0)
    expect(page.get_by_role("row").filter(has_text="Runs")).to_be_visible()
