"""Connections in a real Chromium: from an empty list to a file in a bucket, and a test whose steps come one by one.

The store is a real one; the test plays the worker.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from connections.access.models import Membership
from connections.adapters import PASSED, Step
from connections.connection_actions import create_connection
from connections.models import Connection, Project
from connections.store.upsert import write_rows
from exportadmin.runs.execute import execute
from exports.models import ExportReport
from tests.connections.toy import Vault, registered
from tests.rest.world import SHELL
from tests.support import cast
from tests.support.browsing import sign_in
from tests.support.rows import mixed
from tests.support.s3_store import secrets_of
from tests.support.seaweed import Store


@pytest.fixture
def harbour(transactional_db: None) -> Project:
    """With thirty rows; alice is superuser, trudy its admin."""
    cast.alice()
    project = Project.objects.create(
        connection=Connection.objects.create(name="Built-in store", kind="store"), name="Harbour"
    )
    write_rows(project, mixed(30), now_ms=1_000)
    trudy = User.objects.create_user("trudy", "trudy@example.org", cast.PASSWORD)
    Membership.objects.create(project=project, user=trudy, role="admin")
    return project


def test_from_an_empty_list_to_a_file_in_a_bucket(
    harbour: Project, site: str, page: Page, s3_store: Store, s3_folder: str
):
    secrets = secrets_of()
    bucket, _, prefix = s3_folder.partition("/")
    sign_in(page, site, "alice", cast.PASSWORD)
    page.get_by_role("link", name="Connections").click()
    expect(page.get_by_role("heading", name="No connections yet")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="New connection").first.click()
    page.get_by_role("link", name="S3 bucket", exact=True).click()
    page.get_by_label("Name", exact=True).fill("Team bucket")
    page.get_by_label("Bucket", exact=True).fill(bucket)
    page.get_by_label("Prefix").fill(prefix)
    page.get_by_label("Endpoint").fill(s3_store.endpoint)
    page.get_by_label("Path style").check()
    page.get_by_label("Access key id").fill(secrets["access_key_id"])
    page.get_by_label("Secret access key").fill(secrets["secret_access_key"])
    page.get_by_role("button", name="Make connection").click()
    # nothing says yet that it may reach this machine
    expect(page.get_by_role("heading", name="Team bucket")).to_be_visible()
    page.get_by_role("link", name="Change", exact=True).click()
    page.get_by_label("Private address").fill(s3_store.address)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("main")).to_contain_text(f"It may reach a private address: {s3_store.address}")
    expect(page.get_by_role("main")).to_contain_text("by alice")
    assert secrets["secret_access_key"] not in page.content()

    page.get_by_role("button", name="Test now").click()
    expect(page.locator("#state")).to_contain_text("Ready")
    page.get_by_label("Project").select_option(label="Harbour")
    page.get_by_role("button", name="Grant").click()
    expect(page.get_by_text("Exports of “Harbour” can be delivered there now.")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()

    sign_in(page, site, "trudy", cast.PASSWORD)
    page.goto(f"{site}/exports/new/")
    page.locator("input[name=format][value=ndjson]").check()
    page.get_by_role("radio", name="S3 bucket").check()
    expect(page.get_by_label("Folder")).to_have_value(s3_folder)
    page.get_by_label("Folder").fill(f"s3://{s3_folder}nightly/")
    expect(page.locator("#plan")).to_contain_text(f"s3://{s3_folder}nightly/<report id>/harbour_")
    expect(page.locator("[id='s3.connection_error']")).to_contain_text("Its last test passed.")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.locator(".ea-under")).to_contain_text("Queued")
    report = ExportReport.objects.get()
    execute("export", report.pk)
    report.refresh_from_db()
    expect(page.locator(".ea-under")).to_contain_text("Completed")
    address = f"s3://{s3_folder}nightly/{report.report_id}/"
    expect(page.get_by_role("main")).to_contain_text(address)
    artifact = report.artifacts.get()
    keys = s3_store.keys(bucket, f"{prefix}nightly/")
    assert keys == sorted(f"{prefix}nightly/{report.report_id}/{name}" for name in (artifact.name, "manifest.json"))
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert hashlib.sha256(download.value.path().read_bytes()).hexdigest() == artifact.sha256
    # whose secrets they are she never learns
    page.get_by_role("link", name="Connections").click()
    page.get_by_role("link", name="Team bucket").click()
    expect(page.get_by_role("heading", name="Secrets")).to_have_count(0)
    expect(page.get_by_role("main")).to_contain_text(artifact.report.name)


def test_the_steps_of_a_test_come_one_by_one(harbour: Project, site: str, page: Page, monkeypatch: pytest.MonkeyPatch):
    go_on = threading.Event()

    def steps(connection: Connection) -> Iterator[Step]:
        yield Step("reach", "Reach the vault", PASSED)
        assert go_on.wait(timeout=30)
        yield Step("open", "Open it", PASSED)

    monkeypatch.setattr(Vault, "test", steps)
    with registered():
        vault = create_connection(
            kind="vault", name="East vault", config={"room": "EAST"}, secrets={"phrase": "sesame"}, actor=SHELL
        )
        sign_in(page, site, "alice", cast.PASSWORD)
        page.goto(f"{site}/connections/{vault.public_id}/")
        page.get_by_role("button", name="Test now").click()
        expect(page.locator("#steps")).to_contain_text("Reach the vault")
        expect(page.locator("#steps")).to_contain_text("The next step is under way")
        expect(page.locator("#state")).to_contain_text("Being tested")
        expect(page.get_by_role("button", name="Test now")).to_be_disabled()
        go_on.set()
        expect(page.locator("#steps")).to_contain_text("Open it")
        expect(page.locator("#state")).to_contain_text("Ready")
        expect(page.locator("#steps")).not_to_contain_text("under way")
        expect(page.get_by_role("button", name="Test now")).to_be_enabled()
