"""The explorer in a real Chromium, under the installation's own content security policy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from tests.rest.world import World
from tests.support.cast import PASSWORD


@pytest.fixture
def site(live_server: LiveServer, page: Page) -> Iterator[str]:
    """Whatever the browser complains of, and whatever it asks elsewhere for, fails the test."""
    page.set_default_timeout(20_000)
    complaints: list[str] = []
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
    yield live_server.url
    assert [url for url in asked if not url.startswith((live_server.url, "data:", "blob:"))] == []
    assert complaints == []


def sign_in(page: Page, site: str, person: str) -> None:
    page.goto(f"{site}/sign-in/?next=/api/v1/explorer/")
    page.get_by_label("User name").fill(person)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")


def test_every_operation_is_shown_and_one_can_be_tried_out(own_world: World, site: str, page: Page, tmp_path: Path):
    sign_in(page, site, "oscar")
    expect(page.get_by_role("heading", level=1)).to_have_text("REST explorer")
    operations = page.locator(".opblock")
    document = json.loads(page.evaluate("fetch('/api/v1/schema/?format=json').then(answer => answer.text())"))
    expect(operations).to_have_count(sum(len(methods) for methods in document["paths"].values()))
    listed = page.locator("#operations-projects-projects_list")
    listed.click()
    listed.get_by_role("button", name="Execute").click()
    expect(listed.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("200")
    expect(listed.locator(".live-responses-table")).to_contain_text("Street scenes")
    expect(listed.locator(".live-responses-table")).not_to_contain_text("Secret harbour")


def test_what_changes_something_goes_out_with_the_csrf_token(own_world: World, site: str, page: Page):
    sign_in(page, site, "oscar")
    verify = page.locator("#operations-reports-reports_verify")
    verify.click()
    verify.locator("tr[data-param-name='report_id'] input").fill(own_world.own.done.report_id)
    verify.get_by_role("button", name="Execute").click()
    expect(verify.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("200")


def test_the_page_has_nothing_inline_and_the_policy_stays_strict(own_world: World):
    answer = own_world.browser("rita").get("/api/v1/explorer/")
    page = answer.content.decode()
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "<style" not in page
    assert "style=" not in page
    assert page.count("<script") == page.count("<script src=")


def test_nobody_reads_the_document_without_an_account(own_world: World):
    refused = Client().get("/api/v1/schema/")
    assert (refused.status_code, refused.json()["code"]) == (401, "not_authenticated")
    assert refused.headers["Content-Type"] == "application/problem+json"
    other = own_world.script("rita").get("schema/", headers={"Accept": "text/html"})
    assert (other.status_code, other.json()["status"]) == (406, 406)
    assert Client().get("/api/v1/explorer/").headers["Location"].startswith("/sign-in/")
