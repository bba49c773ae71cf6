"""New export in a real Chromium: by the keyboard alone, the live plan, what it looks like, and without script."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from connections.models import Connection, Project
from connections.store.upsert import write_rows
from exportadmin.runs import statuses
from exports.models import ExportReport
from tests.support import cast
from tests.support.browsing import cut_off, overflow, sign_in, violations
from tests.support.rows import mixed


@pytest.fixture
def street(site: str, page: Page) -> Project:
    """Of two projects the second; Alice is signed in."""
    cast.alice()
    connection = Connection.objects.create(name="Built-in store", kind="store")
    Project.objects.create(connection=connection, name="Harbour")
    project = Project.objects.create(connection=connection, name="Street scenes", time_zone="Europe/Warsaw")
    write_rows(project, mixed(40, batch_id="b-1", batch_name="b-1"), now_ms=1_000)
    sign_in(page, site, "alice", cast.PASSWORD)
    return project


def tab_to(page: Page, label: str) -> None:
    """Tab, and nothing else, until what has the focus says ``label``."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate(
            "label => { const it = document.activeElement; const words = it.labels?.length ? it.labels[0] : it;"
            " return words.textContent.trim().startsWith(label) }",
            label,
        ):
            return
    raise AssertionError(f"no Tab reaches {label!r}")


def test_the_keyboard_alone_makes_an_export(site: str, street: Project, page: Page):
    page.goto(f"{site}/exports/new/")
    expect(page.get_by_role("combobox", name="Project")).to_be_focused()
    page.keyboard.type("Street")
    tab_to(page, "Continue")
    page.keyboard.press("Enter")
    expect(page.locator("#plan")).to_contain_text("40 of 40 rows")
    tab_to(page, "accepted")
    page.keyboard.press("Space")
    expect(page.locator("#plan")).to_contain_text("10 of 40 rows")
    tab_to(page, "Updated after")
    page.keyboard.type("1969-12-31")
    expect(page.locator("#updated_after_error")).to_have_text(
        "After 1969-12-30 23:00:00 UTC. That is the first moment of that day."
    )
    tab_to(page, "JSON")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#plan")).to_contain_text('{"data_row"')
    tab_to(page, "Name")
    page.keyboard.type("By hand")
    page.keyboard.press("Enter")  # in a field it plans; it does not run
    expect(page.get_by_role("textbox", name="Name")).to_have_value("By hand")
    assert not ExportReport.objects.exists()
    tab_to(page, "Run")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("By hand")
    report = ExportReport.objects.get()
    assert (report.project_id, report.format, report.config["statuses"]) == (street.pk, "ndjson", ["accepted"])
    assert report.status == statuses.QUEUED


def test_mistakes_get_the_focus_and_lead_to_their_fields_and_nothing_is_cut(site: str, street: Project, page: Page):
    page.goto(f"{site}/exports/new/?project={street.public_id}")
    page.get_by_label("Updated after").fill("soon")
    page.get_by_label("Global keys").fill("row-00001\n" + "k" * 300)
    expect(page.locator("#plan")).to_contain_text("The plan waits for 1 correction")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator("#mistakes")).to_be_focused()
    expect(page.get_by_label("Global keys")).to_have_value("row-00001\n" + "k" * 300)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert violations(page) == []
    for width in (1280, 375, 320):
        page.set_viewport_size({"width": width, "height": 720})
        assert (overflow(page), cut_off(page)) == (0, [])
    page.locator("#mistakes").get_by_role("link", name="Updated after").click()
    expect(page.get_by_label("Updated after")).to_be_focused()
    page.get_by_label("Updated after").fill("")
    expect(page.locator("#plan")).to_contain_text("1 of 40 rows")
    assert violations(page) == []
    for width in (1280, 375, 320):
        page.set_viewport_size({"width": width, "height": 720})
        assert (overflow(page), cut_off(page)) == (0, [])


def test_signed_out_meanwhile_the_page_says_so_and_keeps_what_was_typed(site: str, street: Project, page: Page):
    page.goto(f"{site}/exports/new/?project={street.public_id}")
    expect(page.locator("#plan")).to_contain_text("40 of 40 rows")
    page.context.clear_cookies(name="sessionid")  # the other cookie stays: else it is 403
    page.get_by_role("textbox", name="Name").fill("Precious")
    page.get_by_role("radio", name="Only rows without").check()
    expect(page.get_by_role("alert")).to_contain_text("You are signed out")
    expect(page.locator("#plan")).to_contain_text("40 of 40 rows")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("Precious")


def test_without_script_a_button_shows_the_plan(site: str, street: Project, browser: Browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill(cast.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{site}/exports/new/?project={street.public_id}")
    page.get_by_role("radio", name="CSV csv", exact=True).check()
    page.get_by_role("button", name="Show the plan").click()
    expect(page.locator("#plan")).to_contain_text("data_row_id,")
    expect(page.get_by_role("radio", name="CSV csv", exact=True)).to_be_checked()
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Street scenes csv")
    context.close()
