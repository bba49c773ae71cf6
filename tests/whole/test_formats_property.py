"""Random projects in all formats, judged by an oracle: what was drawn into the model has to be in every file.

The oracle shares nothing with the writers. Its shapes have whole corners and level sides, so that their pixels can be
told by slicing an array; files are read by pycocotools, Pillow and Python's json and csv.
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask

from connections.models import Project
from exportadmin.lib.actor import Actor
from exportadmin.lib.ids import new_id
from exports import actions
from exports.spec.spec import ExportSpec
from tests.support.deliveries import delivery_folder
from tests.support.imports import import_file

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
SHELL = Actor(kind="user", name="tester", channel="shell")
WIDTH, HEIGHT = 40, 30
Rectangle = tuple[int, int, int, int]  # left, top, width, height
Pixels = NDArray[np.bool_]

ODD = ["car", "a,b", '"quoted" x', "=1+1", "'", "\r\n", "漢字", "annotation_kind", '{"id":', "\U0001f600", "é"]
names = st.sampled_from(ODD) | st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
rectangles = st.builds(
    lambda left, top, width, height: (left, top, min(width, WIDTH - left), min(height, HEIGHT - top)),
    st.integers(0, WIDTH - 1),
    st.integers(0, HEIGHT - 1),
    st.integers(1, WIDTH),
    st.integers(1, HEIGHT),
)
corners = st.tuples(st.integers(0, WIDTH), st.integers(0, HEIGHT))


# --- the model -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """``said`` is a name (radio), several (checklist), or a text."""

    question: str
    said: str | tuple[str, ...]
    is_text: bool = False

    def to_row(self) -> dict[str, Any]:
        if self.is_text:
            return {"name": self.question, "text_answer": {"content": self.said}}
        chosen = [{"name": one, "value": one} for one in ([self.said] if isinstance(self.said, str) else self.said)]
        radio = isinstance(self.said, str)
        return {"name": self.question} | ({"radio_answer": chosen[0]} if radio else {"checklist_answers": chosen})

    @property
    def value(self) -> Any:
        return list(self.said) if isinstance(self.said, tuple) else self.said


@dataclass(frozen=True)
class Shape:
    """``parts`` of a box, polygon or mask; ``points`` of a line or point. ``stated`` is a bbox of some other time."""

    kind: str
    name: str
    parts: tuple[Rectangle, ...] = ()
    points: tuple[tuple[int, int], ...] = ()
    is_further: bool = False
    answers: tuple[Answer, ...] = ()
    stated: Rectangle | None = None
    crowd: int = 0

    @property
    def pixels(self) -> Pixels:
        """``[y, x]``."""
        found = np.zeros((HEIGHT, WIDTH), bool)
        for left, top, width, height in self.parts:
            found[top : top + height, left : left + width] = True
        return found

    @property
    def around(self) -> tuple[float, ...]:
        if self.points:
            xs, ys = zip(*self.points, strict=True)
            return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)
        ys, xs = np.nonzero(self.pixels)
        return int(xs.min()), int(ys.min()), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1

    def to_row(self, identity: str) -> dict[str, Any]:
        mark: dict[str, Any] = {"feature_id": identity, "name": self.name, "annotation_kind": KINDS[self.kind]}
        if self.answers:
            mark["classifications"] = [one.to_row() for one in self.answers]
        if self.is_further:
            mark["is_further_label"] = True
        if self.stated is not None:
            left, top, width, height = self.stated
            coco = {"bbox": [left, top, width, height], "area": width * height, "iscrowd": self.crowd}
            mark["source_extra"] = {"coco": coco}
        return mark | getattr(self, f"_{self.kind}")()

    def _box(self) -> dict[str, Any]:
        ((left, top, width, height),) = self.parts
        return {"bounding_box": {"left": left, "top": top, "width": width, "height": height}}

    def _polygon(self) -> dict[str, Any]:
        rings = [
            [{"x": x, "y": y} for x, y in zip(ring[0::2], ring[1::2], strict=True)] for ring in map(ring_of, self.parts)
        ]
        return {"polygon": rings[0]} | ({"polygons": rings} if len(rings) > 1 else {})

    def _mask(self) -> dict[str, Any]:
        runs, last = [0], False
        for pixel in self.pixels.T.ravel():
            if pixel != last:
                runs, last = [*runs, 0], pixel
            runs[-1] += 1
        return {"mask": {"size": [HEIGHT, WIDTH], "counts": runs}}

    def _polyline(self) -> dict[str, Any]:
        return {"line": [{"x": x, "y": y} for x, y in self.points]}

    def _point(self) -> dict[str, Any]:
        ((x, y),) = self.points
        return {"point": {"x": x, "y": y}}

    def _other(self) -> dict[str, Any]:
        return {"cuboid": [1, 2, {"odd": self.name}]}


KINDS = {
    "box": "ImageBoundingBox",
    "polygon": "ImagePolygon",
    "mask": "ImageSegmentationMask",
    "polyline": "ImagePolyline",
    "point": "ImagePoint",
    "other": "ImageCuboid",
}
IN_COCO = ("box", "polygon", "mask")


def ring_of(part: Rectangle) -> list[int]:
    left, top, width, height = part
    return [left, top, left + width, top, left + width, top + height, left, top + height]


@dataclass(frozen=True)
class Label:
    shapes: tuple[Shape, ...] = ()
    answers: tuple[Answer, ...] = ()
    relationships: int = 0
    is_skipped: bool = False


@dataclass(frozen=True)
class Row:
    key: str
    identity: str
    labels: tuple[Label, ...] = field(default=())

    @property
    def leaving(self) -> list[Label]:
        return [label for label in self.labels if not label.is_skipped]

    def to_row(self) -> dict[str, Any]:
        labels = [
            {
                "performance_details": {"skipped": label.is_skipped},
                "annotations": {
                    # odd ids, and the same one twice
                    "objects": [one.to_row(f"{self.key[:9]}{place % 2}") for place, one in enumerate(label.shapes)],
                    "classifications": [one.to_row() for one in label.answers],
                    "relationships": [{"name": "near"}] * label.relationships,
                },
            }
            for label in self.labels
        ]
        return {
            "data_row": {"id": self.identity, "global_key": self.key, "row_data": "https://pictures.test/a.png"},
            "media_attributes": {"width": WIDTH, "height": HEIGHT},
            "projects": {"p": {"labels": labels}},
        }


# --- random ones -----------------------------------------------------------------------------------------------------

answers = st.one_of(
    st.builds(Answer, names, names),
    st.builds(Answer, names, st.lists(names, min_size=1, max_size=3).map(tuple)),
    st.builds(Answer, names, names, st.just(True)),
)


@st.composite
def shapes(draw: st.DrawFn) -> list[Shape]:
    """One, in front of it further labels of the same shape."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    most = {"box": 1, "polygon": 3, "mask": 4}.get(kind, 0)
    parts = tuple(draw(st.lists(rectangles, min_size=bool(most), max_size=most)))
    many = {"point": (1, 1), "polyline": (2, 4)}.get(kind, (0, 0))
    points = tuple(draw(st.lists(corners, min_size=many[0], max_size=many[1])))
    told = tuple(draw(st.lists(answers, max_size=2)))
    stated = draw(st.none() | rectangles | st.sampled_from(parts)) if parts else None
    crowd = draw(st.sampled_from([0, 1]))
    first = Shape(kind, draw(st.just("") | names | names | names), parts, points, False, told, stated, crowd)
    further = draw(st.lists(names, max_size=1)) if first.name else []
    return [Shape(kind, name, parts, points, True, (), stated, crowd) for name in further] + [first]


