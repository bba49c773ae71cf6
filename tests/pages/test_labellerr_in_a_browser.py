"""From a new Labellerr connection to a COCO file in a bucket, in a real Chromium, by somebody who has read nothing.

Labellerr is the tests' own server, the store a real one; the test plays the worker.
"""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from connections.connection_actions import create_connection
from connections.models import Connection
from connections.sync.models import SyncRun
from exportadmin.runs.execute import execute
from exports.models import ExportReport
from tests.rest.world import SHELL
from tests.support import cast
from tests.support.browsing import cut_off, overflow, sign_in, violations
from tests.support.labellerr_server import LabellerrServer, labelled_row
from tests.support.s3_store import secrets_of
from tests.support.seaweed import Store

STEPS = 5


def in_order(page: Page) -> None:
    """What axe finds in light and dark, and whether a phone shows all of it."""
    size = page.viewport_size
    assert size is not None
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert violations(page) == [], (page.url, scheme)
    page.set_viewport_size({"width": 375, "height": 812})
    assert (overflow(page), cut_off(page)) == (0, []), page.url
    page.set_viewport_size(size)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")


def carry_out(model: type[SyncRun] | type[ExportReport]) -> None:
    """Turns of a worker, whatever is waited for, until the newest of them has ended."""
    run = model.objects.latest("pk")
    for _ in range(30):
        model.objects.filter(pk=run.pk).update(not_before=None)
        execute(model.kind, run.pk)
        run.refresh_from_db()
        if not run.is_active:
            return
    raise AssertionError(f"{run.label} is {run.status}: {run.error}")


@pytest.fixture
def far_side(labellerr_server: LabellerrServer) -> LabellerrServer:
    labellerr_server.serve("harbour_1", [labelled_row(number) for number in range(30)], name="Harbour")
    labellerr_server.serve("empty_2", name="Nothing yet")
    return labellerr_server


@pytest.fixture
def bucket(transactional_db: None, s3_store: Store, s3_folder: str) -> Connection:
    """A superuser's from before; no project may use it yet."""
    cast.alice()
    bucket, _, prefix = s3_folder.partition("/")
    config = {
        "bucket": bucket,
        "prefix": prefix,
        "endpoint": s3_store.endpoint,
        "path_style": True,
        "private_address": s3_store.address,
    }
    return create_connection(kind="s3", name="Team bucket", config=config, secrets=secrets_of(), actor=SHELL)


