"""The files that Label Studio makes of its tasks, and those that we make of the same ones: what differs is written.

Of tasks with two annotations and of turned boxes Label Studio loses some, and of brush regions all but in their own
format; there the task's own JSON says what should be in the file.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.platforms.label_studio import server, template
from tests.platforms.label_studio.reading import (
    BOX,
    BRUSH,
    POLYGON,
    Region,
    beyond,
    brushes,
    coco,
    differing,
    flat,
    picture_name,
    regions,
    rows_csv,
    table,
    voc,
    yolo,
)
from tests.support.shell import Installation, new_installation

WIDTH, HEIGHT = 640, 480
BRUSHED = ("sky", "grass")
SIX_DECIMALS = 0.000_001
A_PIXEL_THOUSANDTH = 0.001


@dataclass
class Tasks:
    """A project of Label Studio's, and one of ours that its JSON was imported into."""

    name: str
    installation: Installation

    @property
    def all(self) -> list[dict[str, Any]]:
        """As Label Studio's own JSON has them."""
        return list(json.loads(self.theirs("JSON")))

    def theirs(self, name: str) -> bytes:
        """What Label Studio made, by its own name of a format."""
        return (template.made_there() / self.name / name).read_bytes()

    def ours(self, key: str, *options: str, labels: str = "not_skipped") -> bytes:
        """What we make."""
        folder = self.installation.home / f"{self.name}-{key}-{'-'.join(options)}".replace("=", "-")
        words = [word for option in options for word in ("--option", option)]
        flags = ("--format", key, "--output", str(folder), "--labels", labels, "--max-refused", "0", *words)
        done = self.installation.run("run_export", self.name, *flags)
        assert done.returncode == 0, done.stdout + done.stderr
        (made,) = (path for path in folder.iterdir() if path.name != "manifest.json")
        return made.read_bytes()


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    if not template.GENERATOR.is_file():
        pytest.skip("NOT RUN: ../shared is not beside this clone")
    if not server.is_installed():
        pytest.skip(server.ADVICE)
    with new_installation(tmp_path_factory.mktemp("comparison")) as made:
        for name in template.KEPT:
            tasks = made.home / f"{name}.json"
            tasks.write_bytes((template.made_there() / name / "JSON").read_bytes())
            done = made.run("import_rows", str(tasks), "--project", name, "--format", "label_studio_json")
            assert done.returncode == 0, done.stdout + done.stderr
        yield made


@pytest.fixture
def edge(installation: Installation, shared: Path) -> Tasks:
    """2,000 of every form."""
    return Tasks("edge", installation)


@pytest.fixture
def boxes(installation: Installation, shared: Path) -> Tasks:
    """60 with turned boxes, two pictures of each name."""
    return Tasks("boxes", installation)


def only_skipped(task: dict[str, Any]) -> bool:
    """Was it annotated, and each time skipped?"""
    return bool(task["annotations"]) and all(one["was_cancelled"] for one in task["annotations"])


def yolo_mark(region: Region) -> tuple[str, str, tuple[float, ...]]:
    """The line of a region, as shares of its picture's size; of a box what holds all of it, within the picture."""
    if region.form == POLYGON:
        return region.label, "", flat([(x / WIDTH, y / HEIGHT) for x, y in region.corners])
    left, top, across, down = region.bounds
    right, bottom = min(left + across, WIDTH), min(top + down, HEIGHT)
    left, top = max(left, 0.0), max(top, 0.0)
    middle = ((left + right) / 2 / WIDTH, (top + bottom) / 2 / HEIGHT)
    return region.label, "", (*middle, (right - left) / WIDTH, (bottom - top) / HEIGHT)


