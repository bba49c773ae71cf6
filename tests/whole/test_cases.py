"""Files that people have tripped over, imported and exported in every format, judged by other people's readers.

The files are those of ``../shared/data/cases``: each is a small input after a public bug report, its sidecar says
what is right. A function below is the right answer for one of them; a file without one has to satisfy what every file
has to (:meth:`tests.support.delivered.Delivered.formats_agree`). ``make cases`` installs further readers (supervision,
datumaro, Label Studio's own converter), asks them too, and prints a table of all formats.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.delivered import Delivered, box
from tests.support.paths import SHARED
from tests.support.peers import PYTHON as PEERS_PYTHON
from tests.support.peers import Peers

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

FOLDER = SHARED / "data" / "cases"
Check = Callable[[Delivered, Path], None]
RIGHT: dict[str, tuple[str, Check]] = {}

# the box of most files: x 10, y 20, width 30, height 40 of a hundred, on a picture of 1000 x 500
USUAL = (100, 100, 300, 200)


def case(stem: str, kind: str) -> Callable[[Check], Check]:
    """The right answer for ``stem.json``, whose fault is of this kind."""

    def enter(check: Check) -> Check:
        RIGHT[stem] = kind, check
        return check

    return enter


def stems() -> list[str]:
    """Of all files there are; second files of a case are read by its check."""
    found = [path.stem for path in sorted(FOLDER.glob("*.json"))] or list(RIGHT)
    return [stem for stem in found if stem not in ("35b-ls-project-two", "71b-coco-val")]


@pytest.fixture(scope="module")
def peers() -> Iterator[Peers | None]:
    """The further readers; ``None`` where ``make cases`` has not installed them."""
    if not PEERS_PYTHON.exists():
        yield None
        return
    asked = Peers()
    yield asked
    asked.close()


# --- helpers ---------------------------------------------------------------------------------------------------------


def holds(text: str, *pieces: object) -> bool:
    """Does the text (a cell, a line) have all of these?"""
    plain = text.replace("\\n", " ")  # an end of line as JSON writes it
    return all(re.search(rf"(?<![\w.]){re.escape(str(piece))}(?![\w.])", plain) for piece in pieces)


def counted(left_out: dict[str, int], word: str) -> int:
    return sum(count for name, count in left_out.items() if word in name.replace("_", " "))


def pictures_are_apart(got: Delivered, *pictures: tuple[tuple[int, int], str, tuple[float, ...]]) -> None:
    """A row a picture, each with its size, its mark and nothing else; or no row, with the reason."""
    if not got.summary["created"]:
        got.check("import", bool(re.search(r"lie on (2|two) pictures|2 pictures", got.said)), got.said)
        got.check("import", got.exit_code == 1, f"exit code {got.exit_code}")
        return
    found = sorted(
        ((got.image_of[key].get("width"), got.image_of[key].get("height")), name, tuple(one["bbox"]))
        for key, name, one in got.annotations()
    )
    got.equal("coco_json", "size, class and box", found, sorted(pictures))
    got.equal("coco_json", "images", len(got.images), len(pictures))
    got.formats_agree()


def address_is_told(got: Delivered, key: str, address: str) -> None:
    """COCO, CSV and the index of PNG say where the picture is."""
    image = got.image_of[key]
    got.check(
        "coco_json", address in (image.get("coco_url"), image.get("source"), image["file_name"]), f"image {image}"
    )
    for format, lines in (("csv", got.lines), ("png", got.index)):
        found = {(line.get("row_data"), line.get("file_name")) for line in lines if line["global_key"] == key}
        got.equal(format, f"address and name of {key}", found, {(address, image["file_name"])})


def answered(got: Delivered, question: str, *pieces: object, region: str = "") -> None:
    """CSV, json: the question is answered, on the row or on its one region of this class, with these words."""
    if region:
        text = json.dumps(json.loads(got.line(name=region)["value"] or "{}").get(question), ensure_ascii=False)
    else:
        line = got.line(name=question)
        got.equal("csv", f"kind of {question}", line["kind"], "classification")
        text = line["value"]
    got.check("csv", holds(text, *pieces), f"answer to {question} is {text}, right are {pieces}")
    found = [one for _, mark, one in got.answers() if mark == region and one["name"] == question]
    got.check("json", holds(json.dumps(found, ensure_ascii=False), *pieces), f"answer to {question} is {found}")


def carried(got: Delivered, name: str, **value: Any) -> None:
    """CSV has what the region says in its geometry."""
    text = got.line(name=name)["geometry"]
    found = json.loads(text or "{}")
    got.check("csv", all(found.get(key) == part for key, part in value.items()), f"geometry of {name} is {text}")


def labelling(shape: str, *names: str) -> str:
    labels = "".join(f'<Label value="{name}"/>' for name in names)
    return f'<View><Image name="image" value="$image"/><{shape} name="label" toName="image">{labels}</{shape}></View>'


def as_label_studio_does(got: Delivered, path: Path, config: str) -> None:
    """COCO has the boxes that Label Studio's own converter finds."""
    if got.peers is None:
        return
    theirs = got.peers.convert(path, config)
    assert "coco" in theirs, theirs
    names = {one["id"]: one["name"] for one in theirs["coco"]["categories"]}
    expected = sorted((names[one["category_id"]], one["bbox"]) for one in theirs["coco"]["annotations"])
    found = sorted((name, one["bbox"]) for _, name, one in got.annotations())
    got.equal("coco_json", "boxes as Label Studio's converter has them", found, expected)