labels = st.builds(
    lambda groups, told, relationships, is_skipped: Label(
        tuple(one for group in groups for one in group), tuple(told), relationships, is_skipped
    ),
    st.lists(shapes(), max_size=4),
    st.lists(answers, max_size=2),
    st.integers(0, 2),
    st.sampled_from([False, False, True]),
)
projects = st.lists(
    st.builds(Row, names, names, st.lists(labels, max_size=3).map(tuple)),
    min_size=1,
    max_size=5,
    unique_by=(lambda row: row.key, lambda row: row.identity),
)


# --- the files -------------------------------------------------------------------------------------------------------


def delivered(project: Project, format: str, labels: str) -> tuple[bytes, dict[str, Any]]:
    spec = ExportSpec.parse({"format": format, "labels": labels}, project)
    report = actions.run_now(project=project, spec=spec, actor=SHELL)
    assert report.is_delivered, f"{format}: {report.error}"
    (artifact,) = report.artifacts.all()
    assert report.check_values is not None
    return (delivery_folder(report) / artifact.name).read_bytes(), dict(report.check_values)


def kept_shapes(row: Row) -> list[Shape]:
    return [one for label in row.leaving for one in label.shapes]


def counts_are(
    values: Mapping[str, Any], rows: Sequence[Row], every: Sequence[Row], held: Sequence[Shape], *, answers: bool
) -> None:
    """Check values of a file that has these shapes, and answers on the level of a label or not."""
    told = [one for row in rows for label in row.leaving for one in label.answers] if answers else []
    kinds = Counter(one.kind for one in held) + Counter({"classification": len(told)})
    assert values["annotations_by_kind"] == {kind: count for kind, count in sorted(kinds.items()) if count}
    assert values["annotations"] == kinds.total()
    classes = {one.name for row in every for label in row.labels for one in label.shapes}
    by_class = Counter(one.name or "unlabelled" for one in held)
    for one in told:
        by_class[f"{one.question} (question)" if one.question in classes else one.question] += 1
    assert Counter(values["annotations_by_class"]) == by_class
    assert values["rows_kept"] == len(rows)