def test_yolo_has_what_theirs_has_and_what_it_loses(edge: Tasks):
    made = edge.ours("yolo", "shapes=mixed")
    theirs, ours = yolo(edge.theirs("YOLO")), yolo(made)
    files = rows_csv(made, "data_row_id", "file")
    more: Counter[str] = Counter()
    for task in edge.all:
        there = theirs.get(picture_name(task))
        if (file := files.get(str(task["id"]))) is None:
            assert there is None and only_skipped(task)
            more["pictures whose annotations were all skipped, in neither"] += 1
            continue
        found = [*regions(task)]
        expected = [yolo_mark(one) for one in found if one.form in (BOX, POLYGON)]
        brushed = [mark for mark in ours[file] if mark[0] in BRUSHED]
        mine = [mark for mark in ours[file] if mark[0] not in BRUSHED]
        assert beyond(mine, expected, SIX_DECIMALS) == beyond(expected, mine, SIX_DECIMALS) == [], task["id"]
        assert there is not None and beyond(there, mine, SIX_DECIMALS) == [], task["id"]
        assert len(brushed) == sum(one.form == BRUSH for one in found)
        more["brush regions"] += len(brushed)
        more["regions of tasks that have two annotations"] += len(beyond(mine, there, SIX_DECIMALS))
    assert more == {
        "brush regions": 600,
        "regions of tasks that have two annotations": 800,
        "pictures whose annotations were all skipped, in neither": 200,
    }


def test_yolo_has_turned_boxes_whole_and_a_file_a_picture(boxes: Tasks):
    """Theirs is where each box would be if it were not turned."""
    made = boxes.ours("yolo")
    theirs, ours = yolo(boxes.theirs("YOLO")), yolo(made)
    files = rows_csv(made, "data_row_id", "file")
    turned = 0
    for task in boxes.all:
        if only_skipped(task):
            continue
        found = [*regions(task)]
        expected = [yolo_mark(one) for one in found]
        mine = ours[files[str(task["id"])]]
        assert beyond(mine, expected, SIX_DECIMALS) == beyond(expected, mine, SIX_DECIMALS) == [], task["id"]
        upright = [yolo_mark(one) for one in found if not one.is_turned]
        there = theirs[picture_name(task)]
        if len(task["annotations"]) < 2:
            assert beyond(upright, there, SIX_DECIMALS) == [], task["id"]
            assert len(there) == len(mine)
        turned += sum(one.is_turned for one in found)
    assert turned > 50
    assert len(set(files.values())) == len(files)


def test_yolo_obb_has_the_corners_of_boxes_as_theirs_has(boxes: Tasks):
    made = boxes.ours("yolo_obb")
    theirs, ours = yolo(boxes.theirs("YOLO_OBB")), yolo(made)
    files = rows_csv(made, "data_row_id", "file")
    for task in boxes.all:
        if only_skipped(task):
            continue
        expected = [(one.label, "", flat([(x / WIDTH, y / HEIGHT) for x, y in one.corners])) for one in regions(task)]
        mine, there = ours[files[str(task["id"])]], theirs[picture_name(task)]
        assert beyond(mine, expected, SIX_DECIMALS) == beyond(expected, mine, SIX_DECIMALS) == [], task["id"]
        assert beyond(there, mine, SIX_DECIMALS) == [], task["id"]
        assert len(there) == len(mine) or len(task["annotations"]) == 2


def test_voc_has_what_holds_each_box_and_theirs_where_it_would_be_unturned(boxes: Tasks):
    """Theirs adds a left edge and a width from which fractions are cut off: up to two pixels of a box are missing."""
    made = boxes.ours("voc", "origin=0")
    theirs, ours = voc(boxes.theirs("VOC")), voc(made)
    files = rows_csv(made, "data_row_id", "file")
    for task in boxes.all:
        if only_skipped(task):
            continue
        found = [*regions(task)]
        mine = ours[files[str(task["id"])]]
        expected = [(one.label, "", edges(one)) for one in found]
        assert beyond(mine, expected, 1.0) == beyond(expected, mine, 1.0) == [], task["id"]
        upright = [(one.label, "", edges(one)) for one in found if not one.is_turned]
        there = theirs.get(picture_name(task), [])
        if len(task["annotations"]) == 1:
            assert beyond(upright, there, 2.0) == [], task["id"]
            assert len(there) == len(mine)


def edges(region: Region) -> tuple[float, ...]:
    """Left, top, right and bottom within the picture."""
    left, top, across, down = region.bounds
    right, bottom = min(left + across, WIDTH), min(top + down, HEIGHT)
    return max(left, 0.0), max(top, 0.0), right, bottom


def test_voc_of_a_project_with_other_kinds_is_empty_there_and_whole_here(edge: Tasks):
    assert voc(edge.theirs("VOC")) == {}
    ours = voc(edge.ours("voc"))
    assert len(ours) == sum(not only_skipped(task) for task in edge.all)
    assert sum(map(len, ours.values())) == sum(len([*regions(task)]) for task in edge.all)


