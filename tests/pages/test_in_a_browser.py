"""The pages in a real Chromium: the whole way to a verified file, accessibility, dark mode, a phone."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from django.core.management import call_command
from playwright.sync_api import Page, expect

from connections.models import Project
from exportadmin.lib.actor import Actor
from exportadmin.runs import statuses
from exports.formats import FORMATS
from exports.links import actions as link_actions
from exports.models import ExportReport
from tests.pages.reports import CHECK_VALUES, CONFIG, deliver, make_report
from tests.support import cast
from tests.support.browsing import cut_off, overflow, sign_in, violations
from tests.support.deliveries import delivery_folder

LONG = "W" * 180
HOSTILE = """<script>document.title='ran'</script><img src=x onerror="document.title='ran'">"""


@pytest.fixture
def pages(site: str, page: Page, tmp_path: Path) -> dict[str, str]:
    """Pages in the states that are hardest to lay out; Alice is signed in."""
    from connections.models import Connection

    alice = cast.alice()
    connection = Connection.objects.create(name="Built-in store", kind="store")
    project = Project.objects.create(connection=connection, name=LONG[:150])
    classes = {f"Class {number} {LONG if number == 3 else ''}": 1 for number in range(40)}
    values = {**CHECK_VALUES, "annotations": 40, "annotations_by_class": classes, "annotations_by_kind": {"box": 40}}
    config = {**CONFIG, "filter": {"global_keys": [LONG, HOSTILE, *(f"key-{number}" for number in range(50))]}}
    completed = deliver(project, tmp_path / "a", name=f"{LONG[:100]}.json", check_values=values, config=config)
    wrong = deliver(project, tmp_path / "b", check_values={**values, "annotations": 41}, name="rows.json")
    (tmp_path / "b" / "rows.json").unlink()
    made = {
        "running": make_report(
            project, name="Running", status=statuses.RUNNING, phase="reading", rows_done=3, rows_expected=9
        ),
        "failed": make_report(project, name=LONG, status=statuses.FAILED, error=f"The disk is full: {LONG} {HOSTILE}"),
    }
    for status in statuses.TITLES:
        make_report(project, name=HOSTILE, status=status, created_by_name=LONG)
    actor = Actor(kind="user", name=LONG, channel="web", user_id=alice.pk)
    _, token = link_actions.issue_link(artifact=completed, actor=actor)
    sign_in(page, site, "alice", cast.PASSWORD)
    return {
        "list": f"{site}/exports/",
        "completed": f"{site}/exports/{completed.report.report_id}/",
        "does not add up": f"{site}/exports/{wrong.report.report_id}/",
        **{name: f"{site}/exports/{report.report_id}/" for name, report in made.items()},
        "gone": f"{site}/exports/{wrong.report.report_id}/files/rows.json/",
        "404": f"{site}/nowhere/",
        "link": f"{site}/exports/l/{token}/",
        "link that is none": f"{site}/exports/l/nosuch/",
    }


def test_from_sign_in_to_a_file_whose_sha256_is_the_pages(site: str, page: Page, tmp_path: Path):
    said = io.StringIO()
    call_command("load_demo", stdout=said)
    sign_in(page, site, "admin", said.getvalue().split("shown this once: ")[1].split()[0])
    page.goto(f"{site}/exports/")
    expect(page.get_by_role("row")).to_have_count(1 + len(FORMATS))  # the demo has an export in each
    page.get_by_role("link", name="Demo as coco_json", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Demo as coco_json")
    expect(page.get_by_text("Every sum adds up.")).to_be_visible()
    shown = page.locator("code[data-sha256]").inner_text()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    target = tmp_path / "taken"
    download.value.save_as(target)
    report = ExportReport.objects.get(format="coco_json")
    artifact = report.artifacts.get()
    assert download.value.suggested_filename == artifact.name
    delivered = (delivery_folder(report) / artifact.name).read_bytes()
    assert target.read_bytes() == delivered
    assert hashlib.sha256(delivered).hexdigest() == shown == artifact.sha256
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in")


def test_a_wrong_password_is_said_and_the_form_stays(site: str, page: Page):
    cast.alice()
    page.goto(f"{site}/exports/")
    page.get_by_label("User name").fill("alice")
    page.get_by_label("Password").fill("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("do not belong to an account")
    expect(page.get_by_label("User name")).to_have_value("alice")
    assert violations(page) == []


def test_the_empty_list_is_clean_too(site: str, page: Page):
    cast.alice()
    sign_in(page, site, "alice", cast.PASSWORD)
    page.goto(f"{site}/exports/")
    expect(page.get_by_role("heading", level=2)).to_have_text("Three steps to the first export")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        assert violations(page) == []
    page.set_viewport_size({"width": 375, "height": 720})
    assert (overflow(page), cut_off(page)) == (0, [])


def test_the_theme_follows_the_system_without_a_reload(pages: dict[str, str], page: Page):
    page.goto(pages["list"])
    backgrounds = []
    for scheme in ("light", "dark", "light"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.wait_for_function("theme => document.documentElement.dataset.bsTheme === theme", arg=scheme)
        backgrounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert backgrounds[0] == backgrounds[2] != backgrounds[1]


def test_the_keyboard_gets_past_the_frame_and_to_the_first_export(pages: dict[str, str], page: Page):
    page.goto(pages["list"])
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip the filters")).to_be_focused()
    page.keyboard.press("Enter")
    heads = page.locator(".ea-list thead a").count()
    for _ in range(heads + 2):  # and the box of the first line
        page.keyboard.press("Tab")
    first = page.locator(".ea-list tbody a").first
    expect(first).to_be_focused()
    target = first.get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{target}")