# --- Label Studio ----------------------------------------------------------------------------------------------------


@case("01-ls-skipped-with-regions", "3")
def skipped_work_is_no_ground_truth(got: Delivered, path: Path) -> None:
    got.shapes_are(box("task-2", "bus", *USUAL), box("task-3", "car", *USUAL))
    as_label_studio_does(got, path, labelling("RectangleLabels", "car", "bus", "wrong"))
    # a picture that was only skipped is no picture without anything on it: it stays out
    got.equal("coco_json", "images", len(got.images), 2)
    got.equal("png", "pixels", got.pixels(), {"task-2": {"bus": 60_000}, "task-3": {"car": 60_000}})
    for format in ("coco_json", "png"):
        got.equal(format, "skipped, left out", counted(got.left_out(format), "skipped"), 2)


@case("02-ls-ellipse", "9")
def an_ellipse_is_in_csv(got: Delivered, path: Path) -> None:
    carried(got, "cell", x=50, y=50, radiusX=10, radiusY=20, rotation=0)
    for format in ("coco_json", "png"):
        got.equal(format, "left out", sum(got.left_out(format).values()), 1)
    image = got.images[0]
    got.equal("coco_json", "size", (image.get("width"), image.get("height")), (1000, 500))
    got.formats_agree()


@case("03-ls-two-images", "4")
def two_pictures_of_a_task_stay_apart(got: Delivered, path: Path) -> None:
    pictures_are_apart(got, ((1000, 500), "car", USUAL), ((200, 2000), "car", (20, 1600, 100, 200)))


@case("04-ls-pages-item-index", "4")
def two_pages_of_a_task_stay_apart(got: Delivered, path: Path) -> None:
    pictures_are_apart(got, ((1000, 500), "title", USUAL), ((1000, 500), "table", (50, 25, 200, 100)))


@case("05-ls-rating-taxonomy-number", "9")
def questions_are_no_classes(got: Delivered, path: Path) -> None:
    got.shapes_are(box("task-1", "car", *USUAL))
    got.categories_are("car")
    answered(got, "quality", 4)
    answered(got, "species", "Animal", "Cat", "Dog")
    answered(got, "count", 7)
    answered(got, "when", "2024-05-01")


@case("06-ls-per-region-and-relation", "17")
def what_a_format_cannot_hold_is_counted(got: Delivered, path: Path) -> None:
    got.shapes_are(box("task-1", "car", *USUAL), box("task-1", "plate", 150, 250, 50, 25))
    answered(got, "damage", "dented", "scratched", region="car")
    answered(got, "number", "AB 123", region="plate")
    for format in ("coco_json", "png"):
        left_out = got.left_out(format)
        got.equal(format, "answers left out", counted(left_out, "answer"), 2)
        got.equal(format, "relationships left out", counted(left_out, "relation"), 1)
    got.equal("csv", "relationships left out", counted(got.left_out("csv"), "relation"), 1)