def test_coco_has_what_theirs_has_and_brush_regions(edge: Tasks):
    theirs, there = coco(edge.theirs("COCO"))
    ours, here = coco(edge.ours("label_studio_coco"))
    classes = [one["name"] for one in here["categories"]]
    asked = {"good", "blurry", "dark"}
    assert [one["name"] for one in there["categories"] if one["name"] not in asked] == classes
    assert set(ours) == set(theirs)
    assert len(ours) == len(here["images"]) == len(there["images"]) - 200  # those with two annotations, twice there
    for task in edge.all:
        if only_skipped(task):
            assert picture_name(task) not in ours
            continue
        mine, others = ours[picture_name(task)], theirs[picture_name(task)]
        brushed = [mark for mark in mine if mark[1] == "runs"]
        assert beyond(others, mine, A_PIXEL_THOUSANDTH) == [], task["id"]
        assert sorted(mark[0] for mark in beyond(mine, others, A_PIXEL_THOUSANDTH)) == sorted(
            one.label for one in regions(task) if one.form == BRUSH
        )
        assert len(brushed) == len(mine) - len(others)


def test_coco_has_the_outline_of_turned_boxes(boxes: Tasks):
    """Theirs has the box as if it were not turned."""
    theirs, _ = coco(boxes.theirs("COCO"))
    ours, _ = coco(boxes.ours("label_studio_coco"))
    turned = 0
    for task in boxes.all:
        if only_skipped(task):
            continue
        mine, others = ours[picture_name(task)], theirs[picture_name(task)]
        assert len(mine) == len(others)
        expected = [
            (one.label, "1 rings", (*one.bounds, *flat(one.corners)))
            if one.is_turned
            else (one.label, "0 rings", one.bounds)
            for one in regions(task)
        ]
        assert beyond(expected, mine, A_PIXEL_THOUSANDTH) == beyond(mine, expected, A_PIXEL_THOUSANDTH) == []
        assert beyond([mark for mark in expected if mark[1] == "0 rings"], others, A_PIXEL_THOUSANDTH) == []
        turned += sum(one.is_turned for one in regions(task))
    assert turned > 50


def test_brushed_pictures_are_theirs_pixel_by_pixel_and_are_called_the_same(edge: Tasks):
    theirs, ours = brushes(edge.theirs("BRUSH_TO_PNG")), brushes(edge.ours("brush_to_png"))
    assert set(ours) == set(theirs)
    assert len(ours) == 600
    differing = [name for name, pixels in theirs.items() if not np.array_equal(pixels, ours[name])]
    assert differing == []
    assert all(pixels.any() and not pixels.all() for pixels in ours.values())


def test_json_is_theirs_field_by_field(edge: Tasks):
    """Theirs has blanks between tokens, all tasks on one line, and the keys of a region in another order."""
    theirs, made = edge.all, json.loads(edge.ours("label_studio_json", labels="all"))
    for one, other in zip(theirs, made, strict=True):
        assert [*differing(one, other)] == []
        assert [*one] == [*other]
        assert [[*each] for each in one["annotations"]] == [[*each] for each in other["annotations"]]


def test_json_min_is_theirs_to_the_last_digit_and_in_their_order(edge: Tasks):
    theirs, made = json.loads(edge.theirs("JSON_MIN")), json.loads(edge.ours("label_studio_json_min"))
    assert [place for one, other in zip(theirs, made, strict=True) for place in differing(one, other)] == []
    assert list(map(json.dumps, theirs)) == list(map(json.dumps, made))


@pytest.mark.parametrize(
    ("name", "key", "delimiter"), [("CSV", "label_studio_csv", ","), ("TSV", "label_studio_tsv", "\t")]
)
def test_tables_have_their_lines_columns_and_cells(edge: Tasks, name: str, key: str, delimiter: str):
    theirs, made = table(edge.theirs(name), delimiter), table(edge.ours(key), delimiter)
    assert [*theirs[0]] == [*made[0]]
    found = Counter(place for one, other in zip(theirs, made, strict=True) for place in differing(one, other))
    assert found == {}
