"""Whole ways through the pages in a real Chromium: from sign-in to a file whose sha256 is the page's, and the bad days.

The test plays the worker: it takes the task between two looks of the browser, so that nothing depends on time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from connections.access.models import Membership
from connections.models import Connection, Project
from connections.store.upsert import write_rows
from exportadmin.lib.actor import Actor
from exportadmin.lib.errors import PermanentError
from exportadmin.runs import statuses
from exportadmin.runs.execute import execute
from exports import actions
from exports.models import ExportReport
from exports.sources.store import StoreReader
from exports.spec.spec import ExportSpec
from tests.pages.reports import CONFIG
from tests.support import cast
from tests.support.browsing import sign_in
from tests.support.rows import mixed


@pytest.fixture
def people(transactional_db: None) -> dict[str, User]:
    return {"alice": cast.alice(), "oscar": cast.oscar(), "rita": cast.rita(), "mallory": cast.mallory()}


@pytest.fixture
def harbour(people: dict[str, User]) -> Project:
    """A project with thirty rows, oscar its operator and rita its reviewer."""
    connection = Connection.objects.create(name="Built-in store", kind="store")
    project = Project.objects.create(connection=connection, name="Harbour")
    write_rows(project, mixed(30), now_ms=1_000)
    Membership.objects.create(project=project, user=people["oscar"], role="operator")
    Membership.objects.create(project=project, user=people["rita"], role="reviewer")
    return project


def work() -> ExportReport:
    """Carry out the newest report, as a worker does."""
    report = ExportReport.objects.latest("pk")
    execute("export", report.pk)
    report.refresh_from_db()
    return report


def request_an_export(page: Page, site: str, format: str = "ndjson") -> None:
    page.goto(f"{site}/exports/new/")
    page.get_by_role("checkbox", name="accepted").check()
    page.locator(f"input[name=format][value={format}]").check()
    expect(page.locator("#plan")).to_contain_text("of 30 rows")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".ea-under")).to_contain_text("Queued")


def test_oscar_gets_a_verified_file_whose_sha256_is_the_pages(harbour: Project, site: str, page: Page, tmp_path: Path):
    sign_in(page, site, "oscar", cast.PASSWORD)
    request_an_export(page, site)
    report = work()
    # the page learns of it by itself
    expect(page.locator(".ea-under")).to_contain_text("Completed")
    expect(page.get_by_text("Every sum adds up.")).to_be_visible()
    expect(page.locator(".ea-equation")).to_contain_text(f"30 rows read = {report.rows_done} kept")
    shown = page.locator("code[data-sha256]").inner_text()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    target = tmp_path / "taken"
    download.value.save_as(target)
    assert hashlib.sha256(target.read_bytes()).hexdigest() == shown == report.artifacts.get().sha256
    page.get_by_role("button", name="Prove now").click()
    expect(page.locator("main")).to_contain_text("as delivered")
    assert report.created_by_name == "oscar" and report.config["statuses"] == ["accepted"]


def test_a_source_that_dies_half_way_is_a_failed_export_with_a_reason_and_no_file(
    harbour: Project, site: str, page: Page, monkeypatch: pytest.MonkeyPatch
):
    whole = StoreReader.batches

    def half(reader: StoreReader) -> Iterator[Any]:
        batch = next(whole(reader))
        yield batch.take(range(len(batch) // 2))
        raise PermanentError("the platform closed the connection after 4 rows")

    monkeypatch.setattr(StoreReader, "batches", lambda reader: half(reader) if reader._columns else whole(reader))
    sign_in(page, site, "oscar", cast.PASSWORD)
    actions.request_export(
        project=harbour, spec=ExportSpec.parse({"format": "ndjson"}, harbour), actor=_actor(harbour, "oscar")
    )
    report = ExportReport.objects.get()
    page.goto(f"{site}/exports/{report.report_id}/")
    expect(page.locator(".ea-under")).to_contain_text("Queued")
    assert work().status == statuses.FAILED
    expect(page.get_by_role("alert")).to_contain_text("the platform closed the connection after 4 rows")
    expect(page.locator(".ea-under")).to_contain_text("Failed")
    expect(page.get_by_role("link", name="Download")).to_have_count(0)
    expect(page.get_by_role("button", name="Run again", exact=True)).to_be_visible()


def test_a_waiting_export_is_cancelled_by_its_button(harbour: Project, site: str, page: Page):
    sign_in(page, site, "oscar", cast.PASSWORD)
    request_an_export(page, site)
    page.get_by_role("button", name="Cancel the export").click()
    expect(page.locator(".ea-under")).to_contain_text("Cancelled")
    assert work().status == statuses.CANCELLED
    page.goto(f"{site}/exports/")
    expect(page.locator(".ea-list tbody")).to_contain_text("Cancelled")


def test_a_link_works_without_sign_in_until_it_ends(
    harbour: Project, site: str, page: Page, browser: Browser, tmp_path: Path
):
    actions.run_now(project=harbour, spec=ExportSpec.parse({"format": "csv"}, harbour), actor=_actor(harbour, "oscar"))
    artifact = ExportReport.objects.get().artifacts.get()
    sign_in(page, site, "oscar", cast.PASSWORD)
    page.goto(f"{site}/links/new/{artifact.public_id}/")
    page.get_by_role("button", name="Issue").click()
    address = page.locator("#address").inner_text()
    with browser.new_context() as stranger:
        other = stranger.new_page()
        other.goto(address)
        expect(other.locator("main")).to_contain_text(artifact.sha256)
        with other.expect_download() as download:
            other.get_by_role("link", name="Download").click()
        download.value.save_as(tmp_path / "taken")
        assert hashlib.sha256((tmp_path / "taken").read_bytes()).hexdigest() == artifact.sha256
        with time_machine.travel(timezone.now() + timedelta(hours=2)):
            answer = other.goto(address)
        assert answer is not None and answer.status == 410
        expect(other.get_by_role("heading", level=1)).to_have_text("This link has expired.")
    page.goto(f"{site}/links/")
    expect(page.locator("main")).to_contain_text("oscar")


def test_rita_reads_everything_and_finds_no_button_that_changes_something(harbour: Project, site: str, page: Page):
    actions.run_now(project=harbour, spec=ExportSpec.parse({"format": "csv"}, harbour), actor=_actor(harbour, "oscar"))
    report = ExportReport.objects.get()
    sign_in(page, site, "rita", cast.PASSWORD)
    page.goto(f"{site}/exports/{report.report_id}/")
    expect(page.get_by_text("Every sum adds up.")).to_be_visible()
    for name in ("Run again", "Delete files", "Cancel the export"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    expect(page.get_by_role("link", name="Download")).to_have_count(0)
    page.get_by_role("link", name="Audit").click()
    expect(page.locator("main")).to_contain_text("oscar requested export")
    page.goto(f"{site}/exports/new/")
    expect(page.get_by_role("button", name="Run", exact=True)).to_have_count(0)


def test_mallory_finds_nothing_of_it_anywhere(harbour: Project, site: str, page: Page):
    actions.run_now(project=harbour, spec=ExportSpec.parse({"format": "csv"}, harbour), actor=_actor(harbour, "oscar"))
    report = ExportReport.objects.get()
    sign_in(page, site, "mallory", cast.PASSWORD)
    for path in ("/", "/exports/", "/projects/", "/configs/", "/links/", "/account/", "/help/"):
        page.goto(f"{site}{path}")
        expect(page.locator("main")).not_to_contain_text("Harbour")
    expect(page.get_by_role("link", name="Audit")).to_have_count(0)
    for path in (f"/exports/{report.report_id}/", f"/projects/{harbour.public_id}/"):
        answer = page.goto(f"{site}{path}")
        assert answer is not None and answer.status == 404


def test_an_empty_installation_says_what_to_do_first(people: dict[str, User], site: str, page: Page):
    sign_in(page, site, "alice", cast.PASSWORD)
    expect(page.get_by_role("heading", name="Three steps to the first export")).to_be_visible()
    for path in ("/exports/", "/projects/", "/configs/", "/links/", "/audit/", "/exports/new/"):
        answer = page.goto(f"{site}{path}")
        assert answer is not None and answer.status == 200, path
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        assert page.locator("main").inner_text().strip().count("\n") > 1, path  # more than a heading


def test_ten_thousand_exports_are_a_page_of_fifty(harbour: Project, site: str, page: Page):
    ExportReport.objects.bulk_create(
        (
            ExportReport(
                project=harbour, name=f"Nightly {number}", format="csv", config=CONFIG, status=statuses.COMPLETED,
                created_by_name="oscar", rows_done=number,
            )
            for number in range(10_000)
        ),
        batch_size=500,
    )  # fmt: skip
    sign_in(page, site, "oscar", cast.PASSWORD)
    page.goto(f"{site}/exports/")
    rows = page.locator(".ea-list tbody tr")
    expect(rows).to_have_count(50)
    page.get_by_role("link", name="Older").first.click()
    expect(page.locator("main")).to_contain_text("51–100")
    page.get_by_label("Name has").fill("Nightly 9999")
    page.get_by_role("button", name="Filter").click()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Nightly 9999")


def _actor(project: Project, name: str) -> Actor:
    return Actor(kind="user", name=name, channel="web", user_id=User.objects.get(username=name).pk)