@case("07-ls-two-labels-one-region", "13")
def both_labels_of_a_region_are_told(got: Delivered, path: Path) -> None:
    _two_labels(got, "car", "red")


@case("08-ls-two-label-controls", "13")
def the_labels_of_two_controls_are_told(got: Delivered, path: Path) -> None:
    _two_labels(got, "car", "red")
    got.check("json", holds(json.dumps(got.rows()), "car", "red", "colour"), "json has one of the labels only")


def _two_labels(got: Delivered, *names: str) -> None:
    lines = " ".join(f"{line['class']} {line['value']} {line['geometry']}" for line in got.lines)
    got.check("csv", holds(lines, *names), f"not all of {names} in {lines}")
    for format in ("coco_json", "png"):
        printed = {name for _, name, _ in got.annotations()}
        said = counted(got.left_out(format), "label")
        got.check(format, printed == set(names) or said == 1, f"classes {printed}, left out {got.left_out(format)}")
    got.formats_agree()


@case("09-ls-size-only-in-choices", "15")
def any_region_says_the_size(got: Delivered, path: Path) -> None:
    image = got.images[0]
    got.equal("coco_json", "size", (image.get("width"), image.get("height")), (1000, 500))
    got.equal("csv", "size", (got.lines[0]["width"], got.lines[0]["height"]), ("1000", "500"))
    got.equal("png", "masks", {key: mask.shape for key, mask in got.masks.items()}, {"task-1": (500, 1000)})
    answered(got, "scene", "night")
    got.formats_agree()


@case("10-ls-media-key", "10")
def the_picture_is_the_address_of_a_picture(got: Delivered, path: Path) -> None:
    got.shapes_are(box("task-1", "shoe", *USUAL))
    address_is_told(got, "task-1", "https://cdn.example/5.jpg")
    got.check("coco_json", got.images[0]["file_name"].endswith("5.jpg"), got.images[0]["file_name"])


@case("11-ls-json-min", "24")
def json_min_is_called_by_its_name(got: Delivered, path: Path) -> None:
    got.check("import", got.exit_code != 0, "exit code 0")
    got.check("import", holds(got.said, "JSON_MIN"), got.said)
    got.check("import", "label_studio (" not in got.said, got.said)


@case("22-ls-video", "9")
def a_video_box_is_in_csv(got: Delivered, path: Path) -> None:
    given = json.loads(path.read_text())[0]["annotations"][0]["result"][0]["value"]
    carried(got, "Car", sequence=given["sequence"], framesCount=100)
    got.formats_agree()


@case("23-ls-ner-audio-timeseries", "9")
def spans_and_segments_are_in_csv(got: Delivered, path: Path) -> None:
    carried(got, "Team", start=0, end=6, text="Dallas")
    carried(got, "Speech", start=1.5, end=3.25)
    carried(got, "Run", start=1592250751951, end=1592250759000)
    got.formats_agree()


@case("24-ls-addresses", "10")
def every_format_says_which_picture(got: Delivered, path: Path) -> None:
    tasks = json.loads(path.read_text())
    for task in tasks:
        address_is_told(got, f"task-{task['id']}", task["data"]["image"])
    leaves = {
        1: "img.jpg",
        2: "img 1.jpg",
        3: "a b.jpg",
        4: "图片.jpg",
        5: "图片 一.jpg",
        6: "x.PNG",
        7: "a.jpg",
        9: "photo.jpg",
    }
    for number, leaf in leaves.items():
        name = got.image_of[f"task-{number}"]["file_name"]
        got.check("coco_json", bool(re.search(rf"(^|[/-]){re.escape(leaf)}$", name)), f"{name} is not {leaf}")
    got.equal("coco_json", "names", len({image["file_name"] for image in got.images}), len(tasks))
    got.formats_agree()


