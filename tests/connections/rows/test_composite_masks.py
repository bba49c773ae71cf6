"""Masks as pictures with a colour each, and back to the very pixels."""

from __future__ import annotations

import io
import random
from typing import Any

import numpy as np
import orjson
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from connections.rows import composite_masks
from connections.rows.composite_masks import colour_of, paint, take_masks

HEIGHT, WIDTH = 40, 60


def mask(*corners: tuple[int, int, int, int], size: tuple[int, int] = (HEIGHT, WIDTH)) -> dict[str, Any]:
    """Rectangles: left, top, right, bottom."""
    pixels = np.zeros(size, np.uint8, order="F")
    for left, top, right, bottom in corners:
        pixels[top:bottom, left:right] = 1
    return {"size": list(size), "counts": coco_mask.encode(pixels)["counts"].decode()}


def mark(name: str, one: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"feature_id": name, "name": name, "mask": one, "classifications": [], **more}


def row(*marks: Any, frames: Any = None) -> dict[str, Any]:
    annotations: dict[str, Any] = {"objects": list(marks)} if frames is None else {"frames": frames}
    return {"projects": {"p": {"labels": [{"id": "l", "annotations": annotations}]}}}


def objects(document: Any) -> list[Any]:
    found: list[Any] = document["projects"]["p"]["labels"][0]["annotations"]["objects"]
    return found


def address(place: int, index: int) -> str:
    return f"https://here/{place}/index/{index}"


def painted(lines: bytes, url: str) -> Any:
    """The picture behind an address, as whoever fetches it reads it."""
    place, _, index = url.removeprefix("https://here/").split("/")
    line = orjson.loads(lines[int(place) :].split(b"\n")[0])
    assert line["index"] == int(index)
    return np.asarray(Image.open(io.BytesIO(paint(line))))


def back(lines: bytes, composite: Any) -> str:
    """The mask's counts from its picture and colour, by pycocotools."""
    pixels = (painted(lines, composite["url"]) == composite["color_rgb"]).all(axis=2)
    counts: str = coco_mask.encode(np.asfortranarray(pixels.astype(np.uint8)))["counts"].decode()
    return counts


APART = [mask((0, 0, 10, 10)), mask((20, 5, 30, 15), (25, 20, 28, 30)), mask((40, 0, 60, 40))]


def test_masks_that_lie_apart_share_a_picture_and_come_back_as_they_were():
    document = row(*(mark(str(n), one) for n, one in enumerate(APART)))
    lines = take_masks(document, 0, address)
    assert lines.count(b"\n") == 1
    found = [one["composite_mask"] for one in objects(document)]
    assert len({tuple(one["color_rgb"]) for one in found}) == 3
    assert [back(lines, one) for one in found] == [one["counts"] for one in APART]


def test_masks_that_overlap_are_in_different_pictures_and_lose_no_pixel():
    over = [mask((0, 0, 30, 30)), mask((10, 10, 40, 40)), mask((20, 20, 60, 40)), mask((0, 31, 5, 40))]
    document = row(*(mark(str(n), one) for n, one in enumerate(over)))
    lines = take_masks(document, 0, address)
    assert lines.count(b"\n") == 3
    assert [back(lines, one["composite_mask"]) for one in objects(document)] == [one["counts"] for one in over]


@pytest.mark.parametrize("most", [4, 65_535])
@pytest.mark.parametrize("seed", range(5))
def test_each_mask_is_in_the_first_picture_of_its_size_that_has_room_for_its_box(monkeypatch, seed, most):
    monkeypatch.setattr(composite_masks, "MOST_MASKS", most)
    chance = random.Random(seed)
    placed: list[tuple[tuple[int, int], list[tuple[int, int, int, int]]]] = []
    marks, expected = [], []
    for number in range(60):
        size = chance.choice([(HEIGHT, WIDTH), (HEIGHT, WIDTH), (WIDTH, HEIGHT)])
        left, top = chance.randrange(35), chance.randrange(35)
        right, bottom = left + chance.randrange(1, 6), top + chance.randrange(1, 6)
        marks.append(mark(str(number), mask((left, top, right, bottom), size=size)))
        at = 0
        while at < len(placed) and not (
            placed[at][0] == size
            and len(placed[at][1]) < most
            and all(r <= left or right <= x or b <= top or bottom <= y for x, y, r, b in placed[at][1])
        ):
            at += 1
        if at == len(placed):
            placed.append((size, []))
        placed[at][1].append((left, top, right, bottom))
        expected.append(at)
    document = row(*marks)
    lines = take_masks(document, 0, address).splitlines(keepends=True)
    begins = [sum(map(len, lines[:at])) for at in range(len(lines))]
    assert [one["composite_mask"]["url"] for one in objects(document)] == [address(begins[at], 1) for at in expected]
    assert len(placed) > 3


