"""New export in a real Chromium: by the keyboard alone, the live plan, what it looks like, and without script."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from connections.access.models import Membership
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


def test_back_fills_in_what_was_typed_and_what_is_changed_then_is_a_request_of_its_own(
    site: str, street: Project, page: Page
):
    page.goto(f"{site}/exports/new/?project={street.public_id}")
    page.get_by_role("radio", name="CSV csv", exact=True).check()
    page.get_by_role("radio", name="Only rows without").check()
    page.get_by_role("textbox", name="Name").fill("Precious")
    for _ in range(2):  # what is not changed is the same request, however often it is sent
        page.get_by_role("button", name="Run", exact=True).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Precious")
        page.go_back()
        expect(page.get_by_role("textbox", name="Name")).to_have_value("Precious")
        expect(page.get_by_role("radio", name="CSV csv", exact=True)).to_be_checked()
        expect(page.get_by_role("radio", name="Only rows without")).to_be_checked()
        expect(page.locator("#plan")).to_contain_text("data_row_id,")
    assert violations(page) == []
    page.get_by_role("textbox", name="Name").fill("Changed")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Changed")
    assert set(ExportReport.objects.values_list("name", "format")) == {("Precious", "csv"), ("Changed", "csv")}
    page.goto(f"{site}/exports/new/?project={street.public_id}")
    expect(page.locator("#plan")).to_contain_text("40 of 40 rows")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("")


def test_whoever_signs_in_again_finds_what_was_typed_and_nobody_else_does(site: str, street: Project, page: Page):
    Membership.objects.create(project=street, user=cast.oscar(), role="operator")

    def typed_and_signed_out(name: str) -> None:
        page.get_by_role("textbox", name="Name").fill(name)
        page.context.clear_cookies(name="sessionid")
        page.get_by_role("button", name="Run", exact=True).click()
        expect(page.get_by_label("Password")).to_be_visible()

    def sign_in_there(name: str) -> None:
        page.get_by_label("User name").fill(name)
        page.get_by_label("Password").fill(cast.PASSWORD)
        page.get_by_role("button", name="Sign in").click()

    page.goto(f"{site}/exports/new/?project={street.public_id}")
    page.get_by_role("radio", name="CSV csv", exact=True).check()
    typed_and_signed_out("Precious")
    sign_in_there("alice")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("Precious")
    expect(page.get_by_text("What you typed here before is filled in again.")).to_be_visible()
    expect(page.locator("#plan")).to_contain_text("data_row_id,")
    typed_and_signed_out("Mine")
    sign_in_there("oscar")  # who has one project, and is not asked which
    expect(page.locator("#plan")).to_contain_text("40 of 40 rows")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("")
    assert not ExportReport.objects.exists()


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