@case("27-ls-epoch-seconds", "18")
def seconds_since_1970_are_seconds(got: Delivered, path: Path) -> None:
    got.shapes_are(box("task-1", "car", *USUAL))
    got.check(
        "csv", got.lines[0]["label_created_at"].startswith("2020-09-09T14:23:51"), got.lines[0]["label_created_at"]
    )
    (label,) = [label for _, label in got.labels()]
    found = label["label_details"]["created_at"]
    got.check("json", found.startswith("2020-09-09T14:23:51"), found)


@case("30-ls-textarea-repeated", "16")
def all_texts_of_a_region_are_in_csv(got: Delivered, path: Path) -> None:
    got.shapes_are(box("task-1", "car", *USUAL))
    answered(got, "ocr", "first", "second", "third", region="car")


@case("35a-ls-project-one", "12")
def another_picture_under_the_same_key_is_asked_about(got: Delivered, path: Path) -> None:
    got.read(path.with_name("35b-ls-project-two.json"))
    got.equal("import", "updated", got.summary["updated"], 0)
    got.check("import", holds(got.said, "task-1") and "--replace" in got.said, got.said)
    got.shapes_are(box("task-1", "car", *USUAL), box("task-2", "car", *USUAL))
    address_is_told(got, "task-1", "/data/upload/1/a.jpg")


@case("38-ls-no-label", "8")
def a_control_is_no_class(got: Delivered, path: Path) -> None:
    got.categories_are("car")
    got.equal("coco_json", "shapes", got.shapes_of_coco(), [box("task-1", "car", *USUAL)])
    got.check("json", {one["name"] for _, one in got.objects()} <= {"car", ""}, f"{got.objects()}")
    said = re.search(r"(note|refused|warning).*label", got.said)
    got.check("import", bool(said) or bool(got.left_out("coco_json")), f"no word about it: {got.said}")
    as_label_studio_does(got, path, labelling("RectangleLabels", "car"))
    got.formats_agree()


@case("40-ls-label-under-other-key", "8")
def a_label_is_found_under_labels_too(got: Delivered, path: Path) -> None:
    got.shapes_are(box("task-1", "car", *USUAL), box("task-1", "bus", *USUAL), box("task-1", "tree", 10, 5, 40, 20))
    got.categories_are("bus", "car", "tree")


@case("42-ls-open-polygon-and-vector", "9")
def a_vector_is_in_csv(got: Delivered, path: Path) -> None:
    cell = got.line(name="lane")["geometry"]
    got.check("csv", cell in ("[1.0,1.0,9.0,9.0]", "[1,1,9,9]") or "vertices" in cell, f"geometry of lane is {cell}")
    got.formats_agree()


@case("43-ls-three-annotators", "21")
def it_is_told_who_it_was(got: Delivered, path: Path) -> None:
    who = ["a@example.com", "b@example.com", "3"]
    got.equal("csv", "who", [line["label_created_by"] for line in got.lines], who)
    got.equal("json", "who", [label["label_details"]["created_by"] for _, label in got.labels()], who)
    got.shapes_are(*(box("task-1", "car", left, 100, 300, 200) for left in (100, 110, 105)))
    several = got.report("coco_json").check_values["labels"]["rows_with_several"]
    got.equal("coco_json", "rows with several labels", several, 1)
    got.asking(labels="ground_truth").shapes_are(box("task-1", "car", 105, 100, 300, 200))
    got.asking(labels="created_by:b@example.com").shapes_are(box("task-1", "car", 110, 100, 300, 200))


@case("45-ls-rating-per-region-steals-label", "1")
def a_rating_of_a_region_takes_nothing_from_it(got: Delivered, path: Path) -> None:
    got.shapes_are(box("task-1", "plate", *USUAL))
    got.categories_are("plate")
    answered(got, "text", "AB 1", region="plate")
    answered(got, "legibility", 4, region="plate")


@case("46-ls-number-per-region-steals-answer", "1")
def all_answers_of_a_region_are_its_own(got: Delivered, path: Path) -> None:
    got.shapes_are(box("task-1", "pot", *USUAL))
    got.categories_are("pot")
    answered(got, "health", "good", region="pot")
    answered(got, "leaves", 7, region="pot")
    answered(got, "species", "Plant", "Fern", region="pot")


@case("49-ls-image-is-a-list", "4")
def two_layers_of_a_task_stay_apart(got: Delivered, path: Path) -> None:
    pictures_are_apart(got, ((1000, 500), "car", USUAL), ((300, 300), "bus", (30, 60, 90, 120)))


