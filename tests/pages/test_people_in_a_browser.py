"""People's pages in a real Chromium: a key that is gone after its page, a theme that needs no script, a second step."""

from __future__ import annotations

import re

from playwright.sync_api import Browser, Page, expect

from connections.access.models import ApiToken, Membership
from connections.access.tokens import find_token
from connections.models import Connection, Project
from tests.support import cast
from tests.support.browsing import cut_off, overflow, sign_in, violations


def test_a_key_is_shown_once_and_neither_back_nor_reload_bring_it_again(site: str, page: Page):
    cast.alice()
    sign_in(page, site, "alice", cast.PASSWORD)
    page.get_by_role("link", name="Your account").click()
    page.get_by_role("link", name="Tokens").click()
    page.get_by_label("Name").fill("nightly")
    page.get_by_label("See exports and download what they delivered").check()
    page.get_by_role("button", name="Issue token").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Copy the key now")
    key = page.locator("#key").inner_text()
    assert find_token(key) is not None
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == key
    page.set_viewport_size({"width": 320, "height": 720})
    assert (overflow(page), cut_off(page), violations(page)) == (0, [], [])
    page.reload()
    assert key not in page.content()
    page.goto(f"{site}/account/tokens/")
    page.go_back()
    assert key not in page.content()
    assert ApiToken.objects.count() == 1
    page.goto(f"{site}/account/tokens/")
    page.locator("summary", has_text="Revoke").click()
    assert violations(page) == []
    page.get_by_role("button", name="Revoke it").click()
    expect(page.get_by_role("status")).to_contain_text("is revoked")
    assert find_token(key) is None


def test_a_chosen_theme_goes_over_the_systems_with_and_without_script(site: str, page: Page, browser: Browser):
    cast.alice()
    page.emulate_media(color_scheme="light")
    sign_in(page, site, "alice", cast.PASSWORD)
    page.goto(f"{site}/account/")
    page.get_by_label("Dark").check()
    page.get_by_label("Time zone").fill("Asia/Tokyo")
    page.get_by_role("button", name="Save looks and time").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert violations(page) == []
    plain = browser.new_context(
        java_script_enabled=False, color_scheme="light", storage_state=page.context.storage_state()
    )
    try:
        without = plain.new_page()
        without.goto(f"{site}/projects/")
        expect(without.locator("html")).to_have_attribute("data-bs-theme", "dark")
        expect(without.locator("body")).to_have_css("background-color", dark)
    finally:
        plain.close()
    page.get_by_label("As the system says").check()
    page.get_by_role("button", name="Save looks and time").click()
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "light")


def test_a_member_is_added_and_removed_behind_a_second_step(site: str, page: Page):
    alice = cast.alice()
    cast.oscar()
    project = Project.objects.create(
        connection=Connection.objects.create(name="Built-in store", kind="store"), name="P"
    )
    Membership.objects.create(project=project, user=alice, role="admin")
    sign_in(page, site, "alice", cast.PASSWORD)
    page.goto(f"{site}/projects/{project.public_id}/members/")
    page.get_by_label("User name").fill("nobody")
    page.get_by_role("radio", name=re.compile("Reviewer")).check()
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("alert")).to_contain_text("there is no user")
    expect(page.get_by_role("radio", name=re.compile("Reviewer"))).to_be_checked()
    assert violations(page) == []
    page.get_by_label("User name").fill("oscar")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("status")).to_contain_text("oscar is now reviewer")
    expect(page.get_by_role("button", name="Remove from the project oscar")).to_be_hidden()
    page.locator("summary", has_text="oscar").filter(has_text="Remove").click()
    page.get_by_role("button", name="Remove from the project oscar").click()
    expect(page.get_by_role("status")).to_contain_text("oscar is no member")
    assert set(Membership.objects.values_list("user__username", flat=True)) == {"alice"}