def left_out(rows: Sequence[Row], holds: Mapping[str, bool]) -> dict[str, int]:
    """What is counted so: ``holds`` says of further labels, region answers, labels' answers, kinds, unlabelled."""
    found: Counter[str] = Counter()
    for row in rows:
        for label in row.labels:
            if label.is_skipped:
                found["skipped_labels"] += len(label.shapes) + len(label.answers)
                continue
            found["relationships"] += 0 if holds["relationships"] else label.relationships
            found["classification"] += 0 if holds["classification"] else len(label.answers)
            for one in label.shapes:
                found["region_answers"] += 0 if holds["region_answers"] else len(one.answers)
                if one.kind not in IN_COCO and not holds["every kind"]:
                    found[one.kind] += 1
                elif not one.name and not holds["unlabelled"]:
                    found["unlabelled"] += 1
                elif one.is_further and not holds["further_labels"]:
                    found["further_labels"] += 1
    return {name: count for name, count in found.items() if count}


ALL = dict.fromkeys(
    ("relationships", "classification", "region_answers", "every kind", "unlabelled", "further_labels"), True
)
NONE = dict.fromkeys(ALL, False)


def json_is_right(project: Project, rows: Sequence[Row], every: Sequence[Row], labels: str) -> None:
    """json and ndjson: what came in, without what was skipped."""
    content, values = delivered(project, "ndjson", labels)
    found = [json.loads(line) for line in content.decode().split("\n")[:-1]]
    assert json.loads(delivered(project, "json", labels)[0]) == found
    assert [one["data_row"]["global_key"] for one in found] == [row.key for row in rows]
    assert [one["data_row"]["id"] for one in found] == [row.identity for row in rows]
    for row, one in zip(rows, found, strict=True):
        found_labels = one["projects"][project.public_id]["labels"]
        expected = [label for label in row.to_row()["projects"]["p"]["labels"] if is_leaving(label)]
        for label, right in zip(found_labels, expected, strict=True):
            for what in ("objects", "classifications", "relationships"):
                for found_mark, mark in zip(label["annotations"][what], right["annotations"][what], strict=True):
                    if mark.pop("mask", None):  # its counts are compressed: COCO and CSV show their pixels
                        assert found_mark["mask"]["size"] == [HEIGHT, WIDTH]
                    assert {key: found_mark.get(key) for key in mark} == mark
    counts_are(values, rows, every, [one for row in rows for one in kept_shapes(row)], answers=True)
    assert values["left_out_by_format"] == left_out(every, ALL)


def is_leaving(label: Mapping[str, Any]) -> bool:
    return not label["performance_details"]["skipped"]


def coco_is_right(project: Project, rows: Sequence[Row], every: Sequence[Row], labels: str) -> None:
    content, values = delivered(project, "coco_json", labels)
    coco = json.loads(content)
    names = {one["id"]: one["name"] for one in coco["categories"]}
    assert len(names) == len(coco["categories"])
    assert len({one["id"] for one in coco["annotations"]}) == len(coco["annotations"])
    held = []
    assert len(coco["images"]) == len(rows)
    for row, image in zip(rows, coco["images"], strict=True):
        expected = [one for one in kept_shapes(row) if one.kind in IN_COCO and one.name]
        found = [one for one in coco["annotations"] if one["image_id"] == image["id"]]
        assert (image["width"], image["height"]) == (WIDTH, HEIGHT)
        for shape, one in zip(expected, found, strict=True):
            assert names[one["category_id"]] == shape.name
            assert tuple(one["bbox"]) == shape.around
            assert one["area"] == shape.pixels.sum()
            assert one["iscrowd"] == (shape.crowd if shape.stated else 0)
            outline = one["segmentation"]
            if shape.kind == "mask":
                assert np.array_equal(coco_mask.decode(outline), shape.pixels)
            else:
                assert outline == ([] if shape.kind == "box" else [ring_of(part) for part in shape.parts])
        held += expected
    counts_are(values, rows, every, held, answers=False)
    assert values["left_out_by_format"] == left_out(every, NONE | {"further_labels": True})


