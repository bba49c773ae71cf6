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
    expect(page.get_by_text("1 selected")).to_be_visible()
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
    everything = page.get_by_role("checkbox", name="Select all on this page")
    everything.press("Space")
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(4)
    page.get_by_role("checkbox", name="Select Broke").press("Space")
    expect(everything).not_to_be_checked()
    assert everything.evaluate("box => box.indeterminate")
    assert violations(page) == []
    page.locator("#selected").get_by_role("button", name="Cancel …").press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Cancel: 2 exports")
    assert violations(page) == []
    page.get_by_role("button", name="Cancel: 2 exports").press("Enter")
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


def test_eighteen_lines_are_on_a_screen_and_nothing_is_wider_than_it(site: str, page: Page):
    cast.alice()
    connection = Connection.objects.create(name="Built-in store", kind="store")
    project = Project.objects.create(connection=connection, name="Street scenes of a long winter in the harbour")
    for number in range(30):
        make_report(
            project,
            name=f"A delivery with a rather long name, number {number}",
            status="completed",
            rows_done=7,
            format="label_studio_json_min",
        )
    make_report(project, status="failed", error="The disk is full, and whoever reads this has to make room. " * 4)
    sign_in(page, site, "alice", cast.PASSWORD)
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{site}/exports/")
    bottoms = page.locator(".ea-exports tbody tr").evaluate_all(
        "rows => rows.map(row => row.getBoundingClientRect().bottom)"
    )
    assert len([bottom for bottom in bottoms if bottom <= 800]) >= 18
    formats = page.get_by_title("label_studio_json_min", exact=True)
    assert formats.first.evaluate("cell => cell.scrollWidth <= cell.clientWidth"), "the format is cut off"
    for width in (1280, 1000, 375):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert violations(page) == []


def test_a_menu_opens_alone_closes_with_escape_and_acts_on_its_line(
    runs: dict[str, ExportReport], site: str, page: Page
):
    page.goto(f"{site}/exports/")
    broke, waits = page.get_by_label("More for Broke"), page.get_by_label("More for Waits")
    broke.press("Enter")
    expect(page.get_by_role("button", name="Retry", exact=True).last).to_be_visible()
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.locator("details.ea-menu[open]")).to_have_count(0)
    expect(broke).to_be_focused()
    broke.click()
    waits.click()
    expect(page.locator("details.ea-menu[open]")).to_have_count(1)
    page.locator("details.ea-menu[open]").get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Waits")
    assert ExportReport.objects.get(name="Waits").status == "cancelled"


def test_what_is_done_with_those_that_are_ticked_appears_with_the_first_and_moves_nothing(
    runs: dict[str, ExportReport], site: str, page: Page
):
    page.goto(f"{site}/exports/")
    bar, box = page.locator("#selected"), page.get_by_role("checkbox", name="Select Broke")
    expect(bar).to_be_hidden()
    before = box.bounding_box()
    box.check()
    expect(bar).to_be_visible()
    assert box.bounding_box() == before
    expect(page.get_by_role("status").filter(has_text="Exports selected: 1")).to_be_attached()
    tabs = page.get_by_role("navigation", name="States")
    tabs.get_by_role("link").first.focus()
    expect(tabs.get_by_role("link").first).to_be_focused()
    page.set_viewport_size({"width": 375, "height": 700})
    assert violations(page) == []
    box.focus()
    reach = bar.bounding_box()
    assert reach and reach["x"] >= 0 and reach["x"] + reach["width"] <= 375
    page.set_viewport_size({"width": 1280, "height": 720})
    box.uncheck()
    expect(bar).to_be_hidden()
