"""An imported file and what every format made of it, read by programs that share no code with our writers.

COCO is read by pycocotools (and by supervision and datumaro where :mod:`tests.support.peer_readers` can ask them), CSV
by pandas, PNG by zipfile, pandas and Pillow, json and ndjson by Python's json. A check that fails does not end the
test: it is entered under its format, so that one run says of each format whether it is right.
"""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas
from django.core.management import CommandError, call_command
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from connections.models import Project
from connections.store.models import ImportRun
from exportadmin.lib.actor import Actor
from exports import actions
from exports.models import ExportReport
from exports.spec.spec import ExportSpec
from tests.support.deliveries import delivery_folder
from tests.support.peers import Peers

SHELL = Actor(kind="user", name="tester", channel="shell")
SHAPES = ("bounding_box", "polygon", "mask")

# the key of the row, the class, (left, top, width, height)
Shape = tuple[str, str, tuple[float, ...]]


def box(key: str, name: str, *sides: float) -> Shape:
    return key, name, tuple(map(float, sides))


class Delivered:
    """``folder`` is the test's own; ``checks`` is what was found, by format: ``""`` for right, else what is wrong."""

    def __init__(self, project: str, folder: Path, peers: Peers | None = None) -> None:
        self.name = project
        self.folder = folder
        self.peers = peers
        self.exit_code = 0
        self.said = ""
        self.checks: dict[str, list[str]] = {}
        # of each export, beside its format
        self.asked: dict[str, Any] = {}

    # --- in and out ---------------------------------------------------------------------------------------------------

    def read(self, path: Path, **options: str) -> None:
        """``exportadmin import_rows``: exit code in ``exit_code``, what was printed in ``said``."""
        out = io.StringIO()
        self.exit_code = 0
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                call_command("import_rows", path, project=self.name, stdout=out, stderr=out, **options)
        except CommandError as error:
            self.exit_code = error.returncode
            out.write(f"error: {error}\n")
        self.said = out.getvalue()

    @property
    def summary(self) -> dict[str, Any]:
        """Of the last import."""
        summary = ImportRun.objects.latest("pk").summary
        assert summary is not None
        return dict(summary)

    @cached_property
    def project(self) -> Project:
        return Project.objects.get(name=self.name)

    @cached_property
    def reports(self) -> dict[str, ExportReport]:
        return {}

    def report(self, format: str) -> ExportReport:
        if format not in self.reports:
            spec = ExportSpec.parse({"format": format, **self.asked}, self.project)
            self.reports[format] = actions.run_now(project=self.project, spec=spec, actor=SHELL)
        return self.reports[format]

    def file(self, format: str) -> Path:
        report = self.report(format)
        assert report.is_delivered, f"{format}: {report.status}: {report.error}"
        folder = delivery_folder(report)
        (artifact,) = [one for one in report.artifacts.all() if not one.name.endswith(".errors.ndjson")]
        return folder / artifact.name

    def left_out(self, format: str) -> dict[str, int]:
        return dict(self.report(format).check_values["left_out_by_format"])

    def asking(self, **asked: Any) -> Delivered:
        """The same project with exports that ask for this; what is checked of them is checked here."""
        other = Delivered(self.name, self.folder, self.peers)
        other.asked, other.checks, other.said = asked, self.checks, self.said
        return other

    # --- checks -------------------------------------------------------------------------------------------------------

    def check(self, what: str, right: bool, message: str) -> None:
        """Enter whether ``what`` (a format, ``import``) is right."""
        found = self.checks.setdefault(what, [])
        if not right:
            found.append(message)

    def equal(self, what: str, subject: str, found: Any, expected: Any) -> None:
        self.check(what, found == expected, f"{subject}: {found!r}, right is {expected!r}")

    @property
    def wrong(self) -> list[str]:
        return [f"{what}: {message}" for what, found in self.checks.items() for message in found]

    # --- json, ndjson -------------------------------------------------------------------------------------------------

    def rows(self, format: str = "json") -> list[dict[str, Any]]:
        text = self.file(format).read_text("utf-8")
        return list(json.loads(text)) if format == "json" else [json.loads(line) for line in text.splitlines()]

    @cached_property
    def keys(self) -> list[str]:
        """Of all rows, in the order of the export."""
        return [row["data_row"]["global_key"] for row in self.rows()]

    def labels(self, format: str = "json") -> list[tuple[str, dict[str, Any]]]:
        return [
            (row["data_row"]["global_key"], label)
            for row in self.rows(format)
            for project in row["projects"].values()
            for label in project["labels"]
        ]

    def objects(self, format: str = "json") -> list[tuple[str, dict[str, Any]]]:
        return [(key, one) for key, label in self.labels(format) for one in label["annotations"].get("objects") or ()]

    def answers(self, format: str = "json") -> list[tuple[str, str, dict[str, Any]]]:
        """``(key of the row, class of the region or "", answer)``."""
        found = []
        for key, label in self.labels(format):
            found += [(key, "", one) for one in label["annotations"].get("classifications") or ()]
            for mark in label["annotations"].get("objects") or ():
                found += [(key, mark["name"], one) for one in mark.get("classifications") or ()]
        return found

    def shapes_of_rows(self, format: str) -> list[Shape]:
        """Of classes, in labels that were not skipped: what is to be found in all formats."""
        return [
            (key, one["name"], _around(one))
            for key, label in self.labels(format)
            if not (label.get("performance_details") or {}).get("skipped")
            for one in label["annotations"].get("objects") or ()
            if one["name"] and any(name in one for name in SHAPES)
        ]

    # --- coco_json ----------------------------------------------------------------------------------------------------

    @cached_property
    def coco(self) -> COCO:
        with contextlib.redirect_stdout(io.StringIO()):
            return COCO(str(self.file("coco_json")))

    @property
    def images(self) -> list[dict[str, Any]]:
        return list(self.coco.dataset["images"])

    @cached_property
    def image_of(self) -> dict[str, dict[str, Any]]:
        """Global key → image: both are in the order of the export."""
        return dict(zip(self.keys, self.images, strict=True))

    @property
    def categories(self) -> dict[str, int]:
        return {one["name"]: one["id"] for one in self.coco.dataset["categories"]}

    def annotations(self) -> list[tuple[str, str, dict[str, Any]]]:
        """``(key of the row, class, annotation)``."""
        key_of = {image["id"]: key for key, image in self.image_of.items()}
        name_of = {number: name for name, number in self.categories.items()}
        return [(key_of[one["image_id"]], name_of[one["category_id"]], one) for one in self.coco.dataset["annotations"]]

    def shapes_of_coco(self) -> list[Shape]:
        return [(key, name, tuple(map(float, one["bbox"]))) for key, name, one in self.annotations()]

    # --- csv ----------------------------------------------------------------------------------------------------------

    @cached_property
    def lines(self) -> list[dict[str, str]]:
        return _table(self.file("csv").read_bytes())

    def line(self, **cells: str) -> dict[str, str]:
        """The one line with these cells (``name`` for ``class``); raises ``AssertionError`` unless there is one."""
        wanted = {("class" if name == "name" else name): text for name, text in cells.items()}
        found = [line for line in self.lines if all(line[name] == text for name, text in wanted.items())]
        assert len(found) == 1, f"csv: {len(found)} lines with {wanted}"
        return found[0]

    def shapes_of_csv(self) -> list[Shape]:
        sides = ("left", "top", "box_width", "box_height")
        return [
            (line["global_key"], line["class"], tuple(float(line[side]) for side in sides))
            for line in self.lines
            if line["kind"] in ("box", "polygon", "mask") and line["class"] and line["is_skipped"] != "true"
        ]

    # --- png ----------------------------------------------------------------------------------------------------------

    @cached_property
    def index(self) -> list[dict[str, str]]:
        with zipfile.ZipFile(self.file("png")) as archive:
            return _table(archive.read("index.csv"))

    @cached_property
    def masks(self) -> dict[str, np.ndarray]:
        """Global key → pixel values."""
        with zipfile.ZipFile(self.file("png")) as archive:
            return {
                line["global_key"]: np.asarray(Image.open(io.BytesIO(archive.read(line["file"]))))
                for line in self.index
                if line["file"]
            }

    @cached_property
    def values(self) -> dict[str, int]:
        """Class → pixel value."""
        with zipfile.ZipFile(self.file("png")) as archive:
            return {one["name"]: one["value"] for one in json.loads(archive.read("classes.json"))["classes"]}

    def pixels(self) -> dict[str, dict[str, int]]:
        """Global key → how many pixels each class has."""
        names = {value: name for name, value in self.values.items()}
        return {
            key: {names[int(value)]: int((mask == value).sum()) for value in np.unique(mask) if value}
            for key, mask in self.masks.items()
        }

    # --- what every file has to satisfy -------------------------------------------------------------------------------

    def shapes_are(self, *expected: Shape) -> None:
        """Boxes, polygons and masks: their rows, classes and places, in every format."""
        self.equal("json", "shapes", _counted(self.shapes_of_rows("json")), _counted(expected))
        self.formats_agree()

    def formats_agree(self) -> None:
        """All formats hold the same shapes, at the same place, of the same class; and each its rows."""
        truth = _counted(self.shapes_of_rows("json"))
        self.equal("ndjson", "rows", self.rows("ndjson"), self.rows("json"))
        for format, read in (("coco_json", self.shapes_of_coco), ("csv", self.shapes_of_csv)):
            try:
                self.equal(format, "shapes", _counted(read()), truth)
            except (AssertionError, KeyError, ValueError, TypeError) as error:
                self.check(format, False, f"cannot be read: {type(error).__name__}: {error}")
        self._ask_the_peers()
        try:
            self._png_is_as_coco()
        except AssertionError as error:
            self.check("png", False, str(error))

    def categories_are(self, *names: str) -> None:
        """The classes of COCO and of the PNG masks: classes of shapes, and nothing else."""
        self.equal("coco_json", "categories", sorted(self.categories), sorted(names))
        self.equal("png", "classes", sorted(self.values), sorted(names))

    def _ask_the_peers(self) -> None:
        if self.peers is None or not all("width" in one for one in self.images):
            return
        expected = Counter(
            (self.image_of[key]["file_name"], name, *map(_rounded, one["bbox"]))
            for key, name, one in self.annotations()
        )
        for peer, found in self.peers.read_coco(self.file("coco_json")).items():
            if isinstance(found, dict):
                self.check("coco_json", False, f"{peer}: {found['error']}")
                continue
            read = Counter((file, name, *map(_rounded, sides)) for file, name, sides in found)
            self.equal("coco_json", f"what {peer} reads", read, expected)

    def _png_is_as_coco(self) -> None:
        """Every mask has the pixels that pycocotools gives for the annotations, painted in their order."""
        self.equal("png", "rows in index.csv", [line["global_key"] for line in self.index], self.keys)
        pictures = {key: np.zeros_like(mask) for key, mask in self.masks.items()}
        for key, name, one in self.annotations():
            if key in pictures:
                image = self.image_of[key]
                pictures[key][_pixels(one, image["height"], image["width"])] = self.values[name]
        for key, mask in self.masks.items():
            different = int((mask != pictures[key]).sum()) if mask.shape == pictures[key].shape else mask.size
            self.check("png", not different, f"{key}: {different} pixels are not those of coco_json")


