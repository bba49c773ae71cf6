"""One export in a real Chromium: drawn marks lie where they belong, and a run is followed to its end."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.utils import timezone
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from pycocotools import mask as coco_mask

from connections.models import Connection, Project
from connections.store import demo
from connections.store.upsert import write_rows
from exportadmin.lib.actor import Actor
from exportadmin.runs import statuses
from exports import actions
from exports.models import ExportReport
from exports.spec.spec import ExportSpec
from tests.pages.reports import make_report
from tests.support import cast
from tests.support.browsing import cut_off, overflow, sign_in, violations
from tests.support.imports import import_file

SHELL = Actor(kind="user", name="tester", channel="shell")
Pixels = np.ndarray


def project_of(name: str) -> Project:
    return Project.objects.create(connection=Connection.objects.create(name="Store", kind="store"), name=name)


def exported(project: Project) -> ExportReport:
    report = actions.run_now(project=project, spec=ExportSpec.parse({"format": "json"}, project), actor=SHELL)
    assert report.status == statuses.COMPLETED, report.error
    return report


def at_natural_size(svg: Locator) -> tuple[int, int]:
    """One pixel of the picture is one of the screen; fills only, since an outline lies half outside."""
    width, height = svg.evaluate(
        """svg => {
            const {width, height} = svg.viewBox.baseVal;
            Object.assign(svg.style, {position: 'fixed', inset: '0 auto auto 0', zIndex: 9999, maxHeight: 'none',
                                      width: width + 'px', height: height + 'px'});
            for (const path of svg.querySelectorAll('.rp-shapes path')) path.style.stroke = 'none';
            return [width, height];
        }"""
    )
    svg.page.set_viewport_size({"width": max(320, int(width)), "height": max(320, int(height))})
    return int(width), int(height)


def pixels_of(svg: Locator, *shown: int) -> Pixels:
    """What is on the screen with only the shapes of those numbers."""
    svg.evaluate(
        """(svg, shown) => svg.querySelectorAll('.rp-shapes path').forEach(
            (path, number) => { path.style.display = shown.includes(number) ? '' : 'none'; })""",
        list(shown),
    )
    return np.asarray(Image.open(io.BytesIO(svg.screenshot())).convert("RGB")).astype(int)


def covered(svg: Locator, number: int) -> Pixels:
    """The pixels that one shape changes."""
    return np.abs(pixels_of(svg, number) - pixels_of(svg)).max(axis=2) > 4


def grown(pixels: Pixels) -> Pixels:
    """With one pixel more on each side."""
    padded = np.pad(pixels, 1)
    return np.any([np.roll(padded, (x, y), (0, 1)) for x in (-1, 0, 1) for y in (-1, 0, 1)], axis=0)[1:-1, 1:-1]


def agree(found: Pixels, expected: Pixels) -> None:
    """All that must be inside is, and all that must be outside is, up to one pixel at the edges."""
    assert found.shape == expected.shape
    assert expected.any() and not expected.all()
    assert not (found & ~grown(expected)).any()
    assert not (~found & ~grown(~expected)).any()


def rastered(rings: list[list[float]], height: int, width: int) -> Pixels:
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(rings, height, width))).astype(bool)


def test_the_marks_of_the_demo_lie_on_what_they_mark(site: str, page: Page, settings: Any):
    cast.alice()
    project = project_of("Demo")
    folder = settings.MEDIA_DIR / project.public_id
    folder.mkdir(parents=True)
    (row,) = (each for each in demo.demo_rows(f"/media/{project.public_id}") if each.number == demo.SHOWCASE)
    (folder / row.key).write_bytes(demo.picture(row))
    write_rows(project, [row], classes=demo.CLASSES)
    report = exported(project)
    sign_in(page, site, "alice", cast.PASSWORD)
    page.goto(f"{site}/exports/{report.report_id}/")
    page.locator(".rp-later").scroll_into_view_if_needed()
    svg = page.locator("svg.rp-svg")
    expect(svg).to_be_visible()
    found = {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        expect(page.locator("html")).to_have_attribute("data-bs-theme", scheme)
        colours = page.evaluate(
            "[...document.querySelectorAll('.rp-legend rect')].map(e => getComputedStyle(e).stroke)"
        )
        assert len(set(colours)) == len(colours) == 5
        found[scheme] = violations(page)
    assert found == {"light": [], "dark": []}
    at_natural_size(svg)
    picture = pixels_of(svg)
    painted = {name: (picture == colour).all(axis=2) for name, colour in demo.COLOURS.items()}
    marks = row.labels[0].objects
    layers = svg.locator(".rp-shapes path").evaluate_all("paths => paths.map(path => path.classList[0])")
    for layer, name in {"rp-mask": "tree", "rp-polygon": "building", "rp-box": "car"}.items():
        drawn = np.any([covered(svg, at) for at, each in enumerate(layers) if each == layer], axis=0)
        agree(drawn, painted[name])
    mask = next(mark for mark in marks if "mask" in mark)["mask"]
    known = coco_mask.decode({"size": mask["size"], "counts": mask["counts"].encode()}).astype(bool)
    assert (covered(svg, layers.index("rp-mask")) == known).all()  # a mask has no edge to be unsure of


@pytest.mark.shared
def test_the_polygons_of_a_real_picture_lie_where_they_belong(site: str, page: Page, shared: Path, tmp_path: Path):
    cast.alice()
    taco = json.loads((shared / "data" / "taco.coco.json").read_text())
    marks: dict[int, list[dict]] = {}
    for annotation in taco["annotations"]:
        marks.setdefault(annotation["image_id"], []).append(annotation)
    several = [image for image in taco["images"] if len(marks.get(image["id"], ())) >= 3]
    image = min(several, key=lambda each: (each["width"] * each["height"], each["id"]))
    part = {**taco, "images": [image], "annotations": marks[image["id"]], "scene_annotations": []}
    (tmp_path / "part.json").write_text(json.dumps(part))
    report = exported(import_file(tmp_path / "part.json", "TACO").project)
    sign_in(page, site, "alice", cast.PASSWORD)
    page.goto(f"{site}/exports/{report.report_id}/preview/")
    svg = page.locator("svg.rp-svg")
    assert at_natural_size(svg) == (image["width"], image["height"])
    expect(page.locator(".rp-shapes path.rp-polygon")).to_have_count(len(marks[image["id"]]))
    for number, annotation in enumerate(marks[image["id"]]):
        agree(covered(svg, number), rastered(annotation["segmentation"], image["height"], image["width"]))


def test_a_run_is_followed_to_its_end_and_its_files_are_verified(site: str, page: Page, tmp_path: Path):
    cast.alice()
    project = project_of("Street scenes")
    write_rows(project, [])
    report = make_report(project, status=statuses.RUNNING, phase="reading", rows_done=3, rows_expected=9,
                         started_at=timezone.now())  # fmt: skip
    sign_in(page, site, "alice", cast.PASSWORD)
    page.goto(f"{site}/exports/{report.report_id}/")
    expect(page.get_by_text("Reading: 3 of 9 rows")).to_be_visible()
    page.get_by_role("button", name="Cancel the export").focus()
    ExportReport.objects.filter(pk=report.pk).update(rows_done=6)
    expect(page.get_by_text("Reading: 6 of 9 rows")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel the export")).to_be_focused()  # the polling takes no focus away
    delivered = exported(project)
    delivered.artifacts.update(report=report)
    ExportReport.objects.filter(pk=report.pk).update(
        status=statuses.COMPLETED, phase="", finished_at=timezone.now(), location=str(tmp_path / "nowhere"),
        check_values=delivered.check_values,
    )  # fmt: skip
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    expect(page.get_by_text("Reading:")).to_have_count(0)
    page.get_by_role("button", name="Prove now").click()
    expect(page.get_by_role("alert")).to_contain_text("the delivery is missing")
    assert violations(page) == []
    page.set_viewport_size({"width": 320, "height": 720})
    page.get_by_text("Delete files …").click()
    assert (overflow(page), cut_off(page)) == (0, [])