@case("176-ls-choices-repeated-per-region", "16")
def a_question_that_comes_twice_has_two_answers(got: Delivered, path: Path) -> None:
    got.shapes_are(box("task-1", "car", *USUAL))
    answered(got, "state", "wet", "old", region="car")


@case("177-ls-same-leaf-in-two-folders", "10")
def two_folders_are_told_apart(got: Delivered, path: Path) -> None:
    got.shapes_are(box("task-1", "car", *USUAL), box("task-2", "car", *USUAL))
    address_is_told(got, "task-1", "s3://b/north/0001.jpg")
    address_is_told(got, "task-2", "s3://b/south/0001.jpg")


# --- COCO ------------------------------------------------------------------------------------------------------------


@case("50-coco-width-only", "15")
def one_side_of_a_size_is_kept(got: Delivered, path: Path) -> None:
    rows = {row["data_row"]["global_key"]: json.dumps(row) for row in got.rows()}
    for key, side, pixels in (("img1.jpg", "width", 640), ("img2.jpg", "height", 480)):
        kept = key in rows and bool(re.search(rf'"{side}": {pixels}\b', rows[key]))
        refused = key not in rows and bool(re.search(side, got.said)) and got.exit_code == 1
        got.check("json", kept or refused, f"{key}: {rows.get(key)}")
    got.equal("png", "rows that are named", sorted(line["global_key"] for line in got.index), sorted(rows))
    got.formats_agree()


def _is_told(got: Delivered, pattern: str) -> bool:
    """Do the first lines of the import say it?"""
    return any(re.search(pattern, line) for line in got.said.splitlines()[:5])


def _ids(got: Delivered) -> dict[str, int]:
    return {image["file_name"]: image["id"] for image in got.images}


@case("51-coco-huge-image-id", "6")
def large_ids_are_ids(got: Delivered, path: Path) -> None:
    got.equal("coco_json", "ids", _ids(got), {"a.jpg": 1234567890123456789, "b.jpg": 20231105123456})
    got.shapes_are(box("a.jpg", "cat", 10, 20, 30, 40), box("b.jpg", "cat", 10, 20, 30, 40))


@case("52-coco-float-ids", "24")
def a_whole_number_with_a_point_is_an_id(got: Delivered, path: Path) -> None:
    if got.summary["created"]:
        got.equal("coco_json", "ids", _ids(got), {"a.jpg": 1})
        got.shapes_are(box("a.jpg", "cat", 1, 1, 2, 2))
    else:
        got.check("import", "whole number" in got.said and got.exit_code == 1, got.said)


@case("55-coco-licenses-info", "14")
def licenses_and_info_come_out_again(got: Delivered, path: Path) -> None:
    given, found = json.loads(path.read_text()), got.coco.dataset
    got.equal("coco_json", "licenses", found["licenses"], given["licenses"])
    kept = {key: found["info"].get(key) for key in given["info"]}
    got.equal("coco_json", "info", kept, given["info"])
    got.equal("coco_json", "licenses of images", [image["license"] for image in got.images], [4, 1])
    got.shapes_are(box("img1.jpg", "cat", 10, 20, 30, 40))


@case("57-coco-annotation-references", "6")
def references_between_annotations_hold(got: Delivered, path: Path) -> None:
    marks = {name: one for _, name, one in got.annotations()}
    parent, child = marks["cat"], marks["dog"]
    got.equal("coco_json", "ids", (parent["id"], child["id"]), (501, 777))
    got.equal("coco_json", "references", (child["parent_id"], child["group_id"]), (501, 501))
    relations = got.coco.dataset.get("relations", [])
    got.equal("coco_json", "relations", [(one["subject_ann"], one["object_ann"]) for one in relations], [(777, 501)])
    got.shapes_are(box("img1.jpg", "cat", 0, 0, 100, 100), box("img1.jpg", "dog", 10, 10, 5, 5))


@case("58-coco-captions", "24")
def captions_are_called_by_their_name(got: Delivered, path: Path) -> None:
    got.equal("import", "exit code", got.exit_code, 1)
    got.check("import", "caption" in got.said and "id None" not in got.said, got.said)