def _rounded(number: float) -> float:
    return round(float(number), 3)


def _counted(shapes: Iterable[Shape]) -> Mapping[Shape, int]:
    return Counter((key, name, tuple(map(_rounded, sides))) for key, name, sides in shapes)


def _around(one: Mapping[str, Any]) -> tuple[float, ...]:
    if "bounding_box" in one:
        sides = one["bounding_box"]
        return sides["left"], sides["top"], sides["width"], sides["height"]
    if "polygon" in one:
        rings = one["polygon"] if isinstance(one["polygon"][0], list) else [one["polygon"]]
        xs, ys = ([point[axis] for ring in rings for point in ring] for axis in "xy")
        return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)
    return tuple(float(side) for side in coco_mask.toBbox(one["mask"]))


def _pixels(annotation: Mapping[str, Any], height: int, width: int) -> np.ndarray:
    outline = annotation["segmentation"] or np.array([annotation["bbox"]], dtype=np.double)
    if isinstance(outline, dict):
        if isinstance(outline["counts"], list):
            outline = coco_mask.frPyObjects(outline, height, width)
        found = coco_mask.decode(outline)
    else:
        found = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(outline, height, width)))
    return np.asarray(found, dtype=bool)


def _table(data: bytes) -> list[dict[str, str]]:
    table = pandas.read_csv(io.BytesIO(data), dtype=str, keep_default_na=False)
    return [{str(name): str(cell) for name, cell in line.items()} for line in table.to_dict("records")]