def test_a_line_is_found_by_where_it_begins_in_a_file_that_holds_others_before():
    before = b"x" * 1000 + b"\n"
    document = row(mark("a", APART[0]), mark("b", mask((0, 0, 5, 5), size=(20, 20))))
    lines = before + take_masks(document, len(before), address)
    assert painted(lines, objects(document)[0]["composite_mask"]["url"]).shape == (HEIGHT, WIDTH, 3)
    assert painted(lines, objects(document)[1]["composite_mask"]["url"]).shape == (20, 20, 3)


def test_each_frame_of_a_video_has_a_picture_with_its_number():
    frames = {str(n): {"objects": {"f": mark("f", mask((n, 0, n + 5, 5)))}} for n in (3, 9)}
    document = row(frames=frames)
    lines = take_masks(document, 0, address)
    found = document["projects"]["p"]["labels"][0]["annotations"]["frames"]
    urls = [found[n]["objects"]["f"]["composite_mask"]["url"] for n in ("3", "9")]
    assert [url.rpartition("/")[2] for url in urls] == ["3", "9"]
    assert [painted(lines, url).any() for url in urls] == [True, True]


def test_the_keys_of_a_mark_stay_where_they_are_and_others_without_a_mask_as_they_are():
    other = {"feature_id": "b", "bounding_box": {"left": 1}}
    document = row(mark("a", APART[0], last=1), dict(other))
    take_masks(document, 0, address)
    assert list(objects(document)[0]) == ["feature_id", "name", "composite_mask", "classifications", "last"]
    assert objects(document)[1] == other


def test_a_mask_that_breaks_off_is_an_error():
    with pytest.raises(ValueError, match="break off"):
        take_masks(row(mark("a", {"size": [HEIGHT, WIDTH], "counts": "01o"})), 0, address)


def test_no_two_of_many_masks_have_the_same_colour_and_none_is_black():
    assert len({colour_of(number) for number in range(1, 100_000)}) == 99_999
    assert colour_of(1) and all(colour_of(number) for number in range(1, 100_000))


@pytest.mark.parametrize("count", [3, 300])
def test_a_picture_is_painted_in_bands_with_as_many_colours_as_it_takes(monkeypatch, count):
    monkeypatch.setattr(composite_masks, "_BAND", 7 * WIDTH)
    document = row(*(mark(str(n), mask((n % 60, n // 60, n % 60 + 1, n // 60 + 1))) for n in range(count)))
    lines = take_masks(document, 0, address)
    assert lines.count(b"\n") == 1
    picture = painted(lines, objects(document)[0]["composite_mask"]["url"])
    assert [tuple(picture[n // 60, n % 60]) for n in range(count)] == [
        tuple(one["composite_mask"]["color_rgb"]) for one in objects(document)
    ]


def test_a_mask_of_which_no_picture_can_be_painted_is_refused_in_words(monkeypatch):
    document = row(mark("a", APART[0]))
    line = orjson.loads(take_masks(row(mark("a", APART[0])), 0, address))
    monkeypatch.setattr(composite_masks, "MOST_PIXELS", 2399)
    for use in (lambda: take_masks(document, 0, address), lambda: paint(line)):
        with pytest.raises(ValueError, match="a picture of 60 x 40 pixels has more than the 2,399 of the largest"):
            use()


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        ({"size": [0, 5], "counts": ""}, "has no picture"),
        ({"size": [HEIGHT, WIDTH], "counts": "0"}, "do not add up"),
        ({"size": [HEIGHT, WIDTH], "counts": ""}, "do not add up"),
    ],
)
def test_no_address_is_given_to_what_could_not_be_painted(one: Any, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        take_masks(row(mark("a", one)), 0, address)


def test_more_masks_than_can_be_numbered_are_in_several_pictures(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(composite_masks, "MOST_MASKS", 2)
    document = row(*(mark(str(n), one) for n, one in enumerate(APART)))
    lines = take_masks(document, 0, address)
    assert lines.count(b"\n") == 2
    assert [back(lines, one["composite_mask"]) for one in objects(document)] == [one["counts"] for one in APART]
