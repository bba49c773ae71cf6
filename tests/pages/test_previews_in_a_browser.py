"""The previews of every medium in a real Chromium: clean in both colour schemes, usable by keyboard and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from connections.models import Connection, Project
from connections.rows.media_types import MEDIA_TYPES
from connections.store import demo_media
from connections.store.upsert import write_rows
from exportadmin.runs import statuses
from exports import actions
from exports.results import preview
from exports.spec.spec import ExportSpec
from tests.rest.world import SHELL
from tests.support import cast
from tests.support.browsing import cut_off, overflow, sign_in, violations


@pytest.fixture
def previewed(site: str, page: Page, monkeypatch: pytest.MonkeyPatch) -> Page:
    """All rows of the demo that are no pictures, on one page."""
    cast.alice()
    project = Project.objects.create(connection=Connection.objects.create(name="Store", kind="store"), name="Demo")
    write_rows(project, demo_media.media_rows(1))
    monkeypatch.setattr(preview, "ROWS", 20)
    report = actions.run_now(project=project, spec=ExportSpec.parse({"format": "json"}, project), actor=SHELL)
    assert report.status == statuses.COMPLETED, report.error
    sign_in(page, site, "alice", cast.PASSWORD)
    page.goto(f"{site}/exports/{report.report_id}/preview/")
    return page


def test_every_medium_is_clean_in_both_schemes_and_on_a_phone_with_its_table_open(previewed: Page):
    page = previewed
    rows = page.locator(".rp-row-view")
    expect(rows).to_have_count(len(MEDIA_TYPES))  # of texts there are two, and pictures are none of them
    summary = page.locator("summary").first
    summary.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("table", name="Annotations of demo-harbour.mp4")).to_be_visible()
    for each in page.locator("summary").all()[1:]:
        each.click()
    found = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
        found[scheme] = violations(page)
    assert found == {"light": [], "dark": []}
    assert (overflow(page), cut_off(page)) == (0, [])
    page.set_viewport_size({"width": 375, "height": 720})
    assert (overflow(page), cut_off(page)) == (0, [])
    assert violations(page) == []


def test_lines_of_spans_do_not_touch_and_bars_lie_where_the_axis_says(previewed: Page):
    # three spans lie over "tug"
    marks = previewed.locator(".rp-text").first.locator(".rp-mark")
    edges = marks.evaluate_all(
        """marks => marks.filter(mark => mark.textContent.startsWith('tug')).map(mark => {
            const line = mark.getClientRects()[0];
            return [line.bottom - parseFloat(getComputedStyle(mark).borderBottomWidth), line.bottom];
        })"""
    )
    assert len(edges) == 3
    (_, first), (second, end), (third, _) = sorted(edges)
    assert first <= second and end <= third
    row = previewed.locator(".rp-row-view").filter(has=previewed.get_by_role("heading", name="demo-harbour.mp4"))
    lane = row.locator(".rp-lane").filter(has_text="ship").first
    strip, bar = (lane.locator(part).bounding_box() for part in (".rp-strip", ".rp-bars"))
    assert strip is not None and bar is not None
    # frames 1 to 90 of 1 to 120; half of its border lies outside
    assert abs(bar["x"] - strip["x"]) < 4
    assert abs(bar["width"] / strip["width"] - 89 / 119) < 0.02
    labels = row.locator(".rp-axis span").evaluate_all("all => all.map(one => [one.textContent, one.offsetLeft])")
    assert [text for text, _ in labels] == ["1", "30", "60", "90", "120"]
    assert abs((labels[3][1] - labels[0][1]) / strip["width"] - 0.75) < 0.01