@case("59-coco-panoptic", "24")
def panoptic_is_called_by_its_name(got: Delivered, path: Path) -> None:
    got.equal("import", "exit code", got.exit_code, 1)
    got.check("import", "panoptic" in got.said and "id None" not in got.said, got.said)


@case("61-coco-lvis", "10")
def without_a_file_name_it_is_the_last_part_of_the_address(got: Delivered, path: Path) -> None:
    (given,), (image,) = json.loads(path.read_text())["images"], got.images
    got.equal("coco_json", "name", image["file_name"], "000000391895.jpg")
    for name in ("id", "coco_url", "neg_category_ids", "not_exhaustive_category_ids", "license"):
        got.equal("coco_json", name, image.get(name), given[name])
    got.formats_agree()


@case("62-coco-iscrowd-variants", "11")
def iscrowd_is_0_or_1(got: Delivered, path: Path) -> None:
    found = {key: one["iscrowd"] for key, _, one in got.annotations()}
    got.check("coco_json", all(type(crowd) is int for crowd in found.values()), f"iscrowd {found}")
    expected = {"img1.jpg": 0, "img2.jpg": 1, "img3.jpg": 0, "img5.jpg": 0, "img6.jpg": 0}
    got.equal("coco_json", "iscrowd", found, expected)
    got.equal("import", "refused and exit code", (got.summary["refused_count"], got.exit_code), (1, 1))
    got.check("import", "iscrowd" in got.said, got.said)
    got.formats_agree()


@case("69-coco-big-int-attribute", "19")
def all_digits_of_a_number_are_kept(got: Delivered, path: Path) -> None:
    text = got.file("coco_json").read_text()
    got.check("coco_json", holds(text, 18446744073709551615), text)
    if "a.jpg" in got.keys:
        for format in ("coco_json", "json", "ndjson"):
            text = got.file(format).read_text()
            got.check(format, holds(text, 18446744073709551617, 9007199254740993), text)
    else:
        got.check("import", got.exit_code == 1 and holds(got.said, 18446744073709551617), got.said)
    got.formats_agree()


@case("71a-coco-train", "6")
def a_second_file_says_what_it_changes(got: Delivered, path: Path) -> None:
    got.read(path.with_name("71b-coco-val.json"))
    got.check("import", _is_told(got, r"ids of images.*\b2 is 3\b"), f"no word about the id of 0009.jpg: {got.said}")
    (image,) = [one for one in got.images if one["file_name"] == "0009.jpg"]
    got.check("coco_json", 2 in (image["id"], image.get("source_id")), f"{image}")
    got.equal("coco_json", "id of 0002.jpg", _ids(got)["0002.jpg"], 2)
    got.check("import", holds(got.said, "0001.jpg"), f"no word about 0001.jpg: {got.said}")
    got.formats_agree()


@case("79-coco-area-forms", "11")
def an_area_fits_its_shape(got: Delivered, path: Path) -> None:
    got.check("import", "img1.jpg" not in got.keys and "'1200' is not a number" in got.said, got.said)
    found = {key: one["area"] for key, _, one in got.annotations()}
    right = {"img2.jpg": 1200, "img3.jpg": 1200, "img4.jpg": 1200, "img5.jpg": 100}
    if "img2.jpg" not in got.keys:
        right.pop("img2.jpg")
    got.equal("coco_json", "areas", found, right)
    got.formats_agree()


@case("81-coco-hole-as-second-ring", "20")
def the_area_of_rings_is_that_of_their_union(got: Delivered, path: Path) -> None:
    got.shapes_are(box("img1.jpg", "cat", 10, 10, 80, 80))
    ((_, _, one),) = got.annotations()
    got.equal("coco_json", "area", one["area"], 6400)
    got.equal("coco_json", "area as pycocotools has it", one["area"], got.coco.annToMask(one).sum())


@case("88-coco-one-giant-unlabelled", "22")
def a_giant_picture_does_not_stop_the_others(got: Delivered, path: Path) -> None:
    _the_rest_is_delivered(got)


