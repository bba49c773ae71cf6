"""Documents: each page with its boxes, and the words of its entities."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from connections.rows.kinds import DOCUMENT_ENTITY
from connections.rows.media_types import DOCUMENT
from exportadmin.lib.formatting import number
from exports.results.previews.base import Figure, Mark, Preview
from exports.results.previews.drawing import Budget, Colour, draw
from exports.results.previews.picture import Picture, as_image, canvas, notes_of, place_of
from exports.results.previews.reading import PreviewRow, cut, kind_of, mapping, name_of, objects, sequence, whole

MOST_PAGES: Final = 6
MOST_WORDS: Final = 40


@dataclass(frozen=True, slots=True)
class Words:
    """An entity on a page."""

    name: str
    css: str
    text: str


@dataclass(slots=True)
class Page:
    """``number`` is that of the row. ``shapes`` are (mark, is predicted); ``picture`` is drawn of them."""

    number: int
    size: tuple[object, object] = (None, None)
    shapes: list[tuple[Mark, bool]] = field(default_factory=list)
    words: list[Words] = field(default_factory=list)
    picture: Picture | None = None


@dataclass(slots=True)
class DocumentFigure(Figure):
    pages: list[Page] = field(default_factory=list)


class DocumentPreview(Preview):
    key = DOCUMENT
    template = "exports/previews/document.html"

    def figure(self, row: PreviewRow, budget: Budget) -> DocumentFigure:
        figure = DocumentFigure()
        left_out: Counter[str] = Counter()
        pages: dict[int, Page] = {}
        for work in row.works:
            for mark in work.objects:
                if not _put(pages, mark, work.is_prediction, budget):
                    left_out["on no page that can be read"] += 1
        for _, page in sorted(pages.items())[:MOST_PAGES]:
            drawing = draw(
                (mark for mark, is_predicted in page.shapes if not is_predicted),
                budget,
                (mark for mark, is_predicted in page.shapes if is_predicted),
            )
            left_out += drawing.left_out
            if page.shapes:
                page.picture = canvas(f"Page {number(page.number)}", page.size, drawing)
            figure.note(len(page.words) - MOST_WORDS, "entity", "entities", f"more on page {number(page.number)}")
            del page.words[MOST_WORDS:]
            figure.pages.append(page)
        figure.note(len(pages) - MOST_PAGES, "page", "pages", "more with marks")
        notes_of(left_out, figure.notes)
        figure.take(self.lines(row.works, budget))
        return figure

    def place(self, mark: Mark) -> str:
        groups = list(_groups(mark))
        if groups:
            return "; ".join(f"page {page}: “{text}”" for page, text in groups[:4]) + (" …" if len(groups) > 4 else "")
        page = whole(mark.get("page_number"))
        place = place_of(mark)
        return place if page is None else f"page {number(page)} {place}".strip()


def _put(pages: dict[int, Page], mark: Mark, is_predicted: bool, budget: Budget) -> bool:
    """Onto its page, or pages; is there any?"""
    groups = list(_groups(mark))
    colour = budget.colour_of(name_of(mark))
    for page, text in groups:
        pages.setdefault(page, Page(page)).words.append(Words(name_of(mark), _css(colour, is_predicted), text))
    page_number = whole(mark.get("page_number"))
    if page_number is None or kind_of(mark) in DOCUMENT_ENTITY.annotation_kinds:
        return bool(groups)
    on = pages.setdefault(page_number, Page(page_number))
    on.shapes.append((as_image(mark), is_predicted))
    dimensions = mapping(mark.get("page_dimensions"))
    on.size = dimensions.get("width") or on.size[0], dimensions.get("height") or on.size[1]
    return True


def _groups(mark: Mark) -> Iterator[tuple[int, str]]:
    """``(page, words)`` of an entity."""
    for group in objects(mapping(mark.get("location")).get("groups")):
        page = whole(group.get("page_number"))
        text = group.get("text")
        if not isinstance(text, str) or not text:
            text = " ".join(token for token in sequence(group.get("tokens")) if isinstance(token, str))
        if page is not None:
            yield page, cut(text, 120)


def _css(colour: Colour, is_predicted: bool) -> str:
    return f"{colour.css} rp-predicted" if is_predicted else colour.css
