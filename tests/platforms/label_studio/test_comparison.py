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

import pytest

from tests.platforms.label_studio import server, template
from tests.platforms.label_studio.reading import (
    BOX,
    BRUSH,
    POLYGON,
    Region,
    beyond,
    flat,
    picture_name,
    regions,
    rows_csv,
    yolo,
)
from tests.support.shell import Installation, new_installation

WIDTH, HEIGHT = 640, 480
BRUSHED = ("sky", "grass")
SIX_DECIMALS = 0.000_001


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