def test_from_a_new_connection_to_a_coco_file_in_a_bucket(
    bucket: Connection, far_side: LabellerrServer, site: str, page: Page, s3_store: Store, s3_folder: str
):
    sign_in(page, site, "alice", cast.PASSWORD)
    page.get_by_role("link", name="Connections").click()
    page.get_by_role("link", name="New connection").first.click()
    page.get_by_role("link", name="Labellerr").click()
    page.get_by_label("Name", exact=True).fill("Our Labellerr")
    page.get_by_label("Base address").fill(far_side.url)
    page.get_by_label("Client id").fill(str(far_side.config["client_id"]))
    page.get_by_label("Private address").fill(far_side.place)
    page.get_by_label("API key").fill(far_side.secrets["api_key"])
    page.get_by_label("API secret").fill(far_side.secrets["api_secret"])
    in_order(page)
    page.get_by_role("button", name="Make connection").click()
    expect(page.get_by_role("heading", name="Our Labellerr")).to_be_visible()
    page.get_by_role("button", name="Test now").click()
    expect(page.locator("#steps")).to_contain_text("See how an export stands")
    expect(page.locator("#steps .ea-test-steps .ea-state-green")).to_have_count(STEPS)
    in_order(page)
    assert far_side.secrets["api_secret"] not in page.content()

    page.get_by_role("link", name="See its projects").click()
    expect(page.get_by_role("heading", name="Projects there")).to_be_visible()
    in_order(page)
    page.get_by_role("button", name="Mirror Harbour").click()
    expect(page.get_by_role("heading", name="Harbour", exact=True)).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("A sync is under way")
    in_order(page)
    carry_out(SyncRun)
    # it asks every two seconds how it goes, and is loaded anew at the end
    expect(page.get_by_role("main")).to_contain_text("up to date as of", timeout=30_000)
    expect(page.get_by_role("main")).to_contain_text("30 rows")
    in_order(page)
    page.get_by_role("row", name="Completed").get_by_role("link").click()
    expect(page.get_by_role("main")).to_contain_text("The project here is as it was there.")
    in_order(page)

    page.get_by_role("link", name="Connections").click()
    page.get_by_role("link", name="Team bucket").click()
    page.get_by_label("Project").select_option(label="Harbour")
    page.get_by_role("button", name="Grant", exact=True).click()
    page.get_by_role("main").get_by_role("link", name="Harbour", exact=True).first.click()

    page.get_by_role("link", name="New export").first.click()
    expect(page.get_by_label("Bring it up to date first")).to_be_checked()
    page.get_by_role("radio", name="COCO JSON coco_json", exact=True).check()
    page.get_by_role("radio", name="S3").check()
    expect(page.locator("#plan")).to_contain_text("30 rows")
    in_order(page)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page).to_have_url(f"{site}/exports/{ExportReport.objects.latest('pk').report_id}/")
    report = ExportReport.objects.latest("pk")
    execute("export", report.pk)  # it asks for a sync first
    carry_out(SyncRun)
    carry_out(ExportReport)
    page.reload()
    report.refresh_from_db()
    expect(page.get_by_role("main")).to_contain_text("Delivered whole and checked")
    in_order(page)
    assert (report.status, report.check_values["rows_kept"]) == ("completed", 30)
    assert SyncRun.objects.count() == 2
    bucket_name, _, prefix = s3_folder.partition("/")
    (key,) = (key for key in s3_store.keys(bucket_name, prefix) if key.endswith(".json") and "manifest" not in key)
    body = s3_store.client().get_object(Bucket=bucket_name, Key=key)["Body"].read()
    assert len(json.loads(body)["images"]) == 30


def test_what_labellerr_makes_itself_is_asked_for_and_lies_here(
    bucket: Connection, far_side: LabellerrServer, site: str, page: Page
):
    made = create_connection(
        kind="labellerr", name="Our Labellerr", config=far_side.config, secrets=far_side.secrets, actor=SHELL
    )
    far_side.make("harbour_1", export_name="By somebody").is_done = True
    sign_in(page, site, "alice", cast.PASSWORD)
    page.goto(f"{site}/connections/{made.public_id}/projects/")
    page.get_by_role("button", name="Mirror Harbour").click()
    carry_out(SyncRun)
    expect(page.get_by_role("main")).to_contain_text("up to date as of", timeout=30_000)
    page.get_by_role("link", name="Exports that were made there").click()
    expect(page.get_by_role("row", name="By somebody")).to_contain_text("others")
    in_order(page)
    page.get_by_role("button", name="Fetch By somebody").click()
    expect(page).to_have_url(f"{site}/exports/{ExportReport.objects.latest('pk').report_id}/")
    carry_out(ExportReport)
    page.reload()
    in_order(page)
    assert ExportReport.objects.latest("pk").status == "completed"

    page.goto(f"{site}/exports/new/?project={ExportReport.objects.latest('pk').project.public_id}")
    page.get_by_role("link", name="Made by Labellerr").click()
    page.get_by_role("radio", name="COCO JSON").check()
    page.get_by_role("checkbox", name="Accepted").first.check()
    page.get_by_role("button", name="Show the plan").click()
    expect(page.get_by_role("main")).to_contain_text("known only when it is made")
    in_order(page)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page).to_have_url(f"{site}/exports/{ExportReport.objects.latest('pk').report_id}/")
    carry_out(ExportReport)
    page.reload()
    report = ExportReport.objects.latest("pk")
    assert (report.status, report.made_by, report.format) == ("completed", "labellerr", "labellerr:coco_json")
    expect(page.get_by_role("main")).to_contain_text(report.remote_id)
    in_order(page)
