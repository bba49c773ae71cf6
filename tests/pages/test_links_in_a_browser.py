"""Links in a real Chromium: issued by keyboard, shown once, counting down to their end."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from exports.models import Artifact, Link
from tests.exports.downloads.support import issue
from tests.pages.reports import deliver
from tests.support import cast
from tests.support.browsing import cut_off, overflow, sign_in, violations


@pytest.fixture
def artifact(site: str, page: Page, tmp_path: Path) -> Artifact:
    """Alice is signed in."""
    from connections.models import Connection, Project

    cast.alice()
    project = Project.objects.create(
        connection=Connection.objects.create(name="Built-in store", kind="store"), name="Street scenes"
    )
    sign_in(page, site, "alice", cast.PASSWORD)
    return deliver(project, tmp_path / "d", name=f"{'W' * 100}.json")


def test_a_link_is_issued_after_a_slip_and_its_address_opens_the_page(site: str, page: Page, artifact: Artifact):
    page.goto(f"{site}/links/new/{artifact.public_id}/")
    page.get_by_label("Another time: how many").fill("90")
    expect(page.get_by_label("Another time", exact=True)).to_be_checked()
    page.get_by_label("Another time: minutes, hours or days").select_option("days")
    page.get_by_label("For whom").fill("nobody")
    page.get_by_role("button", name="Issue link").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    expect(page.locator(".ea-field-wrong")).to_have_count(2)
    assert violations(page) == []
    page.get_by_label("Another time: how many").fill("3")
    page.get_by_label("For whom").fill("")
    page.get_by_role("button", name="Issue link").click()
    address = page.locator("#address").inner_text()
    assert violations(page) == []
    page.set_viewport_size({"width": 320, "height": 720})
    assert (overflow(page), cut_off(page)) == (0, [])
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_have_text(artifact.name)
    expect(page.get_by_text("2 d 23 h left")).to_be_visible()
    assert (overflow(page), cut_off(page), violations(page)) == (0, [], [])
    # its secret stands in the addresses of its files and nowhere else
    elsewhere = re.sub(r'href="/exports/l/[^"]*"', "", page.content().replace(page.url, ""))
    assert address.split(".")[-1].strip("/") not in elsewhere


def test_the_time_left_counts_down_to_the_end(site: str, page: Page, artifact: Artifact):
    from django.contrib.auth.models import User

    _, token = issue(artifact, User.objects.get(username="alice"), seconds=3600)
    page.clock.install()
    for path in ("/links/", f"/exports/l/{token}/"):
        page.goto(f"{site}{path}")
        left = page.locator("[data-seconds-left]")
        expect(left).to_have_text(re.compile(r"59 min \d+ s left"))
        page.clock.run_for(600_000)
        expect(left).to_have_text(re.compile(r"49 min \d+ s left"))
        page.clock.run_for(3_600_000)
        expect(left).to_have_text("time is up")
        if path == "/links/":
            expect(page.locator(".ea-state")).to_have_text("Expired")


def test_a_link_is_revoked_in_two_steps_without_script_of_ours(site: str, page: Page, artifact: Artifact):
    from django.contrib.auth.models import User

    issue(artifact, User.objects.get(username="alice"))
    page.goto(f"{site}/links/")
    expect(page.get_by_role("button", name="Revoke it")).to_be_hidden()
    page.locator("summary").click()
    page.get_by_role("button", name="Revoke it").click()
    expect(page.get_by_text("its address opens nothing any more")).to_be_visible()
    expect(page.locator("td .ea-state")).to_have_text("Revoked")
    assert Link.objects.get().revoked_at is not None