@case("89-coco-one-without-size", "22")
def a_picture_without_size_does_not_stop_the_others(got: Delivered, path: Path) -> None:
    _the_rest_is_delivered(got)


def _the_rest_is_delivered(got: Delivered) -> None:
    got.equal("png", "pixels", got.pixels(), {"img1.jpg": {"cat": 1200}})
    (line,) = [line for line in got.index if line["global_key"] == "img2.jpg"]
    got.equal("png", "file of img2.jpg", line["file"], "")
    got.formats_agree()


@case("93-coco-negative-ids", "6")
def a_good_id_is_not_displaced_by_a_bad_one(got: Delivered, path: Path) -> None:
    ids = _ids(got)
    got.equal("coco_json", "id of img1.jpg", ids["img1.jpg"], 1)
    images = {image["file_name"]: image for image in got.images}
    got.check("coco_json", -1 in (ids["img-1.jpg"], images["img-1.jpg"].get("source_id")), f"{images['img-1.jpg']}")
    got.equal("coco_json", "id of cat", got.categories["cat"], 2)
    void = next(one for one in got.coco.dataset["categories"] if one["name"] == "void")
    got.check("coco_json", -1 in (void["id"], void.get("source_id")), f"{void}")
    if ids["img-1.jpg"] != -1:
        got.check("import", _is_told(got, r"ids of images.*-1"), got.said)
    got.shapes_are(box("img-1.jpg", "void", 10, 20, 30, 40), box("img1.jpg", "cat", 10, 20, 30, 40))


@case("94-coco-string-ids", "6")
def a_text_id_is_told(got: Delivered, path: Path) -> None:
    found = {image.get("source_id", image["id"]) for image in got.images}
    got.equal("coco_json", "old ids", found, {"img-a", "00012"})
    got.check("import", _is_told(got, r"ids of images.*(img-a|00012)"), got.said)
    got.shapes_are(box("imgimg-a.jpg", "cat", 10, 20, 30, 40), box("img00012.jpg", "dog", 10, 20, 30, 40))


@case("130-coco-for-ndjson-round-trip", "7")
def its_own_ndjson_brings_a_project_back(got: Delivered, path: Path) -> None:
    got.shapes_are(box("a.jpg", "person", 10, 20, 30, 40), box("b.jpg", "bottle", 1, 1, 19, 19))
    got.equal("coco_json", "ids", _ids(got), {"a.jpg": 391895, "b.jpg": 522418})
    got.equal("coco_json", "categories", got.categories, {"person": 17, "bottle": 44, "unused": 90})
    for format in ("ndjson", "json"):
        again = Delivered(f"again from {format}", got.folder)
        again.read(got.file(format))
        again.check("import", again.exit_code == 0, again.said)
        ours, theirs = ({**one.coco.dataset, "info": None} for one in (got, again))
        got.equal(format, "COCO after the way back", theirs, ours)
        got.equal(format, "CSV after the way back", _plain(again.lines), _plain(got.lines))


def _plain(lines: list[dict[str, str]]) -> list[dict[str, str]]:
    return [{name: text for name, text in line.items() if name != "label_created_at"} for line in lines]


@case("131-nd-from-130", "7")
def a_closed_ring_keeps_its_last_point(got: Delivered, path: Path) -> None:
    got.shapes_are(box("a.jpg", "person", 10, 20, 30, 40), box("b.jpg", "bottle", 1, 1, 19, 19))
    ring = next(one["segmentation"] for _, name, one in got.annotations() if name == "bottle")
    got.equal("coco_json", "outline", ring, [[1, 1, 20, 1, 20, 20, 1, 20, 1, 1]])
    person = next(one for _, name, one in got.annotations() if name == "person")
    got.equal("coco_json", "keypoints", (person.get("keypoints"), person.get("num_keypoints")), ([1, 1, 2], 1))


@case("132-nd-edited-geometry", "2")
def coco_follows_the_corrected_place(got: Delivered, path: Path) -> None:
    got.shapes_are(box("a.jpg", "person", 2, 1, 6, 5), box("b.jpg", "bottle", 30, 30, 10, 10))
    got.equal(
        "coco_json", "areas", {name: one["area"] for _, name, one in got.annotations()}, {"person": 30, "bottle": 50}
    )