def csv_is_right(project: Project, rows: Sequence[Row], every: Sequence[Row], labels: str) -> None:
    content, values = delivered(project, "csv", labels)
    found = list(csv.DictReader(io.StringIO(content.decode(), newline=""), strict=True))
    expected: list[dict[str, Any]] = []
    for row in rows:
        lines: list[dict[str, Any]] = []
        for label in row.leaving:
            lines += map(_shape_line, label.shapes)
            lines += [{"kind": "classification", "class": one.question, "value": _text(one)} for one in label.answers]
            if not label.shapes and not label.answers:
                lines.append({"kind": "", "class": ""})
        expected += [{"global_key": row.key, "data_row_id": row.identity, **line} for line in lines or [{"kind": ""}]]
    read = [
        {key: _read(line, key) for key in right} if right.get("kind") in KINDS else {key: line[key] for key in right}
        for line, right in zip(found, expected, strict=True)
    ]
    assert read == expected
    counts_are(values, rows, every, [one for row in rows for one in kept_shapes(row)], answers=True)
    assert values["left_out_by_format"] == left_out(every, ALL | {"relationships": False})


def _shape_line(shape: Shape) -> dict[str, Any]:
    by_question: dict[str, list[Any]] = {}
    for one in shape.answers:
        by_question.setdefault(one.question, []).append(one.value)
    line: dict[str, Any] = {"kind": shape.kind, "class": shape.name}
    line["value"] = {name: said if len(said) > 1 else said[0] for name, said in by_question.items()} or ""
    if shape.kind != "other":
        line |= dict(zip(("left", "top", "box_width", "box_height"), shape.around, strict=True))
    line["geometry"] = {
        "box": lambda: "",
        "polygon": lambda: [ring_of(part) for part in shape.parts],
        "mask": lambda: shape.pixels.tolist(),
        "polyline": lambda: [side for point in shape.points for side in point],
        "point": lambda: list(shape.points[0]),
        "other": lambda: {"cuboid": [1, 2, {"odd": shape.name}]},
    }[shape.kind]()
    return line


def _text(answer: Answer) -> str:
    return (
        answer.said
        if isinstance(answer.said, str)
        else json.dumps(answer.value, ensure_ascii=False, separators=(",", ":"))
    )


def _read(line: Mapping[str, str], key: str) -> Any:
    if key in ("left", "top", "box_width", "box_height"):
        return float(line[key])
    if key == "geometry" and line["kind"] == "mask":
        return coco_mask.decode({"size": [HEIGHT, WIDTH], "counts": line[key]}).astype(bool).tolist()
    if key in ("value", "geometry") and line[key]:
        return json.loads(line[key])
    return line[key]


def png_is_right(project: Project, rows: Sequence[Row], every: Sequence[Row], labels: str) -> None:
    content, values = delivered(project, "png", labels)
    held = []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        legend = {one["name"]: one["value"] for one in json.loads(archive.read("classes.json"))["classes"]}
        index = list(csv.DictReader(io.StringIO(archive.read("index.csv").decode(), newline=""), strict=True))
        assert [line["global_key"] for line in index] == [row.key for row in rows]
        for row, line in zip(rows, index, strict=True):
            picture = np.zeros((HEIGHT, WIDTH), int)
            painted = [one for one in kept_shapes(row) if one.kind in IN_COCO and one.name and not one.is_further]
            for one in painted:
                picture[one.pixels] = legend[one.name]
            assert np.array_equal(np.asarray(Image.open(io.BytesIO(archive.read(line["file"])))), picture)
            held += painted
    counts_are(values, rows, every, held, answers=False)
    assert values["left_out_by_format"] == left_out(every, NONE)


@settings(
    max_examples=12,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(content=projects, choice=st.sampled_from(["not_skipped", "not_skipped", "all"]))
def test_all_formats_hold_what_the_oracle_says(content: list[Row], choice: str, tmp_path: Path):
    file = tmp_path / "rows.ndjson"
    file.write_text("".join(f"{json.dumps(row.to_row())}\n" for row in content))
    run = import_file(file, new_id())
    assert (run.summary["created"], run.summary["refused_count"]) == (len(content), 0), run.summary
    # a picture that was only skipped would look like one with nothing on it
    finished = [row for row in content if row.leaving or not row.labels]
    coco_is_right(run.project, finished, content, choice)
    png_is_right(run.project, finished, content, choice)
    if choice == "all":  # these two hold skipped labels like any other
        content = finished = [
            replace(row, labels=tuple(replace(label, is_skipped=False) for label in row.labels)) for row in content
        ]
    json_is_right(run.project, finished, content, choice)
    csv_is_right(run.project, finished, content, choice)
