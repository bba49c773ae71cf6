"""COCO's compressed runs, read without pycocotools and compared with it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from connections.rows.masks import area_and_box, edges, run_lengths


def encode(picture: np.ndarray) -> str:
    counts: str = coco_mask.encode(np.asfortranarray(picture.astype(np.uint8)))["counts"].decode()
    return counts


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ("0A\n", "character"),
        ("5\u00e4", "character"),
        ("P", "break off"),
        ("PPPPPPPPP0", "too large"),
        ("000O0O", "below zero"),
    ],
)
def test_a_text_that_is_no_mask_is_refused_with_its_reason(counts: str, reason: str):
    with pytest.raises(ValueError, match=reason):
        run_lengths(counts)


@pytest.mark.parametrize("counts", ["", "3", "55", "0000"])
def test_runs_that_do_not_fill_the_picture_are_refused(counts: str):
    with pytest.raises(ValueError, match="do not add up to 3 x 2 pixels"):
        edges(counts, 2, 3)


def test_runs_are_refused_of_which_the_sum_would_begin_anew_behind_64_bits():
    climb = [count << 37 for count in range(1 << 13) for _ in range(2)]
    each, rest = divmod((1 << 64) + 6 - sum(climb), 1 << 13)
    runs = [*climb, *[each] * ((1 << 13) - 1), each + rest]
    steps = [*runs[:3], *(run - before for before, run in zip(runs[1:], runs[3:], strict=False))]
    with pytest.raises(ValueError, match="longer than any picture"):
        edges("".join(map(in_pieces, steps)), 2, 3)


def in_pieces(number: int) -> str:
    text = ""
    while not -16 <= number < 16:
        text += chr(48 + (number & 31 | 32))
        number >>= 5
    return text + chr(48 + (number & 31))


@given(st.text(alphabet=[chr(code) for code in range(48, 112)], max_size=40))
def test_any_text_of_cocos_letters_is_either_runs_or_refused(counts: str):
    try:
        runs = run_lengths(counts)
    except ValueError:
        return
    assert (runs >= 0).all()


@given(
    st.integers(1, 40),
    st.lists(st.tuples(st.booleans(), st.integers(1, 300)), min_size=1, max_size=30),
)
def test_edges_paint_the_same_pixels_as_pycocotools(height: int, runs: list[tuple[bool, int]]):
    flat = np.repeat([ink for ink, _ in runs], [length for _, length in runs])
    flat = np.concatenate([flat, np.zeros(-len(flat) % height, bool)])
    picture = flat.reshape(-1, height).T
    counts = encode(picture)
    painted = np.zeros(flat.size, bool)
    ends = iter(edges(counts, *picture.shape).tolist())
    for begin, end in zip(ends, ends, strict=True):
        painted[begin:end] = True
    decoded = coco_mask.decode({"size": list(picture.shape), "counts": counts.encode()})
    assert np.array_equal(painted.reshape(-1, height).T, decoded)


def test_runs_of_many_pieces_are_read_whole():
    picture = np.zeros((3000, 2500), bool)
    picture[:, 1200:2400] = True
    picture[17, 3] = True
    assert run_lengths(encode(picture)).tolist() == [9017, 1, 3_590_982, 3_600_000, 300_000]


def test_area_and_box_of_a_mask():
    picture = np.zeros((6, 9), bool)
    picture[2:5, 3:7] = True
    assert area_and_box({"size": [6, 9], "counts": encode(picture)}) == (12, [3.0, 2.0, 4.0, 3.0])


def test_a_mask_without_pixels_does_not_bring_the_process_down():
    assert area_and_box({"size": [0, 0], "counts": "05"}) == (0, [0.0, 0.0, 0.0, 0.0])


@pytest.mark.parametrize("counts", ["06P", "P", "0\0P0", "06\0"])
def test_counts_that_break_off_never_reach_the_c_code(counts: str):
    with pytest.raises(ValueError, match="break off"):
        area_and_box({"size": [4, 4], "counts": counts})
