"""One value, one text: canonical JSON after RFC 8785."""

from __future__ import annotations

import json
import math
from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exportadmin.audit.canonical import SAFE_INTEGER, canonical, line, plain

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ANY_TEXT = st.text(st.characters(), max_size=20)
WHOLE = st.integers(-SAFE_INTEGER, SAFE_INTEGER)
FLOATS = st.floats(allow_nan=False, allow_infinity=False).filter(lambda x: not x.is_integer() or abs(x) <= SAFE_INTEGER)
LEAVES = st.none() | st.booleans() | WHOLE | FLOATS | TEXT
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4), max_leaves=20
)
HOSTILE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.decimals() | st.datetimes() | st.uuids(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT | st.integers(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_reading_it_back_gives_the_value_and_writing_that_gives_the_same_text(value):
    text = canonical(value)
    assert json.loads(text) == value
    assert canonical(json.loads(text)) == text


@given(st.dictionaries(TEXT, JSON, max_size=6), st.randoms())
def test_the_order_of_members_does_not_matter(value, random):
    names = list(value)
    random.shuffle(names)
    assert canonical(OrderedDict((name, value[name]) for name in names)) == canonical(value)


@given(JSON, JSON)
def test_different_values_have_different_texts(one, other):
    def typed(value):  # Python takes True for 1; JSON has one kind of number
        if isinstance(value, bool):
            return ("bool", value)
        if isinstance(value, list):
            return [typed(item) for item in value]
        return {name: typed(item) for name, item in value.items()} if isinstance(value, dict) else value

    assert (canonical(one) == canonical(other)) == (typed(one) == typed(other))


@given(HOSTILE)
def test_whatever_is_told_has_a_plain_form_that_a_database_gives_back(value):
    text = canonical(plain(value))
    assert canonical(json.loads(text)) == text
    assert b"\x00" not in text


@pytest.mark.parametrize(
    ("value", "text"),
    [  # the samples of RFC 8785 (appendix B and section 3.2) that lie within our range
        (0.0, "0"),
        (-0.0, "0"),
        (5e-324, "5e-324"),
        (9007199254740991.0, "9007199254740991"),
        (333333.3333333332, "333333.3333333332"),
        (333333333.3333333, "333333333.3333333"),
        (1e-06, "0.000001"),
        (1e-07, "1e-7"),
        (1.5e-05, "0.000015"),
        (1.25e-10, "1.25e-10"),
        (4.5, "4.5"),
        (0.002, "0.002"),
        (1e-27, "1e-27"),
        ("\u20ac$\x0f\nA'B\"\\\\\"/", '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'),
        ({"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\u00f6": 7},
         '{"\\r":2,"1":4,"\x80":6,"ö":7,"€":1,"\U0001f600":5,"\ufb33":3}'),
        ([56, {"d": True, "10": None, "1": []}], '[56,{"1":[],"10":null,"d":true}]'),
    ],
)  # fmt: skip
def test_it_is_as_the_rfc_says(value, text):
    assert canonical(value).decode() == text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 2**53, -(2**53), 1e300, "\ud800", {"\udfff": 1}])
def test_what_readers_disagree_about_is_refused(value):
    with pytest.raises(ValueError):
        canonical(value)


@pytest.mark.parametrize("value", [b"x", object(), {1: 2}, {1, 2}, {"a": 1, 2: 3}])
def test_what_json_does_not_have_is_refused(value):
    with pytest.raises(TypeError):
        canonical(value)


def test_long_text_is_cut_and_says_so():
    kept = str(plain("x" * 12_000))
    assert len(kept) < 10_200 and "12000 characters, sha256 " in kept


def test_the_longest_text_is_kept_whole_and_one_character_more_is_cut_to_it():
    assert plain("x" * 10_000) == "x" * 10_000
    assert str(plain("x" * 10_001)).startswith("x" * 10_000 + "… (cut; 10001 characters, sha256 ")


def test_bottomless_nesting_ends():
    value: list[object] = []
    for _ in range(100_000):
        value = [value]
    assert "nested too deep" in canonical(plain(value)).decode()


@given(ANY_TEXT, st.integers(1, 30))
def test_a_line_has_no_control_characters_and_keeps_its_limit(text, limit):
    kept = line(text, limit)
    assert len(kept) <= limit
    assert all(ord(c) >= 32 and not 0x7F <= ord(c) < 0xA0 and not 0xD800 <= ord(c) < 0xE000 for c in kept)
    kept.encode("utf-8")
