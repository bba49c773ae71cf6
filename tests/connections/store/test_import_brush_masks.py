"""Label Studio's brush bit streams become COCO masks that are the same to the pixel as decoding them step by step."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from connections.rows.checks import BadMark
from connections.store.importers.brush import brush_mask

SIZES = [3, 4, 8, 16]


class Bits:
    """Writes and reads the stream a bit at a time, as the format is described."""

    def __init__(self, text: str = "") -> None:
        self.text = text
        self.at = 0

    def write(self, value: int, count: int) -> None:
        self.text += f"{value:0{count}b}"

    def read(self, count: int) -> int:
        self.at += count
        return int(self.text[self.at - count : self.at], 2)

    def bytes(self) -> list[int]:
        padded = self.text + "0" * (-len(self.text) % 8)
        return [int(padded[at : at + 8], 2) for at in range(0, len(padded), 8)]


def encode(values: list[int], chooser: random.Random, sizes: list[int] = SIZES) -> list[int]:
    """Runs and literals chosen at random: many streams say the same picture."""
    bits = Bits()
    bits.write(len(values), 32)
    bits.write(7, 5)
    for size in sizes:
        bits.write(size - 1, 4)
    at = 0
    while at < len(values):
        run = 1
        while at + run < len(values) and values[at + run] == values[at]:
            run += 1
        kind = chooser.randrange(4)
        most = 1 << sizes[kind]
        if chooser.random() < 0.5:
            run = min(run, most)
            bits.write(1, 1)
            bits.write(kind, 2)
            bits.write(run - 1, sizes[kind])
            bits.write(values[at], 8)
        else:
            run = min(chooser.randint(1, 9), most, len(values) - at)
            bits.write(0, 1)
            bits.write(kind, 2)
            bits.write(run - 1, sizes[kind])
            for value in values[at : at + run]:
                bits.write(value, 8)
        at += run
    return bits.bytes()


def decode_step_by_step(rle: list[int], height: int, width: int) -> str:
    bits = Bits("".join(f"{byte:08b}" for byte in rle))
    count, word = bits.read(32), bits.read(5) + 1
    sizes = [bits.read(4) + 1 for _ in range(4)]
    values: list[int] = []
    while len(values) < count:
        repeated = bits.read(1)
        length = bits.read(sizes[bits.read(2)]) + 1
        values += [bits.read(word)] * length if repeated else [bits.read(word) for _ in range(length)]
    alpha = np.array(values, dtype=np.uint8).reshape(height, width, 4)[:, :, 3]
    text: bytes = coco_mask.encode(np.asfortranarray((alpha > 0).astype(np.uint8)))["counts"]
    return text.decode()


@st.composite
def pictures(draw: st.DrawFn) -> tuple[list[int], int, int]:
    """RGBA values in which colour says nothing of alpha, and runs are long enough to cross rows."""
    height, width = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    pixels: list[int] = []
    while len(pixels) < height * width:
        alpha = draw(st.sampled_from([0, 0, 1, 128, 255]))
        colour = draw(st.sampled_from([alpha, 0, 255, 7]))
        pixels += [colour << 8 | alpha] * draw(st.integers(1, 2 * width + 1))
    values = [part for pixel in pixels[: height * width] for part in (*[pixel >> 8] * 3, pixel & 255)]
    return values, height, width


@given(pictures(), st.randoms(use_true_random=False), st.sampled_from([SIZES, [1, 2, 5, 9], [16, 16, 3, 1]]))
def test_any_stream_gives_the_mask_that_is_found_step_by_step(picture, chooser, sizes):
    values, height, width = picture
    rle = encode(values, chooser, sizes)
    made = brush_mask(rle, height, width)
    assert made == {"size": [height, width], "counts": decode_step_by_step(rle, height, width)}


@pytest.mark.parametrize("alpha", [0, 255])
def test_an_empty_and_a_full_picture(alpha):
    rle = encode([alpha] * (300 * 200 * 4), random.Random(1))
    made = brush_mask(rle, 300, 200)
    assert coco_mask.area({"size": made["size"], "counts": made["counts"].encode()}) == (60_000 if alpha else 0)
    assert made["counts"] == decode_step_by_step(rle, 300, 200)


def test_bytes_behind_the_last_run_are_of_no_matter():
    rle = encode([0, 0, 0, 255] * 12, random.Random(3))
    for tail in ([0] * 9, [255] * 9, [128, 3, 77, 200, 13]):
        assert brush_mask(rle + tail, 3, 4) == brush_mask(rle, 3, 4)


@pytest.mark.parametrize(
    ("rle", "reason"),
    [
        (None, "no list of bytes"),
        ("AAAA", "no list of bytes"),
        ([], "breaks off in its header"),
        ([1, 2, "x"], "something else than bytes"),
        ([1, 2, 300], "something else than bytes"),
        ([1, 2, -1], "something else than bytes"),
        ([1.5], "something else than bytes"),
        ([0, 0, 0, 48, 127, 255, 255, 255], "words of 16 bits"),
    ],
)
def test_a_stream_that_is_none_is_refused(rle, reason):
    with pytest.raises(BadMark, match=reason):
        brush_mask(rle, 3, 4)


def test_a_mask_of_the_wrong_size_is_refused():
    rle = encode([0, 0, 0, 255] * 12, random.Random(3))
    with pytest.raises(BadMark, match="holds 12 pixels; the picture has 20"):
        brush_mask(rle, 4, 5)
    with pytest.raises(BadMark, match="at most"):
        brush_mask(rle, 10**9, 10**9)


def test_a_stream_that_is_cut_off_or_runs_over_is_refused_at_every_length():
    whole = encode([value for pixel in range(300) for value in (0, 0, 0, pixel % 7)], random.Random(5))
    for end in range(len(whole) - 1):
        with pytest.raises(BadMark, match="breaks off"):
            brush_mask(whole[:end], 10, 30)
    bits = Bits()
    bits.write(4, 32)
    bits.write(7, 5)
    for size in SIZES:
        bits.write(size - 1, 4)
    bits.write(0b111, 3)
    bits.write(999, 16)
    bits.write(255, 8)
    with pytest.raises(BadMark, match="runs over the picture's end"):
        brush_mask(bits.bytes(), 1, 1)


def test_a_short_stream_of_a_mask_that_takes_all_memory_is_refused():
    """Of full runs down a picture one pixel wide: each row begins and ends in it."""
    pixels = 1 << 24
    bits = Bits()
    bits.write(4 * pixels, 32)
    bits.write(7, 5)
    for size in SIZES:
        bits.write(size - 1, 4)
    for _ in range(4 * pixels >> 16):
        bits.write(0b111, 3)
        bits.write((1 << 16) - 1, 16)
        bits.write(255, 8)
    with pytest.raises(BadMark, match="pieces along its rows"):
        brush_mask(bits.bytes(), pixels, 1)


@given(st.lists(st.integers(0, 255), min_size=7, max_size=60))
def test_garbage_is_refused_or_fits_the_picture(garbage):
    head = [0, 0, 0, 48, 56 | garbage[0] & 7]  # 3 x 4 pixels, words of 8 bits
    try:
        made = brush_mask(head + garbage, 3, 4)
    except BadMark:
        return
    assert coco_mask.decode({"size": [3, 4], "counts": made["counts"].encode()}).shape == (3, 4)
