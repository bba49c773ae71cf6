"""The registry of kinds: what it refuses, and that nothing but a kind knows its kind."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connections.rows.kinds import BOX, KINDS, OTHER, Kinds
from connections.rows.kinds.base import Kind

PRODUCT = Path(__file__).parents[3]


class SecondBox(Kind):
    key, letter, title = "second", "s", "Second"
    annotation_kinds = ("ImageBoundingBox",)


class SameLetter(Kind):
    key, letter, title = "same", "b", "Same"


@pytest.mark.parametrize("kind", [SecondBox(), SameLetter()])
def test_two_kinds_for_one_annotation_or_with_one_letter_are_refused(kind: Kind):
    with pytest.raises(ValueError, match="has the letter or an annotation_kind of 'box'"):
        Kinds([BOX, kind])


def test_a_kind_by_name_is_refused_since_counts_need_its_letter_at_once():
    with pytest.raises(TypeError, match="registered as an object"):
        KINDS.register("late", "connections.rows.kinds.box:Box")


def test_what_no_kind_stands_for_is_other():
    assert KINDS.of("ImageCuboid") is KINDS.of("") is OTHER


def test_every_kind_says_what_it_offers():
    for kind in KINDS.values():
        offered = {name for name in ("segmentation", "area", "paint", "draw") if name in vars(type(kind))}
        expected = {"segmentation", "area"} if kind.in_coco else set()
        expected |= {"paint"} if kind.is_painted else set()
        expected |= set() if kind.layer is None else {"draw"}
        assert offered == expected, kind.key


def test_no_module_but_those_of_the_kinds_names_an_annotation_kind():
    names = "|".join(name for kind in KINDS.values() for name in kind.annotation_kinds)
    knowing = re.compile(rf'["\'](?:{names})["\']')
    found = [
        str(path.relative_to(PRODUCT))
        for room in ("connections", "exports", "exportadmin")
        for path in (PRODUCT / room).rglob("*.py")
        if knowing.search(path.read_text("utf-8")) and "rows/kinds" not in path.as_posix()
    ]
    assert found == []
