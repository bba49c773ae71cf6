"""What Label Studio's tasks say, and what becomes of it; the types are those of the tables by which they are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from connections.rows.kinds import BOX, CLASSIFICATION, MASK, OTHER, POINT, POLYGON, POLYLINE
from connections.rows.kinds.base import Kind
from connections.rows.label_studio.regions import ANSWERS
from connections.store.importers.forms import CARRIED, READ, REFUSED, Form
from connections.store.importers.label_studio_regions import CARRIED as CARRIED_TYPES
from connections.store.importers.label_studio_regions import SHAPES

_SHAPES: Final[dict[str, tuple[tuple[Kind, str], ...]]] = {
    "rectangle": ((BOX, "percent become pixels"), (POLYGON, "with a rotation: its four corners")),
    "polygon": ((POLYGON, "percent become pixels"), (POLYLINE, 'with "closed": false')),
    "keypoint": ((POINT, "percent become pixels"),),
    "brush": ((MASK, "rle: a pixel belongs to the mask where its alpha is above 0"),),
}
_ANSWERS: Final[dict[str, str]] = {
    "choices": "one choice: a radio answer; several: a checklist; choices below choices: their paths",
    "textarea": "each text is an answer",
}


def forms() -> Iterator[Form]:
    """In the order of the tables."""
    for base in dict.fromkeys(name.removesuffix("labels") for name in SHAPES):
        written = tuple(name for name in SHAPES if name.removesuffix("labels") == base)
        for kind, text in _SHAPES[base]:
            yield Form(kind, READ, written, text)
    for name in ANSWERS:
        text = _ANSWERS.get(name, "its value")
        yield Form(CLASSIFICATION, READ, (name,), f"{text}; about the region with the same id, else about the row")
    text = "of a control that we do not know: an answer with its value"
    yield Form(CLASSIFICATION, READ, ("any other type that lies nowhere",), text)
    for name in sorted(CARRIED_TYPES):
        yield Form(OTHER, CARRIED, (name, f"{name}labels"), "with its class; CSV has its value as geometry")
    text = "a span of text or sound; beside a shape with the same id it is the shape's class"
    yield Form(OTHER, CARRIED, ("labels", "hypertextlabels", "paragraphlabels", "any other type in …labels"), text)
    yield Form(OTHER, CARRIED, ("any other type that lies somewhere",), "without a class")
    yield from _OTHERS


_OTHERS: Final = (
    Form(MASK, REFUSED, ("brush",), "whose rle breaks off, or is not of the size of its picture"),
    Form("Classes", READ, ("the type's key", "…labels", "labels"), "the first is the class, more are further labels"),
    Form("Classes", READ, ("no label",), "no class: COCO and PNG count the region as left out"),
    Form("Relations", READ, ("relation",), "a relationship"),
    Form("Labels", READ, ("was_cancelled", "skipped"), "a skipped label: in no export unless it is asked for"),
    Form("Labels", READ, ("ground_truth",), "ground truth: the row is accepted"),
    Form("Labels", READ, ("completed_by",), "who it was: the e-mail address, else the id"),
    Form("Labels", READ, ("completions",), "annotations of before 1.0; bare numbers are seconds since 1970"),
    Form("Labels", CARRIED, ("predictions", "drafts"), "nobody's finished work"),
    Form("Pictures", READ, ("item_index", "to_name"), "a row a picture, where a task has several"),
    Form("Pictures", READ, ("original_width", "original_height"), "of any region of the picture: its size"),
    Form("Pictures", REFUSED, ("to_name",), "several pictures, and no word on which of them a region lies"),
    Form("Regions", CARRIED, ("score", "meta", "any further key"), "under source_extra"),
    Form("Regions", REFUSED, ("a shape",), "percent of a picture whose size nothing says; negative sizes; no numbers"),
    Form("Files", REFUSED, ("JSON_MIN",), "it does not say on which picture a region lies: export JSON"),
)
