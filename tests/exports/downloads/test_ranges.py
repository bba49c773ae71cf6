"""Which bytes a Range header asks for, against an oracle that looks at every byte of the file."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exports.links.ranges import Span, UnsatisfiableError, parse_range

SIZES = st.integers(0, 40)
POSITIONS = st.integers(0, 60)
SPACES = st.sampled_from(["", " ", "\t", "  "])


def bytes_of(header: str, size: int) -> list[int] | str:
    try:
        span = parse_range(header, size)
    except UnsatisfiableError:
        return "none of it"
    return "all of it" if span is None else list(range(span.first, span.first + span.length))


@given(SIZES, POSITIONS, st.none() | POSITIONS, SPACES, st.sampled_from(["bytes", "Bytes", "BYTES"]))
def test_a_range_is_the_bytes_between_its_ends_that_the_file_has(size, first, last, space, unit):
    asked = bytes_of(f"{unit}={space}{first}-{'' if last is None else last}{space}", size)
    if last is not None and last < first:
        assert asked == "all of it"
    else:
        held = [place for place in range(size) if first <= place and (last is None or place <= last)]
        assert asked == (held or "none of it")


@given(SIZES, POSITIONS)
def test_a_suffix_is_the_last_bytes(size, length):
    asked = bytes_of(f"bytes=-{length}", size)
    if length == 0:
        assert asked == "none of it"
    elif size == 0:
        assert asked == "all of it"
    else:
        assert asked == list(range(size))[-length:]


@given(st.text(alphabet="bytes=-,0123456789 \tx٣²") | st.text(), SIZES)
def test_whatever_it_says_no_byte_outside_the_file_is_asked_for(header, size):
    asked = bytes_of(header, size)
    assert isinstance(asked, str) or (asked and asked[0] >= 0 and asked[-1] < size)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "0-1",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=1",
        "bytes=a-b",
        "bytes=--1",
        "bytes=1-2-3",
        "bytes=1 - 2",
        "bytes=+1-2",
        "bytes=٣-٤",
        "bytes=0-" + "9" * 5000,
        "rows=0-1",
        "bytes=0-1,4-5",
        "bytes=0-1,-1",
        "bytes=0-1,nonsense",
    ],
)
def test_what_cannot_be_honoured_is_answered_with_the_whole_file(header):
    assert parse_range(header, 10) is None


def test_empty_elements_of_the_list_do_not_count():
    assert parse_range("bytes=, 2-4 ,,", 10) == Span(2, 3)


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=999999999999999999-", "bytes=-0"])
def test_a_range_behind_the_end_cannot_be_satisfied(header):
    with pytest.raises(UnsatisfiableError):
        parse_range(header, 10)