@case("135-coco-ms-timestamp-ids", "6")
def milliseconds_are_ids(got: Delivered, path: Path) -> None:
    got.equal("coco_json", "ids", _ids(got), {"a.jpg": 1699180000000, "b.jpg": 1699180000500, "c.jpg": 5})
    got.shapes_are(box("a.jpg", "cat", 10, 20, 30, 40), box("c.jpg", "dog", 10, 20, 30, 40))


@case("142-coco-file-name-number", "24")
def a_number_is_no_file_name(got: Delivered, path: Path) -> None:
    got.equal("import", "refused and exit code", (got.summary["refused_count"], got.exit_code), (1, 1))
    got.check(
        "import", bool(re.search(r"file_name.*\b17\b", got.said)) and "this one has none" not in got.said, got.said
    )
    got.shapes_are()


@case("150b-coco-via-text-image-id", "5")
def a_mark_finds_its_picture_by_its_id_as_text(got: Delivered, path: Path) -> None:
    if got.summary["created"]:
        got.shapes_are(box("a.png", "car", 100, 100, 100, 100))
    else:
        got.equal("import", "exit code", got.exit_code, 1)


@case("162-coco-item-id-instead-of-image-id", "5")
def a_mark_without_a_picture_is_loud(got: Delivered, path: Path) -> None:
    got.equal("import", "exit code", got.exit_code, 1)
    marked = {key for key, _, _ in got.annotations()}
    told = _is_told(got, r"\b1 of 2 annotations.*no image")
    got.check("import", "img1.jpg" not in got.keys or "img1.jpg" in marked or told, got.said)
    got.formats_agree()


@case("179-coco-everything-refused", "23")
def nothing_went_in_is_no_success(got: Delivered, path: Path) -> None:
    got.equal("import", "created and exit code", (got.summary["created"], got.exit_code), (0, 1))


# --- rows ------------------------------------------------------------------------------------------------------------


@case("101-nd-numeric-feature-id", "24")
def a_number_as_feature_id_is_told_or_taken(got: Delivered, path: Path) -> None:
    if got.summary["created"]:
        got.equal("csv", "ids", [line["annotation_id"] for line in got.lines], ["17", "5"])
        got.shapes_are(box("a.jpg", "car", 20, 10, 40, 30))
    else:
        got.check("import", "feature_id" in got.said and "attribute" not in got.said, got.said)
        got.categories_are()


@case("102-nd-nested-classifications", "16")
def answers_below_answers_are_in_csv(got: Delivered, path: Path) -> None:
    got.shapes_are(box("a.jpg", "car", 20, 10, 40, 30))
    answered(got, "colour", "red", "shade", "dark", region="car")
    answered(got, "weather", "rain", "how", "hard")


@case("106-nd-benchmark-consensus", "3")
def a_skipped_label_is_no_ground_truth(got: Delivered, path: Path) -> None:
    got.shapes_are(box("a.jpg", "car", 20, 10, 40, 30))
    for format in ("coco_json", "png"):
        got.equal(format, "skipped, left out", counted(got.left_out(format), "skipped"), 1)


# --- the test --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stem", stems())
def test_a_file_comes_out_right(stem, shared, peers, tmp_path, settings, record_property):
    settings.ARTIFACTS_DIR = tmp_path / "artifacts"
    kind, check = RIGHT.get(stem, ("", None))
    got = Delivered(stem, tmp_path, peers)
    got.read(FOLDER / f"{stem}.json")
    try:
        if check is not None:
            check(got, FOLDER / f"{stem}.json")
        elif got.summary["created"]:
            got.formats_agree()
    except (AssertionError, KeyError, ValueError, TypeError, StopIteration) as error:
        # of a delivery that is not what the check takes it for
        got.check("check", False, f"{type(error).__name__}: {error}")
    subject = check.__name__.replace("_", " ") if check else "all formats agree"
    record_property("case", {"kind": kind, "subject": subject, "checks": got.checks})
    assert not got.wrong, "\n".join(got.wrong)


def test_every_right_answer_has_its_file(shared):
    assert set(RIGHT) <= set(stems())
